//! A decimal number read exactly from text.

use super::{InvalidAmount, Money};

/// `sign × coefficient × 10^exponent`, with no zero at the coefficient's end: one value has one form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decimal {
    negative: bool,
    coefficient: u64,
    exponent: i32,
}

impl Decimal {
    /// Reads a number in the notation of JSON (RFC 8259 §6).
    ///
    /// The length is bounded before anything is computed, so that neither digits nor exponent can be made expensive.
    pub(crate) fn parse(token: &str) -> Result<Self, InvalidAmount> {
        if token.len() > Money::TOKEN_CHARS_MAX {
            return Err(InvalidAmount::TooLong);
        }
        let (negative, rest) = token.strip_prefix('-').map_or((false, token), |rest| (true, rest));
        let (mantissa, exponent) = rest.split_once(['e', 'E']).map_or((rest, None), |(m, e)| (m, Some(e)));
        let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(w, f)| (w, Some(f)));
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        if leading_zero || !all_digits(whole) || !fraction.is_none_or(all_digits) {
            return Err(InvalidAmount::NotANumber);
        }
        let fraction = fraction.unwrap_or("");
        let exponent = exponent.map_or(Ok(0), parse_exponent)?;
        let digits = whole.bytes().chain(fraction.bytes());
        // At most 40 characters: the cast cannot truncate.
        Self::from_digits(negative, digits, exponent.saturating_sub(fraction.len() as i32))
    }

    fn from_digits(
        negative: bool,
        digits: impl Iterator<Item = u8>,
        exponent: i32,
    ) -> Result<Self, InvalidAmount> {
        let mut coefficient: u64 = 0;
        let mut zeros_pending: u32 = 0;
        // Digits before the end of the text raise the exponent of those before them, so it is counted down from behind.
        let mut trailing = 0;
        for digit in digits {
            trailing += 1;
            if digit == b'0' {
                zeros_pending += 1;
                continue;
            }
            coefficient = append(coefficient, zeros_pending, digit).ok_or(InvalidAmount::OutOfRange)?;
            zeros_pending = 0;
            trailing = 0;
        }
        if coefficient == 0 {
            return Ok(Self { negative, coefficient, exponent: 0 });
        }
        Ok(Self { negative, coefficient, exponent: exponent.saturating_add(trailing) })
    }

    /// The value in units of `10^-digits`.
    pub(crate) fn scaled(self, digits: u8) -> Result<i64, InvalidAmount> {
        let shift = self.exponent.saturating_add(i32::from(digits));
        if self.coefficient == 0 {
            return Ok(0);
        }
        let shift = u32::try_from(shift).map_err(|_| InvalidAmount::TooPrecise)?;
        let sign = if self.negative { -1 } else { 1 };
        10_i128
            .checked_pow(shift)
            .and_then(|factor| factor.checked_mul(sign * i128::from(self.coefficient)))
            .and_then(|value| i64::try_from(value).ok())
            .ok_or(InvalidAmount::OutOfRange)
    }
}

/// Digits, with or without a point and more behind it, few enough to fit: what nearly all amounts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PlainNumber {
    digits: i64,
    behind_point: usize,
}

impl PlainNumber {
    /// The plain number at the start of `bytes`, and what stands behind it. `None` says nothing of them, so that
    /// [`Decimal`] decides.
    #[inline]
    pub(crate) fn split(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (value, whole) = digits(0, bytes);
        let leading_zero = whole > 1 && bytes.first() == Some(&b'0');
        let rest = bytes.get(whole..)?;
        let (value, behind_point, rest) = match rest.strip_prefix(b".") {
            None => (value, 0, rest),
            Some(fraction) => {
                let (value, count) = digits(value, fraction);
                (value, Some(count).filter(|count| *count > 0)?, fraction.get(count..)?)
            }
        };
        let fits = whole > 0 && whole.saturating_add(behind_point) <= DIGITS_THAT_FIT;
        (fits && !leading_zero).then_some((Self { digits: value, behind_point }, rest))
    }

    /// The value in units of `10^-digits`, if it is one that fits.
    #[inline]
    pub(crate) fn scaled(self, digits: u8) -> Option<i64> {
        let shift = usize::from(digits).checked_sub(self.behind_point)?;
        self.digits.checked_mul(*POWERS_OF_TEN.get(shift)?)
    }
}

/// The digits at the start of `bytes` behind those of `value`, and how many there are; of too many the value is nonsense.
#[inline]
fn digits(mut value: i64, bytes: &[u8]) -> (i64, usize) {
    let mut rest = bytes;
    while let [byte @ b'0'..=b'9', behind @ ..] = rest {
        value = value.wrapping_mul(10).wrapping_add(i64::from(byte - b'0'));
        rest = behind;
    }
    (value, bytes.len() - rest.len())
}

const DIGITS_THAT_FIT: usize = 18;
/// Of all exponents that currencies have.
pub(super) const POWERS_OF_TEN: [i64; 5] = [1, 10, 100, 1_000, 10_000];

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Saturates: any exponent beyond four digits is out of range in every currency.
fn parse_exponent(text: &str) -> Result<i32, InvalidAmount> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !all_digits(digits) {
        return Err(InvalidAmount::NotANumber);
    }
    let magnitude = digits.parse::<i32>().unwrap_or(i32::MAX / 2);
    Ok(if text.starts_with('-') { -magnitude } else { magnitude })
}

fn append(coefficient: u64, zeros: u32, digit: u8) -> Option<u64> {
    if coefficient == 0 {
        return Some(u64::from(digit - b'0'));
    }
    10_u64
        .checked_pow(zeros + 1)
        .and_then(|factor| coefficient.checked_mul(factor))
        .and_then(|shifted| shifted.checked_add(u64::from(digit - b'0')))
}
