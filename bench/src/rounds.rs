//! What several contenders did, measured in turn.

use anyhow::Context;

use crate::figure::Figure;
use crate::statistics::{median, range};

/// A value and what it is compared with, of the same round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pair {
    pub(crate) value: f64,
    pub(crate) baseline: f64,
}

impl Pair {
    fn ratio(self) -> f64 {
        self.value / self.baseline
    }
}

/// Prints the medians of both, and the median of the ratios within each round.
///
/// # Errors
/// No round was measured.
pub(crate) fn print(name: &str, unit: &'static str, pairs: &[Pair]) -> anyhow::Result<()> {
    let middle = |of: fn(&Pair) -> f64| median(pairs.iter().map(of)).context("no round was measured");
    let figure = Figure::new(name, middle(|pair| pair.value)?, unit, middle(|pair| pair.baseline)?);
    println!("{}", figure.with_ratio(middle(|pair| pair.ratio())?));
    let ratios = range(pairs.iter().map(|pair| pair.ratio())).context("no round was measured")?;
    eprintln!("{name}: ratios from {:.3} to {:.3}", ratios.least, ratios.most);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_round_is_an_error() {
        assert!(print("none", "s", &[]).is_err());
        assert!(print("one", "s", &[Pair { value: 1.0, baseline: 2.0 }]).is_ok());
    }
}
