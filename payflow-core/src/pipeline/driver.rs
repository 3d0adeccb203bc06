//! Carries out what the engine decides: the one loop around a consumer.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_core::future::BoxFuture;
use tokio::task::JoinSet;

use super::engine::{Actions, Engine, Event};
use super::events::Listener;
use super::handle::{Gauges, HEARTBEAT};
use super::shard::Settled;
use super::worker::Lines;
use crate::consumer::{Consumer, Inbound, PartitionProgress};
use crate::error::Error;

/// How long the handlers that are cut off at the end may take to notice.
const CUT_OFF_TIMEOUT: Duration = Duration::from_secs(1);

/// The consumer, the engine, and the lines to the workers.
pub(super) struct Driver<K> {
    /// First, so that handlers are told to end before the group is left.
    pub(super) workers: JoinSet<()>,
    pub(super) consumer: K,
    pub(super) engine: Engine,
    pub(super) lines: Vec<Lines>,
    pub(super) gauges: Arc<Gauges>,
    pub(super) listener: Listener,
}

/// What the loop waits for.
enum Happened {
    ShutDown,
    Pause(bool),
    Reports,
    Committed(Result<(), Error>),
    WorkerGone,
    Received(Result<(), Error>),
    Tick,
}

impl<K: Consumer> Driver<K> {
    /// Runs until the engine is done.
    pub(super) async fn run(mut self, shutdown: impl Future<Output = ()> + Send) -> Result<(), Error> {
        let mut shutdown = pin!(shutdown);
        let mut shutting_down = false;
        let mut inbound = Inbound::default();
        let mut actions = Actions::new(self.lines.len());
        let mut reports = Vec::new();
        let mut commit: Option<BoxFuture<'static, Result<(), Error>>> = None;
        let mut progress = Progress::default();
        loop {
            let now = now();
            let (room, receives) = (self.engine.room(), self.engine.receives(now));
            let wake_at = self.engine.wake_at().map_or(now + HEARTBEAT, |at| at.min(now + HEARTBEAT));
            let paused = self.engine.is_paused();
            let happened = tokio::select! {
                biased;
                () = &mut shutdown, if !shutting_down => Happened::ShutDown,
                () = take_reports(&self.lines, &mut reports) => Happened::Reports,
                Some(result) = run_commit(&mut commit) => Happened::Committed(result),
                Some(_) = self.workers.join_next() => Happened::WorkerGone,
                pause = asked_to_pause(&self.gauges, paused) => Happened::Pause(pause),
                () = tokio::time::sleep_until(wake_at.into()) => Happened::Tick,
                result = self.consumer.receive(&mut inbound, room), if receives => Happened::Received(result),
            };
            let now = self::now();
            match happened {
                Happened::ShutDown => {
                    shutting_down = true;
                    self.engine.on(Event::ShutDown, now, &mut actions);
                }
                Happened::Pause(pause) => self.engine.on(Event::Pause(pause), now, &mut actions),
                Happened::Reports => self.read_reports(&mut reports, now, &mut actions),
                Happened::Committed(result) => self.engine.on(Event::Committed(result), now, &mut actions),
                Happened::WorkerGone => self.engine.on(Event::Broken(worker_gone()), now, &mut actions),
                Happened::Received(Ok(())) => {
                    self.engine.on(Event::Received(&mut inbound), now, &mut actions)
                }
                Happened::Received(Err(error)) => {
                    self.engine.on(Event::ReceiveFailed(error), now, &mut actions)
                }
                Happened::Tick => self.engine.on(Event::Tick, now, &mut actions),
            }
            self.carry_out(&mut actions, &mut commit);
            self.gauges.turned(&self.engine.turn(), now);
            progress.note(&self.consumer, &self.gauges, now);
            if let Some(outcome) = self.engine.outcome() {
                // Before the group is left: who takes over is not to run beside them. A handler that blocks its thread
                // cannot be cut off, and is not waited for.
                let _ = tokio::time::timeout(CUT_OFF_TIMEOUT, self.workers.shutdown()).await;
                self.consumer.close().await;
                return outcome;
            }
        }
    }

    fn read_reports(&mut self, reports: &mut [Settled], now: Instant, actions: &mut Actions) {
        for settled in reports {
            self.gauges.add(std::mem::take(&mut settled.counts), now);
            let broken = settled.broken.take();
            self.engine.on(Event::Settled(settled), now, actions);
            if let Some(error) = broken {
                self.engine.on(Event::Broken(error), now, actions);
            }
        }
    }

    fn carry_out(
        &mut self,
        actions: &mut Actions,
        commit: &mut Option<BoxFuture<'static, Result<(), Error>>>,
    ) {
        for (line, letters) in self.lines.iter().zip(&mut actions.to_shards) {
            if !letters.is_empty() {
                line.inbox.post(letters);
            }
        }
        if !actions.finished.is_empty() || !actions.given_up.is_empty() {
            self.consumer.acknowledge(&actions.finished, &actions.given_up);
            actions.finished.clear();
            actions.given_up.clear();
        }
        if std::mem::take(&mut actions.commit) {
            *commit = Some(self.consumer.commit());
        }
        actions.events.drain(..).for_each(|event| self.listener.tell(&event));
    }
}

/// How far the consumer is, noted now and then.
#[derive(Default)]
struct Progress {
    /// Not before then.
    next_at: Option<Instant>,
    partitions: Vec<PartitionProgress>,
}

impl Progress {
    fn note(&mut self, consumer: &impl Consumer, gauges: &Gauges, now: Instant) {
        if self.next_at.is_some_and(|at| now < at) {
            return;
        }
        self.next_at = Some(now + PROGRESS_INTERVAL);
        self.partitions.clear();
        consumer.progress(&mut self.partitions);
        gauges.note_progress(&mut self.partitions);
    }
}

/// To ask costs as much as some messages.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// All shards post to one mailbox.
async fn take_reports(lines: &[Lines], reports: &mut Vec<Settled>) {
    poll_fn(|cx| {
        let Some(line) = lines.first() else {
            return Poll::Pending;
        };
        line.outbox.take(reports, cx);
        if reports.is_empty() { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
}

/// Ends when the commit does, if one runs.
async fn run_commit(commit: &mut Option<BoxFuture<'static, Result<(), Error>>>) -> Option<Result<(), Error>> {
    let result = match commit {
        Some(running) => running.await,
        None => std::future::pending().await,
    };
    *commit = None;
    Some(result)
}

async fn asked_to_pause(gauges: &Gauges, paused: bool) -> bool {
    poll_fn(|cx| gauges.poll_pause(paused, cx)).await
}

fn worker_gone() -> Error {
    Error::fatal("run shard").because("a worker ended by itself: this is a bug in payflow")
}
