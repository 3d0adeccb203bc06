//! Carries out a redrive: the one loop around its consumer.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_core::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tracing::warn;

use super::choice::choose;
use super::config::RedriveConfig;
use super::lanes::{Lanes, Letter};
use super::pace::Pace;
use super::partitions::Partitions;
use super::repeats::{Repeats, asked_for, pause};
use super::report::{Gauges, RedriveEnd, RedriveReport};
use crate::consumer::{Change, Consumer, Delivery, Inbound, Room};
use crate::error::{Error, Fault};
use crate::producer::Producer;
use crate::record::Receipt;

/// How much is held of what waits for its turn.
const HELD_MAX: usize = 1_000;
const HELD_BYTES_MAX: usize = 16 << 20;
/// How long what is under way may take at the end, its commit included.
const DRAIN: Duration = Duration::from_secs(10);

type Sent = (Letter, Result<Receipt, Error>);

pub(super) struct Run<K> {
    consumer: K,
    producer: Arc<dyn Producer>,
    config: RedriveConfig,
    gauges: Arc<Gauges>,
    partitions: Partitions,
    lanes: Lanes,
    pace: Pace,
    sends: FuturesUnordered<BoxFuture<'static, Sent>>,
    commit: Option<BoxFuture<'static, Result<(), Error>>>,
    commits: Repeats,
    receives: Repeats,
    /// Sent, and not known to be committed; those in the commit that runs are counted apart.
    uncommitted: usize,
    committing: usize,
    selected: u64,
    /// Something was handed over behind the limit.
    passed_limit: bool,
    source_ended: bool,
    receive_first: bool,
    /// When something last happened.
    heard_at: Instant,
    ending: Option<Ending>,
}

struct Ending {
    end: Result<RedriveEnd, Error>,
    deadline: Instant,
}

enum Happened {
    ShutDown,
    Sent(Sent),
    Committed(Result<(), Error>),
    Tick,
    Received(Result<(), Error>),
}

impl<K: Consumer> Run<K> {
    pub(super) fn new(
        consumer: K,
        producer: Arc<dyn Producer>,
        config: RedriveConfig,
        gauges: Arc<Gauges>,
        now: Instant,
    ) -> Self {
        Self {
            consumer,
            producer,
            gauges,
            partitions: Partitions::default(),
            lanes: Lanes::default(),
            pace: Pace::new(config.rate, now),
            config,
            sends: FuturesUnordered::new(),
            commit: None,
            commits: Repeats::new(now),
            receives: Repeats::new(now),
            uncommitted: 0,
            committing: 0,
            selected: 0,
            passed_limit: false,
            source_ended: false,
            receive_first: true,
            heard_at: now,
            ending: None,
        }
    }

    pub(super) async fn run(
        mut self,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<RedriveReport, Error> {
        let mut shutdown = pin!(shutdown);
        let mut inbound = Inbound::default();
        loop {
            let now = tokio::time::Instant::now().into_std();
            self.go_on(now);
            if self.is_over(now) {
                return self.end().await;
            }

            let (room, wake_at) = (self.room(), self.wake_at(now));
            let receives = self.receives.next_at() <= now;
            let (sends, commit) = (&mut self.sends, &mut self.commit);
            // By turns, so that neither of two that are always ready keeps the other waiting: a change is heard of before
            // anything more is sent, and what is sent goes on while letters are left out by the million.
            let happened = if self.receive_first {
                tokio::select! {
                    biased;
                    () = &mut shutdown, if self.ending.is_none() => Happened::ShutDown,
                    result = self.consumer.receive(&mut inbound, room), if receives => Happened::Received(result),
                    happened = work(sends, commit) => happened,
                    () = tokio::time::sleep_until(wake_at.into()) => Happened::Tick,
                }
            } else {
                tokio::select! {
                    biased;
                    () = &mut shutdown, if self.ending.is_none() => Happened::ShutDown,
                    happened = work(sends, commit) => happened,
                    result = self.consumer.receive(&mut inbound, room), if receives => Happened::Received(result),
                    () = tokio::time::sleep_until(wake_at.into()) => Happened::Tick,
                }
            };
            self.receive_first = !matches!(happened, Happened::Received(_));
            let now = tokio::time::Instant::now().into_std();
            if !matches!(happened, Happened::Tick | Happened::Received(Err(_))) {
                self.heard_at = now;
            }
            match happened {
                Happened::Tick => {}
                Happened::ShutDown => self.begin_end(Ok(RedriveEnd::ShutDown), now),
                Happened::Sent((letter, result)) => self.on_sent(letter, result, now),
                Happened::Committed(result) => self.on_committed(result, now),
                Happened::Received(Ok(())) => self.on_received(&mut inbound),
                Happened::Received(Err(error)) => self.on_receive_failed(error, now),
            }
        }
    }

    /// Does what can be done now.
    fn go_on(&mut self, now: Instant) {
        self.lanes.wake(now);
        while self.ending.is_none() && self.may_send() && self.lanes.has_ready() && self.pace.take(now) {
            let Some(letter) = self.lanes.next() else {
                break;
            };
            let (producer, record) = (Arc::clone(&self.producer), letter.record.clone());
            self.sends.push(Box::pin(async move { (letter, producer.send(record).await) }));
        }
        if self.commit.is_none() && self.uncommitted > 0 && self.commits.next_at() <= now {
            self.committing = std::mem::take(&mut self.uncommitted);
            self.commit = Some(self.consumer.commit());
        }
        if self.ending.is_none()
            && let Some(end) = self.reached(now)
        {
            self.begin_end(Ok(end), now);
        }
    }

    /// Whether there is a reason to end.
    fn reached(&self, now: Instant) -> Option<RedriveEnd> {
        if self.lanes.held() > 0 {
            return None;
        }
        if !self.passed_limit && (self.partitions.are_done() || self.source_ended) {
            return Some(RedriveEnd::Complete);
        }
        if self.is_limit_reached() {
            return Some(RedriveEnd::Limit);
        }
        let is_stalled = self.is_clean() && now >= self.heard_at + self.config.idle_timeout;
        is_stalled.then(|| RedriveEnd::Stalled {
            partitions: self.partitions.len(),
            not_done: self.partitions.not_done().collect(),
        })
    }

    fn begin_end(&mut self, end: Result<RedriveEnd, Error>, now: Instant) {
        let tokens = self.lanes.remove(|_| true);
        self.consumer.acknowledge(&[], &tokens);
        self.ending = Some(Ending { end, deadline: now + DRAIN });
    }

    fn is_over(&self, now: Instant) -> bool {
        let is_drained = self.sends.is_empty() && self.is_clean();
        self.ending.as_ref().is_some_and(|ending| is_drained || now >= ending.deadline)
    }

    async fn end(mut self) -> Result<RedriveReport, Error> {
        let is_clean = self.is_clean();
        self.consumer.close().await;
        let end = self.ending.map_or(Ok(RedriveEnd::ShutDown), |ending| ending.end)?;
        if is_clean {
            return Ok(self.gauges.report(end));
        }
        let reason = "what was sent last could not be committed in time: the next redrive sends it again";
        Err(Error::unknown("commit redriven letters").because(reason))
    }

    fn on_received(&mut self, inbound: &mut Inbound) {
        self.receives.succeeded();
        for change in inbound.changes.drain(..) {
            match change {
                Change::Assigned(assignments) => self.partitions.assign(assignments, &self.config.ends),
                Change::Revoking { assignments, .. } | Change::Lost(assignments) => {
                    self.partitions.remove(&assignments);
                    let partitions = &self.partitions;
                    let tokens = self.lanes.remove(|token| !partitions.holds(token));
                    // Those of a partition that is lost are stale, and ignored.
                    self.consumer.acknowledge(&[], &tokens);
                }
            }
        }
        let mut given_up = Vec::new();
        for delivery in inbound.deliveries.drain() {
            let token = delivery.token;
            if !self.take_in(delivery) {
                given_up.push(token);
            }
        }
        self.consumer.acknowledge(&[], &given_up);
        inbound.ends.drain(..).for_each(|end| self.partitions.end(end));
        self.source_ended |= std::mem::take(&mut inbound.ended);
    }

    /// Whether the letter is to be sent; if not, its token is given up.
    fn take_in(&mut self, mut delivery: Delivery) -> bool {
        let (token, partition, offset) = (delivery.token, delivery.partition, delivery.offset);
        if !self.partitions.receive(token, offset) || self.ending.is_some() {
            return false;
        }
        // What comes behind the limit is not looked at.
        if self.is_limit_reached() {
            self.passed_limit = true;
            return false;
        }
        self.gauges.count(|counts| counts.seen += 1);
        // It may wait for long, and would keep the buffer that it lies in.
        delivery.content.copy_out();
        let record = match choose(&delivery, &self.config) {
            Ok(record) => record,
            Err(reason) => {
                self.gauges.left_out(reason, partition, offset);
                return false;
            }
        };
        self.selected += 1;
        self.gauges.count(|counts| counts.selected += 1);
        if self.config.dry_run {
            return false;
        }
        let bytes = delivery.size_bytes();
        self.lanes.push(Letter { token, partition, offset, record, bytes, failures: 0 });
        true
    }

    fn on_sent(&mut self, mut letter: Letter, result: Result<Receipt, Error>, now: Instant) {
        let error = match result {
            Ok(_receipt) => {
                self.gauges.count(|counts| counts.sent += 1);
                self.gauges.set_trouble(None);
                self.consumer.acknowledge(&[letter.token], &[]);
                self.uncommitted += 1;
                self.lanes.settle(&letter);
                return;
            }
            Err(error) => error,
        };
        let is_held = self.ending.is_none() && self.partitions.holds(letter.token);
        match error.fault() {
            Fault::Transient { .. } | Fault::Unknown if is_held => {
                letter.failures = letter.failures.saturating_add(1);
                self.gauges.count(|counts| counts.repeated += 1);
                self.gauges.set_trouble(Some(error.chain()));
                let at = now + pause(letter.failures).max(asked_for(&error));
                self.lanes.pause(letter, at);
                return;
            }
            // It comes again, to the next owner or to the next redrive.
            Fault::Transient { .. } | Fault::Unknown => {}
            Fault::Permanent => self.gauges.failed(letter.partition, letter.offset, error.chain()),
            Fault::Fatal if self.ending.is_none() => self.begin_end(Err(error), now),
            Fault::Fatal => {}
        }
        self.consumer.acknowledge(&[], &[letter.token]);
        self.lanes.settle(&letter);
    }

    fn on_committed(&mut self, result: Result<(), Error>, now: Instant) {
        let committing = std::mem::take(&mut self.committing);
        let Err(error) = result else {
            self.commits.succeeded();
            return;
        };
        self.uncommitted += committing;
        if error.fault() == Fault::Fatal {
            // Nothing more of it can be made durable.
            self.uncommitted = 0;
            self.ending = Some(Ending { end: Err(error), deadline: now });
            return;
        }
        if self.commits.failed(now) {
            warn!(error = error.chain(), "what was redriven cannot be committed, which is tried again");
        }
        self.gauges.set_trouble(Some(error.chain()));
    }

    fn on_receive_failed(&mut self, error: Error, now: Instant) {
        if !matches!(error.fault(), Fault::Transient { .. }) {
            if self.ending.is_none() {
                self.begin_end(Err(error), now);
            }
            // Until what is under way has ended.
            self.receives.hold_until(now + DRAIN);
            return;
        }
        if self.receives.failed(now) {
            warn!(error = error.chain(), "dead letters cannot be received, which is tried again");
        }
        self.gauges.set_trouble(Some(error.chain()));
    }

    /// How much may be received: also with no room it is asked for changes.
    fn room(&self) -> Room {
        if self.ending.is_some() || self.is_limit_reached() {
            return Room::NONE;
        }
        Room {
            records: HELD_MAX.saturating_sub(self.lanes.held()),
            bytes: HELD_BYTES_MAX.saturating_sub(self.lanes.held_bytes()),
            first_may_exceed: self.lanes.held() == 0,
        }
    }

    /// What is sent again after a crash is bounded: what is under way, and what no commit holds.
    fn may_send(&self) -> bool {
        let in_flight = self.sends.len() + self.lanes.pausing() + self.uncommitted + self.committing;
        in_flight < self.config.in_flight_max
    }

    fn is_limit_reached(&self) -> bool {
        self.config.limit.is_some_and(|limit| self.selected >= limit)
    }

    /// Whether everything that was sent is committed.
    const fn is_clean(&self) -> bool {
        self.uncommitted == 0 && self.committing == 0
    }

    /// When there is something to do, whatever happens.
    fn wake_at(&self, now: Instant) -> Instant {
        let waits_for_pace = self.ending.is_none() && self.lanes.has_ready() && self.may_send();
        let times = [
            self.ending.as_ref().map(|ending| ending.deadline),
            self.lanes.wake_at(),
            waits_for_pace.then(|| self.pace.next_at()),
            (self.commit.is_none() && self.uncommitted > 0).then_some(self.commits.next_at()),
            (self.receives.next_at() > now).then_some(self.receives.next_at()),
            Some(self.heard_at + self.config.idle_timeout).filter(|stalled_at| *stalled_at > now),
        ];
        times.into_iter().flatten().min().unwrap_or(now + self.config.idle_timeout)
    }
}

/// Ends when a send or the commit does.
async fn work(
    sends: &mut FuturesUnordered<BoxFuture<'static, Sent>>,
    commit: &mut Option<BoxFuture<'static, Result<(), Error>>>,
) -> Happened {
    tokio::select! {
        biased;
        result = run_commit(commit) => Happened::Committed(result),
        Some(sent) = sends.next(), if !sends.is_empty() => Happened::Sent(sent),
    }
}

/// Ends when the commit does.
async fn run_commit(commit: &mut Option<BoxFuture<'static, Result<(), Error>>>) -> Result<(), Error> {
    let result = match commit {
        Some(running) => running.await,
        None => std::future::pending().await,
    };
    *commit = None;
    result
}
