//! Between a value and the bytes of a record.

use bytes::Bytes;

use crate::payment::InvalidPayment;
use crate::record::{Headers, HeadersRef};

/// Turns a `T` into the value and headers of a record, and back.
///
/// A codec is pure: no I/O, no clock, and the same input always gives the same output. It may be called from many
/// threads at once. Transports know nothing of it, so a record that cannot be decoded keeps its original bytes.
pub trait Codec<T>: Send + Sync {
    /// The value and headers that stand for `body`.
    fn encode(&self, body: &T) -> Encoded;

    /// Reads a value and its headers.
    ///
    /// # Errors
    /// The bytes are not of this form, or say something that a `T` cannot be. The record is dead-lettered for it.
    fn decode(&self, value: &[u8], headers: HeadersRef<'_>) -> Result<T, DecodeError>;
}

/// What a [`Codec`] makes of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The record's value.
    pub value: Bytes,
    /// The headers that belong to it.
    pub headers: Headers,
}

/// Why the bytes of a record are refused. Names what is wrong, and never holds the bytes themselves.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Not of the codec's form at all: broken syntax, a missing structure.
    #[error("value is malformed: {0}")]
    Malformed(String),
    /// Of the right form, with a field that is refused.
    #[error(transparent)]
    Invalid(#[from] InvalidPayment),
}
