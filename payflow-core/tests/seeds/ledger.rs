//! What is known of a world from outside: who holds what, what became of each record, and whether a promise was broken.

mod handling;
mod owners;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use payflow_core::{AckToken, Delivery, FinishedBeyond, MemoryCluster, Order, Topic};
use tokio::time::Instant;

pub(crate) use handling::Ended;

use crate::GROUP;
use crate::plan::Plan;

/// Where a record stands: partition and offset.
pub(crate) type Place = (i32, i64);

/// What is handled one after another; `None` waits for nobody.
type Lane = Option<(i32, Option<Vec<u8>>)>;

/// One ledger for all that happens in a world. The lock is held while something is written down, never across an await.
#[derive(Clone)]
pub(crate) struct Ledger(Arc<Mutex<Book>>);

pub(crate) struct Book {
    cluster: MemoryCluster,
    topic: Topic,
    order: Order,
    concurrency: usize,
    records_max: usize,
    bytes_max: usize,
    attempts_max: usize,
    handler_timeout: Duration,
    session_timeout: Option<Duration>,
    began: Instant,
    records: BTreeMap<Place, Entry>,
    members: BTreeMap<usize, Member>,
    owners: BTreeMap<i32, Owner>,
    trace: Vec<String>,
    hits: BTreeMap<&'static str, u64>,
    violation: Option<String>,
}

/// A record that was handed to somebody.
#[derive(Debug)]
struct Entry {
    lane: Lane,
    tombstone: bool,
    decodes: bool,
    /// Calls of the handler, by anybody.
    calls: usize,
    /// Handled, skipped or dead-lettered, by anybody, at some time.
    finished: bool,
    /// By whom it was finished, if it was not begun again since.
    settled: Option<usize>,
    /// It was finished, and a kill or a loss came before that was durable.
    may_repeat: bool,
}

/// One run of a pipeline.
#[derive(Debug)]
struct Member {
    /// By slot and generation.
    views: BTreeMap<(u32, u32), View>,
    /// What it was handed, and has not given back.
    held: BTreeMap<AckToken, Held>,
    held_bytes: usize,
    running: BTreeMap<AckToken, Attempt>,
    /// Attempts that failed, of all records.
    failures: usize,
    stopping: bool,
    paused_at: Option<Instant>,
    /// It may have lost everything without knowing.
    unaware: bool,
    heard_at: Instant,
    receiving: bool,
    /// Finished and not durable as it left the group by itself.
    unsaved: Vec<Place>,
    gone: bool,
}

/// A handler under way.
#[derive(Debug)]
struct Attempt {
    place: Place,
    lane: Lane,
    began: Instant,
}

#[derive(Debug)]
struct Held {
    place: Place,
    bytes: usize,
    /// Attempts that failed and counted.
    failures: usize,
    /// Handled or dead-lettered, by this member.
    done: bool,
}

/// A partition in the hands of a member, as it knows.
#[derive(Debug)]
struct View {
    partition: i32,
    state: ViewState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ViewState {
    Ours,
    /// Asked back, so long before it has to go.
    Revoking {
        notice: Duration,
    },
    Lost,
    /// Another has it already, and this one was not told.
    Taken,
}

/// The last who was told that a partition is its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Owner {
    member: usize,
    slot: u32,
    generation: u32,
}

impl Ledger {
    pub(crate) fn new(cluster: MemoryCluster, topic: Topic, plan: &Plan) -> Self {
        Self(Arc::new(Mutex::new(Book {
            cluster,
            topic,
            order: plan.order,
            concurrency: plan.concurrency,
            records_max: plan.records_max,
            bytes_max: plan.bytes_max,
            attempts_max: plan.attempts_max,
            handler_timeout: plan.handler_timeout,
            session_timeout: plan.session_timeout,
            began: Instant::now(),
            records: BTreeMap::new(),
            members: BTreeMap::new(),
            owners: BTreeMap::new(),
            trace: Vec::new(),
            hits: BTreeMap::new(),
            violation: None,
        })))
    }

    pub(crate) fn write(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Book {
    /// Adds a line to the trace.
    pub(crate) fn say(&mut self, what: impl fmt::Display) {
        let at = self.began.elapsed();
        self.trace.push(format!("{:>6}.{:03} {what}", at.as_secs(), at.subsec_millis()));
    }

    /// Counts a fault that happened.
    pub(crate) fn hit(&mut self, fault: &'static str) {
        *self.hits.entry(fault).or_default() += 1;
    }

    /// The first one counts.
    pub(crate) fn violated(&mut self, what: String) {
        self.say(format_args!("VIOLATED: {what}"));
        self.violation.get_or_insert(what);
    }

    pub(crate) const fn is_violated(&self) -> bool {
        self.violation.is_some()
    }

    pub(crate) fn take(&mut self) -> (Vec<String>, BTreeMap<&'static str, u64>, Option<String>) {
        (std::mem::take(&mut self.trace), std::mem::take(&mut self.hits), self.violation.take())
    }

    /// A new run of a pipeline.
    pub(crate) fn join(&mut self, member: usize) {
        self.say(format_args!("m{member} joins"));
        let joined = Member {
            views: BTreeMap::new(),
            held: BTreeMap::new(),
            held_bytes: 0,
            running: BTreeMap::new(),
            failures: 0,
            stopping: false,
            paused_at: None,
            unaware: false,
            heard_at: Instant::now(),
            receiving: false,
            unsaved: Vec::new(),
            gone: false,
        };
        self.members.insert(member, joined);
    }

    /// What was handed over, within the bounds.
    pub(crate) fn delivered<'a>(
        &mut self,
        member: usize,
        deliveries: impl ExactSizeIterator<Item = &'a Delivery>,
    ) {
        let count = deliveries.len();
        for delivery in deliveries {
            let place = (delivery.partition, delivery.offset);
            let lane = match (self.order, delivery.key()) {
                (Order::ByPartition, _) => Some((place.0, None)),
                (Order::ByKey, Some(key)) => Some((place.0, Some(key.to_vec()))),
                (Order::ByKey, None) | (Order::None, _) => None,
            };
            self.records.entry(place).or_insert_with(|| Entry {
                lane,
                tombstone: delivery.value().is_none(),
                decodes: delivery.value().is_some_and(|value| std::str::from_utf8(value).is_ok()),
                calls: 0,
                finished: false,
                settled: None,
                may_repeat: false,
            });
            let Some(state) = self.members.get_mut(&member) else { continue };
            let bytes = delivery.size_bytes();
            state.held_bytes += bytes;
            state.held.insert(delivery.token, Held { place, bytes, failures: 0, done: false });
            let (records, held_bytes) = (state.held.len(), state.held_bytes);
            // One that is larger than the bound is held by itself, or beside others of no size.
            let alone = state.held.values().filter(|held| held.bytes > 0).count() == 1;
            if records > self.records_max || (held_bytes > self.bytes_max && !alone) {
                self.violated(format!("m{member} holds {records} records of {held_bytes} bytes"));
            }
        }
        if count > 0 {
            self.say(format_args!("m{member} is handed {count}"));
        }
    }

    /// Tokens come back, each once, and finished only if it is.
    pub(crate) fn acknowledged(&mut self, member: usize, finished: &[AckToken], given_up: &[AckToken]) {
        for (token, done) in
            finished.iter().map(|token| (token, true)).chain(given_up.iter().map(|token| (token, false)))
        {
            let Some(state) = self.members.get_mut(&member) else { continue };
            let Some(held) = state.held.remove(token) else {
                self.violated(format!("m{member} gives back {token:?}, which it does not hold"));
                continue;
            };
            state.held_bytes -= held.bytes;
            let place = held.place;
            let tombstone = self.records.get(&place).is_some_and(|entry| entry.tombstone);
            if done && tombstone {
                self.settle(member, place, Some(*token));
            } else if done && !self.records.get(&place).is_some_and(|entry| entry.finished) {
                self.violated(format!(
                    "m{member} acknowledges {}@{}, which is not finished",
                    place.0, place.1
                ));
            }
        }
    }

    /// What is committed covers nothing that is not finished.
    pub(crate) fn check_commits(&mut self) {
        let covered = self.covered();
        let premature = self.records.iter().find(|(place, entry)| !entry.finished && covered.has(**place));
        if let Some(((partition, offset), _)) = premature {
            let what = format!("a commit covers {partition}@{offset}, which is not finished");
            self.violated(what);
        }
    }

    /// Whether a record was ever handed over and finished.
    pub(crate) fn is_finished(&self, place: Place) -> bool {
        self.records.get(&place).is_some_and(|entry| entry.finished)
    }

    /// Whether this is durable for each finished record.
    pub(crate) fn check_all_durable(&mut self) {
        let covered = self.covered();
        let open = self.records.keys().find(|place| !covered.has(**place));
        if let Some((partition, offset)) = open {
            let what = format!("{partition}@{offset} is not committed at the end");
            self.violated(what);
        }
    }

    fn covered(&self) -> Covered {
        let partitions: BTreeSet<i32> = self.records.keys().map(|place| place.0).collect();
        let of = |partition: i32| {
            let offset = self.cluster.committed(GROUP, &self.topic, partition).unwrap_or(0);
            let metadata = self.cluster.committed_metadata(GROUP, &self.topic, partition).unwrap_or_default();
            let beyond = FinishedBeyond::decode(offset, &metadata).unwrap_or_else(|_| FinishedBeyond::none());
            (partition, (offset, beyond))
        };
        Covered(partitions.into_iter().map(of).collect())
    }
}

/// What the group has committed, by partition.
struct Covered(BTreeMap<i32, (i64, FinishedBeyond)>);

impl Covered {
    fn has(&self, (partition, at): Place) -> bool {
        self.0.get(&partition).is_some_and(|(offset, beyond)| {
            at < *offset || beyond.ranges().iter().any(|range| range.contains(&at))
        })
    }
}
