//! The thread that reads for a [`KafkaReader`](super::KafkaReader).

use std::collections::HashMap;
use std::thread;
use std::time::{Duration, Instant};

use payflow_core::{
    AckToken, Assignment, Content, Delivery, Error, Fault, FinishedBeyond, Header, Headers, PartitionEnd,
    Topic,
};
use rdkafka::consumer::{BaseConsumer, Consumer as _, DefaultConsumerContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::sync::mpsc;

use super::{OPERATION, Step};
use crate::error;
use crate::native::{Batch, DataConsumer, Read};

/// How long nothing may come while there should be something.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// No wait is longer, so that a reader that was dropped is noticed.
const WAIT_MAX: Duration = Duration::from_millis(100);
/// A batch is copied before it is handed on.
const BATCH: usize = 100;

/// What is read of a partition.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) partition: i32,
    pub(super) from: i64,
    /// Behind the last.
    pub(super) end: i64,
    /// Left out in between.
    pub(super) finished: FinishedBeyond,
}

impl Span {
    pub(super) fn assignment(&self, topic: &Topic) -> Assignment {
        let token = token(self.partition, 0);
        let (slot, generation) = (token.slot(), token.generation());
        Assignment { slot, generation, topic: topic.clone(), partition: self.partition }
    }

    /// How many offsets are read.
    pub(super) fn records(&self) -> i64 {
        let finished = self.finished.ranges().iter();
        let finished = finished.map(|range| (range.end.min(self.end) - range.start.max(self.from)).max(0));
        ((self.end - self.from).max(0) - finished.sum::<i64>()).max(0)
    }

    fn holds(&self, offset: i64) -> bool {
        let ranges = self.finished.ranges();
        let index = ranges.partition_point(|range| range.end <= offset);
        let is_finished = ranges.get(index).is_some_and(|range| range.start <= offset);
        (self.from..self.end).contains(&offset) && !is_finished
    }
}

pub(super) struct ReaderThread {
    client: DataConsumer<DefaultConsumerContext>,
    topic: Topic,
    /// Those not read to their end.
    spans: HashMap<i32, Span>,
    into: mpsc::Sender<Step>,
}

impl ReaderThread {
    /// Reads until every span is read, which closes the channel, or reading fails, which is its last word.
    pub(super) fn start(
        config: &ClientConfig,
        topic: Topic,
        spans: Vec<Span>,
        into: mpsc::Sender<Step>,
    ) -> Result<(), Error> {
        let base: BaseConsumer = config.create().map_err(|refused| error::create(OPERATION, refused))?;
        let spawned = thread::Builder::new().name("payflow-kafka-reader".to_owned()).spawn(move || {
            let this = thread::current();
            match DataConsumer::new(base, move || this.unpark()) {
                None => {
                    fail(&into, Error::fatal(OPERATION).because("librdkafka gave no queue: out of memory"))
                }
                Some(client) => {
                    let spans = spans.into_iter().map(|span| (span.partition, span)).collect();
                    Self { client, topic, spans, into }.run();
                }
            }
        });
        spawned.map(drop).map_err(|refused| Error::permanent(OPERATION).because(refused))
    }

    fn run(mut self) {
        if let Err(error) = self.assign().and_then(|()| self.read_all()) {
            fail(&self.into, error);
        }
    }

    fn assign(&mut self) -> Result<(), Error> {
        let ended: Vec<i32> =
            self.spans.values().filter(|span| span.from >= span.end).map(|span| span.partition).collect();
        for partition in ended {
            if !self.end(partition) {
                return Ok(());
            }
        }
        let mut list = TopicPartitionList::new();
        for span in self.spans.values() {
            let added =
                list.add_partition_offset(self.topic.as_str(), span.partition, Offset::Offset(span.from));
            added.map_err(|refused| Error::permanent(OPERATION).because(refused))?;
            if !self.client.forward(self.topic.as_str(), span.partition) {
                return Err(Error::fatal(OPERATION).because("a partition cannot be read: out of memory"));
            }
        }
        if list.count() == 0 {
            return Ok(());
        }
        let assigned = self.client.consumer().assign(&list);
        assigned.map_err(|refused| Error::fatal(OPERATION).because(refused))
    }

    fn read_all(&mut self) -> Result<(), Error> {
        let (mut batch, mut steps) = (Batch::new(), Vec::new());
        let (mut heard_at, mut trouble) = (Instant::now(), None);
        while !self.spans.is_empty() && !self.into.is_closed() {
            self.client.serve(|other| {
                if let Err(failed) = other {
                    trouble = Some(error::code_of(&failed));
                }
            });
            let Self { client, topic, spans, .. } = self;
            let taken = client.read(&mut batch, BATCH, |message| {
                match message.error() {
                    None => steps.extend(
                        spans.get(&message.partition()).and_then(|span| taken_of(span, topic, &message)),
                    ),
                    Some(RDKafkaErrorCode::PartitionEOF) => {}
                    Some(code) => trouble = Some(code),
                }
                let is_end = match (message.error(), spans.get(&message.partition())) {
                    (None, Some(span)) => message.offset().saturating_add(1) >= span.end,
                    (Some(RDKafkaErrorCode::PartitionEOF), Some(_)) => true,
                    _ => false,
                };
                if is_end && let Some(span) = spans.remove(&message.partition()) {
                    steps.push(Step::End(end_of(&span)));
                }
            });
            if let Some(code) = trouble.filter(|code| error::consume(*code) == Fault::Fatal) {
                return Err(Error::fatal(OPERATION).because(format!("{}: {code}", self.topic)));
            }
            if taken > 0 {
                heard_at = Instant::now();
            } else if heard_at.elapsed() >= SILENCE_MAX {
                return Err(silent(&self.topic, trouble));
            } else {
                thread::park_timeout(WAIT_MAX);
            }
            for step in steps.drain(..) {
                // Nobody reads on.
                if self.into.blocking_send(step).is_err() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Whether somebody reads on.
    fn end(&mut self, partition: i32) -> bool {
        let span = self.spans.remove(&partition);
        span.is_none_or(|span| self.into.blocking_send(Step::End(end_of(&span))).is_ok())
    }
}

fn fail(into: &mpsc::Sender<Step>, error: Error) {
    // Who is gone needs no cause.
    let _ = into.blocking_send(Step::Failed(error));
}

fn silent(topic: &Topic, trouble: Option<RDKafkaErrorCode>) -> Error {
    let last = trouble.map_or_else(String::new, |code| format!("; the last error was {code}"));
    let reason =
        format!("nothing of {topic} came for {SILENCE_MAX:?}{last}: look whether its brokers are up");
    Error::fatal(OPERATION).because(reason)
}

fn end_of(span: &Span) -> PartitionEnd {
    let token = token(span.partition, span.end);
    PartitionEnd { slot: token.slot(), generation: token.generation(), offset: span.end.max(span.from) }
}

fn token(partition: i32, offset: i64) -> AckToken {
    AckToken::new(partition.unsigned_abs(), 0, offset)
}

fn taken_of(span: &Span, topic: &Topic, message: &Read<'_>) -> Option<Step> {
    if !span.holds(message.offset()) {
        return None;
    }
    let mut headers = Headers::new();
    message.headers(|name, value| {
        headers.push(Header { name, value });
    });
    Some(Step::Delivery(Delivery {
        token: token(span.partition, message.offset()),
        topic: topic.clone(),
        partition: span.partition,
        offset: message.offset(),
        timestamp_ms: message.timestamp_ms(),
        content: Content::new(message.key(), message.value(), &headers),
    }))
}
