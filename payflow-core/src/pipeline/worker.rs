//! Runs the handlers of a shard, in one task.

mod attempt;
mod bell;
mod destinations;
mod permits;
mod publication;
mod sparse;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::time::Sleep;
use tracing::{info, warn};

pub(super) use attempt::Attempts;
pub(super) use bell::Bell;
use destinations::Destinations;
pub(super) use permits::Limit;
use permits::Permits;

use super::engine::ToShard;
use super::handle::ShardGauges;
use super::lanes::{Class, EntryId, Routed};
use super::mailbox::Mailbox;
use super::seats::{Begun, Panicked, Seats};
use super::shard::{Failure, Outcome, Settled, Shard, Vacated, Work};
use super::storm::{StormNews, StormWatch};
use crate::codec::Codec;
use crate::consumer::Delivery;
use crate::error::{Error, Fault};
use crate::handler::Handler;

/// The ways in and out of a worker.
#[derive(Debug, Clone)]
pub(super) struct Lines {
    pub(super) inbox: Arc<Mailbox<VecDeque<ToShard>>>,
    pub(super) outbox: Arc<Mailbox<Settled>>,
}

/// What a worker is given beside its shard.
pub(super) struct Equipment {
    pub(super) lines: Lines,
    pub(super) limit: Limit,
    pub(super) storms: StormWatch,
    pub(super) bell: Bell,
    pub(super) gauges: Arc<ShardGauges>,
}

/// Runs until it is dropped.
pub(super) async fn run<T, C, H>(shard: Shard, equipment: Equipment, attempts: Arc<Attempts<C, H>>)
where
    T: Send + 'static,
    C: Codec<T> + 'static,
    H: Handler<T> + 'static,
{
    let attempts = &*attempts;
    let mut worker = Worker {
        shard,
        lines: equipment.lines,
        permits: Permits::new(&equipment.limit),
        storms: equipment.storms.clone(),
        destinations: Destinations::new(equipment.storms, |delivery| attempts.destination::<T>(delivery)),
        bell: equipment.bell,
        gauges: equipment.gauges,
        arrived: Vec::new(),
        letters: VecDeque::new(),
        vacated: Vec::new(),
        timer: Box::pin(tokio::time::sleep_until(tokio::time::Instant::now())),
        timer_at: None,
    };
    let mut seats = Seats::new();
    poll_fn(move |cx| {
        worker.turn(cx, &mut seats, |work, delivery| attempts.perform(work, delivery));
        Poll::<()>::Pending
    })
    .await;
}

struct Worker<N> {
    shard: Shard,
    lines: Lines,
    permits: Permits,
    destinations: Destinations<N>,
    storms: StormWatch,
    bell: Bell,
    gauges: Arc<ShardGauges>,
    /// Batches just taken; between turns, empty ones.
    arrived: Vec<VecDeque<ToShard>>,
    /// Deliveries that were not sorted into lanes yet, in batches none of which is empty.
    letters: VecDeque<VecDeque<ToShard>>,
    vacated: Vec<Vacated>,
    timer: Pin<Box<Sleep>>,
    timer_at: Option<Instant>,
}

/// By what a seat's future is known.
type Label = (EntryId, Class);

/// Work that is started before others on the runtime get their turn.
const STARTS_PER_TURN: usize = 256;

impl<N: Fn(&Delivery) -> &'static str> Worker<N> {
    fn turn<F>(
        &mut self,
        cx: &mut Context<'_>,
        seats: &mut Seats<F, Label>,
        perform: impl Fn(Work, Arc<Delivery>) -> F,
    ) where
        F: Future<Output = Outcome>,
    {
        let now = tokio::time::Instant::now().into_std();
        self.gauges.turn_begins(now);
        // Before anything is looked at that another shard may change.
        let listens = self.shard.watches_weather();
        if listens {
            self.bell.listen(cx);
        }
        self.read_letters(seats, cx, now);
        let (shard, permits) = (&mut self.shard, &mut self.permits);
        seats.poll_woken(cx, |(id, class), output| {
            permits.release(class);
            let outcome = judged(output, shard);
            shard.ended(id, outcome, now);
        });
        self.shard.expire(now, &mut self.vacated);
        self.vacate(seats);
        self.shard.unpark(now);
        self.permits.give_back();
        let rest = self.start(cx, seats, &perform, now);
        self.permits.give_back();
        self.shard.tell_successes();
        self.report();
        let weather_changed = self.shard.take_weather_changed();
        if weather_changed {
            self.bell.ring();
            self.storms.take_news().iter().for_each(log);
        }
        let census_at = self.gauges.turn_ends(now, &self.shard);
        self.set_timer(cx, now, census_at);
        if rest || weather_changed || self.shard.watches_weather() && !listens {
            cx.waker().wake_by_ref();
        }
    }

    fn read_letters<F: Future>(&mut self, seats: &mut Seats<F, Label>, cx: &Context<'_>, now: Instant) {
        self.lines.inbox.take(&mut self.arrived, cx);
        let is_order = |letter: &ToShard| !matches!(letter, ToShard::Deliver(_));
        if self.arrived.iter().flatten().any(is_order) {
            self.obey(now);
            self.vacate(seats);
        } else {
            self.letters.extend(self.arrived.drain(..));
        }
    }

    /// An order is about what was delivered before it, so all of that is sorted into lanes first.
    fn obey(&mut self, now: Instant) {
        let arrived = std::mem::take(&mut self.arrived);
        self.arrived.extend(self.letters.drain(..).chain(arrived));
        for letter in self.arrived.iter_mut().flat_map(|batch| batch.drain(..)) {
            match letter {
                ToShard::Deliver(routed) => {
                    let destination = self.destinations.of(&routed.delivery);
                    self.shard.deliver(routed, destination, now);
                }
                ToShard::Stop(slot) => self.shard.stop(slot),
                ToShard::Cut(slot) => self.shard.cut(slot, now, &mut self.vacated),
                ToShard::Pause => self.shard.pause(),
                ToShard::Resume => self.shard.resume(),
            }
        }
    }

    fn vacate<F: Future>(&mut self, seats: &mut Seats<F, Label>) {
        for (seat, class) in self.vacated.drain(..) {
            seats.vacate(seat);
            self.permits.release(class);
        }
    }

    /// Starts what may start: first what waited longest. Says whether there is more than fits in a turn.
    fn start<F>(
        &mut self,
        cx: &mut Context<'_>,
        seats: &mut Seats<F, Label>,
        perform: &impl Fn(Work, Arc<Delivery>) -> F,
        now: Instant,
    ) -> bool
    where
        F: Future<Output = Outcome>,
    {
        for _ in 0..STARTS_PER_TURN {
            let again = self.shard.has_ready(Class::Again, now);
            let ready = self.shard.has_ready(Class::First, now);
            if !again && !ready && self.letters.is_empty() {
                self.permits.rest();
                return false;
            }
            if !tokio::task::coop::has_budget_remaining() {
                break;
            }
            let Poll::Ready(class) = self.permits.poll_acquire(cx, again, ready || !self.letters.is_empty())
            else {
                return false;
            };
            let begun = if class == Class::Again || ready {
                self.begin_ready(class, seats, perform, now)
            } else {
                self.begin_letter(seats, perform, now)
            };
            match begun {
                Some((seat, id)) => {
                    seats.label(seat, (id, class));
                    // Not `now`: what was begun before it in this turn may have taken its time.
                    self.shard.seated(id, seat, tokio::time::Instant::now().into_std());
                }
                None => self.permits.release(class),
            }
        }
        // The other shards get their turn at it too.
        self.permits.rest();
        true
    }

    /// Begins what has waited in its lane.
    fn begin_ready<F>(
        &mut self,
        class: Class,
        seats: &mut Seats<F, Label>,
        perform: &impl Fn(Work, Arc<Delivery>) -> F,
        now: Instant,
    ) -> Option<(usize, EntryId)>
    where
        F: Future<Output = Outcome>,
    {
        let (id, work, delivery) = self.shard.start(class, now)?;
        match seats.begin(perform(work, delivery)) {
            Begun::Ended(output) => {
                let outcome = judged(output, &mut self.shard);
                self.shard.ended(id, outcome, now);
                None
            }
            Begun::Seated(seat) => Some((seat, id)),
        }
    }

    /// Begins what has just come, if its lane is idle.
    fn begin_letter<F>(
        &mut self,
        seats: &mut Seats<F, Label>,
        perform: &impl Fn(Work, Arc<Delivery>) -> F,
        now: Instant,
    ) -> Option<(usize, EntryId)>
    where
        F: Future<Output = Outcome>,
    {
        let routed = self.next_letter()?;
        let destination = self.destinations.of(&routed.delivery);
        let direct = self.shard.deliver_or_start(routed, destination, now)?;
        let work = Work::Handle { attempt: 1 };
        match seats.begin(perform(work, Arc::clone(direct.delivery()))) {
            Begun::Ended(output) => {
                let outcome = judged(output, &mut self.shard);
                self.shard.ended_directly(direct, outcome, now);
                None
            }
            Begun::Seated(seat) => Some((seat, self.shard.enter(direct, now))),
        }
    }

    fn next_letter(&mut self) -> Option<Routed> {
        let batch = self.letters.front_mut()?;
        let letter = batch.pop_front();
        if batch.is_empty() {
            self.arrived.extend(self.letters.pop_front());
        }
        match letter {
            Some(ToShard::Deliver(routed)) => Some(routed),
            // Orders never wait among the letters.
            Some(ToShard::Stop(_) | ToShard::Cut(_) | ToShard::Pause | ToShard::Resume) | None => None,
        }
    }

    fn report(&mut self) {
        let settled = self.shard.settled();
        if !settled.is_empty() {
            self.lines.outbox.post(settled);
        }
    }

    fn set_timer(&mut self, cx: &mut Context<'_>, now: Instant, census_at: Option<Instant>) {
        let Some(wake_at) = [self.shard.wake_at(now), census_at].into_iter().flatten().min() else {
            return;
        };
        if self.timer_at != Some(wake_at) {
            self.timer_at = Some(wake_at);
            self.timer.as_mut().reset(wake_at.into());
        }
        if self.timer.as_mut().poll(cx).is_ready() {
            self.timer_at = None;
            cx.waker().wake_by_ref();
        }
    }
}

fn log(news: &StormNews) {
    let destination = news.destination;
    match news.lasted {
        None => warn!(
            destination,
            "destination counts as down: its records wait, one at a time is tried, none is dead-lettered for it"
        ),
        Some(lasted) => info!(destination, seconds = lasted.as_secs(), "destination works again"),
    }
}

/// What the future's end means.
fn judged(output: Result<Outcome, Panicked>, shard: &mut Shard) -> Outcome {
    match output {
        Ok(outcome @ (Outcome::Handled | Outcome::Skipped)) => outcome,
        Ok(outcome) => note_fatal(outcome, shard),
        Err(Panicked(message)) => Outcome::Failed(Box::new(Failure {
            fault: Fault::Permanent,
            counts_attempt: true,
            stage: "panic",
            reason: message,
        })),
    }
}

/// A fatal error of the dead letters' producer ends the pipeline; the record stays where it is.
fn note_fatal(outcome: Outcome, shard: &mut Shard) -> Outcome {
    match outcome {
        Outcome::NotDeadLettered(error) if error.fault() == Fault::Fatal => {
            shard.settled().broken.get_or_insert(*error);
            Outcome::NotDeadLettered(Box::new(Error::fatal("publish dead letter")))
        }
        other => other,
    }
}
