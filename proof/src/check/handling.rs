//! What handlers did, against what the topic holds.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::records::{Lane, Owner, Records};
use crate::event::{Ending, Event};
use crate::history::{History, Place};
use crate::verdict::{Breach, Verdict};

/// Goes through the events in their order. Without any event nothing was to be handled.
pub(crate) fn handling(history: &History, verdict: &mut Verdict) {
    if history.events.is_empty() {
        return;
    }
    let mut watch = Watch {
        records: Records::new(history),
        running: HashMap::new(),
        owners: BTreeMap::new(),
        killed: HashMap::new(),
        stalls: BTreeMap::new(),
        verdict,
    };
    for (number, event) in history.events.iter().enumerate() {
        watch.see(number, event, &history.events);
    }
    watch.conclude();
}

struct Watch<'a, 'v> {
    records: Records<'a>,
    /// The calls that run: whose each is, by record.
    running: HashMap<Place, Owner<'a>>,
    /// By partition: who started a record of it last.
    owners: BTreeMap<i32, Owner<'a>>,
    /// Those who had a partition when their process was killed.
    killed: HashMap<(i32, Owner<'a>), Kill>,
    stalls: BTreeMap<i32, Stall>,
    verdict: &'v mut Verdict,
}

impl<'a> Watch<'a, '_> {
    fn see(&mut self, number: usize, event: &'a Event, events: &'a [Event]) {
        match event {
            Event::Started { process, assignment, at, place, key, payment, attempt } => {
                let owner = Owner { process, assignment: *assignment };
                let start = Start { owner, place: *place, key: key.as_deref(), payment, attempt: *attempt };
                self.started(&start, *at);
            }
            Event::Ended { process, at, place, how } => self.ended(process, *at, *place, *how),
            Event::Killed { process, at } => {
                let committed = events.iter().skip(number).find_map(|later| match later {
                    Event::Committed { offsets, .. } => Some(offsets),
                    _ => None,
                });
                self.killed(process, *at, committed);
            }
            Event::Left { .. } => {}
            Event::Committed { offsets, .. } => self.committed(offsets),
        }
    }

    fn started(&mut self, start: &Start<'a>, at: Duration) {
        let place = start.place;
        self.verdict.starts += 1;
        let Some(record) = self.records.get_mut(place) else {
            return self.verdict.breaches.push(Breach::NotWritten(place));
        };
        if record.written.key.as_deref() != start.key {
            self.verdict.breaches.push(Breach::NotWritten(place));
        }
        let borne = record.written.payment.as_deref().or(record.payment);
        if borne.is_some_and(|borne| borne != start.payment) {
            self.verdict.breaches.push(Breach::Renamed(place));
        }
        record.payment = Some(start.payment);
        let (before, finished) = (record.owner.replace(start.owner), record.finished);
        if start.attempt > 1 {
            self.verdict.retries += 1;
        }
        self.owners.insert(place.partition, start.owner);

        let stall =
            self.stalls.entry(place.partition).or_insert_with(|| Stall { last: at, ..Stall::default() });
        stall.since_first = stall.since_first.max(at.saturating_sub(stall.last));
        stall.last = at;
        match before {
            None => {
                stall.longest = stall.longest.max(stall.since_first);
                self.first_start(start);
            }
            Some(before) => match finished {
                Some((finisher, at)) => self.repeated(place, finisher, at),
                // By the same assignment it is another attempt.
                None => self.verdict.repeats.unfinished += usize::from(before != start.owner),
            },
        }
        let lane = start.key.map(|key| (place.partition, key));
        let mut others = self.running.keys().copied();
        if let Some(running) = others.find(|other| *other == place || self.is_in(lane, *other)) {
            self.verdict.breaches.push(Breach::Together { place, running });
        }
        self.running.insert(place, start.owner);
    }

    fn first_start(&mut self, start: &Start<'a>) {
        let place = start.place;
        let passed = start.key.and_then(|key| self.records.unsettled_before((place.partition, key), place));
        if let Some(passed) = passed {
            self.verdict.breaches.push(Breach::Overtook { place, passed });
        }
    }

    /// Delivered again though it had been finished.
    fn repeated(&mut self, place: Place, finisher: Owner<'a>, finished_at: Duration) {
        match self.killed.get(&(place.partition, finisher)) {
            Some(kill) if kill.committed.is_none_or(|committed| place.offset >= committed) => {
                self.verdict.repeats.uncommitted += 1;
                let age = kill.at.saturating_sub(finished_at);
                self.verdict.oldest_repeat = self.verdict.oldest_repeat.max(Some(age));
            }
            _ => self.verdict.breaches.push(Breach::Repeated(place)),
        }
        // What comes of it now is judged anew.
        if let Some(record) = self.records.get_mut(place) {
            record.finished = None;
        }
    }

    fn ended(&mut self, process: &'a str, at: Duration, place: Place, how: Ending) {
        let owner = self.running.get(&place).copied().filter(|owner| owner.process == process);
        if let Some(record) = self.records.get_mut(place) {
            record.failed = how == Ending::Failed;
            if how == Ending::Done {
                record.done = true;
                record.finished = owner.map(|owner| (owner, at));
            }
        }
        if owner.is_some() {
            self.running.remove(&place);
        } else {
            self.verdict.breaches.push(Breach::EndedTwice(place));
        }
    }

    fn killed(&mut self, process: &str, at: Duration, committed: Option<&BTreeMap<i32, i64>>) {
        self.running.retain(|_, owner| owner.process != process);
        for (partition, owner) in self.owners.iter().filter(|(_, owner)| owner.process == process) {
            let committed = committed.and_then(|offsets| offsets.get(partition)).copied();
            self.killed.insert((*partition, *owner), Kill { at, committed });
        }
    }

    fn committed(&mut self, offsets: &BTreeMap<i32, i64>) {
        for (partition, committed) in offsets {
            let offset = self.records.watermark(*partition);
            if offset < *committed {
                let place = Place { partition: *partition, offset };
                self.verdict.breaches.push(Breach::CommittedTooFar { place, committed: *committed });
            }
        }
        self.verdict.uncommitted = Some(self.records.above(offsets));
    }

    fn is_in(&self, lane: Option<Lane<'_>>, place: Place) -> bool {
        let key = self.records.key(place);
        lane.is_some() && key.map(|key| (place.partition, key)) == lane
    }

    fn conclude(self) {
        let mut lost = Vec::new();
        for record in self.records.all() {
            self.verdict.handled += usize::from(record.done);
            if !record.done && !record.dead && record.written.value.is_some() {
                lost.push(Breach::Lost { place: record.written.place, seen: record.owner.is_some() });
            }
        }
        lost.sort_by_key(|breach| match breach {
            Breach::Lost { place, .. } => Some(*place),
            _ => None,
        });
        self.verdict.breaches.extend(lost);
        self.verdict.stalls =
            self.stalls.iter().map(|(partition, stall)| (*partition, stall.longest)).collect();
    }
}

/// What was known of a partition when the process that had it was killed.
struct Kill {
    at: Duration,
    /// `None` if nothing was committed, or nobody looked.
    committed: Option<i64>,
}

/// How long a partition stood still.
#[derive(Default)]
struct Stall {
    last: Duration,
    /// The longest so far; it counts once a first call follows.
    since_first: Duration,
    longest: Duration,
}

struct Start<'a> {
    owner: Owner<'a>,
    place: Place,
    key: Option<&'a [u8]>,
    payment: &'a str,
    attempt: u32,
}
