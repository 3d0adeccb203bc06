//! Why the cluster refuses a call, and what that means to the caller.

use crate::error::{Error, Fault};
use crate::record::{Receipt, Topic};

/// Why the cluster did not do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("topic {0} does not exist: create it first")]
    UnknownTopic(Topic),
    #[error("topic {0} is closed: nothing more is sent to it")]
    ClosedTopic(Topic),
    #[error("no topics to subscribe to: name at least one")]
    NoTopics,
    #[error("{0} partitions: a topic has 1 to {max}", max = super::cluster::PARTITIONS_MAX)]
    PartitionCount(u32),
    #[error("topic {topic} exists with {partitions} partitions")]
    OtherPartitionCount { topic: Topic, partitions: usize },
    #[error("topic {topic} has {partitions} partitions: it can only be given more")]
    FewerPartitions { topic: Topic, partitions: usize },
    #[error("a record of {size_bytes} bytes is larger than the whole capacity of {capacity_bytes}")]
    TooLarge { size_bytes: usize, capacity_bytes: usize },
    #[error("full: {capacity_bytes} bytes are held, and no more of them is committed by every group")]
    Full { capacity_bytes: usize },
    #[error("partition {partition} of topic {topic} has no leader just now: send again")]
    NoLeader { topic: Topic, partition: i32 },
    /// Whether it was is no secret from who runs the model.
    #[error("no answer: the record may have been written")]
    Unanswered { written: Option<Receipt> },
    #[error("illegal generation: a partition is not this member's any more")]
    IllegalGeneration,
    #[error("the cluster was shut down")]
    ShutDown,
    #[error("asked for by a test")]
    Scripted(Fault),
}

impl Refusal {
    pub(crate) fn into_error(self, operation: &'static str) -> Error {
        Error::new(self.fault(), operation).because(self)
    }

    const fn fault(&self) -> Fault {
        match self {
            Self::UnknownTopic(_)
            | Self::ClosedTopic(_)
            | Self::NoTopics
            | Self::PartitionCount(_)
            | Self::OtherPartitionCount { .. }
            | Self::FewerPartitions { .. }
            | Self::TooLarge { .. } => Fault::Permanent,
            Self::Full { .. } | Self::NoLeader { .. } | Self::IllegalGeneration => {
                Fault::Transient { retry_after: None }
            }
            Self::Unanswered { .. } => Fault::Unknown,
            Self::ShutDown => Fault::Fatal,
            Self::Scripted(fault) => *fault,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_has_its_fault() {
        let topic = Topic::parse("t").unwrap();
        let transient = Fault::Transient { retry_after: None };
        for (refusal, fault) in [
            (Refusal::UnknownTopic(topic.clone()), Fault::Permanent),
            (Refusal::ClosedTopic(topic.clone()), Fault::Permanent),
            (Refusal::NoTopics, Fault::Permanent),
            (Refusal::PartitionCount(0), Fault::Permanent),
            (Refusal::OtherPartitionCount { topic: topic.clone(), partitions: 1 }, Fault::Permanent),
            (Refusal::FewerPartitions { topic: topic.clone(), partitions: 2 }, Fault::Permanent),
            (Refusal::NoLeader { topic, partition: 0 }, transient),
            (Refusal::Unanswered { written: None }, Fault::Unknown),
            (Refusal::Unanswered { written: Some(Receipt::new(0, 1)) }, Fault::Unknown),
            (Refusal::TooLarge { size_bytes: 2, capacity_bytes: 1 }, Fault::Permanent),
            (Refusal::Full { capacity_bytes: 1 }, transient),
            (Refusal::IllegalGeneration, transient),
            (Refusal::ShutDown, Fault::Fatal),
            (Refusal::Scripted(Fault::Unknown), Fault::Unknown),
        ] {
            let error = refusal.clone().into_error("send");
            assert_eq!(error.fault(), fault, "{refusal}");
            assert!(error.chain().ends_with(&refusal.to_string()));
        }
    }
}
