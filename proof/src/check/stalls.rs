//! How long each partition stood still.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::history::History;

/// The times between first attempts, by partition.
pub(super) struct Stalls {
    /// When the first record of each was written.
    written: BTreeMap<i32, Duration>,
    /// When the first call of all began: somebody was there then.
    began: Option<Duration>,
    partitions: BTreeMap<i32, Stall>,
}

struct Stall {
    last: Duration,
    /// The longest so far; it counts once a first call follows.
    since_first: Duration,
    longest: Duration,
}

impl Stalls {
    pub(super) fn new(history: &History) -> Self {
        let mut written = BTreeMap::new();
        for record in &history.written {
            let first = written.entry(record.place.partition).or_insert(record.at);
            *first = record.at.min(*first);
        }
        Self { written, began: None, partitions: BTreeMap::new() }
    }

    /// A call began; `is_first` if its record was never started before. Another attempt of the same delivery is no
    /// progress.
    pub(super) fn started(&mut self, partition: i32, at: Duration, attempt: u32, is_first: bool) {
        let began = *self.began.get_or_insert(at);
        if attempt > 1 {
            return;
        }
        let since = self.written.get(&partition).map_or(began, |written| began.max(*written));
        let new = Stall { last: since, since_first: Duration::ZERO, longest: Duration::ZERO };
        let stall = self.partitions.entry(partition).or_insert(new);
        stall.since_first = stall.since_first.max(at.saturating_sub(stall.last));
        stall.last = at;
        if is_first {
            stall.longest = stall.longest.max(stall.since_first);
        }
    }

    pub(super) fn longest(&self) -> BTreeMap<i32, Duration> {
        self.partitions.iter().map(|(partition, stall)| (*partition, stall.longest)).collect()
    }
}
