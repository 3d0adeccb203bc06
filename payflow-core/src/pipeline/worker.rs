//! Runs the handlers of a shard, in one task.

mod attempt;
mod bell;
mod destinations;
mod letters;
mod permits;
mod publication;
mod sparse;
mod starts;

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::time::Sleep;

pub(super) use attempt::Attempts;
pub(super) use bell::Bell;
use destinations::Destinations;
use letters::Letters;
pub(super) use permits::Limit;
use permits::Permits;

use super::engine::Parcel;
use super::events::Listener;
use super::handle::ShardGauges;
use super::lanes::{Class, EntryId, Routed};
use super::mailbox::Mailbox;
use super::seats::{Panicked, Seats};
use super::shard::{Failure, Outcome, Settled, Shard, Vacated, Work};
use super::storm::StormWatch;
use super::turns::Turns;
use crate::codec::Codec;
use crate::consumer::Delivery;
use crate::error::{Error, Fault};
use crate::handler::Handler;

/// The ways in and out of a worker.
#[derive(Debug, Clone)]
pub(super) struct Lines {
    pub(super) inbox: Arc<Mailbox<Parcel>>,
    pub(super) outbox: Arc<Mailbox<Settled>>,
}

/// What a worker is given beside its shard.
pub(super) struct Equipment {
    pub(super) lines: Lines,
    pub(super) limit: Limit,
    pub(super) storms: StormWatch,
    pub(super) bell: Bell,
    pub(super) listener: Listener,
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
        listener: equipment.listener,
        gauges: equipment.gauges,
        arrived: Vec::new(),
        letters: Letters::new(tokio::time::Instant::now().into_std()),
        turns: Turns::default(),
        held_back: 0,
        seated: false,
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
    listener: Listener,
    gauges: Arc<ShardGauges>,
    /// What was just sent; between turns, empty ones.
    arrived: Vec<Parcel>,
    /// Deliveries that were not sorted into lanes yet.
    letters: Letters,
    turns: Turns,
    /// What finished and the driver was not told of.
    held_back: usize,
    /// Whether something was seated in this turn.
    seated: bool,
    vacated: Vec<Vacated>,
    timer: Pin<Box<Sleep>>,
    timer_at: Option<Instant>,
}

/// By what a seat's future is known.
type Label = (EntryId, Class);

/// What finished is told when it is so much.
const HELD_BACK_MAX: usize = 64;

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
        let turn = self.gauges.turn_begins(now);
        // Before anything is looked at that another shard may change.
        let listens = self.shard.watches_weather();
        if listens {
            self.bell.listen(cx);
        }
        self.read_letters(seats, cx, now);
        let (shard, permits) = (&mut self.shard, &mut self.permits);
        seats.poll_woken(cx, |(id, class), output| {
            permits.release(class);
            match output {
                Ok(outcome) if outcome.is_handled() => {
                    std::mem::forget(outcome);
                    shard.handled(id, now);
                }
                output => {
                    let outcome = judged(output, shard);
                    shard.ended(id, outcome, now);
                }
            }
        });
        self.shard.expire(now, &mut self.vacated);
        self.vacate(seats);
        self.shard.unpark(now);
        self.permits.give_back();
        let rest = self.start(cx, seats, &perform, now);
        self.time_seated();
        self.permits.give_back();
        self.shard.tell_successes();
        self.report(cx);
        let weather_changed = self.shard.take_weather_changed();
        if weather_changed {
            self.bell.ring();
            for event in self.storms.take_news() {
                self.listener.tell(&event);
            }
        }
        let census_at = self.gauges.turn_ends(turn, now, &self.shard, self.letters.peek());
        self.set_timer(cx, now, census_at);
        if rest || weather_changed || self.shard.watches_weather() && !listens {
            cx.waker().wake_by_ref();
        }
    }

    fn read_letters<F: Future>(&mut self, seats: &mut Seats<F, Label>, cx: &Context<'_>, now: Instant) {
        let mut arrived = std::mem::take(&mut self.arrived);
        self.lines.inbox.take(&mut arrived, cx);
        for parcel in &mut arrived {
            if parcel.is_about_earlier() {
                while let Some(routed) = self.letters.next() {
                    self.sort(routed);
                }
            }
            for order in parcel.orders.drain(..) {
                self.shard.obey(order, now, &mut self.vacated);
            }
            self.letters.add(&mut parcel.deliveries, now);
        }
        self.arrived = arrived;
        self.vacate(seats);
    }

    /// Puts what was just taken of the letters into its lane.
    fn sort(&mut self, routed: Routed) {
        let destination = self.destinations.of(&routed.delivery);
        self.shard.deliver(routed, destination, *self.letters.since());
    }

    fn vacate<F: Future>(&mut self, seats: &mut Seats<F, Label>) {
        for (seat, class) in self.vacated.drain(..) {
            seats.vacate(seat);
            self.permits.release(class);
        }
    }

    /// The handlers' time runs from now on, and not from the beginning of the turn: what was begun in it may have taken its
    /// own.
    fn time_seated(&mut self) {
        if std::mem::take(&mut self.seated) {
            self.shard.times(tokio::time::Instant::now().into_std());
        }
    }

    /// Tells what left the shard: not each little at once, as long as more follows once the others on the runtime had their turn. A
    /// turn of the driver costs as much as many messages.
    fn report(&mut self, cx: &mut Context<'_>) {
        let settled = self.shard.settled();
        let held_back = std::mem::replace(&mut self.held_back, settled.finished.len());
        let waits = settled.is_all_finished() && held_back < self.held_back && self.held_back < HELD_BACK_MAX;
        if waits {
            let _woken_then = pin!(tokio::task::yield_now()).poll(cx);
        } else if !settled.is_empty() {
            self.lines.outbox.post(settled);
            self.held_back = 0;
        }
    }

    fn set_timer(&mut self, cx: &mut Context<'_>, now: Instant, census_at: Option<Instant>) {
        if self.timer.is_elapsed() {
            self.timer_at = None;
        }
        let Some(wake_at) = [self.shard.wake_at(now), census_at].into_iter().flatten().min() else {
            return;
        };
        // One that is set for an earlier time stays: to wake once for nothing costs less than to set it each turn.
        if self.timer_at.is_some_and(|at| at <= wake_at) {
            return;
        }
        if !tokio::task::coop::has_budget_remaining() {
            // It would not be heard.
            cx.waker().wake_by_ref();
            return;
        }
        self.timer_at = Some(wake_at);
        self.timer.as_mut().reset(wake_at.into());
        if self.timer.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }
}

/// What the future's end means.
fn judged(output: Result<Outcome, Panicked>, shard: &mut Shard) -> Outcome {
    match output {
        Ok(outcome) => note_fatal(outcome, shard),
        Err(panicked) => {
            Outcome::Failed(Box::new(Failure::new(Fault::Permanent, "panic", panicked.into_message())))
        }
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
