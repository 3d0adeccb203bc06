//! What rdkafka does not wrap of a delivery report and of metadata.

use std::ptr;
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::bindings::{rd_kafka_message_status, rd_kafka_metadata, rd_kafka_metadata_destroy};
use rdkafka::client::Client;
use rdkafka::error::{IsError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::types::RDKafkaRespErr;

/// Whether a broker has a record whose delivery failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Persisted {
    /// It was never sent.
    No,
    /// librdkafka says no, of a record that it may have sent.
    ///
    /// A broker that is shutting down appends a batch, loses its leadership, and answers that it is no leader; librdkafka
    /// takes that for a proof that nothing was written. It is right only if the next attempt gets through.
    Unlikely,
    /// A broker may have it.
    Maybe,
}

/// What librdkafka says of a record; for messages of a delivery report alone.
pub(crate) fn message_status(message: &BorrowedMessage<'_>) -> Persisted {
    use rdkafka::bindings::rd_kafka_msg_status_t::{
        RD_KAFKA_MSG_STATUS_NOT_PERSISTED, RD_KAFKA_MSG_STATUS_PERSISTED,
        RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED,
    };
    // SAFETY: the pointer comes from the event that `message` keeps alive, and points to a message that librdkafka made
    // itself, which the call demands: it reads the field behind the public ones. It is read only.
    let status = unsafe { rd_kafka_message_status(message.ptr()) };
    match status {
        RD_KAFKA_MSG_STATUS_NOT_PERSISTED => Persisted::Unlikely,
        RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED | RD_KAFKA_MSG_STATUS_PERSISTED => Persisted::Maybe,
    }
}

/// Asks any broker for metadata, and waits for the answer at most `timeout`; `Ok` means that one answered.
///
/// Asks about the brokers and the topics that are known here, where rdkafka's own call asks about all of the cluster's.
pub(crate) fn reach_broker<C: ClientContext>(
    client: &Client<C>,
    timeout: Duration,
) -> Result<(), RDKafkaErrorCode> {
    let timeout = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    let mut metadata = ptr::null();
    // SAFETY: the client's pointer is valid while `client` is borrowed; no topic is given, which the call allows; the
    // last pointer is written before the call returns without an error.
    let code: RDKafkaRespErr =
        unsafe { rd_kafka_metadata(client.native_ptr(), 0, ptr::null_mut(), &raw mut metadata, timeout) };
    if code.is_error() {
        return Err(code.into());
    }
    // SAFETY: without an error the metadata is ours to free, once; nothing refers to it.
    unsafe { rd_kafka_metadata_destroy(metadata) };
    Ok(())
}
