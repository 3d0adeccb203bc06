//! A consumer in a case: driven by one owner, its every word checked.

use std::time::Duration;

use futures_core::future::BoxFuture;
use futures_util::future::{Either, select};
use payflow_core::{Consumer, Delivery, Error, Fault, Inbound, PartitionProgress, Room};
use tokio::time::{Instant, sleep, timeout_at};

use super::ledger::Ledger;
use super::stage::Clock;
use super::violation::Violation;

/// Room for whatever a case may send.
pub(crate) const AMPLE: Room = Room { records: 10_000, bytes: 256 << 20, first_may_exceed: true };

/// A consumer with its account and the case's clock. Dropping it leaves the group.
pub(crate) struct Member {
    name: String,
    consumer: Box<dyn Consumer>,
    inbound: Inbound,
    /// Of the call under way, or the last.
    room: Room,
    ledger: Ledger,
    clock: Clock,
}

impl Member {
    pub(crate) fn new(name: &str, consumer: Box<dyn Consumer>, clock: Clock) -> Self {
        Self {
            name: name.to_owned(),
            consumer,
            inbound: Inbound::default(),
            room: Room::NONE,
            ledger: Ledger::default(),
            clock,
        }
    }

    pub(crate) const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// One receive, however long it takes. Cancel-safe if the consumer's is: what a dropped call has added is
    /// accounted for by the next.
    pub(crate) async fn step(&mut self, room: Room) -> Result<(), Violation> {
        self.settle()?;
        self.room = room;
        loop {
            let received = self.consumer.receive(&mut self.inbound, room).await;
            let Err(error) = received else { break };
            let Fault::Transient { retry_after } = error.fault() else {
                let expected = format!("a receive that succeeds (at member \"{}\")", self.name);
                return Err(Violation::failed(expected, &error));
            };
            if !self.inbound.is_empty() {
                let happened = format!("{} deliveries came beside {error}", self.inbound.deliveries.len());
                return Err(Violation::new("nothing handed over by a receive that fails", happened));
            }
            sleep(retry_after.unwrap_or(PAUSE)).await;
        }
        if self.inbound.is_empty() {
            let expected = "a receive that resolves with a delivery, a change or an end";
            return Err(Violation::new(expected, "it resolved with nothing"));
        }
        self.settle()
    }

    /// One receive into what is not empty; what was there must stay, and stay in front.
    pub(crate) async fn step_behind(&mut self, before: &Inbound, room: Room) -> Result<(), Violation> {
        self.settle()?;
        self.room = room;
        self.inbound.changes.extend_from_slice(&before.changes);
        self.inbound.deliveries.extend(before.deliveries.iter().cloned());
        self.inbound.ends.extend_from_slice(&before.ends);

        let receiving = self.consumer.receive(&mut self.inbound, room);
        let received = self.clock.within("a receive into what is not empty", receiving).await?;
        received.map_err(|error| Violation::failed("a receive that succeeds", &error))?;

        let Inbound { changes, deliveries, ends, .. } = &mut self.inbound;
        let kept = changes.starts_with(&before.changes)
            && deliveries.iter().take(before.deliveries.len()).eq(&before.deliveries)
            && ends.starts_with(&before.ends);
        if !kept {
            let expected = "what `into` held to stay in front of what is added";
            let counts = [changes.len(), deliveries.len(), ends.len()];
            let happened = format!("it holds {counts:?} changes, deliveries and ends, and not those first");
            return Err(Violation::new(expected, happened));
        }
        changes.drain(..before.changes.len());
        *deliveries = deliveries.drain().skip(before.deliveries.len()).collect();
        ends.drain(..before.ends.len());
        self.settle()
    }

    /// Accounts for what the last call has added. Called after one was dropped, if no other follows.
    pub(crate) fn settle(&mut self) -> Result<(), Violation> {
        self.ledger.absorb(&mut self.inbound, self.room)
    }

    /// Receives until `done`; `expected` says what is waited for.
    pub(crate) async fn until(
        &mut self,
        room: Room,
        expected: &str,
        mut done: impl FnMut(&Ledger) -> bool,
    ) -> Result<(), Violation> {
        while !done(&self.ledger) {
            match timeout_at(self.clock.deadline(), self.step(room)).await {
                Ok(stepped) => stepped?,
                Err(_) => return Err(self.timed_out(expected)),
            }
        }
        Ok(())
    }

    /// Receives until something is assigned.
    pub(crate) async fn join(&mut self) -> Result<(), Violation> {
        self.until(Room::NONE, "an assignment", |ledger| ledger.was_assigned()).await
    }

    /// Exactly the next `count` deliveries.
    pub(crate) async fn take(&mut self, count: usize) -> Result<Vec<Delivery>, Violation> {
        let from = self.ledger.delivered().len();
        loop {
            let missing = (from + count).saturating_sub(self.ledger.delivered().len());
            if missing == 0 {
                return Ok(self.since(from));
            }
            let room = Room { records: missing, ..AMPLE };
            let expected = format!("{count} more deliveries, of which {missing} are missing");
            let before = self.ledger.delivered().len();
            self.until(room, &expected, |ledger| ledger.delivered().len() > before).await?;
        }
    }

    /// All deliveries up to the first for which `last` holds, that one included.
    pub(crate) async fn take_until(
        &mut self,
        expected: &str,
        mut last: impl FnMut(&Delivery) -> bool,
    ) -> Result<Vec<Delivery>, Violation> {
        let from = self.ledger.delivered().len();
        loop {
            self.take(1).await.map_err(|missing| Violation::new(expected, missing.happened()))?;
            if self.ledger.delivered().last().is_some_and(&mut last) {
                return Ok(self.since(from));
            }
        }
    }

    /// Goes on receiving for as long as a silence must last, and no longer than until `end`.
    pub(crate) async fn linger(&mut self, room: Room, end: Instant) -> Result<(), Violation> {
        let end = end.min(self.clock.deadline());
        while Instant::now() < end {
            match timeout_at(end, self.step(room)).await {
                Ok(stepped) => stepped?,
                Err(_) => return Ok(()),
            }
        }
        Ok(())
    }

    /// Goes on receiving, without room, until the consumer tells of progress that is `enough`.
    pub(crate) async fn until_progress(
        &mut self,
        expected: &str,
        enough: impl Fn(&[PartitionProgress]) -> bool,
    ) -> Result<(), Violation> {
        loop {
            let mut told = Vec::new();
            self.consumer.progress(&mut told);
            if enough(&told) {
                return Ok(());
            }
            if Instant::now() >= self.clock.deadline() {
                let last = told.first().map_or_else(|| "no partition was told of".to_owned(), show);
                return Err(Violation::new(expected, format!("{}: {last}", self.clock.timed_out())));
            }
            self.linger(Room::NONE, Instant::now() + PAUSE).await?;
        }
    }

    /// Nothing is delivered while a silence lasts.
    pub(crate) async fn expect_silence(&mut self, room: Room, why: &str) -> Result<(), Violation> {
        let from = self.ledger.delivered().len();
        self.linger(room, self.clock.quiet_until()).await?;
        match self.ledger.delivered().get(from) {
            None => Ok(()),
            Some(delivery) => Err(Violation::new(why, "a delivery came").of(delivery)),
        }
    }

    /// The deliveries from the `from`th on.
    pub(crate) fn since(&self, from: usize) -> Vec<Delivery> {
        self.ledger.delivered().iter().skip(from).cloned().collect()
    }

    pub(crate) fn finish(&mut self, deliveries: &[Delivery]) {
        self.acknowledge(deliveries, &[]);
    }

    pub(crate) fn give_up(&mut self, deliveries: &[Delivery]) {
        self.acknowledge(&[], deliveries);
    }

    /// Gives up what is out of the partitions that are held and not asked back.
    pub(crate) fn give_up_held(&mut self) {
        let out = self.ledger.out();
        self.give_up(&out);
    }

    pub(crate) fn acknowledge(&mut self, finished: &[Delivery], given_up: &[Delivery]) {
        let tokens = |deliveries: &[Delivery]| deliveries.iter().map(|one| one.token).collect::<Vec<_>>();
        self.consumer.acknowledge(&tokens(finished), &tokens(given_up));
        self.ledger.returned(finished);
        self.ledger.returned(given_up);
    }

    /// Starts a commit, and leaves it to the caller to await it.
    pub(crate) fn start_commit(&mut self) -> BoxFuture<'static, Result<(), Error>> {
        self.consumer.commit()
    }

    /// Commits once; the consumer may fail it.
    pub(crate) async fn try_commit(&mut self) -> Result<Result<(), Error>, Violation> {
        let commit = self.consumer.commit();
        self.clock.within("commit to resolve", commit).await
    }

    /// Commits, and takes no failure for an answer; `when` says what there was to commit.
    pub(crate) async fn commit_at_once(&mut self, when: &str) -> Result<(), Violation> {
        let committed = self.try_commit().await?;
        committed.map_err(|error| Violation::failed(format!("a commit that succeeds {when}"), &error))
    }

    /// Commits, again where it did not come about, as its contract allows.
    pub(crate) async fn commit(&mut self) -> Result<(), Violation> {
        loop {
            let Err(error) = self.try_commit().await? else {
                return Ok(());
            };
            let again = matches!(error.fault(), Fault::Transient { .. } | Fault::Unknown);
            if !again || Instant::now() + PAUSE > self.clock.deadline() {
                return Err(Violation::failed("a commit that succeeds", &error));
            }
            sleep(PAUSE).await;
        }
    }

    /// Closes the consumer, and then drops it.
    pub(crate) async fn close(mut self) -> Result<(), Violation> {
        let expected = format!("close to resolve (at member \"{}\")", self.name);
        self.clock.within(&expected, self.consumer.close()).await
    }

    fn timed_out(&self, expected: &str) -> Violation {
        let happened = format!("{}: {}", self.clock.timed_out(), self.ledger);
        Violation::new(format!("{expected} (at member \"{}\")", self.name), happened)
    }
}

fn show(told: &PartitionProgress) -> String {
    let end = told.end.map_or_else(|| "an unknown end".to_owned(), |end| format!("end {end}"));
    format!("watermark {} and {end} were told of", told.watermark)
}

/// Drives two members until `done`, whichever of them has something to tell.
pub(crate) async fn drive(
    one: &mut Member,
    other: &mut Member,
    room: Room,
    expected: &str,
    mut done: impl FnMut(&Ledger, &Ledger) -> bool,
) -> Result<(), Violation> {
    let deadline = one.clock.deadline();
    if drive_for(one, other, room, deadline, &mut done).await? {
        return Ok(());
    }
    let happened = format!(
        "{}: at member \"{}\" {}; at member \"{}\" {}",
        one.clock.timed_out(),
        one.name,
        one.ledger,
        other.name,
        other.ledger
    );
    Err(Violation::new(expected, happened))
}

/// Drives two members until `done` or `end`; whether it is done.
pub(crate) async fn drive_for(
    one: &mut Member,
    other: &mut Member,
    room: Room,
    end: Instant,
    mut done: impl FnMut(&Ledger, &Ledger) -> bool,
) -> Result<bool, Violation> {
    let mut turn = false;
    while !done(&one.ledger, &other.ledger) {
        turn = !turn;
        // They take turns at being polled first, so that a busy one does not starve the other.
        let (first, second) =
            if turn { (one.step(room), other.step(room)) } else { (other.step(room), one.step(room)) };
        let (first, second) = (std::pin::pin!(first), std::pin::pin!(second));
        match timeout_at(end, select(first, second)).await {
            Ok(Either::Left((stepped, _)) | Either::Right((stepped, _))) => stepped?,
            Err(_) => return Ok(false),
        }
    }
    Ok(true)
}

/// Between two tries of what failed for a moment.
const PAUSE: Duration = Duration::from_millis(20);
