//! What handlers did, against what the topic holds.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use super::order::Order;
use super::records::{Lane, Owner, Records};
use super::sends::Sends;
use super::stalls::Stalls;
use crate::event::{Commit, Ending, Event};
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
        lanes: HashMap::new(),
        order: Order::default(),
        owners: BTreeMap::new(),
        gone: HashMap::new(),
        zombies: HashSet::new(),
        ghosts: HashMap::new(),
        zombie_sends: HashMap::new(),
        committed: BTreeMap::new(),
        sends: Sends::default(),
        notifies: history.notifies,
        quiet: false,
        stalls: Stalls::new(history),
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
    /// The same by lane.
    lanes: HashMap<Lane<'a>, Place>,
    order: Order<'a>,
    /// By partition: who started a record of it last.
    owners: BTreeMap<i32, Owner<'a>>,
    /// Those who had a partition when their process was killed or stopped.
    gone: HashMap<(i32, Owner<'a>), Gone<'a>>,
    /// Those of them whose process was stopped: what they do after it is nobody's but theirs.
    zombies: HashSet<(i32, Owner<'a>)>,
    /// Their calls, and whether each began after its process went on.
    ghosts: HashMap<(&'a str, Place), bool>,
    /// What each process has sent of them since it was stopped last.
    zombie_sends: HashMap<&'a str, usize>,
    /// The offsets that were committed when somebody looked last.
    committed: BTreeMap<i32, i64>,
    sends: Sends<'a>,
    notifies: bool,
    /// Nothing is to be called any more.
    quiet: bool,
    stalls: Stalls,
    verdict: &'v mut Verdict,
}

impl<'a> Watch<'a, '_> {
    fn see(&mut self, number: usize, event: &'a Event, events: &'a [Event]) {
        match event {
            Event::Started { process, assignment, at, place, key, payment, attempt } => {
                let owner = Owner { process, assignment: *assignment };
                let (key, attempt) = (key.as_deref(), *attempt);
                let start = Start { number, owner, place: *place, key, payment, attempt };
                self.started(&start, *at);
            }
            Event::Ended { process, at, place, how } => self.ended(process, *at, *place, *how),
            Event::Killed { process, at } => {
                self.ghosts.retain(|(other, _), _| other != process);
                self.leave(process, number, *at, next_look(events, number));
            }
            Event::Stopped { process, at } => {
                let under_way = self.leave(process, number, *at, next_look(events, number));
                self.verdict.zombies.under_way += under_way.len();
                self.ghosts.extend(under_way.into_iter().map(|place| ((process.as_str(), place), false)));
                self.zombie_sends.remove(process.as_str());
                self.count_ghosts(process);
                let had = self.owners.iter().filter(|(_, owner)| owner.process == process);
                self.zombies.extend(had.map(|(partition, owner)| (*partition, *owner)));
            }
            Event::Sent { process, payment, notification, .. } => self.sent(process, payment, notification),
            Event::Committed { commits, .. } => self.committed(commits),
            Event::Quiet { .. } => {
                self.quiet = true;
                let running = self.running.keys().map(|place| Breach::Restless(*place));
                self.verdict.breaches.extend(running);
            }
            Event::Resumed { .. } | Event::Left { .. } => {}
        }
    }

    fn started(&mut self, start: &Start<'a>, at: Duration) {
        let place = start.place;
        self.verdict.starts += 1;
        if self.quiet {
            self.verdict.breaches.push(Breach::Restless(place));
        }
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
        self.sends.called_for(start.payment, place);
        if self.zombies.contains(&(place.partition, start.owner)) {
            self.verdict.zombies.started += 1;
            self.ghosts.insert((start.owner.process, place), true);
            return self.count_ghosts(start.owner.process);
        }
        let (before, finished) = (record.owner.replace(start.owner), record.finished);
        let started_before = record.started.replace(start.number);
        if start.attempt > 1 {
            self.verdict.retries += 1;
        }
        self.owners.insert(place.partition, start.owner);
        self.stalls.started(place.partition, at, start.attempt, before.is_none());
        match before {
            None => self.first_start(start),
            Some(before) => match finished {
                Some((finisher, at)) => self.repeated(place, finisher, at),
                // By the same assignment it is another attempt.
                None => self.verdict.repeats.unfinished += usize::from(before != start.owner),
            },
        }
        let owed_since = match finished {
            Some((finisher, _)) => self.gone.get(&(place.partition, finisher)).map(|gone| gone.number),
            None => started_before,
        };
        self.in_order(start, owed_since);
        let lane = start.key.map(|key| (place.partition, key));
        let same = self.running.contains_key(&place).then_some(place);
        if let Some(running) = same.or_else(|| self.lanes.get(&lane?).copied()) {
            self.verdict.breaches.push(Breach::Together { place, running });
        }
        self.running.insert(place, start.owner);
        if let Some(lane) = lane {
            self.lanes.insert(lane, place);
        }
    }

    fn first_start(&mut self, start: &Start<'a>) {
        let place = start.place;
        let passed = start.key.and_then(|key| self.records.unsettled_before((place.partition, key), place));
        if let Some(passed) = passed {
            self.overtook(place, passed);
        }
    }

    /// What comes again comes in order again, whoever has finished it before. `owed_since` is the event from which this record
    /// was to come before all later ones of its lane.
    fn in_order(&mut self, start: &Start<'a>, owed_since: Option<usize>) {
        let (place, Some(key)) = (start.place, start.key) else { return };
        let lane = (place.partition, key);
        let of_lane = |offset| Place { offset, ..place };
        let passing = owed_since.and_then(|since| self.order.passed_since(lane, place.offset, since));
        if let Some(passing) = passing.map(of_lane) {
            self.overtook(passing, place);
        }
        let last = self.order.last_before(lane, place.offset).map(of_lane);
        if let Some(passed) = last.filter(|last| self.records.is_unfinished(*last)) {
            self.overtook(place, passed);
        }
        self.order.started(lane, place.offset, start.number);
    }

    /// Told once of the same two.
    fn overtook(&mut self, place: Place, passed: Place) {
        let breach = Breach::Overtook { place, passed };
        if !self.verdict.breaches.contains(&breach) {
            self.verdict.breaches.push(breach);
        }
    }

    /// How many calls a zombie has at a time.
    fn count_ghosts(&mut self, process: &str) {
        let calls = self.ghosts.keys().filter(|(other, _)| *other == process).count();
        self.verdict.zombies.most_at_once = self.verdict.zombies.most_at_once.max(calls);
    }

    /// Delivered again though it had been finished.
    fn repeated(&mut self, place: Place, finisher: Owner<'a>, finished_at: Duration) {
        match self.gone.get(&(place.partition, finisher)) {
            Some(gone) if !gone.commit.is_some_and(|commit| commit.holds(place.offset)) => {
                self.verdict.repeats.uncommitted += 1;
                let age = gone.at.saturating_sub(finished_at);
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
        // What a zombie finishes counts for nothing: nobody may commit it.
        if self.ghosts.remove(&(process, place)).is_some() {
            return;
        }
        let owner = self.running.get(&place).copied().filter(|owner| owner.process == process);
        if let Some(record) = self.records.get_mut(place) {
            record.failed = how == Ending::Failed;
            if how == Ending::Done {
                record.done = true;
                record.finished = owner.map(|owner| (owner, at));
            }
        }
        if owner.is_some() {
            self.end(place);
        } else {
            self.verdict.breaches.push(Breach::EndedTwice(place));
        }
    }

    fn end(&mut self, place: Place) {
        self.running.remove(&place);
        let lane = self.records.key(place).map(|key| (place.partition, key));
        if let Some(lane) = lane
            && self.lanes.get(&lane) == Some(&place)
        {
            self.lanes.remove(&lane);
        }
    }

    /// A process is no member any more. Returns the calls that ran in it.
    fn leave(
        &mut self,
        process: &str,
        number: usize,
        at: Duration,
        look: Option<&'a BTreeMap<i32, Commit>>,
    ) -> Vec<Place> {
        let ran = self.running.iter().filter(|(_, owner)| owner.process == process);
        let ran: Vec<Place> = ran.map(|(place, _)| *place).collect();
        ran.iter().for_each(|place| self.end(*place));
        for (partition, owner) in self.owners.iter().filter(|(_, owner)| owner.process == process) {
            let commit = look.and_then(|commits| commits.get(partition));
            self.verdict.held += commit.map_or(0, |commit| self.records.held(*partition, commit));
            self.gone.insert((*partition, *owner), Gone { number, at, commit });
        }
        ran
    }

    fn sent(&mut self, process: &'a str, payment: &'a str, notification: &'a str) {
        self.verdict.sends += 1;
        let place = self.sends.note(process, payment, notification, &mut self.verdict.breaches);
        let runs = |place: &Place| self.running.get(place).is_some_and(|owner| owner.process == process);
        let ghost = |place: &Place| self.ghosts.get(&(process, *place)).copied();
        let Some(place) = place.filter(|place| runs(place) || ghost(place).is_some()) else {
            return self.verdict.breaches.push(Breach::SentByNobody(payment.to_owned()));
        };
        match ghost(&place) {
            Some(false) => self.verdict.zombies.sent += 1,
            Some(true) => self.verdict.zombies.sent_of_started += 1,
            None => {}
        }
        if ghost(&place).is_some() {
            let sent = self.zombie_sends.entry(process).or_default();
            *sent += 1;
            self.verdict.zombies.most_sent = self.verdict.zombies.most_sent.max(*sent);
        }
        if let Some(record) = self.records.get_mut(place) {
            record.sends += 1;
        }
    }

    fn committed(&mut self, commits: &BTreeMap<i32, Commit>) {
        for (partition, commit) in commits {
            let (partition, to) = (*partition, commit.offset);
            let offset = self.records.watermark(partition);
            if offset < to {
                let place = Place { partition, offset };
                self.verdict.breaches.push(Breach::CommittedTooFar { place, committed: to });
            }
            let unfinished = |range| self.records.unsettled_in(partition, range);
            let unfinished = commit.beyond.iter().filter_map(unfinished).map(Breach::CommittedUnfinished);
            self.verdict.breaches.extend(unfinished);
            if let Some(from) = self.committed.insert(partition, to).filter(|from| *from > to) {
                self.verdict.breaches.push(Breach::CommittedBack { partition, from, to });
            }
        }
        self.verdict.uncommitted = Some(self.records.untold(commits));
    }

    fn conclude(self) {
        let (mut lost, mut unsent) = (Vec::new(), Vec::new());
        for record in self.records.all() {
            let place = record.written.place;
            self.verdict.handled += usize::from(record.done);
            self.verdict.doubled += record.sends.saturating_sub(1);
            if !record.done && !record.dead && record.written.value.is_some() {
                lost.push((place, Breach::Lost { place, seen: record.owner.is_some() }));
            }
            if record.done && record.sends == 0 && self.notifies {
                unsent.push((place, Breach::Unsent(place)));
            }
        }
        for mut breaches in [lost, unsent] {
            breaches.sort_by_key(|(place, _)| *place);
            self.verdict.breaches.extend(breaches.into_iter().map(|(_, breach)| breach));
        }
        self.verdict.stalls = self.stalls.longest();
    }
}

/// What was committed when somebody looked next.
pub(super) fn next_look(events: &[Event], number: usize) -> Option<&BTreeMap<i32, Commit>> {
    events.iter().skip(number).find_map(|later| match later {
        Event::Committed { commits, .. } => Some(commits),
        _ => None,
    })
}

/// What was known of a partition when the process that had it was killed or stopped.
struct Gone<'a> {
    /// The event's.
    number: usize,
    at: Duration,
    /// `None` if nothing was committed, or nobody looked.
    commit: Option<&'a Commit>,
}

struct Start<'a> {
    /// The event's.
    number: usize,
    owner: Owner<'a>,
    place: Place,
    key: Option<&'a [u8]>,
    payment: &'a str,
    attempt: u32,
}
