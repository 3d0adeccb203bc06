//! A request to pay, and the parts it is made of.

mod headers;
mod id;
#[cfg(feature = "json")]
mod plain;
mod text;
mod time;

use std::fmt;

use jiff::Timestamp;

pub use headers::PaymentHeaders;
pub use id::{Fingerprint, InvalidId, PaymentId};
pub(crate) use id::{Purpose, derive, hyphenated};

#[cfg(feature = "json")]
pub(crate) use self::plain::PlainText;
use self::text::Text;
use crate::money::{InvalidAmount, Money};

/// Somebody asks that a payer pays an amount by a method.
///
/// Every value is whole: its parts were parsed, and the amount is above zero and within [`PaymentRequest::MINOR_MAX`].
/// The identity is absent in what a client sends and in what other services put on the topic; the intake gives it.
///
/// ```
/// use payflow_core::{Currency, Money, PaymentMethod, PaymentRequest, UserId};
///
/// let amount = Money::from_decimal("49.99", Currency::parse("EUR")?)?;
/// let request = PaymentRequest::new(UserId::parse("u001")?, amount, PaymentMethod::parse("paypal")?)?;
/// assert_eq!(request.amount().minor(), 4_999);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentRequest {
    user_id: UserId,
    amount: Money,
    method: PaymentMethod,
    id: Option<PaymentId>,
    created_at: Option<Timestamp>,
}

impl PaymentRequest {
    /// The largest amount, in minor units: up to here the shortest decimal of a double is exact.
    pub const MINOR_MAX: i64 = 1_000_000_000_000_000;

    /// A request as a client means it, without identity.
    ///
    /// # Errors
    /// The amount is not above zero, or above [`MINOR_MAX`](Self::MINOR_MAX).
    #[inline]
    pub fn new(user_id: UserId, amount: Money, method: PaymentMethod) -> Result<Self, InvalidPayment> {
        if amount.minor() <= 0 {
            return Err(InvalidPayment::new(Field::Amount, "must be above zero"));
        }
        if amount.minor() > Self::MINOR_MAX {
            return Err(InvalidPayment::new(Field::Amount, "is out of range"));
        }
        Ok(Self { user_id, amount, method, id: None, created_at: None })
    }

    /// The same request under an identity: payflow's id for it, and when it was accepted.
    #[must_use]
    pub fn identified(self, id: PaymentId, created_at: Timestamp) -> Self {
        self.with_identity(Some(id), Some(created_at))
    }

    /// The same request with what identity a record carried.
    #[must_use]
    #[inline]
    pub fn with_identity(mut self, id: Option<PaymentId>, created_at: Option<Timestamp>) -> Self {
        self.id = id;
        self.created_at = created_at;
        self
    }

    /// Who pays; also the record key, and so the unit of order.
    #[must_use]
    pub const fn user_id(&self) -> &UserId {
        &self.user_id
    }

    /// How much.
    #[must_use]
    pub const fn amount(&self) -> Money {
        self.amount
    }

    /// How.
    #[must_use]
    pub const fn method(&self) -> &PaymentMethod {
        &self.method
    }

    /// The id the intake gave, if it has been there. A handler asks [`Message::payment_id`](crate::Message::payment_id),
    /// which always knows one.
    #[must_use]
    pub const fn id(&self) -> Option<PaymentId> {
        self.id
    }

    /// When the intake accepted it, if it has been there.
    #[must_use]
    pub const fn created_at(&self) -> Option<Timestamp> {
        self.created_at
    }

    /// What the request asks for, condensed: equal for equal requests, whatever their identity.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let minor = self.amount.minor().to_string();
        Fingerprint::of(&[self.user_id.as_str(), &minor, self.amount.currency().code(), self.method.as_str()])
    }
}

/// Who pays: 1 to 128 bytes of UTF-8 without control characters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(Text<38>);

impl UserId {
    /// The longest user id, in bytes.
    pub const BYTES_MAX: usize = 128;

    /// Reads a user id.
    ///
    /// # Errors
    /// Empty, longer than [`BYTES_MAX`](Self::BYTES_MAX), or with a control character (Unicode category Cc).
    pub fn parse(text: &str) -> Result<Self, InvalidPayment> {
        let reason = match text.len() {
            0 => "must not be empty",
            length if length > Self::BYTES_MAX => "must have at most 128 bytes",
            _ if has_control(text) => "must not contain control characters",
            _ => return Ok(Self(text.into())),
        };
        Err(InvalidPayment::new(Field::UserId, reason))
    }

    /// A short one of characters that all may stand in it; `None` says nothing of others.
    #[cfg(feature = "json")]
    #[inline]
    pub(crate) fn of_plain(text: PlainText<'_>) -> Option<Self> {
        (!text.as_bytes().is_empty()).then(|| Text::short(text).map(Self))?
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The text's bytes, which need no look at whether they are text.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Whether there is a character of Unicode category Cc.
fn has_control(text: &str) -> bool {
    // No early end: so it is done many bytes at once.
    let printable_ascii = text.bytes().fold(true, |all, byte| all & matches!(byte, b' '..=b'~'));
    !printable_ascii && text.chars().any(char::is_control)
}

/// How is paid: 1 to 64 characters of `[A-Za-z0-9._-]`, such as `paypal`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PaymentMethod(Text<22>);

impl PaymentMethod {
    /// The longest method, in characters.
    pub const CHARS_MAX: usize = 64;

    /// Reads a method.
    ///
    /// # Errors
    /// Empty, longer than [`CHARS_MAX`](Self::CHARS_MAX), or with another character.
    pub fn parse(text: &str) -> Result<Self, InvalidPayment> {
        let reason = match text.len() {
            0 => "must not be empty",
            length if length > Self::CHARS_MAX => "must have at most 64 characters",
            _ if !text.bytes().all(|byte| IN_METHODS[usize::from(byte)]) => {
                "may contain only letters, digits, '.', '_' and '-'"
            }
            _ => return Ok(Self(text.into())),
        };
        Err(InvalidPayment::new(Field::Method, reason))
    }

    /// A short one; `None` says nothing of others.
    #[cfg(feature = "json")]
    #[inline]
    pub(crate) fn of_plain(text: PlainText<'_>) -> Option<Self> {
        let bytes = text.as_bytes();
        // No early end: so it takes a test less for each byte.
        let allowed = bytes.iter().fold(!bytes.is_empty(), |all, byte| all & IN_METHODS[usize::from(*byte)]);
        allowed.then(|| Text::short(text).map(Self))?
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The text's bytes, which need no look at whether they are text.
    #[cfg(feature = "json")]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Which bytes a method may hold.
const IN_METHODS: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        let character = byte as u8;
        allowed[byte] = character.is_ascii_alphanumeric() || matches!(character, b'.' | b'_' | b'-');
        byte += 1;
    }
    allowed
};

/// A payer's id is personal data, so `Debug` shows its length only.
impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserId({} bytes)", self.0.len())
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for PaymentMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PaymentMethod({})", self.as_str())
    }
}

impl fmt::Display for PaymentMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A field of a payment request, by its name on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Field {
    /// `userId`
    UserId,
    /// `amount`
    Amount,
    /// `method`
    Method,
    /// `currency`
    Currency,
    /// `paymentId`: payflow gives it, no client may.
    PaymentId,
    /// `createdAt`: payflow gives it, no client may.
    CreatedAt,
}

impl Field {
    /// The name on the wire, in JSON and in protobuf's JSON form alike.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UserId => "userId",
            Self::Amount => "amount",
            Self::Method => "method",
            Self::Currency => "currency",
            Self::PaymentId => "paymentId",
            Self::CreatedAt => "createdAt",
        }
    }
}

/// A field whose value is refused, and why. Never holds the value itself, so it can be logged and sent back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} {reason}", field.name())]
pub struct InvalidPayment {
    field: Field,
    reason: String,
}

impl InvalidPayment {
    /// `field`'s value is refused; `reason` continues a sentence that begins with the field's name.
    #[must_use]
    pub fn new(field: Field, reason: impl Into<String>) -> Self {
        Self { field, reason: reason.into() }
    }

    /// The field that is wrong.
    #[must_use]
    pub const fn field(&self) -> Field {
        self.field
    }

    /// Why, as the rest of a sentence that begins with the field's name.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The refusal of an amount.
    #[must_use]
    pub fn amount(reason: InvalidAmount) -> Self {
        Self::new(Field::Amount, reason.to_string())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::money::Currency;

    fn request(minor: i64) -> Result<PaymentRequest, InvalidPayment> {
        let amount = Money::new(minor, Currency::parse("EUR").unwrap());
        PaymentRequest::new(UserId::parse("u001").unwrap(), amount, PaymentMethod::parse("paypal").unwrap())
    }

    #[test]
    fn amounts_outside_the_range_are_refused() {
        for minor in [i64::MIN, -1, 0, PaymentRequest::MINOR_MAX + 1, i64::MAX] {
            assert_eq!(request(minor).unwrap_err().field(), Field::Amount, "{minor}");
        }
        assert!(request(1).is_ok());
        assert!(request(PaymentRequest::MINOR_MAX).is_ok());
    }

    #[test]
    fn user_ids_are_bounded_in_bytes_and_free_of_control_characters() {
        for refused in ["", "a\u{0}", "a\nb", "\u{7f}", "\u{85}", &"x".repeat(129), &"é".repeat(65)] {
            assert_eq!(UserId::parse(refused).unwrap_err().field(), Field::UserId, "{refused:?}");
        }
        for taken in ["u", " ", "é", "名前", "a b", &"é".repeat(64)] {
            assert_eq!(UserId::parse(taken).unwrap().as_str(), taken);
        }
    }

    #[test]
    fn methods_hold_only_their_alphabet() {
        for refused in ["", "pay pal", "päypal", "a/b", "a\0", &"x".repeat(65)] {
            assert_eq!(PaymentMethod::parse(refused).unwrap_err().field(), Field::Method, "{refused:?}");
        }
        assert_eq!(PaymentMethod::parse("Card_3-d.s").unwrap().as_str(), "Card_3-d.s");
    }

    #[test]
    fn debug_shows_no_payer() {
        assert!(!format!("{:?}", request(1).unwrap()).contains("u001"));
    }

    #[test]
    fn fingerprints_differ_with_each_field_and_not_with_identity() {
        let first = request(1).unwrap();
        let identified = first.clone().identified(PaymentId::random(), Timestamp::UNIX_EPOCH);
        assert_eq!(first.fingerprint(), identified.fingerprint());
        assert_ne!(first.fingerprint(), request(2).unwrap().fingerprint());
    }

    proptest! {
        #[test]
        fn parsers_take_or_refuse_any_text(text in "\\PC{0,140}|[\\x00-\\x1f]{1,3}") {
            if let Ok(user) = UserId::parse(&text) {
                prop_assert_eq!(user.as_str(), text.as_str());
            }
            if let Ok(method) = PaymentMethod::parse(&text) {
                prop_assert_eq!(method.as_str(), text.as_str());
            }
        }
    }
}
