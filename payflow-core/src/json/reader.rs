//! Reads the JSON form exactly: numbers as text, duplicates refused, depth bounded.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::fast;
use crate::money::{Currency, Money};
use crate::payment::{Field, InvalidPayment, PaymentMethod, PaymentRequest, UserId};

/// A JSON object that may be a payment request: its fields as they were written, not yet judged.
///
/// Borrows from the bytes; nothing is allocated for the fields of the contract.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct JsonPayment<'a> {
    user_id: Option<Token<'a>>,
    user_id_snake: Option<Token<'a>>,
    amount: Option<Token<'a>>,
    method: Option<Token<'a>>,
    currency: Option<Token<'a>>,
    unknown: Option<String>,
}

/// A value as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// What stands between the quotes of a string without escapes.
    Plain(&'a str),
    /// All of any other.
    Other(&'a str),
}

impl<'a> JsonPayment<'a> {
    /// The deepest nesting of arrays and objects that a value may have.
    pub const DEPTH_MAX: usize = 32;

    /// Reads one JSON document (RFC 8259).
    ///
    /// # Errors
    /// See [`JsonError`].
    pub fn read(bytes: &'a [u8]) -> Result<Self, JsonError> {
        fast::read(bytes).map_or_else(|| Self::read_any(bytes), Ok)
    }

    /// Decides what is read, and how it is refused; [`fast::read`] is only its shorter way for the usual form.
    pub(super) fn read_any(bytes: &'a [u8]) -> Result<Self, JsonError> {
        serde_json::from_slice(bytes).map_err(|error| judge(bytes, &error))
    }

    /// Where the value of a field of the contract is kept.
    pub(super) fn field(&mut self, name: &str) -> Option<&mut Option<Token<'a>>> {
        Some(match name {
            "userId" => &mut self.user_id,
            "user_id" => &mut self.user_id_snake,
            "amount" => &mut self.amount,
            "method" => &mut self.method,
            "currency" => &mut self.currency,
            _ => return None,
        })
    }

    /// The first field that the contract does not have. A front door refuses it; a consumer ignores it.
    #[must_use]
    pub fn unknown_field(&self) -> Option<&str> {
        self.unknown.as_deref()
    }

    /// The currency that the object states, if it does.
    ///
    /// # Errors
    /// It is no string, or no currency in use.
    pub fn currency(&self) -> Result<Option<Currency>, InvalidPayment> {
        let Some(token) = self.currency else { return Ok(None) };
        let code = string(token, Field::Currency)?;
        let currency =
            Currency::parse(&code).map_err(|e| InvalidPayment::new(Field::Currency, e.to_string()))?;
        Ok(Some(currency))
    }

    /// The request, with the amount in `currency`.
    ///
    /// # Errors
    /// The first field that is missing or refused. `None` for the currency is a missing `currency`.
    pub fn request(&self, currency: Option<Currency>) -> Result<PaymentRequest, InvalidPayment> {
        let user_id = match (self.user_id, self.user_id_snake) {
            (Some(_), Some(_)) => {
                return Err(InvalidPayment::new(Field::UserId, "is given twice, as userId and as user_id"));
            }
            (Some(token), None) | (None, Some(token)) => UserId::parse(&string(token, Field::UserId)?)?,
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
fn money(token: Token<'_>, currency: Currency) -> Result<Money, InvalidPayment> {
    match token {
        Token::Other(number) if number.starts_with(|first: char| first == '-' || first.is_ascii_digit()) => {
            Money::from_decimal(number, currency).map_err(InvalidPayment::amount)
        }
        _ => Err(InvalidPayment::new(Field::Amount, "must be a number")),
    }
}

fn string(token: Token<'_>, field: Field) -> Result<Cow<'_, str>, InvalidPayment> {
    match token {
        Token::Plain(text) => Ok(Cow::Borrowed(text)),
        // Only now can it fail: an escape may name half of a surrogate pair.
        Token::Other(string) if string.starts_with('"') => serde_json::from_str(string)
            .map(Cow::Owned)
            .map_err(|_| InvalidPayment::new(field, "must be a string of Unicode")),
        Token::Other(_) => Err(InvalidPayment::new(field, "must be a string")),
    }
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

impl<'de: 'a, 'a> Deserialize<'de> for JsonPayment<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = JsonPayment<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut payment = JsonPayment::default();
        while let Some(name) = map.next_key::<Name>()? {
            let value: &'de RawValue = map.next_value()?;
            // Fields of the contract are no brackets, so the usual record is not scanned.
            if value.get().starts_with(['[', '{']) && too_deep(value.get().as_bytes()) {
                return Err(serde::de::Error::custom(DEEP));
            }
            match name {
                Name::Known(name) => {
                    let field = payment.field(name).map(|field| field.replace(Token::of(value)));
                    if field.flatten().is_some() {
                        return Err(serde::de::Error::custom(DUPLICATE));
                    }
                }
                Name::Unknown(name) => {
                    payment.unknown.get_or_insert(name);
                }
            }
        }
        Ok(payment)
    }
}

/// A field's name; those of the contract are told apart without an allocation.
enum Name {
    Known(&'static str),
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
        let known = NAMES.into_iter().find(|known| *known == name);
        Ok(known.map_or_else(|| Name::Unknown(name.to_owned()), Name::Known))
    }
}

const NAMES: [&str; 5] = ["userId", "user_id", "amount", "method", "currency"];

impl<'a> Token<'a> {
    fn of(raw: &'a RawValue) -> Self {
        let token = raw.get();
        match token.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(inner) if !inner.contains('\\') => Token::Plain(inner),
            _ => Token::Other(token),
        }
    }
}
