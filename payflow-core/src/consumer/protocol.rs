//! How a group rebalances.

/// How a group hands partitions from one member to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RebalanceProtocol {
    /// All members give up everything, and only then is everything assigned anew.
    Eager,
    /// Only what moves is given up, and each partition moves on its own (KIP-429).
    #[default]
    Cooperative,
}
