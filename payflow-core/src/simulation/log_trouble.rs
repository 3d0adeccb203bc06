//! What happens to the logs, the committed offsets and the leaders.

use super::faults::Fault;
use super::scene::Scene;
use crate::memory::MeanwhileSends;

impl Scene {
    /// One of these faults.
    pub(super) fn trouble_logs(&mut self) {
        let partition = self.dice.below(self.partitions as usize) as i32;
        match self.dice.below(12) {
            0..3 => self.open_gap(partition),
            3..5 => self.compact(partition),
            5 => self.expire_log(partition),
            6..9 => self.expire_offsets(partition),
            9..11 => self.move_leader(partition),
            _ => self.add_partition(),
        }
    }

    /// Some logs begin with a gap.
    pub(super) fn open_logs(&mut self) {
        for partition in 0..self.partitions as i32 {
            if self.checks.troubled && self.dice.one_in(12) {
                self.open_gap(partition);
            }
        }
    }

    /// Whether a leader may be on its way.
    pub(super) fn has_moving_leaders(&self) -> bool {
        self.leaders_move_until >= self.now
    }

    /// A transaction's marker, or all of one that was aborted.
    fn open_gap(&mut self, partition: i32) {
        let count = self.dice.pick([1, 1, 3, 200]);
        let offsets = self.cluster.offsets(partition);
        self.cluster.append_gap(partition, count);
        // Where it lies shows when the next record comes, if one does.
        self.hit(if offsets.end == 0 { Fault::GapHead } else { Fault::GapTail });
        self.ledger.note_gap(partition, offsets.end);
        self.say(format_args!("partition {partition}: {count} offsets from {} on are a gap", offsets.end));
    }

    fn compact(&mut self, partition: i32) {
        let rest = self.dice.below(5) as i64;
        let deleted = self.cluster.compact(partition, |offset| offset % 5 != rest);
        self.forget_deleted(partition, &deleted);
        if !deleted.is_empty() {
            self.hit(Fault::Compaction);
            self.say(format_args!("partition {partition}: compacted, {} records are gone", deleted.len()));
        }
    }

    fn expire_log(&mut self, partition: i32) {
        let offsets = self.cluster.offsets(partition);
        let part = (offsets.end - offsets.start) as usize / 3;
        let before = offsets.start + self.dice.within(0, part) as i64;
        let deleted = self.cluster.expire_log(partition, before);
        self.forget_deleted(partition, &deleted);
        if !deleted.is_empty() {
            self.hit(Fault::LogExpired);
            self.say(format_args!("partition {partition}: records below {before} have expired"));
        }
    }

    fn forget_deleted(&mut self, partition: i32, deleted: &[i64]) {
        for offset in deleted {
            if let Some(id) = self.ledger.id(partition, *offset) {
                let entry = self.ledger.get_mut(id);
                entry.removed = true;
                if !entry.finished {
                    self.hit(Fault::LogExpiredUnread);
                }
            }
        }
    }

    fn expire_offsets(&mut self, partition: i32) {
        if self.cluster.expire_offsets(partition) {
            self.hit(Fault::OffsetsExpired);
            self.say(format_args!("partition {partition}: committed offsets have expired"));
            self.excuse_repeats(partition);
        }
    }

    fn move_leader(&mut self, partition: i32) {
        let time = self.dice.millis(50, 10_000);
        let sends =
            self.dice.pick([MeanwhileSends::Refused, MeanwhileSends::Written, MeanwhileSends::Dropped]);
        let until = self.instant() + time;
        self.leaders_move_until = self.leaders_move_until.max(self.now + time);
        self.cluster.move_leader(partition, until, sends);
        self.hit(Fault::LeaderMoved);
        self.say(format_args!("partition {partition}: no leader for {time:?}, sends are {sends:?}"));
    }

    fn add_partition(&mut self) {
        if self.partitions >= 8 {
            return;
        }
        self.partitions += 1;
        let (total, now) = (self.partitions, self.instant());
        self.hit(Fault::PartitionsAdded);
        self.say(format_args!("the topic has {total} partitions from now on"));
        if let Err(error) = self.cluster.add_partitions(total, now) {
            self.violated(format!("partitions cannot be added: {}", error.chain()));
        }
    }
}
