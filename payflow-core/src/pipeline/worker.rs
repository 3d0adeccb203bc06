//! Runs the handlers of a shard, in one task.

mod attempt;
mod permits;
mod publication;
mod sparse;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::time::Sleep;

pub(super) use attempt::Attempts;
pub(super) use permits::Limit;
use permits::Permits;

use super::engine::ToShard;
use super::lanes::EntryId;
use super::mailbox::Mailbox;
use super::seats::{Begun, Panicked, Seats};
use super::shard::{Failure, Outcome, Settled, Shard, Work};
use crate::codec::Codec;
use crate::consumer::Delivery;
use crate::error::{Error, Fault};
use crate::handler::Handler;

/// What goes back to the driver.
#[derive(Debug)]
pub(super) enum FromShard {
    Settled(Settled),
    /// The dead letters' producer is unusable.
    Broken(Error),
}

/// The ways in and out of a worker.
#[derive(Debug, Clone)]
pub(super) struct Lines {
    pub(super) inbox: Arc<Mailbox<ToShard>>,
    pub(super) outbox: Arc<Mailbox<FromShard>>,
}

/// Runs until it is dropped.
pub(super) async fn run<T, C, H>(shard: Shard, lines: Lines, attempts: Arc<Attempts<C, H>>, limit: Limit)
where
    T: Send + 'static,
    C: Codec<T> + 'static,
    H: Handler<T> + 'static,
{
    let attempts = &*attempts;
    let mut worker = Worker {
        shard,
        lines,
        permits: Permits::new(limit),
        letters: Vec::new(),
        vacated: Vec::new(),
        outgoing: Vec::new(),
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

struct Worker {
    shard: Shard,
    lines: Lines,
    permits: Permits,
    letters: Vec<ToShard>,
    vacated: Vec<usize>,
    outgoing: Vec<FromShard>,
    timer: Pin<Box<Sleep>>,
    timer_at: Option<Instant>,
}

/// Work that is started before others on the runtime get their turn.
const STARTS_PER_TURN: usize = 256;

impl Worker {
    fn turn<F>(
        &mut self,
        cx: &mut Context<'_>,
        seats: &mut Seats<F, EntryId>,
        perform: impl Fn(Work, Delivery) -> F,
    ) where
        F: Future<Output = Outcome>,
    {
        let now = tokio::time::Instant::now().into_std();
        self.read_letters(seats, cx);
        let (shard, permits, outgoing) = (&mut self.shard, &mut self.permits, &mut self.outgoing);
        seats.poll_woken(cx, |id, output| {
            permits.release();
            shard.ended(id, note_fatal(judged(output), outgoing), now);
        });
        self.shard.expire(now, &mut self.vacated);
        self.vacate(seats);
        self.shard.unpark(now);
        let rest = self.start(cx, seats, &perform, now);
        self.report();
        self.set_timer(cx);
        if rest {
            cx.waker().wake_by_ref();
        }
    }

    fn read_letters<F: Future>(&mut self, seats: &mut Seats<F, EntryId>, cx: &Context<'_>) {
        let mut letters = std::mem::take(&mut self.letters);
        self.lines.inbox.take(&mut letters, cx);
        for letter in letters.drain(..) {
            match letter {
                ToShard::Deliver(routed) => self.shard.deliver(routed),
                ToShard::Stop(slot) => self.shard.stop(slot),
                ToShard::Cut(slot) => self.shard.cut(slot, &mut self.vacated),
            }
        }
        self.letters = letters;
        self.vacate(seats);
    }

    fn vacate<F: Future>(&mut self, seats: &mut Seats<F, EntryId>) {
        for seat in self.vacated.drain(..) {
            seats.vacate(seat);
            self.permits.release();
        }
    }

    /// Starts what may start. Says whether there is more than fits in a turn.
    fn start<F>(
        &mut self,
        cx: &mut Context<'_>,
        seats: &mut Seats<F, EntryId>,
        perform: &impl Fn(Work, Delivery) -> F,
        now: Instant,
    ) -> bool
    where
        F: Future<Output = Outcome>,
    {
        for _ in 0..STARTS_PER_TURN {
            if !self.shard.has_ready() {
                self.permits.rest();
                return false;
            }
            if self.permits.poll_acquire(cx).is_pending() {
                return false;
            }
            let Some((id, work, delivery)) = self.shard.start() else {
                self.permits.release();
                continue;
            };
            match seats.begin(perform(work, delivery), id) {
                Begun::Ended(output) => {
                    self.permits.release();
                    self.shard.ended(id, note_fatal(judged(output), &mut self.outgoing), now);
                }
                Begun::Seated(seat) => self.shard.seated(id, seat, now),
            }
        }
        true
    }

    fn report(&mut self) {
        if !self.shard.settled().is_empty() {
            self.outgoing.push(FromShard::Settled(std::mem::take(self.shard.settled())));
        }
        self.lines.outbox.post(&mut self.outgoing);
    }

    fn set_timer(&mut self, cx: &mut Context<'_>) {
        let Some(wake_at) = self.shard.wake_at() else {
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

fn judged(output: Result<Outcome, Panicked>) -> Outcome {
    output.unwrap_or_else(|Panicked(message)| {
        Outcome::Failed(Failure {
            fault: Fault::Permanent,
            counts_attempt: true,
            stage: "panic",
            reason: message,
        })
    })
}

/// A fatal error of the dead letters' producer ends the pipeline; the record stays where it is.
fn note_fatal(outcome: Outcome, outgoing: &mut Vec<FromShard>) -> Outcome {
    match outcome {
        Outcome::NotDeadLettered(error) if error.fault() == Fault::Fatal => {
            outgoing.push(FromShard::Broken(error));
            Outcome::NotDeadLettered(Error::fatal("publish dead letter"))
        }
        other => other,
    }
}
