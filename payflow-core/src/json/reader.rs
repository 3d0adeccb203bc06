//! Reads the JSON form exactly: numbers as text, duplicates refused, depth bounded.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::fast::Usual;
use crate::money::{Currency, Money};
use crate::payment::{Field, InvalidPayment, PaymentMethod, PaymentRequest, UserId};

/// A JSON object that may be a payment request: its fields as they were written, not yet judged.
///
/// Borrows from the bytes; nothing is allocated for the fields of the contract.
#[derive(Debug)]
pub struct JsonPayment<'a> {
    document: &'a [u8],
    read: Read<'a>,
}

#[derive(Debug)]
enum Read<'a> {
    /// In the short way.
    Usual(Usual<'a>),
    /// By the reader that takes all, and that decides what is refused, and how.
    Any(Box<Fields<'a>>),
}

impl<'a> JsonPayment<'a> {
    /// The deepest nesting of arrays and objects that a value may have.
    pub const DEPTH_MAX: usize = 32;

    /// Reads one JSON document (RFC 8259).
    ///
    /// # Errors
    /// See [`JsonError`].
    pub fn read(document: &'a [u8]) -> Result<Self, JsonError> {
        let read = match Usual::read(document) {
            Some(usual) => Read::Usual(usual),
            None => Read::Any(Box::new(Fields::read(document)?)),
        };
        Ok(Self { document, read })
    }

    /// The first field that the contract does not have. A front door refuses it; a consumer ignores it.
    #[must_use]
    pub fn unknown_field(&self) -> Option<&str> {
        match &self.read {
            Read::Usual(_) => None,
            Read::Any(fields) => fields.unknown.as_deref(),
        }
    }

    /// The currency that the object states, if it does.
    ///
    /// # Errors
    /// It is no string, or no currency in use.
    pub fn currency(&self) -> Result<Option<Currency>, InvalidPayment> {
        match &self.read {
            Read::Usual(usual) if !usual.states_currency() => Ok(None),
            Read::Usual(usual) => {
                usual.currency().map_or_else(|| self.anew()?.currency(), |taken| Ok(Some(taken)))
            }
            Read::Any(fields) => fields.currency(),
        }
    }

    /// The request, with the amount in `currency`.
    ///
    /// # Errors
    /// The first field that is missing or refused. `None` for the currency is a missing `currency`.
    pub fn request(&self, currency: Option<Currency>) -> Result<PaymentRequest, InvalidPayment> {
        match &self.read {
            Read::Usual(usual) => match currency.and_then(|currency| usual.request(currency)) {
                Some(request) => Ok(request),
                None => self.anew()?.request(currency),
            },
            Read::Any(fields) => fields.request(currency),
        }
    }

    /// Something in what was read the short way may be refused.
    #[cold]
    fn anew(&self) -> Result<Fields<'a>, InvalidPayment> {
        // What the short way takes is well-formed.
        Fields::read(self.document).map_err(|error| InvalidPayment::new(Field::Amount, error.to_string()))
    }
}

/// All that the object holds, each value as it was written.
#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    user_id: Option<&'a RawValue>,
    user_id_snake: Option<&'a RawValue>,
    amount: Option<&'a RawValue>,
    method: Option<&'a RawValue>,
    currency: Option<&'a RawValue>,
    pub(super) unknown: Option<String>,
}

impl<'a> Fields<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, JsonError> {
        serde_json::from_slice(bytes).map_err(|error| judge(bytes, &error))
    }

    pub(super) fn currency(&self) -> Result<Option<Currency>, InvalidPayment> {
        let Some(raw) = self.currency else { return Ok(None) };
        let code = string(raw, Field::Currency)?;
        let currency =
            Currency::parse(&code).map_err(|e| InvalidPayment::new(Field::Currency, e.to_string()))?;
        Ok(Some(currency))
    }

    pub(super) fn request(&self, currency: Option<Currency>) -> Result<PaymentRequest, InvalidPayment> {
        let user_id = match (self.user_id, self.user_id_snake) {
            (Some(_), Some(_)) => {
                return Err(InvalidPayment::new(Field::UserId, "is given twice, as userId and as user_id"));
            }
            (Some(raw), None) | (None, Some(raw)) => UserId::parse(&string(raw, Field::UserId)?)?,
            (None, None) => return Err(missing(Field::UserId)),
        };
        let amount = self.amount.ok_or_else(|| missing(Field::Amount))?;
        let method = self.method.ok_or_else(|| missing(Field::Method))?;
        let currency = currency.ok_or_else(|| missing(Field::Currency))?;
        let amount = money(amount, currency)?;
        PaymentRequest::new(user_id, amount, PaymentMethod::parse(&string(method, Field::Method)?)?)
    }
}

/// Why bytes are no JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// Not one well-formed JSON document in UTF-8.
    #[error("not one well-formed JSON document")]
    Syntax,
    /// A field of the contract stands twice, so that two readers could disagree.
    #[error("a field stands twice")]
    DuplicateField,
    /// Nested deeper than [`JsonPayment::DEPTH_MAX`].
    #[error("nested too deep")]
    TooDeep,
    /// Well-formed, but not an object.
    #[error("not a JSON object")]
    NotAnObject,
}

fn missing(field: Field) -> InvalidPayment {
    InvalidPayment::new(field, "is missing")
}

/// The amount's token is read as text: a float on the way would already have rounded it.
fn money(raw: &RawValue, currency: Currency) -> Result<Money, InvalidPayment> {
    let token = raw.get();
    if !token.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        return Err(InvalidPayment::new(Field::Amount, "must be a number"));
    }
    Money::from_decimal(token, currency).map_err(InvalidPayment::amount)
}

fn string(raw: &RawValue, field: Field) -> Result<Cow<'_, str>, InvalidPayment> {
    let token = raw.get();
    let Some(inner) = token.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return Err(InvalidPayment::new(field, "must be a string"));
    };
    if !inner.contains('\\') {
        return Ok(Cow::Borrowed(inner));
    }
    // Only now can it fail: an escape may name half of a surrogate pair.
    let text =
        serde_json::from_str(token).map_err(|_| InvalidPayment::new(field, "must be a string of Unicode"))?;
    Ok(Cow::Owned(text))
}

/// What kind of refusal it was. Runs only on bad input, and so may read it a second time.
fn judge(bytes: &[u8], error: &serde_json::Error) -> JsonError {
    if too_deep(bytes) {
        return JsonError::TooDeep;
    }
    if serde_json::from_slice::<IgnoredAny>(bytes).is_err() || std::str::from_utf8(bytes).is_err() {
        return JsonError::Syntax;
    }
    if error.to_string().starts_with(DUPLICATE) {
        return JsonError::DuplicateField;
    }
    // What is left of an object is a name that is no Unicode: half of a surrogate pair.
    let is_object = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    if is_object { JsonError::Syntax } else { JsonError::NotAnObject }
}

/// Whether brackets outside of strings nest deeper than allowed.
fn too_deep(bytes: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > JsonPayment::DEPTH_MAX {
            return true;
        }
    }
    false
}

const DUPLICATE: &str = "duplicate";
const DEEP: &str = "deep";

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut payment = Fields::default();
        while let Some(name) = map.next_key::<Name>()? {
            let value: &'de RawValue = map.next_value()?;
            // Fields of the contract are no brackets, so the usual record is not scanned.
            if value.get().starts_with(['[', '{']) && too_deep(value.get().as_bytes()) {
                return Err(serde::de::Error::custom(DEEP));
            }
            let field = match name {
                Name::UserId => &mut payment.user_id,
                Name::UserIdSnake => &mut payment.user_id_snake,
                Name::Amount => &mut payment.amount,
                Name::Method => &mut payment.method,
                Name::Currency => &mut payment.currency,
                Name::Unknown(name) => {
                    payment.unknown.get_or_insert(name);
                    continue;
                }
            };
            if field.replace(value).is_some() {
                return Err(serde::de::Error::custom(DUPLICATE));
            }
        }
        Ok(payment)
    }
}

/// A field's name; those of the contract are told apart without an allocation.
enum Name {
    UserId,
    UserIdSnake,
    Amount,
    Method,
    Currency,
    Unknown(String),
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Name, E> {
        Ok(match name {
            "userId" => Name::UserId,
            "user_id" => Name::UserIdSnake,
            "amount" => Name::Amount,
            "method" => Name::Method,
            "currency" => Name::Currency,
            unknown => Name::Unknown(unknown.to_owned()),
        })
    }
}
