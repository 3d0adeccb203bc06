//! Money: an exact number of minor units in a currency.

mod decimal;

use std::cell::Cell;
use std::fmt;
use std::str::FromStr;

use decimal::POWERS_OF_TEN;
pub(crate) use decimal::{Decimal, PlainNumber};

/// A currency of ISO 4217 that is in use and has a minor unit.
///
/// Withdrawn codes (`HRK`) and codes without a minor unit (`XAU`, `XXX`) are refused: an amount in them cannot be exact.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency {
    iso: iso_currency::Currency,
    exponent: u8,
}

impl Currency {
    /// Reads a three-letter code in capitals, as ISO 4217 writes it.
    ///
    /// # Errors
    /// The code is not in the list, was withdrawn, or has no minor unit.
    pub fn parse(code: &str) -> Result<Self, InvalidCurrency> {
        // Payments that come one after another mostly have one currency, and the list is long.
        if let Some(last) = LAST.get().filter(|last| last.code() == code) {
            return Ok(last);
        }
        let currency = Self::find(code)?;
        LAST.set(Some(currency));
        Ok(currency)
    }

    fn find(code: &str) -> Result<Self, InvalidCurrency> {
        let iso = iso_currency::Currency::from_code(code).ok_or(InvalidCurrency::Unlisted)?;
        // The table calls VES superseded by VED; ISO 4217's list of current codes holds both.
        let withdrawn = iso.is_superseded().is_some() && iso != iso_currency::Currency::VES;
        if withdrawn {
            return Err(InvalidCurrency::Withdrawn);
        }
        let exponent = iso.exponent().and_then(|exponent| u8::try_from(exponent).ok());
        let exponent = exponent.ok_or(InvalidCurrency::NoMinorUnit)?;
        Ok(Self { iso, exponent })
    }

    /// The three letters, such as `EUR`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.iso.code()
    }

    /// How many decimal digits the minor unit stands behind the point: 0 (JPY) to 4 (CLF).
    #[must_use]
    pub const fn exponent(self) -> u8 {
        self.exponent
    }
}

thread_local! {
    static LAST: Cell<Option<Currency>> = const { Cell::new(None) };
}

impl FromStr for Currency {
    type Err = InvalidCurrency;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        Self::parse(code)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Why a text is no usable currency code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCurrency {
    /// Not among the codes of ISO 4217.
    #[error("is not an ISO 4217 code in capital letters")]
    Unlisted,
    /// Once listed, no longer in use.
    #[error("is an ISO 4217 code that was withdrawn")]
    Withdrawn,
    /// Listed, but amounts in it have no minor unit.
    #[error("is an ISO 4217 code without a minor unit")]
    NoMinorUnit,
}

/// An exact amount: whole minor units of a currency. No float inside.
///
/// ```
/// use payflow_core::{Currency, Money};
///
/// let euro = Currency::parse("EUR")?;
/// let price = Money::from_decimal("49.99", euro)?;
/// assert_eq!(price.minor(), 4_999);
/// assert_eq!(price.checked_add(Money::new(1, euro)).map(|sum| sum.to_string()), Some("50.00 EUR".into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// `minor` minor units (cents for EUR, whole yen for JPY).
    #[must_use]
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Reads a decimal number in the notation of JSON (RFC 8259 §6), exactly.
    ///
    /// The value counts, not the spelling: `10`, `10.000` and `1e1` are the same amount.
    ///
    /// # Errors
    /// The text is no such number, is longer than [`Money::TOKEN_CHARS_MAX`], has more significant fraction digits
    /// than the currency, or does not fit 64 bits. Nothing is ever rounded.
    pub fn from_decimal(token: &str, currency: Currency) -> Result<Self, InvalidAmount> {
        let minor = match plain(token, currency.exponent()) {
            Some(minor) => minor,
            None => Decimal::parse(token)?.scaled(currency.exponent())?,
        };
        Ok(Self { minor, currency })
    }

    /// Reads a binary float whose shortest decimal form is exact in the currency.
    ///
    /// For wires that know nothing but a double (`amount` of the protobuf contract). The shortest form is the decimal
    /// that whoever wrote the double meant.
    ///
    /// # Errors
    /// Not finite, or its shortest form is refused by [`from_decimal`](Self::from_decimal).
    pub fn from_double(value: f64, currency: Currency) -> Result<Self, InvalidAmount> {
        if !value.is_finite() {
            return Err(InvalidAmount::NotANumber);
        }
        if let Some(minor) = plain_double(value, currency.exponent()) {
            return Ok(Self { minor, currency });
        }
        // With an exponent, the shortest form has at most 24 characters, whatever the magnitude.
        Self::from_decimal(&format!("{value:e}"), currency)
    }

    /// The longest number that is read, in characters.
    pub const TOKEN_CHARS_MAX: usize = 40;

    /// The amount in minor units.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency the amount is in.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The sum, or `None` if the currencies differ or it does not fit.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.combine(other, i64::checked_add)
    }

    /// The difference, or `None` if the currencies differ or it does not fit.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.combine(other, i64::checked_sub)
    }

    /// The amount `factor` times, or `None` if it does not fit.
    #[must_use]
    pub fn checked_mul(self, factor: i64) -> Option<Self> {
        let minor = self.minor.checked_mul(factor)?;
        Some(Self { minor, ..self })
    }

    /// The shortest decimal: `49.99`, `10.5`, `10`, without the currency.
    ///
    /// Up to 10^15 minor units this is, byte for byte, what encoders write that print the shortest decimal of a double.
    #[must_use]
    pub fn shortest_decimal(self) -> String {
        let mut text = Vec::new();
        self.write_shortest_decimal(&mut text);
        // They are digits, a point and a sign: always text.
        String::from_utf8(text).unwrap_or_default()
    }

    /// Writes the [shortest decimal](Self::shortest_decimal) behind what is there.
    pub(crate) fn write_shortest_decimal(self, text: &mut Vec<u8>) {
        let (mut rest, mut fraction_digits) = (self.minor.unsigned_abs(), self.currency.exponent());
        while fraction_digits > 0 && rest % 10 == 0 {
            rest /= 10;
            fraction_digits -= 1;
        }
        // Filled from behind: at most 20 digits, a point and a sign.
        let mut room = [0; 24];
        let mut from = room.len();
        let mut put = |byte| {
            from -= 1;
            room[from] = byte;
        };
        for _ in 0..fraction_digits {
            put(digit(rest));
            rest /= 10;
        }
        if fraction_digits > 0 {
            put(b'.');
        }
        put(digit(rest));
        while rest > 9 {
            rest /= 10;
            put(digit(rest));
        }
        if self.minor < 0 {
            put(b'-');
        }
        text.extend_from_slice(&room[from..]);
    }

    /// The nearest double, for wires that have a double beside the exact minor units. Never read back for a decision.
    #[must_use]
    pub fn to_double(self) -> f64 {
        // A decimal of digits and a point is always a number to `f64`; NaN could only mean a bug, and is refused by all readers.
        self.shortest_decimal().parse().unwrap_or(f64::NAN)
    }

    fn combine(self, other: Self, operation: fn(i64, i64) -> Option<i64>) -> Option<Self> {
        if self.currency != other.currency {
            return None;
        }
        Some(Self { minor: operation(self.minor, other.minor)?, ..self })
    }

    fn padded_decimal(self) -> String {
        let digits = usize::from(self.currency.exponent());
        let sign = if self.minor < 0 { "-" } else { "" };
        let unit = 10_u64.pow(u32::from(self.currency.exponent()));
        let (whole, part) = (self.minor.unsigned_abs() / unit, self.minor.unsigned_abs() % unit);
        if digits == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part:0digits$}") }
    }
}

/// The minor units of a plain number; `None` says nothing of others.
fn plain(token: &str, exponent: u8) -> Option<i64> {
    let (number, rest) = PlainNumber::split(token.as_bytes())?;
    rest.is_empty().then(|| number.scaled(exponent))?
}

/// The minor units of the double that is nearest to an amount of at most 15 digits; `None` says nothing of others.
///
/// No two such amounts have the same nearest double (IEEE 754 binary64 keeps 15 digits), so the double's shortest form is
/// the amount. The float decides nothing: a guess that is not hit to the last bit is no guess.
fn plain_double(value: f64, exponent: u8) -> Option<i64> {
    let power = *POWERS_OF_TEN.get(usize::from(exponent))? as f64;
    let minor = (value * power).round();
    // Whole numbers below 2^53, both, so the quotient is the double nearest to the amount.
    let nearest = minor / power;
    (minor.abs() < 1e15 && nearest.to_bits() == value.to_bits()).then_some(minor as i64)
}

/// The last digit of a number.
const fn digit(number: u64) -> u8 {
    b'0' + (number % 10) as u8
}

impl fmt::Display for Money {
    /// All the digits of the currency, and its code: `50.00 EUR`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.padded_decimal(), self.currency)
    }
}

/// Why a number is no exact amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAmount {
    /// Not a decimal number in JSON's notation.
    #[error("is not a number")]
    NotANumber,
    /// Longer than [`Money::TOKEN_CHARS_MAX`].
    #[error("has more than {} characters", Money::TOKEN_CHARS_MAX)]
    TooLong,
    /// More significant fraction digits than the currency has.
    #[error("has more fraction digits than the currency")]
    TooPrecise,
    /// Outside what an amount can be.
    #[error("is out of range")]
    OutOfRange,
}

#[cfg(test)]
mod tests;
