//! Records at a steady rate, while something happens.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::cluster::{New, payment};
use crate::run::Run;

/// A steady load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) partitions: i32,
    /// In all.
    pub(crate) keys: usize,
    pub(crate) per_second: usize,
    /// At most so many are written that are not finished: a slow machine is not flooded.
    pub(crate) ahead: usize,
}

impl Load {
    const TICK: Duration = Duration::from_millis(50);

    /// Writes while `work` is done, and says how many records there were.
    pub(crate) fn beside<T>(self, run: &Run, work: impl FnOnce() -> T) -> (T, usize) {
        let enough = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let writing = scope.spawn(|| self.write_until(run, &enough));
            let done = {
                // Also when the work fails.
                let _enough = SetOnDrop(&enough);
                work()
            };
            (done, writing.join().expect("nothing panics"))
        })
    }

    fn write_until(self, run: &Run, enough: &AtomicBool) -> usize {
        let each = self.per_second.div_ceil(20);
        let (writer, mut written) = (run.cluster.writer(), 0);
        let mut next = std::time::Instant::now();
        while !enough.load(Ordering::Relaxed) {
            if written - run.records_done().min(written) < self.ahead {
                let records: Vec<New> = (written..written + each).map(|number| self.record(number)).collect();
                writer.write(&records);
                written += records.len();
            }
            next = (next + Self::TICK).max(std::time::Instant::now());
            std::thread::sleep(next.saturating_duration_since(std::time::Instant::now()));
        }
        written
    }

    /// The record of this number: of each key in turn, each of which has its partition.
    fn record(self, number: usize) -> New {
        let key = number % self.keys;
        let partition = i32::try_from(key).expect("few keys") % self.partitions;
        // A few fail at first.
        let method = if number.is_multiple_of(41) { "transient" } else { "card" };
        payment(partition, &format!("u{key}"), method)
    }
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
