//! The kinds of faults, and how often each was hit.

macro_rules! faults {
    ($($fault:ident = $name:literal,)*) => {
        /// A kind of fault.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Fault { $($fault,)* }

        /// The names of all kinds, in order.
        const NAMES: &[&str] = &[$($name,)*];
    };
}

faults! {
    EagerRebalance = "eager rebalance",
    CooperativeRebalance = "cooperative rebalance",
    Join = "member joins late",
    CleanStop = "clean stop",
    Crash = "crash",
    CrashUnnoticed = "crash, noticed by the session's end",
    Restart = "restart",
    Expelled = "member expelled",
    SessionExpired = "session expired",
    ProcessHeldUp = "process held up",
    DriverHeldUp = "driver held up, handlers go on",
    ZombieFinished = "handler finished after its partition was lost",
    TimeJump = "time jump",
    ReceiveFailed = "receive failed",
    ReceiveFatal = "receive failed for good",
    CommitRefused = "commit refused by generation",
    CommitFailed = "commit failed",
    CommitUnknownApplied = "commit unknown, applied",
    CommitUnknownLost = "commit unknown, not applied",
    CommitLate = "commit arrived late",
    CommitStands = "commit stood still while the group waited for the dead",
    ForeignMetadata = "foreign metadata",
    LogExpired = "log's head expired",
    LogExpiredUnread = "record expired before it was handled",
    OffsetsExpired = "committed offsets expired",
    GapHead = "gap at a log's head",
    GapMiddle = "gap within a log",
    GapTail = "gap at a log's end",
    Compaction = "log compacted",
    LeaderMoved = "leader moved",
    PartitionsAdded = "partitions added",
    Paused = "pipeline paused",
    SendRefused = "send refused",
    SendAmbiguousWritten = "acknowledgement lost, written",
    SendAmbiguousLost = "acknowledgement lost, not written",
    ClientRepeat = "client repeats a payment",
    HandlerSlow = "slow handler",
    HandlerTransient = "handler fails: transient",
    HandlerRetryAfter = "handler fails: retry after",
    HandlerHeld = "handler fails: claim held",
    HandlerUnknown = "handler fails: unknown",
    HandlerPermanent = "handler fails: permanent",
    HandlerFatal = "handler fails: fatal",
    HandlerPanic = "handler panics",
    HandlerStuck = "handler never ends",
    HandlerTimeout = "handler timed out",
    HandlerCutOff = "handler cut off",
    Undecodable = "undecodable record",
    Tombstone = "tombstone",
    Outage = "outage downstream",
    Storm = "storm",
    StormOver = "storm over",
    LaneFull = "lane full",
    LaneOld = "lane old",
    DeadLetterRefused = "dead letter refused",
    DeadLetterUnknown = "dead letter unknown, written",
    DeadLetterStuck = "dead letter stuck",
    DeadLetterFatal = "dead letters' producer unusable",
    Duplicate = "record repeated after a crash or loss",
}

/// How often each kind was hit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counts(Vec<u64>);

impl Counts {
    pub(super) fn add(&mut self, fault: Fault) {
        if let Some(count) = self.0.get_mut(fault as usize) {
            *count += 1;
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        NAMES.iter().copied().zip(self.0.iter().copied())
    }
}

impl Default for Counts {
    fn default() -> Self {
        Self(vec![0; NAMES.len()])
    }
}
