//! What an adapter claims to do beyond what every adapter must.

use std::collections::BTreeSet;
use std::fmt;

/// An ability that not every transport or channel has. A case that needs one runs only where it is claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// A topic may have several partitions, and the key decides which.
    Partitions,
    /// Several groups read a topic, each all of it.
    Groups,
    /// Several consumers of a group share its partitions, and hand them over when one comes or goes.
    Members,
    /// Headers travel with the record: in order, repeated names and absent values included.
    Headers,
    /// An absent value or key arrives as absent, and is told from an empty one.
    Absence,
    /// The time given to a record is the time it is delivered with.
    Timestamps,
    /// The end of a partition is told.
    PartitionEnds,
    /// How far each partition is, is told.
    TellsProgress,
    /// What was finished and committed is remembered one by one: it does not come again, though what is before it does.
    RemembersFinished,
    /// A source can end for good: [`Harness::end`](super::Harness::end) ends one.
    FiniteSource,
    /// A topic that does not exist is refused as [`Permanent`](payflow_core::Fault::Permanent), and not created.
    RefusesUnknownTopics,
    /// A record of [`Limits::oversized_bytes`](super::Limits::oversized_bytes) is refused as
    /// [`Permanent`](payflow_core::Fault::Permanent).
    RefusesOversized,
    /// The transport can be interrupted under open clients: [`Harness::interrupt`](super::Harness::interrupt) does it.
    Interruptions,
    /// The other side of a notifier sees the notification's id.
    NotificationIds,
    /// The other side of a notifier drops a notification whose id it has seen.
    Dedupes,
    /// The other side of a notifier can be made to refuse:
    /// [`NotifierHarness::refuse_next`](super::NotifierHarness::refuse_next) does it.
    Refusals,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Partitions,
        Self::Groups,
        Self::Members,
        Self::Headers,
        Self::Absence,
        Self::Timestamps,
        Self::PartitionEnds,
        Self::TellsProgress,
        Self::RemembersFinished,
        Self::FiniteSource,
        Self::RefusesUnknownTopics,
        Self::RefusesOversized,
        Self::Interruptions,
        Self::NotificationIds,
        Self::Dedupes,
        Self::Refusals,
    ];
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What an adapter claims. One left out is a case left out, and the report says so.
///
/// ```
/// use payflow_testkit::conformance::{Capabilities, Capability};
///
/// let claimed = Capabilities::all().without(Capability::FiniteSource);
/// assert!(claimed.has(Capability::Headers));
/// assert!(!claimed.has(Capability::FiniteSource));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Capabilities(BTreeSet<Capability>);

impl Capabilities {
    /// Everything. Start here and take away what the transport cannot do: a new one is then never overlooked.
    pub fn all() -> Self {
        Self(Capability::ALL.into_iter().collect())
    }

    /// Nothing but what every adapter must do.
    pub const fn none() -> Self {
        Self(BTreeSet::new())
    }

    /// The same, with `capability`.
    pub fn with(mut self, capability: Capability) -> Self {
        self.0.insert(capability);
        self
    }

    /// The same, without `capability`.
    pub fn without(mut self, capability: Capability) -> Self {
        self.0.remove(&capability);
        self
    }

    /// Whether `capability` is among them.
    #[must_use]
    pub fn has(&self, capability: Capability) -> bool {
        self.0.contains(&capability)
    }

    /// Those of `needs` that are not claimed.
    #[must_use]
    pub fn lacking(&self, needs: &[Capability]) -> Vec<Capability> {
        needs.iter().copied().filter(|need| !self.has(*need)).collect()
    }
}
