//! What begins next, and on whose permit.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use super::{Label, Worker, judged};
use crate::consumer::Delivery;
use crate::pipeline::lanes::Class;
use crate::pipeline::seats::{Begun, Seats};
use crate::pipeline::shard::{Outcome, Work};

/// Work that is started before others on the runtime get their turn.
const STARTS_PER_TURN: usize = 256;

impl<N: Fn(&Delivery) -> &'static str> Worker<N> {
    /// Starts what may start: of the lanes first what waited longest, in turn with what has just come. Says whether there is more than
    /// fits in a turn.
    pub(super) fn start<F>(
        &mut self,
        cx: &mut Context<'_>,
        seats: &mut Seats<F, Label>,
        perform: &impl Fn(Work, Arc<Delivery>) -> F,
        now: Instant,
    ) -> bool
    where
        F: Future<Output = Outcome>,
    {
        let mut left = STARTS_PER_TURN;
        while left > 0 {
            left -= 1;
            let again = self.shard.has_ready(Class::Again, now);
            let ready = self.shard.has_ready(Class::First, now);
            let first = ready || !self.letters.is_empty();
            if !again && !first {
                self.permits.rest();
                return false;
            }
            if !tokio::task::coop::has_budget_remaining() {
                break;
            }
            let Poll::Ready(class) = self.permits.poll_acquire(cx, again, first) else {
                return false;
            };
            let used = if class == Class::Again || ready && self.turns.is_lanes(!self.letters.is_empty()) {
                self.begin_ready(class, seats, perform, now)
            } else {
                if ready {
                    self.sort_letters_of_busy_lanes();
                }
                // What failed before is not to wait for more than one that is new, nor are lanes.
                let more = if again || ready { 0 } else { left };
                let (used, begun) = self.begin_letters(more, seats, perform, now);
                left -= begun;
                used
            };
            if !used {
                self.permits.release(class);
            }
        }
        // The other shards get their turn at it too.
        self.permits.rest();
        true
    }

    /// Sorts what has just come behind the others of its lane, up to one that may start.
    fn sort_letters_of_busy_lanes(&mut self) {
        while let Some(lane) = self.letters.peek().and_then(|(_, routed)| self.shard.lane_of(routed))
            && let Some(routed) = self.letters.next()
        {
            let destination = self.destinations.of(&routed.delivery);
            self.shard.deliver_into(Some(lane), routed, destination, *self.letters.since());
        }
    }

    /// Begins what has waited in its lane. Says whether its permit is in use from now on.
    fn begin_ready<F>(
        &mut self,
        class: Class,
        seats: &mut Seats<F, Label>,
        perform: &impl Fn(Work, Arc<Delivery>) -> F,
        now: Instant,
    ) -> bool
    where
        F: Future<Output = Outcome>,
    {
        let Some((id, work, delivery)) = self.shard.start(class, now) else {
            return false;
        };
        match seats.begin(|| perform(work, delivery)) {
            Begun::Ended(output) => {
                let outcome = judged(output, &mut self.shard);
                self.shard.ended(id, outcome, now);
                false
            }
            Begun::Seated(seat) => {
                seats.label(seat, (id, class));
                self.shard.seated(id, seat);
                self.seated = true;
                true
            }
        }
    }

    /// Begins what has just come and whose lane is idle: one, and up to `more` others, as long as nothing else becomes ready and there is a
    /// permit at hand. Says whether the last permit is in use from now on, and how many others
    /// were looked for.
    fn begin_letters<F>(
        &mut self,
        more: usize,
        seats: &mut Seats<F, Label>,
        perform: &impl Fn(Work, Arc<Delivery>) -> F,
        now: Instant,
    ) -> (bool, usize)
    where
        F: Future<Output = Outcome>,
    {
        let mut others = 0;
        loop {
            let Some(routed) = self.letters.next() else {
                return (false, others);
            };
            let mut used = false;
            let destination = self.destinations.of(&routed.delivery);
            if let Some(direct) = self.shard.deliver_or_start(routed, destination, self.letters.since()) {
                let delivery = Arc::clone(direct.delivery());
                match seats.begin(|| perform(Work::Handle { attempt: 1 }, delivery)) {
                    Begun::Ended(Ok(outcome)) if outcome.is_handled() => {
                        // It holds nothing; to drop it would be a call a message.
                        std::mem::forget(outcome);
                        self.shard.handled_directly(direct);
                    }
                    Begun::Ended(output) => {
                        let outcome = judged(output, &mut self.shard);
                        self.shard.ended_directly(direct, outcome, *self.letters.since(), now);
                        return (false, others);
                    }
                    Begun::Seated(seat) => {
                        let id = self.shard.enter(direct, seat, *self.letters.since());
                        seats.label(seat, (id, Class::First));
                        self.seated = true;
                        used = true;
                    }
                }
            } else if self.shard.has_ready(Class::First, now) || self.shard.has_ready(Class::Again, now) {
                return (false, others);
            }
            // What ended at once has left the budget and the permit as they were, or nearly so.
            let mut goes_on = || {
                !self.letters.is_empty()
                    && tokio::task::coop::has_budget_remaining()
                    && self.permits.take_kept()
            };
            if others == more || used && !goes_on() {
                return (used, others);
            }
            others += 1;
        }
    }
}
