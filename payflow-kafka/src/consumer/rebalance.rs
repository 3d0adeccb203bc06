//! Rebalances, carried out by the poll thread: one change at a time, each answered once.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use payflow_core::{FinishedBeyond, Topic};
use rdkafka::consumer::{Consumer as _, RebalanceProtocol};
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};
use tracing::warn;

use super::context::{Rebalance, unassign};
use super::poll_thread::{PollThread, Reply};
use crate::native::commit_metadata;

/// How long one question for committed offsets may take: the thread waits for the answer.
const COMMITTED_TIMEOUT: Duration = Duration::from_secs(2);
/// Between two such questions.
const COMMITTED_PAUSE: Duration = Duration::from_millis(200);
/// How long the commit of what is let go may take.
const LAST_COMMIT: Duration = Duration::from_secs(2);

/// Where the carrying out stands.
#[derive(Default)]
pub(super) struct Step {
    waiting: VecDeque<Rebalance>,
    now: Now,
    /// Assigned, and not answered before the group rebalanced again: librdkafka counts them as ours, and tells them no more.
    carried: Vec<(String, i32)>,
    /// Reading the committed offsets fails, and that was told.
    failing: bool,
}

#[derive(Default)]
enum Now {
    #[default]
    Nothing,
    /// The committed offsets could not be read yet.
    Assigning { partitions: TopicPartitionList, retry_at: Instant },
    /// Handlers may finish.
    Draining { partitions: TopicPartitionList, slots: Vec<u32>, until: Instant },
    /// What they finished is being committed.
    Committing { partitions: TopicPartitionList, slots: Vec<u32>, until: Instant, done: bool },
}

impl Step {
    /// When there is something to do next, whatever happens.
    pub(super) const fn wake_at(&self) -> Option<Instant> {
        match &self.now {
            Now::Nothing => None,
            Now::Assigning { retry_at: at, .. }
            | Now::Draining { until: at, .. }
            | Now::Committing { until: at, .. } => Some(*at),
        }
    }

    /// The commit of what is let go is decided.
    pub(super) const fn committed(&mut self) {
        if let Now::Committing { done, .. } = &mut self.now {
            *done = true;
        }
    }
}

impl PollThread {
    /// Takes rebalances as far as they go now; says whether there may be more to do at once.
    pub(super) fn follow(&mut self) -> bool {
        let told = self.client.consumer().client().context().take_rebalances();
        self.step.waiting.extend(told);
        let mut busy = false;
        while self.step_on(Instant::now()) {
            busy = true;
        }
        busy
    }

    /// Answers the change that librdkafka waits for, by giving back.
    pub(super) fn answer_all(&mut self) {
        let told = self.client.consumer().client().context().take_rebalances();
        self.step.waiting.extend(told);
        let waiting = std::mem::take(&mut self.step.waiting);
        let now = match std::mem::take(&mut self.step.now) {
            Now::Nothing => None,
            Now::Assigning { partitions, .. } => Some(Rebalance::Assign(partitions)),
            Now::Draining { partitions, .. } | Now::Committing { partitions, .. } => {
                Some(Rebalance::Revoke(partitions))
            }
        };
        for rebalance in now.into_iter().chain(waiting) {
            match rebalance {
                Rebalance::Revoke(partitions) => unassign(self.client.consumer(), &partitions),
                // Closing has nothing to take back then, and would wait for an answer.
                Rebalance::Assign(none) if none.count() == 0 && self.is_cooperative() => {
                    let _ = self.client.consumer().incremental_assign(&none);
                }
                Rebalance::Assign(_) => {
                    // Refused where the group rebalances cooperatively, which closing then answers.
                    let _ = self.client.consumer().unassign();
                }
            }
        }
    }

    fn step_on(&mut self, now: Instant) -> bool {
        match std::mem::take(&mut self.step.now) {
            Now::Nothing => match self.step.waiting.pop_front() {
                None => false,
                Some(Rebalance::Assign(partitions)) => self.assign(partitions, now),
                Some(Rebalance::Revoke(partitions)) => self.revoke(partitions, now),
            },
            // The group rebalances again before it was answered: the answer is to the later change.
            Now::Assigning { partitions, .. } if !self.step.waiting.is_empty() => {
                if self.is_cooperative() {
                    let elements = partitions.elements();
                    let named = elements.iter().map(|of| (of.topic().to_owned(), of.partition()));
                    self.step.carried = named.collect();
                }
                true
            }
            Now::Assigning { partitions, retry_at } if now >= retry_at => self.assign(partitions, now),
            Now::Draining { partitions, slots, .. } if self.is_lost() => self.lose(&partitions, &slots),
            Now::Draining { partitions, slots, until } => {
                if now >= until || self.shared.lock().holdings.are_back(&slots) {
                    self.commit_last(partitions, slots, now)
                } else {
                    self.step.now = Now::Draining { partitions, slots, until };
                    false
                }
            }
            Now::Committing { partitions, slots, until, done } if done || now >= until || self.is_lost() => {
                self.let_go(&partitions, &slots)
            }
            unchanged => {
                self.step.now = unchanged;
                false
            }
        }
    }

    fn is_cooperative(&self) -> bool {
        matches!(self.client.consumer().rebalance_protocol(), RebalanceProtocol::Cooperative)
    }

    fn assign(&mut self, mut partitions: TopicPartitionList, now: Instant) -> bool {
        for (topic, partition) in self.step.carried.drain(..) {
            if partitions.find_partition(&topic, partition).is_none() {
                partitions.add_partition(&topic, partition);
            }
        }
        let with_offsets = match self.with_committed(partitions.clone()) {
            Ok(with_offsets) => with_offsets,
            Err(error) => {
                if !std::mem::replace(&mut self.step.failing, true) {
                    warn!(%error, "the group's committed offsets cannot be read, which is tried again");
                }
                self.step.now = Now::Assigning { partitions, retry_at: now + COMMITTED_PAUSE };
                return false;
            }
        };
        self.step.failing = false;
        let (mut named, mut from) = (Vec::new(), Vec::new());
        let metadata = commit_metadata(&with_offsets);
        for (partition, metadata) in with_offsets.elements().iter().zip(metadata) {
            let Ok(topic) = Topic::parse(partition.topic()) else {
                continue;
            };
            if !self.client.forward(partition.topic(), partition.partition()) {
                warn!(%topic, partition = partition.partition(), "the partition cannot be read: there is no memory for it");
            }
            let committed = partition.offset().to_raw().filter(|offset| *offset >= 0);
            let finished =
                committed.map(|offset| finished_beyond(&topic, partition.partition(), offset, metadata));
            let (offset, finished) = (committed.unwrap_or(0), finished.unwrap_or_else(FinishedBeyond::none));
            named.push((topic, partition.partition(), offset, finished));
            from.push(partition.offset());
        }
        // Not those that come now: of them nothing was handed out before the pause.
        self.reading.note_pause();
        let assignments = self.shared.lock().holdings.assign(named);
        let known = |topic: &str, partition| self.client.watermarks(topic, partition);
        self.reading.add(assignments.into_iter().zip(from), known);
        let consumer = self.client.consumer();
        let assigned = match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_assign(&with_offsets),
            RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.assign(&with_offsets),
        };
        if let Err(error) = assigned {
            warn!(%error, "the assignment was refused: what was assigned is not read before the group rebalances again");
        }
        self.shared.changed.notify_one();
        true
    }

    /// The same partitions, each with the group's committed offset, or from the beginning.
    fn with_committed(&self, partitions: TopicPartitionList) -> KafkaResult<TopicPartitionList> {
        if partitions.count() == 0 {
            return Ok(partitions);
        }
        let mut committed = self.client.consumer().committed_offsets(partitions, COMMITTED_TIMEOUT)?;
        let mut none = Vec::new();
        for partition in committed.elements() {
            partition.error()?;
            if partition.offset().to_raw().is_none_or(|offset| offset < 0) {
                none.push((partition.topic().to_owned(), partition.partition()));
            }
        }
        for (topic, partition) in none {
            committed.set_partition_offset(&topic, partition, Offset::Beginning)?;
        }
        Ok(committed)
    }

    fn revoke(&mut self, partitions: TopicPartitionList, now: Instant) -> bool {
        let stays =
            |(topic, partition): &(String, i32)| partitions.find_partition(topic, *partition).is_none();
        self.step.carried.retain(stays);
        let elements = partitions.elements();
        let named = elements.iter().map(|partition| (partition.topic(), partition.partition()));
        let slots = self.shared.lock().holdings.slots_of(named);
        drop(elements);
        if self.is_lost() {
            return self.lose(&partitions, &slots);
        }
        let until = now + self.revoke_drain;
        let mut state = self.shared.lock();
        state.holdings.revoke(&slots, until);
        state.revoking = true;
        drop(state);
        self.shared.changed.notify_one();
        self.step.now = Now::Draining { partitions, slots, until };
        true
    }

    fn commit_last(&mut self, partitions: TopicPartitionList, slots: Vec<u32>, now: Instant) -> bool {
        // Behind those that the owner has asked for.
        self.take_commits();
        let watermarks = self.shared.lock().holdings.uncommitted(Some(&slots));
        if watermarks.is_empty() {
            return self.let_go(&partitions, &slots);
        }
        self.step.now = Now::Committing { partitions, slots, until: now + LAST_COMMIT, done: false };
        self.commit(watermarks, Reply::LettingGo);
        true
    }

    fn let_go(&mut self, partitions: &TopicPartitionList, slots: &[u32]) -> bool {
        let mut state = self.shared.lock();
        state.holdings.let_go(slots);
        state.revoking = false;
        drop(state);
        self.give_back(partitions, slots)
    }

    fn lose(&mut self, partitions: &TopicPartitionList, slots: &[u32]) -> bool {
        let mut state = self.shared.lock();
        state.holdings.lose(slots);
        state.revoking = false;
        drop(state);
        self.shared.changed.notify_one();
        self.give_back(partitions, slots)
    }

    fn give_back(&mut self, partitions: &TopicPartitionList, slots: &[u32]) -> bool {
        self.reading.remove(slots);
        // A partition that was held back would be paused still if it came back: librdkafka remembers.
        let _ = self.client.consumer().resume(partitions);
        unassign(self.client.consumer(), partitions);
        self.reading.note_pause();
        true
    }

    fn is_lost(&self) -> bool {
        self.client.consumer().assignment_lost()
    }
}

/// What the last commit said is finished beyond its offset. Nothing, if another program wrote it: never shown, since
/// nobody knows what is in it.
fn finished_beyond(topic: &Topic, partition: i32, offset: i64, metadata: &[u8]) -> FinishedBeyond {
    let text = std::str::from_utf8(metadata).unwrap_or("\u{fffd}");
    FinishedBeyond::decode(offset, text).unwrap_or_else(|reason| {
        warn!(%topic, partition, offset, %reason, "commit metadata is ignored: what finished out of order is handled again");
        FinishedBeyond::none()
    })
}
