//! Which record of a dead-letter topic goes back, and why the others stay. Pure.

use std::fmt;

use super::config::RedriveConfig;
use super::letter::DeadLetter;
use crate::consumer::Delivery;
use crate::error::Fault;
use crate::record::Record;

/// Why a record of a dead-letter topic was not sent back. It stays where it is, for the next redrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LeftOut {
    /// It is no dead letter of payflow's: another program wrote it, or changed it.
    NotADeadLetter,
    /// The [filter](crate::RedriveFilter) does not mean it.
    Unmatched,
    /// Its handling may have happened ([`Fault::Unknown`]), and those were not
    /// [asked for](RedriveConfig::with_unknown).
    Unknown,
    /// It was sent back [as often as it may be](RedriveConfig::with_round_trips_max), and failed each time.
    RoundTrips,
    /// It would go to the dead-letter topic itself.
    OwnTopic,
}

impl LeftOut {
    /// Every reason, in the order in which they are looked at.
    pub const ALL: [Self; 5] =
        [Self::NotADeadLetter, Self::Unmatched, Self::Unknown, Self::RoundTrips, Self::OwnTopic];

    /// The reason's name in reports: `not_a_dead_letter`, `unmatched`, `unknown`, `round_trips`, `own_topic`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotADeadLetter => "not_a_dead_letter",
            Self::Unmatched => "unmatched",
            Self::Unknown => "unknown",
            Self::RoundTrips => "round_trips",
            Self::OwnTopic => "own_topic",
        }
    }

    /// Whether an operator should look at such a record.
    pub(super) const fn is_notable(self) -> bool {
        !matches!(self, Self::Unmatched | Self::Unknown)
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotADeadLetter => "is no dead letter of payflow's",
            Self::Unmatched => "is not meant by the filter",
            Self::Unknown => "may have been handled",
            Self::RoundTrips => "was sent back as often as it may be",
            Self::OwnTopic => "would go to the dead-letter topic itself",
        })
    }
}

/// The record that goes back for a delivery, or why none does.
pub(super) fn choose(delivery: &Delivery, config: &RedriveConfig) -> Result<Record, LeftOut> {
    let letter = DeadLetter::read(delivery).map_err(|_| LeftOut::NotADeadLetter)?;
    if !config.filter.matches(&letter) {
        return Err(LeftOut::Unmatched);
    }
    if letter.fault == Fault::Unknown && !config.unknown {
        return Err(LeftOut::Unknown);
    }
    if letter.redrives >= config.round_trips_max {
        return Err(LeftOut::RoundTrips);
    }
    let topic = config.to.clone().unwrap_or_else(|| letter.topic.clone());
    if topic == delivery.topic {
        return Err(LeftOut::OwnTopic);
    }
    Ok(letter.into_record(delivery, topic))
}

#[cfg(test)]
mod tests;
