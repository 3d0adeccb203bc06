//! What happens to a pipeline, for its log and for a listener.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use crate::error::{Error, Fault};
use crate::record::Topic;

/// Something that a person on call, or a program in their place, wants to know: once an outage, and once a dead letter.
#[derive(Debug)]
#[non_exhaustive]
pub enum PipelineEvent {
    /// Receiving fails, and is tried again with pauses.
    ReceiveFailed(Error),
    /// Receiving works again.
    ReceiveRecovered {
        /// How often it had failed.
        failures: u32,
    },
    /// Commits have failed for a while, and are tried again.
    CommitFailed(Error),
    /// Commits work again.
    CommitRecovered {
        /// How many had failed.
        failures: u32,
    },
    /// Partitions are asked back.
    Revoking {
        /// How many.
        partitions: usize,
    },
    /// Partitions were lost: what was in flight comes again.
    Lost {
        /// How many.
        partitions: usize,
    },
    /// Handlers still ran when their partitions had to go, and were cut off.
    CutOff {
        /// Of how many partitions.
        partitions: usize,
    },
    /// A destination counts as down: see [`StormPolicy`](crate::StormPolicy).
    StormBegan {
        /// Its name.
        destination: &'static str,
    },
    /// A destination works again.
    StormEnded {
        /// Its name.
        destination: &'static str,
        /// How long it was down.
        lasted: Duration,
    },
    /// A record was set aside, durably.
    DeadLettered {
        /// Where it stands.
        topic: Topic,
        /// The partition of the topic.
        partition: i32,
        /// The offset in the partition.
        offset: i64,
        /// What is said of its attempts.
        fault: Fault,
        /// What failed, as in [`DeadLetters::STAGE`](crate::DeadLetters::STAGE).
        stage: &'static str,
    },
}

/// Who else is told, beside the log. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Listener(Option<Arc<Hear>>);

type Hear = dyn Fn(&PipelineEvent) + Send + Sync;

impl Listener {
    pub(super) fn new(hear: impl Fn(&PipelineEvent) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hear)))
    }

    /// Logs the event, save what is logged where it happens, and tells it.
    pub(super) fn tell(&self, event: &PipelineEvent) {
        log(event);
        if let Some(hear) = &self.0 {
            // The listener's panic is its own.
            let _ = std::panic::catch_unwind(AssertUnwindSafe(|| hear(event)));
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Listener").field(&self.0.is_some()).finish()
    }
}

fn log(event: &PipelineEvent) {
    match event {
        PipelineEvent::ReceiveFailed(error) => {
            warn!(error = error.chain(), "receiving fails, and is tried again")
        }
        PipelineEvent::ReceiveRecovered { failures } => info!(failures, "receiving works again"),
        PipelineEvent::CommitFailed(error) => {
            warn!(error = error.chain(), "commit failed, and is tried again")
        }
        PipelineEvent::CommitRecovered { failures } => info!(failures, "commits work again"),
        PipelineEvent::Revoking { partitions } => info!(partitions, "partitions are asked back"),
        PipelineEvent::Lost { partitions } => {
            warn!(partitions, "partitions were lost: what was in flight comes again")
        }
        PipelineEvent::CutOff { partitions } => {
            warn!(partitions, "handlers still ran when their partitions had to go: they were cut off")
        }
        PipelineEvent::StormBegan { destination } => warn!(
            destination,
            "destination counts as down: its records wait, one at a time is tried, none is dead-lettered for it"
        ),
        PipelineEvent::StormEnded { destination, lasted } => {
            info!(destination, seconds = lasted.as_secs(), "destination works again")
        }
        // Not a line for each, when a thousand fail alike: who publishes them knows how many.
        PipelineEvent::DeadLettered { .. } => {}
    }
}
