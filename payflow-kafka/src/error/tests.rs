use payflow_core::Fault;
use rdkafka::error::RDKafkaErrorCode::{self, *};
use rdkafka::types::RDKafkaRespErr;

use super::*;

/// Every code, by what it means for a send that was surely not written, a consumer, a commit and an administrator: transient (T),
/// permanent (P), unknown (U) or fatal (F). A code that a new librdkafka adds fails the test until it is given its place.
#[rustfmt::skip]
const TABLE: &[(&str, &[RDKafkaErrorCode])] = &[
    ("FFFP", &[UnsupportedFeature, ClusterAuthorizationFailed]),
    ("FFFT", &[Fatal, Fenced]),
    ("FTTT", &[
        OutOfOrderSequenceNumber, InvalidProducerEpoch, InvalidProducerIdMapping,
        TransactionalIdAuthorizationFailed, UnknownProducerId, ProducerFenced,
    ]),
    ("PFFP", &[TopicAuthorizationFailed, UnsupportedVersion]),
    ("PFTP", &[InvalidTopic]),
    ("PTPP", &[InvalidArgument]),
    ("PTTP", &[UnknownTopic, UnknownTopicOrPartition, PolicyViolation]),
    ("PTTT", &[
        BadCompression, UnknownPartition, InvalidMessageSize, MessageSizeTooLarge, MessageBatchTooLarge,
        InvalidRequiredAcks, InvalidTimestamp, UnsupportedForMessageFormat, UnsupportedCompressionType,
        InvalidRecord, UnknownTopicId,
    ]),
    ("TFFP", &[Authentication, UnsupportedSASLMechanism, IllegalSASLState, SaslAuthenticationFailed]),
    ("TFFT", &[InvalidGroupId, GroupAuthorizationFailed, FencedInstanceId]),
    ("TFTT", &[InconsistentGroupProtocol, InvalidSessionTimeout, UnsupportedAssignor]),
    ("TTPT", &[OffsetMetadataTooLarge, InvalidCommitOffsetSize]),
    ("TTTP", &[
        InvalidPartitions, InvalidReplicationFactor, InvalidReplicaAssignment, InvalidConfig, InvalidRequest,
    ]),
    ("TTUT", &[BrokerDestroy, BrokerTransportFailure, OperationTimedOut, DestroyBroker]),
    ("UTTT", &[NotEnoughReplicasAfterAppend, DuplicateSequenceNumber]),
    ("UTUT", &[PurgeInflight, RequestTimedOut, NetworkException]),
    ("TTTT", &[
        Begin, BadMessage, Fail, CriticalSystemResource, Resolve, MessageTimedOut, PartitionEOF, FileSystem,
        AllBrokersDown, QueueFull, ISRInsufficient, NodeUpdate, SSL, WaitingForCoordinator, UnknownGroup,
        InProgress, PreviousInProgress, ExistingSubscription, AssignPartitions, RevokePartitions, Conflict,
        State, UnknownProtocol, NotImplemented, NoOffset, Outdated, TimedOutQueue, WaitCache, Interrupted,
        KeySerialization, ValueSerialization, KeyDeserialization, ValueDeserialization, Partial, ReadOnly,
        NoEnt, Underflow, InvalidType, Retry, Inconsistent, GaplessGuarantee, PollExceeded,
        UnknownBroker, NotConfigured, Application, AssignmentLost, Noop, AutoOffsetReset, LogTruncation,
        InvalidDifferentRecord, End, Unknown, NoError, OffsetOutOfRange, InvalidMessage, LeaderNotAvailable,
        NotLeaderForPartition, BrokerNotAvailable, ReplicaNotAvailable, StaleControllerEpoch,
        CoordinatorLoadInProgress, CoordinatorNotAvailable, NotCoordinator, NotEnoughReplicas,
        IllegalGeneration, UnknownMemberId, RebalanceInProgress, TopicAlreadyExists, NotController,
        InvalidTransactionalState, InvalidTransactionTimeout, ConcurrentTransactions,
        TransactionCoordinatorFenced, SecurityDisabled, OperationNotAttempted, KafkaStorageError,
        LogDirNotFound, ReassignmentInProgress, DelegationTokenAuthDisabled, DelegationTokenNotFound,
        DelegationTokenOwnerMismatch, DelegationTokenRequestNotAllowed, DelegationTokenAuthorizationFailed,
        DelegationTokenExpired, InvalidPrincipalType, NonEmptyGroup, GroupIdNotFound, FetchSessionIdNotFound,
        InvalidFetchSessionEpoch, ListenerNotFound, TopicDeletionDisabled, FencedLeaderEpoch,
        UnknownLeaderEpoch, StaleBrokerEpoch, OffsetNotAvailable, MemberIdRequired,
        PreferredLeaderNotAvailable, GroupMaxSizeReached, EligibleLeadersNotAvailable, ElectionNotNeeded,
        NoReassignmentInProgress, GroupSubscribedToTopic, UnstableOffsetCommit, ThrottlingQuotaExceeded,
        ResourceNotFound, DuplicateResource, UnacceptableCredential, InconsistentVoterSet,
        InvalidUpdateVersion, FeatureUpdateFailed, PrincipalDeserializationFailure, FencedMemberEpoch,
        UnreleasedInstanceId, StaleMemberEpoch, UnknownSubscriptionId, TelemetryTooLarge, RebootstrapRequired,
        PurgeQueue, EndAll,
    ]),
];

/// Every code that librdkafka knows, from below its lowest to above its highest.
fn codes() -> impl Iterator<Item = RDKafkaErrorCode> {
    (-1_000..1_000).filter_map(|number| RDKafkaRespErr::try_from(number).ok()).map(RDKafkaErrorCode::from)
}

fn letter(fault: Fault) -> char {
    match fault {
        Fault::Transient { .. } => 'T',
        Fault::Permanent => 'P',
        Fault::Unknown => 'U',
        Fault::Fatal => 'F',
    }
}

#[test]
fn every_code_has_its_place() {
    let mut count = 0;
    for code in codes() {
        count += 1;
        let rows: Vec<_> = TABLE.iter().filter(|(_, codes)| codes.contains(&code)).collect();
        let [(expected, _)] = rows[..] else { panic!("{code:?} stands in {} rows of the table", rows.len()) };
        let faults = [deliver(code, Persisted::No), consume(code), commit(code), admin(code)];
        let found: String = faults.into_iter().map(letter).collect();
        assert_eq!(found, *expected, "{code:?}");
    }
    assert_eq!(count, TABLE.iter().map(|(_, codes)| codes.len()).sum::<usize>());
}

#[test]
fn what_a_broker_may_have_is_unknown_whatever_the_code() {
    for code in codes() {
        assert_eq!(deliver(code, Persisted::Maybe), Fault::Unknown, "{code:?}");
    }
}

#[test]
fn a_record_that_may_have_been_sent_is_permanent_or_unknown() {
    for code in codes() {
        let expected = match deliver(code, Persisted::No) {
            Fault::Permanent => Fault::Permanent,
            _ => Fault::Unknown,
        };
        assert_eq!(deliver(code, Persisted::Unlikely), expected, "{code:?}");
    }
}

#[test]
fn the_code_of_an_administrators_error_is_found() {
    let code = InvalidReplicationFactor;
    assert_eq!(code_of(&KafkaError::AdminOp(code)), code);
    assert_eq!(code_of(&KafkaError::Global(code)), code);
    assert_eq!(code_of(&KafkaError::AdminOpCreation(String::new())), InvalidArgument);
}
