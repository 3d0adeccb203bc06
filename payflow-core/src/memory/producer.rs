//! The cluster's [`Producer`].

use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;

use super::MemoryCluster;
use super::refusal::Refusal;
use crate::error::Error;
use crate::producer::Producer;
use crate::record::{Receipt, Record};

const OPERATION: &str = "send";

/// Appends records to the topics of a [`MemoryCluster`].
///
/// A record with a key goes to the partition that the FNV-1a hash of its key names, one without to each in turn. Every
/// send is decided at once: a full cluster or a partition without a leader is Transient, an unknown or closed topic
/// Permanent.
#[derive(Debug, Clone)]
pub struct MemoryProducer {
    cluster: MemoryCluster,
}

impl MemoryProducer {
    pub(super) const fn new(cluster: MemoryCluster) -> Self {
        Self { cluster }
    }
}

#[async_trait]
impl Producer for MemoryProducer {
    async fn send(&self, record: Record) -> Result<Receipt, Error> {
        // A loop of sends is always ready; without this it would starve the consumers on its thread.
        tokio::task::consume_budget().await;
        let written_at = Timestamp::now();
        self.cluster
            .change(|state, now| state.append(record, written_at, now))
            .map_err(|refusal| refusal.into_error(OPERATION))
    }

    async fn send_all(&self, records: Vec<Record>) -> Vec<Result<Receipt, Error>> {
        tokio::task::consume_budget().await;
        let written_at = Timestamp::now();
        self.cluster.change(|state, now| {
            let mut full = None;
            records
                .into_iter()
                .map(|record| {
                    // A smaller record behind one that found no room must not overtake it.
                    let appended = full.map_or_else(
                        || state.append(record, written_at, now),
                        |capacity_bytes| Err(Refusal::Full { capacity_bytes }),
                    );
                    if let Err(Refusal::Full { capacity_bytes }) = appended {
                        full = Some(capacity_bytes);
                    }
                    appended.map_err(|refusal| refusal.into_error(OPERATION))
                })
                .collect()
        })
    }

    async fn flush(&self) -> Result<(), Error> {
        Ok(())
    }

    fn decided_within(&self) -> Option<Duration> {
        Some(Duration::ZERO)
    }
}

impl super::State {
    fn append(&mut self, record: Record, written_at: Timestamp, now: Instant) -> Result<Receipt, Refusal> {
        self.check_open()?;
        if let Some(fault) = self.faults.next_send(&record.topic) {
            return Err(Refusal::Scripted(fault));
        }
        let written_at_ms = written_at.as_millisecond();
        if self.faults.next_receipt_is_lost(&record.topic) {
            return Err(self.cluster.append_unanswered(record, written_at_ms, now));
        }
        self.cluster.append(record, written_at_ms, now)
    }
}
