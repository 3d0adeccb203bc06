//! Histories, told in few words.

use std::time::Duration;

use crate::event::{Commit, Ending, Event};
use crate::history::{Answer, DeadLetter, History, Place, Told, Written};
use crate::verdict::Breach;

pub(super) fn place(partition: i32, offset: i64) -> Place {
    Place { partition, offset }
}

/// A history of one partition, in which time passes by a second with each event; and the current assignment.
#[derive(Default)]
pub(super) struct Story(pub(super) History, u32);

impl Story {
    /// A topic of one partition whose records have these keys.
    pub(super) fn with_keys(keys: &[&str]) -> Self {
        let written = (0..).zip(keys).map(|(offset, key)| written(place(0, offset), key));
        Self(History { written: written.collect(), ..History::default() }, 0)
    }

    pub(super) fn start(self, process: &str, offset: i64) -> Self {
        self.attempt(process, offset, 1)
    }

    pub(super) fn attempt(self, process: &str, offset: i64, attempt: u32) -> Self {
        let place = place(0, offset);
        let key =
            self.0.written.iter().find(|written| written.place == place).and_then(|one| one.key.clone());
        let (process, payment) = (process.to_owned(), format!("p{offset}"));
        let (at, assignment) = (self.now(), self.1);
        self.and(Event::Started { process, assignment, at, place, key, payment, attempt })
    }

    /// From here on deliveries are by another assignment, also those to the same process.
    pub(super) fn assigned_anew(mut self) -> Self {
        self.1 += 1;
        self
    }

    pub(super) fn end(self, process: &str, offset: i64, how: Ending) -> Self {
        let at = self.now();
        self.and(Event::Ended { process: process.to_owned(), at, place: place(0, offset), how })
    }

    pub(super) fn done(self, process: &str, offset: i64) -> Self {
        self.end(process, offset, Ending::Done)
    }

    /// Started and done.
    pub(super) fn handle(self, process: &str, offset: i64) -> Self {
        self.start(process, offset).done(process, offset)
    }

    pub(super) fn kill(self, process: &str, committed: i64) -> Self {
        self.kill_with(process, Commit::at(committed))
    }

    pub(super) fn committed(self, offset: i64) -> Self {
        self.looked(Commit::at(offset))
    }

    /// Somebody looked at what is committed.
    pub(super) fn looked(self, commit: Commit) -> Self {
        let at = self.now();
        self.and(Event::Committed { at, commits: [(0, commit)].into() })
    }

    /// Killed, with what was committed then.
    pub(super) fn kill_with(self, process: &str, commit: Commit) -> Self {
        let at = self.now();
        self.and(Event::Killed { process: process.to_owned(), at }).looked(commit)
    }

    /// Stopped until others have what it had.
    pub(super) fn stop(self, process: &str, committed: i64) -> Self {
        let at = self.now();
        self.and(Event::Stopped { process: process.to_owned(), at }).committed(committed)
    }

    pub(super) fn resume(self, process: &str) -> Self {
        let at = self.now();
        self.and(Event::Resumed { process: process.to_owned(), at })
    }

    /// A notification goes out under the id that its payment always has.
    pub(super) fn send(self, process: &str, offset: i64) -> Self {
        self.send_as(process, offset, &format!("n{offset}"))
    }

    pub(super) fn send_as(self, process: &str, offset: i64, notification: &str) -> Self {
        let (at, process) = (self.now(), process.to_owned());
        let (payment, notification) = (format!("p{offset}"), notification.to_owned());
        self.and(Event::Sent { process, at, payment, notification })
    }

    pub(super) fn quiet(self) -> Self {
        let at = self.now();
        self.and(Event::Quiet { at })
    }

    pub(super) fn and(mut self, event: Event) -> Self {
        self.0.events.push(event);
        self
    }

    pub(super) fn dead(mut self, offset: i64) -> Self {
        let source = place(0, offset);
        let original = self.0.written.iter().find(|written| written.place == source);
        let letter = original.map(|original| DeadLetter {
            source,
            key: original.key.clone(),
            value: original.value.clone(),
        });
        self.0.dead.extend(letter);
        self
    }

    pub(super) fn answer(mut self, mark: &str, key: &str, told: Told, seconds: (u64, u64)) -> Self {
        let (sent_at, answered_at) = (Duration::from_secs(seconds.0), Duration::from_secs(seconds.1));
        self.0.answers.push(Answer { mark: mark.into(), key: key.into(), told, sent_at, answered_at });
        self
    }

    /// A record that a request asked for.
    pub(super) fn write(mut self, at: Place, key: &str, mark: &str, payment: &str) -> Self {
        let (payment, mark) = (Some(payment.to_owned()), Some(mark.to_owned()));
        self.0.written.push(Written { payment, mark, ..written(at, key) });
        self
    }

    fn now(&self) -> Duration {
        Duration::from_secs(self.0.events.len() as u64)
    }

    #[track_caller]
    pub(super) fn breaks(&self, breaches: &[Breach]) {
        let verdict = self.0.verdict();
        assert_eq!(verdict.breaches, breaches, "{verdict}");
    }

    #[track_caller]
    pub(super) fn is_good(&self) {
        self.breaks(&[]);
    }
}

fn written(place: Place, key: &str) -> Written {
    let value = format!("value of {}", place.offset).into_bytes();
    let (payment, mark, at) = (None, None, Duration::ZERO);
    Written { place, key: Some(key.into()), value: Some(value), payment, mark, at }
}
