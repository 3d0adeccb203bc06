//! What each error of librdkafka means: one table for each thing that is done.

use payflow_core::Fault;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::config::InvalidKafkaConfig;
use crate::native::Persisted;

const TRANSIENT: Fault = Fault::Transient { retry_after: None };

/// What a failed send means for its record.
///
/// That a broker may have it comes before everything: who waits must not be told that nothing happened. An answer about
/// the record itself is believed, since it is given before anything is written.
pub(crate) fn deliver(code: RDKafkaErrorCode, persisted: Persisted) -> Fault {
    match (refusal(code), persisted) {
        (_, Persisted::Maybe) | (Fault::Transient { .. } | Fault::Fatal, Persisted::Unlikely) => {
            Fault::Unknown
        }
        (fault, _) => fault,
    }
}

/// What a code means for a record that was not written.
fn refusal(code: RDKafkaErrorCode) -> Fault {
    use RDKafkaErrorCode::*;
    match code {
        // About the record or its topic: the next one may do better, this one will not.
        UnknownTopic
        | UnknownPartition
        | UnknownTopicOrPartition
        | UnknownTopicId
        | InvalidTopic
        | TopicAuthorizationFailed
        | MessageSizeTooLarge
        | MessageBatchTooLarge
        | InvalidMessageSize
        | InvalidRecord
        | InvalidTimestamp
        | InvalidArgument
        | PolicyViolation
        | BadCompression
        | UnsupportedCompressionType
        | UnsupportedForMessageFormat
        | UnsupportedVersion
        | InvalidRequiredAcks => Fault::Permanent,
        // About the producer: its identity or its sequence is lost, or may not be had. A purged queue is no such sign: it is
        // also how this crate gives up what waits (`producer/client.rs`), and then the client goes on.
        Fatal
        | Fenced
        | ProducerFenced
        | InvalidProducerEpoch
        | InvalidProducerIdMapping
        | OutOfOrderSequenceNumber
        | UnknownProducerId
        | ClusterAuthorizationFailed
        | TransactionalIdAuthorizationFailed
        | UnsupportedFeature => Fault::Fatal,
        // A broker's answers that leave it open, whatever librdkafka made of them.
        RequestTimedOut
        | NetworkException
        | NotEnoughReplicasAfterAppend
        | DuplicateSequenceNumber
        | PurgeInflight => Fault::Unknown,
        _ => TRANSIENT,
    }
}

/// What an error of a consumer means for it, wherever it comes up: the group, a fetch, a partition.
pub(crate) fn consume(code: RDKafkaErrorCode) -> Fault {
    use RDKafkaErrorCode::*;
    match code {
        // Waiting changes none of these: another has its name, it may not, or what it was told does not fit.
        Fatal
        | Fenced
        | FencedInstanceId
        | Authentication
        | SaslAuthenticationFailed
        | UnsupportedSASLMechanism
        | IllegalSASLState
        | TopicAuthorizationFailed
        | GroupAuthorizationFailed
        | ClusterAuthorizationFailed
        | InvalidGroupId
        | InvalidSessionTimeout
        | InconsistentGroupProtocol
        | UnsupportedAssignor
        | InvalidTopic
        | UnsupportedVersion
        | UnsupportedFeature => Fault::Fatal,
        _ => TRANSIENT,
    }
}

/// What a failed commit means for the offsets in it.
pub(crate) fn commit(code: RDKafkaErrorCode) -> Fault {
    use RDKafkaErrorCode::*;
    match code {
        // Sent, and no answer.
        OperationTimedOut
        | RequestTimedOut
        | BrokerTransportFailure
        | NetworkException
        | BrokerDestroy
        | DestroyBroker
        | PurgeInflight => Fault::Unknown,
        // About these offsets and their metadata.
        OffsetMetadataTooLarge | InvalidCommitOffsetSize | InvalidArgument => Fault::Permanent,
        Fatal
        | Fenced
        | FencedInstanceId
        | Authentication
        | SaslAuthenticationFailed
        | UnsupportedSASLMechanism
        | IllegalSASLState
        | TopicAuthorizationFailed
        | GroupAuthorizationFailed
        | ClusterAuthorizationFailed
        | InvalidGroupId
        | UnsupportedVersion
        | UnsupportedFeature => Fault::Fatal,
        _ => TRANSIENT,
    }
}

/// What a failed question about topics means, or the failed creation of one, which may be repeated.
pub(crate) fn admin(code: RDKafkaErrorCode) -> Fault {
    use RDKafkaErrorCode::*;
    match code {
        InvalidTopic
        | InvalidPartitions
        | InvalidReplicationFactor
        | InvalidReplicaAssignment
        | InvalidConfig
        | InvalidRequest
        | InvalidArgument
        | PolicyViolation
        | UnknownTopic
        | UnknownTopicOrPartition
        | Authentication
        | SaslAuthenticationFailed
        | UnsupportedSASLMechanism
        | IllegalSASLState
        | TopicAuthorizationFailed
        | ClusterAuthorizationFailed
        | UnsupportedVersion
        | UnsupportedFeature => Fault::Permanent,
        _ => TRANSIENT,
    }
}

/// The code within rdkafka's error, which its own method misses for administration.
pub(crate) fn code_of(error: &KafkaError) -> RDKafkaErrorCode {
    match error {
        KafkaError::AdminOp(code) => *code,
        KafkaError::Canceled => RDKafkaErrorCode::BrokerDestroy,
        KafkaError::AdminOpCreation(_) | KafkaError::Nul(_) => RDKafkaErrorCode::InvalidArgument,
        other => other.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail),
    }
}

/// A client that could not be made of its configuration. Without the value that was refused: it may be a secret.
pub(crate) fn create(operation: &'static str, error: KafkaError) -> payflow_core::Error {
    let cause = match error {
        KafkaError::ClientConfig(_, _, key, _) => {
            InvalidKafkaConfig::new(key, "was refused by librdkafka: see its CONFIGURATION.md for the range")
        }
        other => InvalidKafkaConfig::new("configuration", format!("was refused by librdkafka: {other}")),
    };
    payflow_core::Error::permanent(operation).because(cause)
}

#[cfg(test)]
mod tests;
