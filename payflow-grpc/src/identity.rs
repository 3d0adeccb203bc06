//! Who asks, and under which name: what a call says beside its message.

use payflow_core::{Fingerprint, HeaderName, IdempotencyKey, Principal};
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};

use crate::answer;

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Whom a layer in front has found to ask, or else nobody in particular.
pub(crate) fn principal<T>(request: &Request<T>) -> Principal {
    request.extensions().get::<Principal>().cloned().unwrap_or_default()
}

/// The idempotency key, by the rules of HTTP's header: it stands once, bare or as a quoted string.
pub(crate) fn idempotency_key(metadata: &MetadataMap) -> Result<Option<IdempotencyKey>, Status> {
    let mut values = metadata.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(answer::invalid_field(IDEMPOTENCY_KEY, "must stand once"));
    }
    // Bytes beyond ASCII are no key either, so they may read as the empty one.
    IdempotencyKey::parse_field(value.to_str().unwrap_or_default())
        .map(Some)
        .map_err(|invalid| answer::invalid_field(IDEMPOTENCY_KEY, &invalid.to_string()))
}

/// The fingerprint of the request that the payment began with, as the record's header has it.
pub(crate) fn fingerprint(metadata: &MetadataMap) -> Result<Option<Fingerprint>, Status> {
    let Some(value) = metadata.get(HeaderName::FINGERPRINT) else {
        return Ok(None);
    };
    Fingerprint::parse(value.to_str().unwrap_or_default())
        .map(Some)
        .map_err(|_| answer::invalid_field(HeaderName::FINGERPRINT, "must be 32 hexadecimal digits"))
}
