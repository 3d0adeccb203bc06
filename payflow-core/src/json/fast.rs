//! Reads what nearly all records are in one pass: fields of the contract, each once, plain strings and plain numbers.

use crate::money::{Currency, Money, PlainNumber};
use crate::payment::{PaymentMethod, PaymentRequest, PlainText, UserId};

/// A payment whose document holds nothing unusual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Usual<'a> {
    user_id: PlainText<'a>,
    amount: PlainNumber,
    method: PlainText<'a>,
    currency: Option<PlainText<'a>>,
}

impl<'a> Usual<'a> {
    /// Reads one JSON document if it is such a payment; `None` says nothing of it, so the reader that takes all decides.
    #[inline]
    pub(super) fn read(document: &'a [u8]) -> Option<Self> {
        Self::as_services_write(document).or_else(|| Self::in_any_form(document))
    }

    /// The three fields in the order of the contract, and no white space: as payflow and Go's `encoding/json` write them.
    #[inline]
    fn as_services_write(document: &'a [u8]) -> Option<Self> {
        let (user_id, rest) = PlainText::split(document.strip_prefix(br#"{"userId":""#)?);
        let (amount, rest) = PlainNumber::split(rest.strip_prefix(br#"","amount":"#)?)?;
        let (method, rest) = PlainText::split(rest.strip_prefix(br#","method":""#)?);
        (rest == br#""}"#).then_some(Self { user_id, amount, method, currency: None })
    }

    /// The fields in any order, the currency among them, and white space between.
    fn in_any_form(document: &'a [u8]) -> Option<Self> {
        let (mut user_id, mut amount, mut method, mut currency) = (None, None, None, None);
        let mut rest = behind(document, b'{')?;
        loop {
            rest = behind(rest, b'"')?;
            let end = if let Some(value) = rest.strip_prefix(b"userId\"") {
                text(value, &mut user_id)?
            } else if let Some(value) = rest.strip_prefix(b"amount\"") {
                let (number, end) = PlainNumber::split(skip_white_space(behind(value, b':')?))?;
                amount.replace(number).is_none().then_some(end)?
            } else if let Some(value) = rest.strip_prefix(b"method\"") {
                text(value, &mut method)?
            } else {
                text(rest.strip_prefix(b"currency\"")?, &mut currency)?
            };
            match next(end)? {
                (b',', behind) => rest = behind,
                (b'}', behind) => {
                    rest = behind;
                    break;
                }
                _ => return None,
            }
        }
        skip_white_space(rest).is_empty().then_some(())?;
        Some(Self { user_id: user_id?, amount: amount?, method: method?, currency })
    }

    pub(super) fn states_currency(&self) -> bool {
        self.currency.is_some()
    }

    pub(super) fn currency(&self) -> Option<Currency> {
        Currency::parse(str::from_utf8(self.currency?.as_bytes()).ok()?).ok()
    }

    /// The request, if nothing in it is refused.
    #[inline]
    pub(super) fn request(&self, currency: Currency) -> Option<PaymentRequest> {
        let amount = Money::new(self.amount.scaled(currency.exponent())?, currency);
        let (user_id, method) = (UserId::of_plain(self.user_id)?, PaymentMethod::of_plain(self.method)?);
        PaymentRequest::new(user_id, amount, method).ok()
    }
}

/// Reads the string that is a field's value, unless the field has one, and gives what stands behind it.
fn text<'a>(value: &'a [u8], field: &mut Option<PlainText<'a>>) -> Option<&'a [u8]> {
    let (text, end) = PlainText::split(behind(behind(value, b':')?, b'"')?);
    // It may have ended with what a plain text cannot hold.
    let end = end.strip_prefix(b"\"")?;
    field.replace(text).is_none().then_some(end)
}

/// What stands behind `expected`, if that comes next.
fn behind(bytes: &[u8], expected: u8) -> Option<&[u8]> {
    let (found, rest) = next(bytes)?;
    (found == expected).then_some(rest)
}

/// The first byte that is no white space, and what stands behind it.
fn next(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    if *first > b' ' {
        return Some((*first, rest));
    }
    let (first, rest) = skip_white_space(bytes).split_first()?;
    Some((*first, rest))
}

fn skip_white_space(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests;
