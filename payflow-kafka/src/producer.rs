//! Producer: a librdkafka client, a thread that polls it, and sends that its delivery reports resolve.

mod ages;
mod client;
mod clock;
mod context;
mod encode;
mod late;
mod line;
mod looking;
mod pending;
mod polling;
mod queue;
mod sends;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use payflow_core::{Error, Fault, Producer, Receipt, Record, Topic};
use rdkafka::error::RDKafkaErrorCode;
use tokio::time::timeout;

use self::client::Client;
use self::line::{CREATE, Line};
use self::pending::{Decided, Failure};
use self::queue::{Place, Queue};
use self::sends::{Epoch, Sends};
use crate::config::{KafkaConfig, KafkaProducerConfig};
use crate::error;
use crate::health::KafkaHealth;

/// Makes records durable on Kafka: idempotent, acknowledged by all in-sync replicas.
///
/// A send that failed as [`Transient`](payflow_core::Fault::Transient) was surely not written: the queue was full, or no
/// broker was reached from its start to its end. Where a broker may have it, the send is
/// [`Unknown`](payflow_core::Fault::Unknown). Both come within `queue_timeout` and `delivery_timeout` of
/// [`KafkaProducerConfig`] together. After a [`Fatal`](payflow_core::Fault::Fatal) error every further send fails with it
/// at once: make a new producer.
///
/// Nothing blocks: one thread of its own waits for librdkafka. Dropping it lets what is queued be decided, within the
/// delivery timeout, and then ends that thread; a program that is about to exit awaits [`flush`](Producer::flush) first.
///
/// A record's time is written to the millisecond; one at or before 1970 cannot be, and librdkafka's clock is taken. The
/// offset in a receipt is -1 if a broker confirmed a repeat of which it did not know the place any more.
#[must_use = "a producer that is dropped ends once its sends are decided"]
pub struct KafkaProducer {
    line: Arc<Line>,
    queue: Queue,
    sends: Sends,
    health: KafkaHealth,
    /// The queue timeout and the delivery timeout.
    decided_within: Duration,
}

impl KafkaProducer {
    /// A producer for this cluster. Connects in the background: a broker that is absent is no error here.
    ///
    /// # Errors
    /// [`Permanent`](payflow_core::Fault::Permanent): a setting is refused; the cause names it and says what to do.
    pub fn new(shared: &KafkaConfig, config: &KafkaProducerConfig) -> Result<Self, Error> {
        let settings =
            config.client_config(shared).map_err(|invalid| Error::permanent(CREATE).because(invalid))?;
        let health = KafkaHealth::new();
        Ok(Self {
            line: Line::start(settings, health.clone(), config.patience())?,
            queue: Queue::new(config.queue_records(), config.queue_bytes(), config.queue_timeout()),
            sends: Sends::new(),
            health,
            decided_within: config.queue_timeout() + config.delivery_timeout(),
        })
    }

    /// Whether a broker is reached.
    #[must_use]
    pub fn health(&self) -> KafkaHealth {
        self.health.clone()
    }

    /// Every record gets its report: its client's thread lives until the last is decided.
    async fn wait(&self, sent: Sent) -> Result<Receipt, Error> {
        sent.decided.await.map_err(|failure| failed(&sent.topic, *failure))
    }
}

/// Hands a record to librdkafka, which decides it later.
fn enqueue(client: &Client, record: &Record, place: Place, epoch: Arc<Epoch>) -> Result<Sent, Error> {
    let decided = client.send(record, place, epoch).map_err(|failure| failed(&record.topic, *failure))?;
    Ok(Sent { decided, topic: record.topic.clone() })
}

fn failed(topic: &Topic, failure: Failure) -> Error {
    let Failure { code, persisted, fatal } = failure;
    let given_up = matches!(code, RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight);
    // A client that failed for good throws out its queue; else it was this crate that gave it up.
    let thrown_out = code == RDKafkaErrorCode::PurgeQueue && fatal.is_some();
    let fault = error::deliver(if thrown_out { RDKafkaErrorCode::Fatal } else { code }, persisted);
    let reason = match fatal {
        Some((code, reason)) if fault == Fault::Fatal => format!("{code}: {reason}"),
        _ if given_up => format!("{code}: undecided for the delivery timeout, or beside a record that was"),
        _ => code.to_string(),
    };
    Error::new(fault, SEND).because(format!("topic {topic}: {reason}"))
}

#[async_trait]
impl Producer for KafkaProducer {
    async fn send(&self, record: Record) -> Result<Receipt, Error> {
        let epoch = self.sends.begin();
        let place = self.queue.enter(encode::size_bytes(&record)).await?;
        let sent = enqueue(&self.line.taking().client, &record, place, epoch)?;
        drop(record);
        self.wait(sent).await
    }

    async fn send_all(&self, records: Vec<Record>) -> Vec<Result<Receipt, Error>> {
        let epoch = self.sends.begin();
        let mut sends = Vec::with_capacity(records.len());
        let mut full = false;
        let generation = self.line.taking().generation;
        for record in records {
            let bytes = encode::size_bytes(&record);
            // Where one has waited in vain, those behind it do not wait again: the time for all is bounded.
            let place = if full { self.queue.try_enter(bytes) } else { self.queue.enter(bytes).await };
            full |= place.is_err();
            sends.push(place.and_then(|place| {
                let taking = self.line.taking();
                // Those before it may be undecided in the client before, and must not be overtaken.
                if taking.generation != generation {
                    return Err(
                        Error::transient(SEND).because("another client took over among these records")
                    );
                }
                enqueue(&taking.client, &record, place, Arc::clone(&epoch))
            }));
            tokio::task::consume_budget().await;
        }
        drop(epoch);

        let mut results = Vec::with_capacity(sends.len());
        for send in sends {
            results.push(match send {
                Ok(sent) => self.wait(sent).await,
                Err(refused) => Err(refused),
            });
            tokio::task::consume_budget().await;
        }
        results
    }

    async fn flush(&self) -> Result<(), Error> {
        timeout(self.decided_within, self.sends.settled())
            .await
            .map_err(|elapsed| Error::transient("flush").because(elapsed))
    }

    fn decided_within(&self) -> Option<Duration> {
        Some(self.decided_within)
    }
}

impl fmt::Debug for KafkaProducer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaProducer").field("health", &self.health).finish_non_exhaustive()
    }
}

/// A record that librdkafka has taken.
struct Sent {
    decided: Decided,
    topic: Topic,
}

const SEND: &str = "send";
