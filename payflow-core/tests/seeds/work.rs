//! Records whose value says how their handling goes.

use std::time::Duration;

use bytes::Bytes;
use payflow_core::{Codec, DecodeError, Encoded, HeadersRef};

use crate::dice::Dice;
use crate::plan::Plan;

/// What a record asks of the handler. The failures that pass do so after so many calls, by whomever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    Instant,
    Yield,
    Sleep(Duration),
    Transient(usize),
    Unknown(usize),
    /// Waits for another's claim.
    Held(usize),
    /// Never ends by itself.
    Hang(usize),
    Permanent,
    Fatal,
    Panic,
}

/// More than the least bound in bytes.
pub(crate) const GIANT_BYTES: usize = 70_000;

/// What becomes the value of a record.
pub(crate) fn value(number: usize, plan: &Plan, dice: &mut Dice) -> Option<Bytes> {
    let bytes = match dice.below(100) {
        0..5 => dice.within(2_000, 9_000),
        5 if dice.percent(30) => GIANT_BYTES,
        _ => dice.within(20, 120),
    };
    if !dice.percent(plan.failing_percent) {
        let (kind, amount) = match dice.below(3) {
            _ if dice.percent(plan.slow_percent) => ('s', dice.within(1, plan.slow_millis)),
            0 => ('y', 0),
            _ => ('i', 0),
        };
        return Some(text(number, kind, amount, bytes));
    }
    let calls = dice.within(1, 6);
    match dice.below(12) {
        0..4 => Some(text(number, 't', calls, bytes)),
        4 | 5 => Some(text(number, 'u', calls, bytes)),
        6 => Some(text(number, 'w', calls, bytes)),
        7 => Some(text(number, 'h', calls.min(3), bytes)),
        8 => Some(text(number, dice.pick(&['p', 'f']), 0, bytes)),
        9 => Some(text(number, 'x', 0, bytes)),
        10 => Some(Bytes::from(vec![0xff; bytes])),
        _ => None,
    }
}

fn text(number: usize, kind: char, amount: usize, bytes: usize) -> Bytes {
    Bytes::from(format!("{number}:{kind}:{amount}:{}", " ".repeat(bytes)))
}

/// Two destinations, which may be down one by one.
pub(crate) const DESTINATIONS: [&str; 2] = ["mail", "sms"];

/// Where a value goes: by its length, which even one has that cannot be decoded.
pub(crate) fn destination(value: Option<&[u8]>) -> usize {
    value.map_or(0, <[u8]>::len) % DESTINATIONS.len()
}

/// Reads what [`value`] wrote.
#[derive(Debug)]
pub(crate) struct WorkCodec;

impl Codec<Work> for WorkCodec {
    fn encode(&self, _body: &Work) -> Encoded {
        unreachable!("records are written by `value`")
    }

    fn decode(&self, value: &[u8], _headers: HeadersRef<'_>) -> Result<Work, DecodeError> {
        let malformed = || DecodeError::Malformed("not of this test".into());
        let text = std::str::from_utf8(value).map_err(|_| malformed())?;
        let mut fields = text.split(':').skip(1);
        let (Some(kind), Some(Ok(amount))) = (fields.next(), fields.next().map(str::parse::<usize>)) else {
            return Err(malformed());
        };
        Ok(match kind {
            "i" => Work::Instant,
            "y" => Work::Yield,
            "s" => Work::Sleep(Duration::from_millis(amount as u64)),
            "t" => Work::Transient(amount),
            "u" => Work::Unknown(amount),
            "w" => Work::Held(amount),
            "h" => Work::Hang(amount),
            "p" => Work::Permanent,
            "f" => Work::Fatal,
            "x" => Work::Panic,
            _ => return Err(malformed()),
        })
    }
}
