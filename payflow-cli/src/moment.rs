//! Points in time, as an operator names them.

use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};

/// A time, or a while ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    At(Timestamp),
    Ago(SignedDuration),
}

impl Moment {
    /// The time that is meant. A while that reaches back beyond all times means the first.
    pub(crate) fn seen_from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => now.checked_sub(ago).unwrap_or(Timestamp::MIN),
        }
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(at) = text.parse() {
            return Ok(Self::At(at));
        }
        match text.parse::<SignedDuration>() {
            Ok(ago) if !ago.is_negative() => Ok(Self::Ago(ago)),
            _ => Err("expected a time with its zone, such as 2026-11-23T08:00:00Z, or how long ago, such as 90m or 2h".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_whiles_are_moments_and_times_without_a_zone_are_none() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        for (text, meant) in [
            ("2026-11-23T08:00:00Z", "2026-11-23T08:00:00Z"),
            ("2026-11-23T08:00:00+02:00", "2026-11-23T06:00:00Z"),
            ("90m", "2026-11-23T10:30:00Z"),
            ("2h 30m", "2026-11-23T09:30:00Z"),
        ] {
            let moment: Moment = text.parse().unwrap();
            assert_eq!(moment.seen_from(now), meant.parse().unwrap(), "{text}");
        }
        let ever: Moment = "999999999h".parse().unwrap();
        assert_eq!(ever.seen_from(now), Timestamp::MIN);
        for text in ["", "yesterday", "2026-11-23", "2026-11-23T08:00:00", "-2h", "5"] {
            assert!(text.parse::<Moment>().unwrap_err().contains("such as"), "{text}");
        }
    }
}
