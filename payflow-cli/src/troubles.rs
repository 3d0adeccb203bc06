//! What fails just now and is repeated, told in lines where no bar shows it. Pure.

use std::time::{Duration, Instant};

use crate::key::printable;

/// At most a line in so long: a broker that comes and goes shall not fill a log.
const PAUSE: Duration = Duration::from_secs(10);
const REMEDY: &str = "look whether Kafka is up and lets it read, send and commit; Ctrl-C or SIGTERM ends it, and the next \
                      redrive goes on";

/// Tells changes.
#[derive(Debug, Default)]
pub(crate) struct Troubles {
    told: Option<String>,
    told_at: Option<Instant>,
}

impl Troubles {
    /// The line that is due, `trouble` being what fails now.
    pub(crate) fn line(&mut self, trouble: Option<String>, now: Instant) -> Option<String> {
        let is_early = self.told_at.is_some_and(|at| now < at + PAUSE);
        if is_early || trouble == self.told {
            return None;
        }
        let line = match &trouble {
            Some(text) => format!("trying again: {}; {REMEDY}", printable(text)),
            None => "sends succeed again".to_owned(),
        };
        (self.told, self.told_at) = (trouble, Some(now));
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_told_at_once_and_once_with_its_remedy_and_its_end() {
        let (mut troubles, start) = (Troubles::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let broken = || Some("broken\n".to_owned());

        assert_eq!(troubles.line(None, at(0)), None);
        let told = troubles.line(broken(), at(1)).unwrap();
        assert!(told.starts_with("trying again: broken\u{fffd}; look whether Kafka is up"), "{told}");
        assert_eq!(troubles.line(broken(), at(100)), None);
        assert_eq!(troubles.line(None, at(101)).unwrap(), "sends succeed again");
        assert_eq!(troubles.line(None, at(200)), None);
    }

    #[test]
    fn one_that_comes_and_goes_is_told_now_and_then() {
        let (mut troubles, start) = (Troubles::default(), Instant::now());
        let lines = (0..1_000).filter_map(|tick: u32| {
            let trouble = tick.is_multiple_of(2).then(|| "broken".to_owned());
            troubles.line(trouble, start + Duration::from_millis(100) * tick)
        });
        assert!((2..=10).contains(&lines.count()), "in 100 s");
    }
}
