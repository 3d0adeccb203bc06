//! One measured figure, as it is printed.

use std::fmt;

/// A figure beside what it is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    pub(crate) baseline: f64,
    /// Value over baseline: of one run, or the median of many.
    pub(crate) ratio: f64,
}

impl Figure {
    /// A figure whose ratio is that of the two numbers.
    pub(crate) fn new(name: impl Into<String>, value: f64, unit: &'static str, baseline: f64) -> Self {
        Self { name: name.into(), value, unit, baseline, ratio: value / baseline }
    }

    /// The same figure with a ratio found in another way.
    pub(crate) fn with_ratio(self, ratio: f64) -> Self {
        Self { ratio, ..self }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value, unit, baseline, ratio } = self;
        write!(f, "{name} {} {unit} {} {ratio:.3}", readable(*value), readable(*baseline))
    }
}

/// As many decimals as tell something.
fn readable(value: f64) -> String {
    let decimals = match value.abs() {
        large if large >= 1_000.0 => 0,
        medium if medium >= 10.0 => 1,
        _ => 4,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_name_value_unit_baseline_ratio() {
        let figure = Figure::new("pipeline-sync-key", 270.0, "instructions/message", 300.0);
        assert_eq!(figure.to_string(), "pipeline-sync-key 270.0 instructions/message 300.0 0.900");

        let figure = Figure::new("post-pay", 41_234.5, "requests/s", 82_469.0).with_ratio(0.4876);
        assert_eq!(figure.to_string(), "post-pay 41234 requests/s 82469 0.488");

        let figure = Figure::new("allocations", 0.0123, "allocations/message", 0.1);
        assert_eq!(figure.to_string(), "allocations 0.0123 allocations/message 0.1000 0.123");
    }
}
