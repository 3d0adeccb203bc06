//! The promises, checked at each step and at the end.

use std::collections::BTreeMap;

use super::faults::Fault;
use super::ledger::RecordId;
use super::scene::Scene;
use crate::memory::MemberId;

/// What was found, and what is compared with.
#[derive(Debug, Default)]
pub(super) struct Checks {
    violation: Option<String>,
    /// There are faults in this run.
    pub(super) troubled: bool,
    seen: BTreeMap<i32, Seen>,
    pub(super) handed_over: u64,
    pub(super) repeated: u64,
}

/// What was last seen of a partition.
#[derive(Debug, Default)]
struct Seen {
    owner: Option<(MemberId, u32, u32)>,
    offset: i64,
    metadata: String,
    /// Everything below is known to be finished.
    verified: i64,
}

/// A partition has another owner, or none.
#[derive(Debug, Clone, Copy)]
pub(super) struct OwnerChanged {
    pub(super) partition: i32,
    pub(super) before: Option<MemberId>,
}

impl Checks {
    /// The first one counts.
    pub(super) fn violated(&mut self, what: String) {
        self.violation.get_or_insert(what);
    }

    pub(super) const fn is_violated(&self) -> bool {
        self.violation.is_some()
    }

    pub(super) fn violation(&self) -> Option<&str> {
        self.violation.as_deref()
    }
}

impl Scene {
    /// Looks at what the cluster holds of each partition, after it changed.
    pub(super) fn observe(&mut self, changes: &mut Vec<OwnerChanged>) {
        for partition in 0..self.partitions as i32 {
            let owner = self.cluster.owner(partition);
            let (offset, metadata) = self.cluster.committed(partition).unwrap_or((0, ""));
            let seen = self.checks.seen.entry(partition).or_default();
            if seen.owner != owner {
                changes.push(OwnerChanged { partition, before: seen.owner.map(|(member, _, _)| member) });
                seen.owner = owner;
            }
            if seen.offset != offset || seen.metadata != metadata {
                seen.offset = offset;
                metadata.clone_into(&mut seen.metadata);
                self.check_commit(partition, offset);
            }
        }
    }

    /// A commit covers what is finished, and nothing else.
    fn check_commit(&mut self, partition: i32, offset: i64) {
        let verified = self.checks.seen.get(&partition).map_or(0, |seen| seen.verified);
        let (_, beyond) = self.cluster.resumes(partition);
        let below = verified..offset;
        let covered = std::iter::once(&below).chain(beyond.ranges()).flat_map(Clone::clone);
        let unfinished = covered.into_iter().find(|offset| {
            let entry = self.ledger.id(partition, *offset).map(|id| self.ledger.get(id));
            entry.is_some_and(|entry| !entry.finished && !entry.removed)
        });
        self.say(format_args!("committed {partition}@{offset} and {} ranges beyond", beyond.ranges().len()));
        if let Some(unfinished) = unfinished {
            self.violated(format!(
                "commit of {partition}@{offset} covers {partition}@{unfinished}, which is not finished"
            ));
        }
        if let Some(seen) = self.checks.seen.get_mut(&partition) {
            seen.verified = seen.verified.max(offset);
        }
    }

    /// Records that a new owner would be handed. What was deleted, or is committed as finished beyond a gap, is not among
    /// them.
    pub(super) fn open_records(&self) -> usize {
        let open = |partition| {
            let (offset, beyond) = self.cluster.resumes(partition);
            let records = self.ledger.of_partition(partition).map(|id| self.ledger.get(id));
            records.filter(move |entry| !entry.removed && !entry.is_covered(offset, beyond.ranges())).count()
        };
        (0..self.partitions as i32).map(open).sum()
    }

    /// What is settled in a partition and not durable; it is handled again by the next owner.
    pub(super) fn not_durable(&self, partition: i32) -> Vec<RecordId> {
        let (offset, beyond) = self.cluster.resumes(partition);
        let records = self.ledger.of_partition(partition);
        records
            .filter(|id| {
                let entry = self.ledger.get(*id);
                entry.settled && !entry.may_repeat && !entry.is_covered(offset, beyond.ranges())
            })
            .collect()
    }

    /// What is not durable now may come again.
    pub(super) fn excuse_repeats(&mut self, partition: i32) {
        for id in self.not_durable(partition) {
            self.ledger.get_mut(id).may_repeat = true;
        }
    }

    /// After the end: everything is finished, and durably so.
    pub(super) fn check_end(&mut self) {
        let lost = self.ledger.iter().find(|entry| !entry.finished && !entry.removed);
        if let Some(entry) = lost {
            let what = format!("{}@{} was never finished", entry.partition, entry.offset);
            self.violated(what);
        }
        for partition in 0..self.partitions as i32 {
            if let Some(id) = self.not_durable(partition).first() {
                let offset = self.ledger.get(*id).offset;
                self.violated(format!(
                    "{partition}@{offset} is finished, and that is not committed at the end"
                ));
            }
        }
        let open = self.open_records();
        if open > 0 {
            self.violated(format!("{open} records would be handled again after the end"));
        }
    }

    /// A record begins anew in a process. `owned`: its partition is that process's.
    pub(super) fn check_begin(&mut self, id: RecordId, owned: bool) {
        let entry = self.ledger.get_mut(id);
        let (partition, offset) = (entry.partition, entry.offset);
        if entry.settled {
            let excused = entry.may_repeat || !owned;
            if owned {
                entry.settled = false;
                entry.may_repeat = false;
            }
            self.checks.repeated += 1;
            self.hit(Fault::Duplicate);
            if !excused {
                self.violated(format!(
                    "{partition}@{offset} begins again, though it was finished and no crash or loss came between"
                ));
            }
        }
        if let Some(earlier) = self.ledger.passed_over(id).map(|entry| entry.offset) {
            self.violated(format!(
                "{partition}@{offset} begins before {partition}@{earlier} of its lane is finished"
            ));
        }
    }

    /// A record is handled, skipped or dead-lettered.
    pub(super) fn note_finished(&mut self, id: RecordId, owned: bool) {
        if !owned {
            self.hit(Fault::ZombieFinished);
        }
        let entry = self.ledger.get_mut(id);
        entry.finished = true;
        // What one finishes that has lost the partition is not committed, unless the owner had finished it already.
        entry.may_repeat = !owned && (entry.may_repeat || !entry.settled);
        entry.settled = true;
    }

    /// An outage is not emptied into the dead letters: records of so many keys were, by one process, in one.
    pub(super) fn check_set_aside(&mut self, node: usize, count: usize) {
        let Some(run) = self.plan.storm_run else { return };
        // Those that made it known, those that ran meanwhile, and those whose dead letters were on their way.
        let most = self.plan.destinations * (run + 2 * self.plan.concurrency);
        if count > most {
            self.violated(format!("node {node}: {count} keys had records set aside in an outage"));
        }
    }
}
