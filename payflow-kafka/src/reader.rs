//! Reads a topic as it is now, in no group: a source that ends.

mod thread;

use std::fmt;
use std::future::pending;
use std::time::Duration;

use async_trait::async_trait;
use futures_core::future::BoxFuture;
use futures_util::FutureExt as _;
use futures_util::future::ready;
use payflow_core::{
    AckToken, Assignment, Change, Consumer, Delivery, Error, FinishedBeyond, Inbound, PartitionEnd, Room,
    Topic,
};
use tokio::sync::mpsc;

use self::thread::{ReaderThread, Span};
use crate::config::KafkaConfig;
use crate::positions::{Committed, Positions, client_config};

const OPERATION: &str = "read topic";
/// librdkafka wants a name, under which nothing is joined and nothing is committed.
const NO_GROUP: &str = "payflow-reader";
/// How long it may take to find out what is there.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// Read ahead of those handed over.
const READ_AHEAD: usize = 16;

/// A [`Consumer`] that is handed what stands on a topic when it is opened, then [ends](Inbound::ended).
///
/// It joins no group and commits nothing: acknowledging has no effect, and nobody else is disturbed. For looking at a
/// topic, such as dead letters.
#[must_use]
pub struct KafkaReader {
    topic: Topic,
    records: i64,
    /// What is read, until it was told.
    assignments: Vec<Assignment>,
    told: bool,
    steps: mpsc::Receiver<Step>,
    /// Read, and found no room.
    next: Option<Delivery>,
    ended: Ended,
}

/// What the thread has read.
enum Step {
    Delivery(Delivery),
    End(PartitionEnd),
    Failed(Error),
}

enum Ended {
    No,
    /// Everything was read.
    Read,
    /// It was told.
    Told,
    /// Reading failed: the cause, until it was told.
    Failed(Option<Error>),
}

/// Which records of a topic are read.
enum Which {
    All,
    /// What the group has not finished.
    Unfinished,
    /// The one at this place.
    One {
        partition: i32,
        offset: i64,
    },
}

impl KafkaReader {
    /// Reads everything that stands on the topic now.
    ///
    /// # Errors
    /// [`Permanent`](payflow_core::Fault::Permanent): a setting is refused, or the topic is missing or may not be read; the
    /// cause says which. [`Transient`](payflow_core::Fault::Transient): no broker answered in time.
    pub async fn open(config: &KafkaConfig, topic: &Topic) -> Result<Self, Error> {
        Self::of(config, topic, NO_GROUP, Which::All).await
    }

    /// The same, without what `group` has finished, out of order or not.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_unfinished(config: &KafkaConfig, topic: &Topic, group: &str) -> Result<Self, Error> {
        Self::of(config, topic, group, Which::Unfinished).await
    }

    /// Reads the record at one place, or nothing if there is none any more.
    ///
    /// # Errors
    /// As [`open`](Self::open); also [`Permanent`](payflow_core::Fault::Permanent) if there is no such partition.
    pub async fn open_at(
        config: &KafkaConfig,
        topic: &Topic,
        partition: i32,
        offset: i64,
    ) -> Result<Self, Error> {
        Self::of(config, topic, NO_GROUP, Which::One { partition, offset }).await
    }

    /// How many offsets are read: at least as many as there are records.
    #[must_use]
    pub const fn records_max(&self) -> u64 {
        self.records.unsigned_abs()
    }

    async fn of(config: &KafkaConfig, topic: &Topic, group: &str, which: Which) -> Result<Self, Error> {
        let mut native = client_config(config, group, OPERATION)?;
        let positions_config = native.clone();
        let looked_for = topic.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let positions = Positions::open(&positions_config, OPERATION, OPEN_TIMEOUT)?;
            spans(&positions, &looked_for, &which)
        });
        let spans = asked.await.unwrap_or_else(|ended| Err(Error::transient(OPERATION).because(ended)))?;

        native
            .set("auto.offset.reset", "earliest")
            .set("isolation.level", "read_committed")
            .set("check.crcs", "true")
            // What is read is never paused, so that an end of a partition does no harm.
            .set("enable.partition.eof", "true")
            .set("queued.max.messages.kbytes", "16384")
            .set("fetch.queue.backoff.ms", "10");
        let assignments = spans.iter().map(|span| span.assignment(topic)).collect();
        let records = spans.iter().map(Span::records).sum();
        let (into, steps) = mpsc::channel(READ_AHEAD);
        ReaderThread::start(&native, topic.clone(), spans, into)?;
        let topic = topic.clone();
        Ok(Self { topic, records, assignments, told: false, steps, next: None, ended: Ended::No })
    }

    /// Adds what is there and fits; whether there was something.
    fn hand_over(&mut self, first: Option<Step>, into: &mut Inbound, room: Room) -> Result<bool, Error> {
        let (mut taken, mut taken_bytes, mut step) = (0, 0, first);
        let mut is_something = false;
        loop {
            match step {
                Some(Step::Delivery(delivery)) => {
                    let bytes = delivery.size_bytes();
                    if !room.fits(taken, taken_bytes, bytes) {
                        self.next = Some(delivery);
                        return Ok(is_something);
                    }
                    (taken, taken_bytes) = (taken + 1, taken_bytes + bytes);
                    into.deliveries.push(delivery);
                }
                Some(Step::End(end)) => into.ends.push(end),
                // What came before it is handed over first: a call tells the one or the other.
                Some(Step::Failed(error)) if is_something => {
                    self.ended = Ended::Failed(Some(error));
                    return Ok(true);
                }
                Some(Step::Failed(error)) => {
                    self.ended = Ended::Failed(None);
                    return Err(error);
                }
                None => return Ok(is_something),
            }
            is_something = true;
            step = match self.steps.try_recv() {
                Ok(step) => Some(step),
                Err(mpsc::error::TryRecvError::Empty) => None,
                Err(mpsc::error::TryRecvError::Disconnected) => {
                    self.ended = Ended::Read;
                    None
                }
            };
        }
    }
}

#[async_trait]
impl Consumer for KafkaReader {
    async fn receive(&mut self, into: &mut Inbound, room: Room) -> Result<(), Error> {
        if !std::mem::replace(&mut self.told, true) && !self.assignments.is_empty() {
            into.changes.push(Change::Assigned(std::mem::take(&mut self.assignments)));
            return Ok(());
        }
        if let Some(next) = self.next.take()
            && self.hand_over(Some(Step::Delivery(next)), into, room)?
        {
            return Ok(());
        }
        // Of changes there is none to come.
        while self.next.is_some() || room.records == 0 {
            pending::<()>().await;
        }
        loop {
            match &mut self.ended {
                Ended::No => {}
                Ended::Read => {
                    self.ended = Ended::Told;
                    into.ended = true;
                    return Ok(());
                }
                Ended::Told => pending().await,
                Ended::Failed(cause) => {
                    let told =
                        || Error::fatal(OPERATION).because("reading failed before: open the topic again");
                    return Err(cause.take().unwrap_or_else(told));
                }
            }
            match self.steps.recv().await {
                Some(step) => {
                    if self.hand_over(Some(step), into, room)? {
                        return Ok(());
                    }
                    // It found no room.
                    pending::<()>().await;
                }
                None => self.ended = Ended::Read,
            }
        }
    }

    fn acknowledge(&mut self, _finished: &[AckToken], _given_up: &[AckToken]) {}

    fn commit(&mut self) -> BoxFuture<'static, Result<(), Error>> {
        ready(Ok(())).boxed()
    }
}

impl fmt::Debug for KafkaReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaReader").field("topic", &self.topic).finish_non_exhaustive()
    }
}

fn spans(positions: &Positions, topic: &Topic, which: &Which) -> Result<Vec<Span>, Error> {
    let mut partitions = positions.partitions(topic)?;
    if let Which::One { partition, .. } = which {
        partitions.retain(|other| other == partition);
        if partitions.is_empty() {
            let reason = format!("topic {topic} has no partition {partition}");
            return Err(Error::permanent(OPERATION).because(reason));
        }
    }
    let places: Vec<(Topic, i32)> = partitions.iter().map(|partition| (topic.clone(), *partition)).collect();
    let committed = match which {
        Which::Unfinished => positions.committed(&places)?,
        Which::All | Which::One { .. } => vec![None; places.len()],
    };
    let mut spans = Vec::with_capacity(places.len());
    for (partition, committed) in partitions.into_iter().zip(committed) {
        let (first, end) = positions.bounds(topic, partition)?;
        let (from, end) = match which {
            Which::One { offset, .. } if (first..end).contains(offset) => (*offset, offset + 1),
            Which::One { .. } => (end, end),
            Which::All | Which::Unfinished => {
                (committed.as_ref().map_or(first, |committed| committed.offset.max(first)), end)
            }
        };
        spans.push(Span { partition, from, end, finished: finished(committed) });
    }
    Ok(spans)
}

/// Metadata that tells nothing lets everything be read that a member of the group would be handed, too.
fn finished(committed: Option<Committed>) -> FinishedBeyond {
    committed.and_then(|committed| committed.finished.ok()).unwrap_or_else(FinishedBeyond::none)
}

#[cfg(test)]
mod tests;
