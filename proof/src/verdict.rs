//! What is thought of a run.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::history::Place;

/// What a run broke of what is promised, and its figures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// What was broken.
    pub breaches: Vec<Breach>,
    /// Requests answered as accepted, as unknown, and as refused.
    pub answers: [usize; 3],
    /// Records on the topic.
    pub records: usize,
    /// Records that a handler finished.
    pub handled: usize,
    /// Records that were set aside.
    pub dead_lettered: usize,
    /// Calls of the handler.
    pub starts: usize,
    /// Calls after a failure, in the same process.
    pub retries: usize,
    /// Records that were delivered again, by reason. Those without one are breaches.
    pub repeats: Repeats,
    /// The longest time that a partition stood still while it had records whose first call was to come: between first
    /// attempts, over all processes, and before the first of them from when it had a record and any partition had begun.
    pub stalls: BTreeMap<i32, Duration>,
    /// Of the finished records that came again after a kill: how long before it the oldest had been finished. A process
    /// that commits as often as it should keeps it short.
    pub oldest_repeat: Option<Duration>,
    /// Records that were finished beyond the committed offsets when processes were killed or stopped, and which the commits'
    /// metadata told of: those that nobody may repeat.
    pub held: usize,
    /// What went on in processes that were stopped for longer than their session.
    pub zombies: Zombies,
    /// Notifications that went out. None where nobody wrote them down.
    pub sends: usize,
    /// Those beyond the first of each payment.
    pub doubled: usize,
    /// Records at or above the offsets that were committed last, without those that are told of as finished beyond;
    /// `None` where nobody looked.
    pub uncommitted: Option<usize>,
}

impl Verdict {
    /// Whether nothing was broken.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        self.breaches.is_empty()
    }

    /// The longest stall of any partition.
    #[must_use]
    pub fn longest_stall(&self) -> Duration {
        self.stalls.values().max().copied().unwrap_or_default()
    }
}

/// Deliveries beyond the first of a record, by what excuses them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Repeats {
    /// It had not finished: cut off, killed, or between two attempts.
    pub unfinished: usize,
    /// It had finished in a process that was killed before that was committed.
    pub uncommitted: usize,
}

impl Repeats {
    /// All of them.
    #[must_use]
    pub const fn all(self) -> usize {
        self.unfinished + self.uncommitted
    }
}

/// What processes did that had been stopped for longer than their session, with what others had by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Zombies {
    /// Calls that ran when they were stopped.
    pub under_way: usize,
    /// Calls that began after they went on, before they knew.
    pub started: usize,
    /// Notifications that went out of those that ran.
    pub sent: usize,
    /// Notifications that went out of those that began after.
    pub sent_of_started: usize,
    /// The most notifications of both kinds after one stop.
    pub most_sent: usize,
    /// The most calls of both kinds that one process had at a time.
    pub most_at_once: usize,
}

/// Something that was promised and not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Breach {
    /// A client was told that the request of this mark is durable, and it is not on the topic.
    AcceptedAndMissing(String),
    /// A client was told that the request of this mark was not taken, and it is on the topic.
    RefusedAndWritten(String),
    /// The request of this mark is on the topic more than once.
    WrittenTwice(String),
    /// The request of this mark bears another payment id than its client was told.
    OtherPayment(String),
    /// Several requests share this payment id.
    SharedPayment(String),
    /// A record came from no request.
    Unasked(Place),
    /// The request of the first mark was durable before that of the second began, and stands behind it, or elsewhere.
    WrittenOutOfOrder(String, String),
    /// A record was neither handled nor set aside.
    Lost {
        /// The record.
        place: Place,
        /// Whether a handler ever saw it.
        seen: bool,
    },
    /// A handler was called for a record that is not on the topic, or with another key.
    NotWritten(Place),
    /// A record has another payment id than the one on the topic, or than when it was delivered before.
    Renamed(Place),
    /// A record was started before an earlier one of its key was finished or set aside; also where both had been
    /// finished and come again.
    Overtook {
        /// The record that came too soon.
        place: Place,
        /// The one that it passed.
        passed: Place,
    },
    /// A record was started while another call for its key ran.
    Together {
        /// The record that was started.
        place: Place,
        /// The one that still ran.
        running: Place,
    },
    /// A call ended that never began, or had ended.
    EndedTwice(Place),
    /// A record whose handling had finished was delivered again without an excuse.
    Repeated(Place),
    /// The group had committed beyond a record that was not finished: a crash would have lost it.
    CommittedTooFar {
        /// The record.
        place: Place,
        /// What was committed of its partition.
        committed: i64,
    },
    /// The group's commit says of a record beyond its offset that it is finished, and it is not.
    CommittedUnfinished(Place),
    /// The group's commit went back, from the first offset to the second.
    CommittedBack {
        /// The partition.
        partition: i32,
        /// What had been committed.
        from: i64,
        /// What is committed now.
        to: i64,
    },
    /// A record was handled, and no notification of it went out.
    Unsent(Place),
    /// A process sent the notification of this payment more than once.
    SentTwice(String),
    /// A notification of this payment went out, and no call for it ran.
    SentByNobody(String),
    /// The notification of this payment has another id than the one that went out before.
    OtherNotification(String),
    /// A handler was called, or still ran, after all was finished and committed.
    Restless(Place),
    /// A dead letter's key or value is not that of its original.
    DeadLetterAltered(Place),
    /// A dead letter says that it comes from where no record stands.
    DeadLetterOfNothing(Place),
    /// A record was set aside again, though nobody who had it was killed or stopped before that was committed.
    DeadLetterTwice(Place),
    /// A record was both set aside and handled, though nobody who had it was killed or stopped in between.
    HandledAndSetAside(Place),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [accepted, unknown, refused] = self.answers;
        if accepted + unknown + refused > 0 {
            writeln!(f, "answers: {accepted} accepted, {unknown} unknown, {refused} refused")?;
        }
        let Self { records, handled, dead_lettered, starts, retries, repeats, .. } = self;
        writeln!(f, "records: {records}, {handled} handled, {dead_lettered} dead-lettered")?;
        if *starts > 0 {
            writeln!(f, "calls: {starts}, {retries} of them after a failure")?;
            let Repeats { unfinished, uncommitted } = repeats;
            write!(f, "delivered again: {unfinished} unfinished, {uncommitted} finished before a kill")?;
            match self.oldest_repeat {
                Some(age) => writeln!(f, ", the oldest {age:?} before it")?,
                None => writeln!(f)?,
            }
            writeln!(f, "longest stall: {:?}", self.longest_stall())?;
            if self.held > 0 {
                writeln!(f, "finished beyond the last commits' offsets, and told of: {}", self.held)?;
            }
            if self.sends > 0 {
                writeln!(f, "notifications: {}, {} of them doubled", self.sends, self.doubled)?;
            }
            let Zombies { under_way, started, sent, sent_of_started, .. } = self.zombies;
            if under_way + started > 0 {
                writeln!(
                    f,
                    "zombies: {under_way} calls under way, {sent} of them sent; {started} begun after, {sent_of_started} sent"
                )?;
            }
        }
        if let Some(uncommitted) = self.uncommitted {
            writeln!(f, "uncommitted in the end: {uncommitted}")?;
        }
        for breach in self.breaches.iter().take(BREACHES_SHOWN) {
            writeln!(f, "broken: {breach:?}")?;
        }
        match self.breaches.len().checked_sub(BREACHES_SHOWN) {
            Some(more) if more > 0 => writeln!(f, "broken: {more} times more"),
            _ => Ok(()),
        }
    }
}

const BREACHES_SHOWN: usize = 20;
