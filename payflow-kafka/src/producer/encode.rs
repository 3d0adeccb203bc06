//! A record as librdkafka takes it.

use std::sync::Arc;

use bytes::Bytes;
use payflow_core::{Headers, Record};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::BaseRecord;

use super::pending::Pending;

/// The record, to be copied by the send.
pub(super) fn base_record(
    record: &Record,
    pending: Arc<Pending>,
) -> BaseRecord<'_, [u8], [u8], Arc<Pending>> {
    let mut base = BaseRecord::with_opaque_to(record.topic.as_str(), pending);
    base.key = record.key.as_deref();
    base.payload = record.value.as_deref();
    base.headers = (!record.headers.is_empty()).then(|| headers(&record.headers));
    // librdkafka takes 0 for now, and Kafka knows no time before 1970.
    base.timestamp =
        record.timestamp.map(|timestamp| timestamp.as_millisecond()).filter(|milliseconds| *milliseconds > 0);
    base
}

fn headers(headers: &Headers) -> OwnedHeaders {
    headers.iter().fold(OwnedHeaders::new_with_capacity(USUAL_HEADERS), |owned, header| {
        owned.insert(Header { key: header.name, value: header.value })
    })
}

/// As many as a payment has, with room for a trace: to count them would be a walk over them.
const USUAL_HEADERS: usize = 8;

/// What the record takes of the queue's bytes.
pub(super) fn size_bytes(record: &Record) -> usize {
    let length = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
    length(&record.key) + length(&record.value) + record.headers.size_bytes()
}
