//! The identities of a payment: its id, and the fingerprint of what was asked.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;
use uuid::fmt::Hyphenated;

/// payflow's name for one payment, the same from the front door to the last hop.
///
/// Three ways lead to one: a new UUIDv7, a UUIDv5 of an idempotency key, or a UUIDv5 of where a foreign record stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PaymentId(Uuid);

impl PaymentId {
    /// A new id: UUIDv7, so later ids sort after earlier ones.
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::now_v7())
    }

    /// The id that follows from `parts`: equal parts, equal id.
    ///
    /// Each part is hashed with its length, so that no two different lists of parts read the same.
    pub(crate) fn derived(purpose: Purpose, parts: &[&[u8]]) -> Self {
        Self(derive(purpose, parts))
    }

    /// Reads the hyphenated form.
    ///
    /// # Errors
    /// The text is no UUID.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        hyphenated(text.as_bytes()).map(Self)
    }

    /// Reads the hyphenated form, if it is that.
    pub(crate) fn of_ascii(text: &[u8]) -> Option<Self> {
        hyphenated(text).ok().map(Self)
    }

    /// The id as a UUID.
    #[must_use]
    pub const fn as_uuid(&self) -> &Uuid {
        &self.0
    }

    /// Writes the hyphenated form, in lower case, and gives it: for who has room and wants no `String`.
    pub fn write_text(self, room: &mut [u8; Self::TEXT_BYTES]) -> &str {
        self.0.hyphenated().encode_lower(room)
    }

    /// The length of the hyphenated form.
    pub const TEXT_BYTES: usize = Hyphenated::LENGTH;
}

impl FromStr for PaymentId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for PaymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for PaymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PaymentId({})", self.0)
    }
}

/// A text that should be an id is no UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a UUID in its hyphenated form")]
pub struct InvalidId;

/// RFC 9562 §4. The other spellings that the library takes would let one id be written in several ways.
pub(crate) fn hyphenated(text: &[u8]) -> Result<Uuid, InvalidId> {
    if text.len() == Hyphenated::LENGTH {
        Uuid::try_parse_ascii(text).map_err(|_| InvalidId)
    } else {
        Err(InvalidId)
    }
}

/// What a request asks for, condensed to 128 bits: tells a repeat from another request under the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(Uuid);

impl Fingerprint {
    pub(crate) fn of(parts: &[&str]) -> Self {
        let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
        Self(derive(Purpose::Fingerprint, &parts))
    }

    /// Reads what [`Display`](fmt::Display) wrote.
    ///
    /// # Errors
    /// The text is no fingerprint.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        Uuid::try_parse(text).map(Self).map_err(|_| InvalidId)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_simple().fmt(f)
    }
}

/// What an id is derived for; keeps ids of different purposes apart even if their parts were the same.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    IdempotencyKey,
    ForeignRecord,
    Notification,
    Fingerprint,
}

impl Purpose {
    const fn namespace(self) -> Uuid {
        // Random, drawn once. They are part of the wire contract: another value would give every payment another id.
        Uuid::from_u128(match self {
            Self::IdempotencyKey => 0x6f8b_54c5_3c0f_4a52_9d0c_5d9a_5a0e_7b11,
            Self::ForeignRecord => 0x0b7e_9f8e_2a4d_4c36_8f55_c1b2_7d40_93a2,
            Self::Notification => 0xc3d1_20a7_91e4_4f0b_b6a8_2e73_f84d_1c53,
            Self::Fingerprint => 0x97a4_6e1b_d85f_4b29_a3f0_70c6_19be_e884,
        })
    }
}

/// UUIDv5 (RFC 9562 §5.5) of the parts, each behind its length.
pub(crate) fn derive(purpose: Purpose, parts: &[&[u8]]) -> Uuid {
    let mut name = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        name.extend_from_slice(&(part.len() as u64).to_be_bytes());
        name.extend_from_slice(part);
    }
    Uuid::new_v5(&purpose.namespace(), &name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_ids_follow_from_parts_and_purpose_alone() {
        let id = PaymentId::derived(Purpose::IdempotencyKey, &[b"alice", b"pay", b"k1"]);
        assert_eq!(id, PaymentId::derived(Purpose::IdempotencyKey, &[b"alice", b"pay", b"k1"]));
        assert_ne!(id, PaymentId::derived(Purpose::IdempotencyKey, &[b"alicepay", b"", b"k1"]));
        assert_ne!(id, PaymentId::derived(Purpose::ForeignRecord, &[b"alice", b"pay", b"k1"]));
    }

    #[test]
    fn namespaces_never_change() {
        let id = PaymentId::derived(Purpose::IdempotencyKey, &[b"anonymous", b"pay", b"k1"]);
        assert_eq!(id.to_string(), "f6141505-69ea-52ca-a5f6-61e273ca02d2");
    }

    #[test]
    fn ids_are_read_back_and_garbage_is_refused() {
        let id = PaymentId::random();
        assert_eq!(PaymentId::parse(&id.to_string()), Ok(id));
        for refused in ["", "not-a-uuid", &id.as_uuid().simple().to_string(), &id.as_uuid().urn().to_string()]
        {
            assert_eq!(PaymentId::parse(refused), Err(InvalidId), "{refused}");
        }
        let print = Fingerprint::of(&["a", "b"]);
        assert_eq!(Fingerprint::parse(&print.to_string()), Ok(print));
        assert_eq!(Fingerprint::parse(""), Err(InvalidId));
    }
}
