//! Publishes dead letters, and tells of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tracing::{error, info, warn};

use super::attempt::{LOG_INTERVAL, now};
use super::sparse::Sparse;
use crate::consumer::Delivery;
use crate::pipeline::dead_letter::DeadLetters;
use crate::pipeline::events::{Listener, PipelineEvent};
use crate::pipeline::shard::{Outcome, Verdict};

#[derive(Debug)]
pub(super) struct Publication {
    dead_letters: DeadLetters,
    published: Sparse,
    /// Publications that failed since the last that succeeded.
    failures: AtomicU32,
    listener: Listener,
}

impl Publication {
    pub(super) const fn new(dead_letters: DeadLetters, listener: Listener) -> Self {
        let (published, failures) = (Sparse::new(LOG_INTERVAL), AtomicU32::new(0));
        Self { dead_letters, published, failures, listener }
    }

    pub(super) async fn publish(&self, delivery: Arc<Delivery>, verdict: Box<Verdict>) -> Outcome {
        let (topic, partition, offset) = (delivery.topic.clone(), delivery.partition, delivery.offset);
        match self.dead_letters.publish(&delivery, &verdict).await {
            Ok(()) => {
                let failures = self.failures.swap(0, Ordering::Relaxed);
                if failures > 0 {
                    info!(failures, "dead letters are published again");
                }
                let (fault, stage) = (verdict.failure.fault, verdict.failure.stage);
                if let Some(unlogged) = self.published.admit(now()) {
                    let fault = fault.as_str();
                    warn!(%topic, partition, offset, fault, stage, unlogged, "record dead-lettered: its headers say why");
                }
                self.listener.tell(&PipelineEvent::DeadLettered { topic, partition, offset, fault, stage });
                Outcome::DeadLettered
            }
            Err(error) => {
                if self.failures.fetch_add(1, Ordering::Relaxed) == 0 {
                    error!(
                        error = error.chain(),
                        "dead letter not published: its lane waits, and publication is repeated without end"
                    );
                }
                Outcome::NotDeadLettered(Box::new(error))
            }
        }
    }
}
