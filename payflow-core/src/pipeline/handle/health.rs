//! Turning, and getting anywhere.

/// How a pipeline is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PipelineHealth {
    /// Its loops turn, or it was not run yet. If not, it has ended; or a handler blocks a thread, or the runtime is starved:
    /// then only a restart helps.
    pub live: bool,
    /// It gets anywhere, or has nowhere to get. False only if partitions are assigned, records are there, and none was
    /// finished for [`with_stalled_after`](crate::PipelineConfig::with_stalled_after), unless it is paused. A restart does not help as a rule:
    /// look at the state, and at what it waits for.
    pub progressing: bool,
    /// What it does.
    pub state: PipelineState,
}

/// What a pipeline does. Of several, the first in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PipelineState {
    /// It was not run yet.
    New,
    /// It has ended.
    Ended,
    /// It drains, commits and leaves the group.
    Stopping,
    /// It was [paused](crate::PipelineHandle::pause).
    Paused,
    /// Partitions are asked back: what runs of them may end.
    Revoking,
    /// No partition is assigned: others of the group have them all, or the transport cannot be reached.
    Unassigned,
    /// A destination is down, and probed: see [`PipelineHandle::storms`](crate::PipelineHandle::storms).
    Storm,
    /// Everything that is there was handled.
    Idle,
    /// There is work, and none was finished for long: see
    /// [`PipelineHandle::oldest_unfinished`](crate::PipelineHandle::oldest_unfinished).
    Stalled,
    /// There is work, and it is done.
    Busy,
}
