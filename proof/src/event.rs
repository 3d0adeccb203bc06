//! What happened to handlers and processes, one line each.

mod line;

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

pub use line::InvalidEvent;

use crate::history::Place;

/// One thing that happened. Times are since the Unix epoch; the order of events is that of their lines, not of their times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A handler was called.
    Started {
        /// The process that it runs in. Names hold no white space.
        process: String,
        /// The assignment of the partition by which it was delivered: another number each time that the process is given
        /// the partition.
        assignment: u32,
        /// When.
        at: Duration,
        /// The record.
        place: Place,
        /// Its key.
        key: Option<Vec<u8>>,
        /// Its payment id.
        payment: String,
        /// Which attempt of this delivery it is, from 1.
        attempt: u32,
    },
    /// A call of a handler ended.
    Ended {
        /// The process that it ran in.
        process: String,
        /// When.
        at: Duration,
        /// The record.
        place: Place,
        /// How.
        how: Ending,
    },
    /// A process was killed, and is gone.
    Killed {
        /// Its name.
        process: String,
        /// When its end was seen.
        at: Duration,
    },
    /// A process ended by itself, and said what it had done.
    Left {
        /// Its name.
        process: String,
        /// When.
        at: Duration,
        /// What it had counted.
        counts: Counts,
    },
    /// A process was stopped (SIGSTOP) or cut off from its group, for longer than that waits for it: what it has is given to
    /// others, and what it does until it is back counts for nothing.
    Stopped {
        /// Its name.
        process: String,
        /// When it stood still, or nothing more came through.
        at: Duration,
    },
    /// It is about to go on (SIGCONT), or to be heard again, after others have taken over what it had.
    Resumed {
        /// Its name.
        process: String,
        /// When.
        at: Duration,
    },
    /// A notification went out, in the call of a handler.
    Sent {
        /// The process.
        process: String,
        /// When.
        at: Duration,
        /// The payment that it is about.
        payment: String,
        /// The notification's id.
        notification: String,
    },
    /// Somebody looked at what the group has committed. After a kill or a stop: before another process took the partitions
    /// over.
    Committed {
        /// When.
        at: Duration,
        /// For each partition of which something was committed, what that says.
        commits: BTreeMap<i32, Commit>,
    },
    /// All that was written is finished and committed, and nothing more will be written: nothing is called from here on,
    /// whatever processes still come and go.
    Quiet {
        /// When.
        at: Duration,
    },
}

/// What a group has committed of a partition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Commit {
    /// The offset that comes next.
    pub offset: i64,
    /// What is finished beyond it, as its metadata says: rising ranges that do not touch.
    pub beyond: Vec<Range<i64>>,
}

impl Commit {
    /// A commit that tells of nothing beyond its offset.
    #[must_use]
    pub const fn at(offset: i64) -> Self {
        Self { offset, beyond: Vec::new() }
    }

    /// Whether it says of a record that it is finished.
    #[must_use]
    pub fn holds(&self, offset: i64) -> bool {
        offset < self.offset || self.beyond.iter().any(|range| range.contains(&offset))
    }
}

/// How a call of a handler ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It dealt with the record.
    Done,
    /// It failed, or panicked.
    Failed,
    /// Its future was dropped.
    Cut,
}

impl Ending {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cut => "cut",
        }
    }
}

/// What a process had counted when it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Records that a handler finished.
    pub handled: u64,
    /// Tombstones.
    pub skipped: u64,
    /// Records that were set aside.
    pub dead_lettered: u64,
}
