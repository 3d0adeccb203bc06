//! An event as a line of text.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{Commit, Counts, Ending, Event};
use crate::history::Place;

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
            Self::Stopped { process, at } => write!(f, "stopped {process} {}", at.as_micros()),
            Self::Resumed { process, at } => write!(f, "resumed {process} {}", at.as_micros()),
            Self::Sent { process, at, payment, notification } => {
                write!(f, "sent {process} {} {payment} {notification}", at.as_micros())
            }
            Self::Committed { at, commits } => {
                write!(f, "committed {}", at.as_micros())?;
                commits.iter().try_for_each(|(partition, commit)| {
                    write!(f, " {partition}:{}", commit.offset)?;
                    commit.beyond.iter().try_for_each(|range| write!(f, "+{}-{}", range.start, range.end))
                })
            }
            Self::Quiet { at } => write!(f, "quiet {}", at.as_micros()),
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
        ["stopped", process, at] => Event::Stopped { process: name(process), at: time(at)? },
        ["resumed", process, at] => Event::Resumed { process: name(process), at: time(at)? },
        ["sent", process, at, payment, notification] => Event::Sent {
            process: name(process),
            at: time(at)?,
            payment: name(payment),
            notification: name(notification),
        },
        ["committed", at, commits @ ..] => Event::Committed {
            at: time(at)?,
            commits: commits.iter().map(|word| commit(word)).collect::<Option<_>>()?,
        },
        ["quiet", at] => Event::Quiet { at: time(at)? },
        [how, process, at, partition, offset] => {
            let how =
                [Ending::Done, Ending::Failed, Ending::Cut].into_iter().find(|one| one.as_str() == *how)?;
            Event::Ended { process: name(process), at: time(at)?, place: place(partition, offset)?, how }
        }
        _ => return None,
    })
}

/// `partition:offset`, and `+start-end` for each range beyond it.
fn commit(word: &str) -> Option<(i32, Commit)> {
    let (partition, commit) = word.split_once(':')?;
    let mut parts = commit.split('+');
    let offset = parts.next()?.parse().ok()?;
    let range = |part: &str| {
        let (start, end) = part.split_once('-')?;
        Some(start.parse().ok()?..end.parse().ok()?)
    };
    let beyond = parts.map(range).collect::<Option<_>>()?;
    Some((partition.parse().ok()?, Commit { offset, beyond }))
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
    use std::collections::BTreeMap;

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
            Event::Stopped { process: process(), at: AT },
            Event::Resumed { process: process(), at: AT },
            Event::Sent { process: process(), at: AT, payment: "p".into(), notification: "n".into() },
            Event::Committed { at: AT, commits: BTreeMap::new() },
            Event::Committed {
                at: AT,
                commits: [
                    (0, Commit::at(5)),
                    (1, Commit { offset: 7, beyond: vec![9..12, 1 << 40..(1 << 40) + 1] }),
                ]
                .into(),
            },
            Event::Quiet { at: AT },
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
            "committed 1 0:1+",
            "committed 1 0:1+2",
            "committed 1 0:1+2-x",
            "sent a 1 p",
            "quiet",
            "done a 1 0 0\ndone a 1 0 1",
        ] {
            assert!(line.parse::<Event>().is_err(), "{line}");
        }
    }
}
