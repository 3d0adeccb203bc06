//! What happened to handlers and processes, one line each.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::history::Place;

/// One thing that happened. Times are since the Unix epoch; the order of events is that of their lines, not of their times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A handler was called.
    Started {
        /// The process that it runs in. Names hold no white space.
        process: String,
        /// The assignment of the partition by which it was delivered: another number each time that the process is given
        /// the partition.
        assignment: u32,
        /// When.
        at: Duration,
        /// The record.
        place: Place,
        /// Its key.
        key: Option<Vec<u8>>,
        /// Its payment id.
        payment: String,
        /// Which attempt of this delivery it is, from 1.
        attempt: u32,
    },
    /// A call of a handler ended.
    Ended {
        /// The process that it ran in.
        process: String,
        /// When.
        at: Duration,
        /// The record.
        place: Place,
        /// How.
        how: Ending,
    },
    /// A process was killed, and is gone.
    Killed {
        /// Its name.
        process: String,
        /// When its end was seen.
        at: Duration,
    },
    /// A process ended by itself, and said what it had done.
    Left {
        /// Its name.
        process: String,
        /// When.
        at: Duration,
        /// What it had counted.
        counts: Counts,
    },
    /// Somebody looked at what the group has committed. After a kill: before another process took the partitions over.
    Committed {
        /// When.
        at: Duration,
        /// For each partition of which something was committed, the offset that comes next.
        offsets: BTreeMap<i32, i64>,
    },
}

/// How a call of a handler ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It dealt with the record.
    Done,
    /// It failed, or panicked.
    Failed,
    /// Its future was dropped.
    Cut,
}

impl Ending {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cut => "cut",
        }
    }
}

/// What a process had counted when it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Records that a handler finished.
    pub handled: u64,
    /// Tombstones.
    pub skipped: u64,
    /// Records that were set aside.
    pub dead_lettered: u64,
}

/// Words, separated by one space.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { process, assignment, at, place, key, payment, attempt } => {
                let Place { partition, offset } = place;
                let at = at.as_micros();
                write!(f, "started {process} {assignment} {at} {partition} {offset} {attempt} {payment} ")?;
                match key {
                    Some(key) => write_hex(key, f),
                    None => f.write_str(ABSENT),
                }
            }
            Self::Ended { process, at, place: Place { partition, offset }, how } => {
                write!(f, "{} {process} {} {partition} {offset}", how.as_str(), at.as_micros())
            }
            Self::Killed { process, at } => write!(f, "killed {process} {}", at.as_micros()),
            Self::Left { process, at, counts: Counts { handled, skipped, dead_lettered } } => {
                write!(f, "left {process} {} {handled} {skipped} {dead_lettered}", at.as_micros())
            }
            Self::Committed { at, offsets } => {
                write!(f, "committed {}", at.as_micros())?;
                offsets.iter().try_for_each(|(partition, offset)| write!(f, " {partition}:{offset}"))
            }
        }
    }
}

/// A line is no event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidEvent(String);

impl fmt::Display for InvalidEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no event: {:?}", self.0)
    }
}

impl std::error::Error for InvalidEvent {}

impl FromStr for Event {
    type Err = InvalidEvent;

    fn from_str(line: &str) -> Result<Self, InvalidEvent> {
        let words: Vec<&str> = line.split(' ').collect();
        read(&words).ok_or_else(|| InvalidEvent(line.to_owned()))
    }
}

fn read(words: &[&str]) -> Option<Event> {
    let place = |partition: &str, offset: &str| {
        Some(Place { partition: partition.parse().ok()?, offset: offset.parse().ok()? })
    };
    let name = |process: &str| process.to_owned();
    Some(match words {
        ["started", process, assignment, at, partition, offset, attempt, payment, key] => Event::Started {
            process: name(process),
            assignment: assignment.parse().ok()?,
            at: time(at)?,
            place: place(partition, offset)?,
            key: if *key == ABSENT { None } else { Some(read_hex(key)?) },
            payment: name(payment),
            attempt: attempt.parse().ok()?,
        },
        ["killed", process, at] => Event::Killed { process: name(process), at: time(at)? },
        ["left", process, at, handled, skipped, dead_lettered] => Event::Left {
            process: name(process),
            at: time(at)?,
            counts: Counts {
                handled: handled.parse().ok()?,
                skipped: skipped.parse().ok()?,
                dead_lettered: dead_lettered.parse().ok()?,
            },
        },
        ["committed", at, offsets @ ..] => {
            let offset = |word: &&str| {
                let (partition, offset) = word.split_once(':')?;
                Some((partition.parse().ok()?, offset.parse().ok()?))
            };
            Event::Committed { at: time(at)?, offsets: offsets.iter().map(offset).collect::<Option<_>>()? }
        }
        [how, process, at, partition, offset] => {
            let how =
                [Ending::Done, Ending::Failed, Ending::Cut].into_iter().find(|one| one.as_str() == *how)?;
            Event::Ended { process: name(process), at: time(at)?, place: place(partition, offset)?, how }
        }
        _ => return None,
    })
}

fn time(micros: &str) -> Option<Duration> {
    micros.parse().ok().map(Duration::from_micros)
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(HEX)?;
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// The empty key is a word too.
fn read_hex(word: &str) -> Option<Vec<u8>> {
    let digits = word.strip_prefix(HEX)?.as_bytes();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    if digits.len().is_multiple_of(2) { digits.chunks(2).map(pair).collect() } else { None }
}

const ABSENT: &str = "-";
const HEX: &str = "x";

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Duration = Duration::from_micros(1_234_567_890);
    const PLACE: Place = Place { partition: 7, offset: 1 << 40 };

    #[test]
    fn each_event_is_one_line_and_read_again() {
        let process = || "first".to_owned();
        let started = |key| Event::Started {
            process: process(),
            assignment: 9,
            at: AT,
            place: PLACE,
            key,
            payment: "p".into(),
            attempt: 3,
        };
        let ended = |how| Event::Ended { process: process(), at: AT, place: PLACE, how };
        for event in [
            started(None),
            started(Some(vec![])),
            started(Some(vec![0, 32, 10, 255])),
            ended(Ending::Done),
            ended(Ending::Failed),
            ended(Ending::Cut),
            Event::Killed { process: process(), at: AT },
            Event::Left {
                process: process(),
                at: AT,
                counts: Counts { handled: 1, skipped: 2, dead_lettered: 3 },
            },
            Event::Committed { at: AT, offsets: BTreeMap::new() },
            Event::Committed { at: AT, offsets: [(0, 5), (1, 7)].into() },
        ] {
            let line = event.to_string();
            assert!(!line.contains('\n'), "{line}");
            assert_eq!(line.parse(), Ok(event));
        }
    }

    #[test]
    fn what_is_no_event_is_refused() {
        for line in [
            "",
            "started",
            "started a 4 1 0 0 1 p",
            "started a 4 1 0 0 1 p xf",
            "started a 4 1 0 0 1 p xzz",
            "started a 4 1 0 0 1 p 00",
            "ended a 1 0 0",
            "done a 1 0",
            "done a -1 0 0",
            "committed 1 0",
            "committed 1 0:x",
            "done a 1 0 0\ndone a 1 0 1",
        ] {
            assert!(line.parse::<Event>().is_err(), "{line}");
        }
    }
}
