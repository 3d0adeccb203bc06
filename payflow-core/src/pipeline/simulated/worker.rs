//! A shard as its worker carries it out.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use super::{Ending, Hands, Job, Task};
use crate::error::{Error, Fault};
use crate::pipeline::engine::Parcel;
use crate::pipeline::lanes::{Class, EntryId, Routed};
use crate::pipeline::shard::{Failure, Outcome, Shard, Vacated, Work};
use crate::pipeline::storm::StormWatch;
use crate::pipeline::turns::Turns;

#[derive(Debug)]
pub(super) struct Worker {
    pub(super) shard: Shard,
    pub(super) inbox: Vec<Parcel>,
    /// Not sorted into lanes yet.
    pub(super) letters: VecDeque<Routed>,
    pub(super) seats: BTreeMap<usize, (EntryId, Class)>,
    pub(super) storms: StormWatch,
    /// The class that had the last turn, where both could have.
    pub(super) last: Class,
    pub(super) turns: Turns,
    /// First attempts of lanes that began one after another while something waited that had just come.
    pub(super) passed_over: usize,
    pub(super) ended: Vec<(usize, Ending)>,
}

/// How many more handlers may run, and how many of them for what failed before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Permits {
    pub(super) all: usize,
    pub(super) again: usize,
}

impl Permits {
    pub(super) const fn take(&mut self, class: Class) {
        self.all -= 1;
        if matches!(class, Class::Again) {
            self.again -= 1;
        }
    }

    pub(super) const fn release(&mut self, class: Class) {
        self.all += 1;
        if matches!(class, Class::Again) {
            self.again += 1;
        }
    }
}

impl Worker {
    pub(super) fn read_letters(&mut self, now: Instant, vacated: &mut Vec<Vacated>, hands: &impl Hands) {
        for parcel in std::mem::take(&mut self.inbox) {
            if parcel.is_about_earlier() {
                for routed in std::mem::take(&mut self.letters) {
                    self.deliver(routed, now, hands);
                }
            }
            for order in parcel.orders {
                self.shard.obey(order, now, vacated);
            }
            self.letters.extend(parcel.deliveries);
        }
    }

    fn deliver(&mut self, routed: Routed, now: Instant, hands: &impl Hands) {
        let destination = self.storms.destination(hands.destination(&routed.delivery));
        self.shard.deliver(routed, destination, now);
    }

    /// Drops work that was cut off or took too long.
    pub(super) fn vacate(
        &mut self,
        vacated: &mut Vec<Vacated>,
        timed_out: bool,
        permits: &mut Permits,
        hands: &mut impl Hands,
    ) {
        for (seat, class) in vacated.drain(..) {
            self.seats.remove(&seat);
            permits.release(class);
            hands.dropped(seat, timed_out);
        }
    }

    /// As what the next work begins, as the worker's permits decide: `None` if there is nothing to begin, `Some(None)` if
    /// there is no permit for it.
    pub(super) fn next_class(&mut self, permits: &Permits, now: Instant) -> Option<Option<Class>> {
        let again = self.shard.has_ready(Class::Again, now);
        let first = self.shard.has_ready(Class::First, now) || !self.letters.is_empty();
        if !again && !first {
            return None;
        }
        if again && !(first && self.last == Class::Again) && permits.again > 0 {
            if permits.all == 0 {
                return Some(None);
            }
            self.last = Class::Again;
            return Some(Some(Class::Again));
        }
        self.last = Class::First;
        Some((first && permits.all > 0).then_some(Class::First))
    }

    /// Begins what waited longest of a class. True if it goes on running.
    pub(super) fn begin(
        &mut self,
        class: Class,
        index: usize,
        seat: usize,
        now: Instant,
        hands: &mut impl Hands,
    ) -> bool {
        let ready = self.shard.has_ready(Class::First, now);
        if class == Class::Again || ready && self.turns.is_lanes(!self.letters.is_empty()) {
            if class == Class::First {
                self.passed_over = if self.letters.is_empty() { 0 } else { self.passed_over + 1 };
            }
            let Some((id, work, delivery)) = self.shard.start(class, now) else {
                return false;
            };
            let again = class == Class::Again;
            let in_storm = self.storms.is_on(self.storms.destination(hands.destination(&delivery)));
            let passed_over = self.passed_over;
            let job = Job {
                shard: index,
                seat,
                delivery: &delivery,
                task: task(&work),
                again,
                in_storm,
                passed_over,
            };
            let ending = hands.perform(&job);
            drop(delivery);
            if let Some(ending) = ending {
                let outcome = self.outcome(ending);
                self.shard.ended(id, outcome, now);
                return false;
            }
            self.shard.seated(id, seat);
            self.shard.times(now);
            self.seats.insert(seat, (id, class));
            return true;
        }
        self.passed_over = 0;
        while ready
            && let Some(routed) = self.letters.pop_front_if(|routed| self.shard.lane_of(routed).is_some())
        {
            self.deliver(routed, now, hands);
        }
        let Some(routed) = self.letters.pop_front() else {
            return false;
        };
        let destination = self.storms.destination(hands.destination(&routed.delivery));
        let Some(direct) = self.shard.deliver_or_start(routed, destination, &now) else {
            return false;
        };
        let task = Task::Handle { attempt: 1 };
        let job = Job {
            shard: index,
            seat,
            delivery: direct.delivery(),
            task,
            again: false,
            in_storm: false,
            passed_over: 0,
        };
        let ending = hands.perform(&job);
        if let Some(ending) = ending {
            let outcome = self.outcome(ending);
            self.shard.ended_directly(direct, outcome, now, now);
            return false;
        }
        let id = self.shard.enter(direct, seat, now);
        self.shard.times(now);
        self.seats.insert(seat, (id, Class::First));
        true
    }

    /// A fatal error of the dead letters' producer ends the pipeline, as in the worker.
    pub(super) fn outcome(&mut self, ending: Ending) -> Outcome {
        match ending {
            Ending::Handled => Outcome::Handled,
            Ending::Skipped => Outcome::Skipped,
            Ending::Failed { fault, counts_attempt, stage } => {
                Outcome::Failed(Box::new(Failure { fault, counts_attempt, stage, reason: String::new() }))
            }
            Ending::DeadLettered => Outcome::DeadLettered,
            Ending::NotDeadLettered(fault) => {
                let error = Error::new(fault, "publish dead letter");
                if fault == Fault::Fatal {
                    self.shard.settled().broken.get_or_insert(Error::fatal("publish dead letter"));
                }
                Outcome::NotDeadLettered(Box::new(error))
            }
        }
    }
}

fn task(work: &Work) -> Task {
    match work {
        Work::Handle { attempt } => Task::Handle { attempt: *attempt },
        Work::DeadLetter(verdict) => Task::DeadLetter {
            stage: verdict.failure.stage,
            fault: verdict.failure.fault,
            attempts: verdict.attempts,
        },
    }
}
