//! What librdkafka tells the poll thread: recorded here, carried out there.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, TopicPartitionList};

use crate::log;

/// Records what happened. Its methods run on the poll thread, inside its polls.
#[derive(Debug, Default)]
pub(super) struct Context {
    told: Mutex<Told>,
    closing: AtomicBool,
}

#[derive(Default)]
struct Told {
    rebalances: Vec<Rebalance>,
    commits: Vec<CommitResult>,
}

/// A change that librdkafka waits to be answered, by an assign or an unassign.
pub(super) enum Rebalance {
    Assign(TopicPartitionList),
    Revoke(TopicPartitionList),
}

/// What became of a commit, as a whole and for each partition.
#[derive(Debug)]
pub(super) struct CommitResult {
    pub(super) result: Result<(), RDKafkaErrorCode>,
    pub(super) partitions: Vec<CommittedPartition>,
}

#[derive(Debug)]
pub(super) struct CommittedPartition {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) offset: Option<i64>,
    pub(super) error: Option<RDKafkaErrorCode>,
}

impl Context {
    pub(super) fn take_rebalances(&self) -> Vec<Rebalance> {
        mem::take(&mut self.told().rebalances)
    }

    pub(super) fn take_commits(&self) -> Vec<CommitResult> {
        mem::take(&mut self.told().commits)
    }

    /// From now on every change is answered at once: nobody is left to do it later.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        // Nothing panics while it is held.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log::forward(level, facility, message);
    }

    fn error(&self, _: KafkaError, _: &str) {
        // The poll that told this returns the error too.
    }
}

impl ConsumerContext for Context {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        code: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        if self.closing.load(Ordering::SeqCst) {
            unassign(consumer, partitions);
            return;
        }
        // The list lives no longer than this call.
        let partitions = partitions.clone();
        let rebalance = match code {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Rebalance::Assign(partitions),
            _ => Rebalance::Revoke(partitions),
        };
        self.told().rebalances.push(rebalance);
    }

    fn commit_callback(&self, result: KafkaResult<()>, partitions: &TopicPartitionList) {
        let partitions = partitions.elements().into_iter().map(|partition| CommittedPartition {
            topic: partition.topic().to_owned(),
            partition: partition.partition(),
            offset: partition.offset().to_raw(),
            error: partition.error().err().and_then(|error| error.rdkafka_error_code()),
        });
        let result = result.map_err(|error| error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown));
        let result = CommitResult { result, partitions: partitions.collect() };
        self.told().commits.push(result);
    }
}

/// Gives partitions back: all of them where the group rebalances eagerly. Of those that the group takes there may be some that
/// were never answered; one that is not held would have all refused, and librdkafka waits for an answer.
pub(super) fn unassign(consumer: &BaseConsumer<Context>, partitions: &TopicPartitionList) {
    let given_back = match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative => {
            consumer.assignment().and_then(|held| consumer.incremental_unassign(&both(partitions, &held)))
        }
        RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.unassign(),
    };
    if let Err(error) = given_back {
        tracing::debug!(%error, "partitions could not be given back: the group has taken them already");
    }
}

/// Those of a list that are in the other too.
fn both(list: &TopicPartitionList, other: &TopicPartitionList) -> TopicPartitionList {
    let mut common = TopicPartitionList::new();
    for partition in list.elements() {
        if other.find_partition(partition.topic(), partition.partition()).is_some() {
            common.add_partition(partition.topic(), partition.partition());
        }
    }
    common
}

impl std::fmt::Debug for Told {
    // Not derived: formatting a partition list panics on metadata that is not UTF-8.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Told")
            .field("rebalances", &self.rebalances.len())
            .field("commits", &self.commits.len())
            .finish()
    }
}
