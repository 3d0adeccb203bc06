//! Flaws in what becomes of acknowledgements and commits.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures_core::future::BoxFuture;
use payflow_core::{AckToken, Consumer, Delivery, Error, Inbound, Room};
use tokio::sync::Notify;

use super::flaw::{ConsumerFlaw, consumer};
use super::harness::BrokenHarness;
use super::{BrokenAdapter, Failing};

pub(super) const ADAPTERS: &[BrokenAdapter<BrokenHarness>] = &[
    BrokenAdapter::new(
        "it counts as finished what it delivers",
        &[
            Failing::new("unacknowledged_comes_again", "deliveries"),
            Failing::new("members_closing_together_lose_nothing", "had not committed"),
            Failing::new("a_survivor_takes_over", "had not finished"),
        ],
        || BrokenHarness::new().consumer(|sound| consumer(sound, FinishesWhatItDelivers)),
    ),
    BrokenAdapter::new(
        "it loses acknowledgements",
        &[
            Failing::new("committed_does_not_come_again", "which was not owed"),
            Failing::new("reopening_goes_on_where_it_left_off", "came twice"),
            Failing::new("an_idle_commit_succeeds", "which was not owed"),
        ],
        || BrokenHarness::new().consumer(|sound| consumer(sound, LosesAcknowledgements)),
    ),
    BrokenAdapter::new(
        "it commits what it has delivered when it is dropped",
        &[Failing::new("uncommitted_is_not_lost", "up to record 9")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, CommitsWhenDropped::default())),
    ),
    BrokenAdapter::new(
        "it counts as finished what is given up",
        &[
            Failing::new("given_up_comes_again", "which was not finished and committed"),
            Failing::new("giving_up_often_loses_nothing", "deliveries"),
            Failing::new("giving_up_is_not_finishing", "deliveries"),
        ],
        || BrokenHarness::new().consumer(|sound| consumer(sound, GivenUpIsFinished)),
    ),
    BrokenAdapter::new(
        "it delivers at once again what is given up",
        &[Failing::new("given_up_comes_again", "a token of its own")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, DeliversGivenUpAtOnce::default())),
    ),
    BrokenAdapter::new(
        "a token stands for all before it",
        &[Failing::new("finishing_out_of_order_keeps_the_gap", "which was not owed")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, Cumulative::default())),
    ),
    BrokenAdapter::new(
        "it holds back what is finished while anything is out",
        &[Failing::new("partitions_are_accounted_for_apart", "which was not owed")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, AllOrNothing::default())),
    ),
    BrokenAdapter::new(
        "it loses now and then a token that is given up, and counts it as finished",
        &[Failing::new("every_token_comes_back_once", "are missing")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, FinishesSomeGivenUp)),
    ),
    BrokenAdapter::new(
        "it fails a commit with nothing new",
        &[Failing::new("an_idle_commit_succeeds", "a commit that succeeds before anything was received")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, IdleCommitFails(false))),
    ),
    BrokenAdapter::new(
        "only its first commit does anything",
        &[Failing::new("a_later_commit_adds_to_the_first", "which was not owed")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, CommitsOnce(false))),
    ),
    BrokenAdapter::new(
        "it delivers nothing while a commit runs",
        &[Failing::new("receiving_goes_on_while_a_commit_runs", "to go on while a commit runs")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, CommitBlocks::default())),
    ),
    BrokenAdapter::new(
        "it commits what it has fetched, delivered or not",
        &[Failing::new("reopening_goes_on_where_it_left_off", "deliveries")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, CommitsWhatItFetched::default())),
    ),
];

fn tokens<'a>(deliveries: impl IntoIterator<Item = &'a Delivery>) -> Vec<AckToken> {
    deliveries.into_iter().map(|delivery| delivery.token).collect()
}

struct FinishesWhatItDelivers;

#[async_trait]
impl ConsumerFlaw for FinishesWhatItDelivers {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        sound.receive(into, room).await?;
        sound.acknowledge(&tokens(&into.deliveries), &[]);
        Ok(())
    }

    fn acknowledge(&mut self, _sound: &mut dyn Consumer, _finished: &[AckToken], _given_up: &[AckToken]) {}
}

struct LosesAcknowledgements;

#[async_trait]
impl ConsumerFlaw for LosesAcknowledgements {
    fn acknowledge(&mut self, _sound: &mut dyn Consumer, _finished: &[AckToken], _given_up: &[AckToken]) {}
}

#[derive(Default)]
struct CommitsWhenDropped(Vec<AckToken>);

#[async_trait]
impl ConsumerFlaw for CommitsWhenDropped {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        sound.receive(into, room).await?;
        self.0.extend(tokens(&into.deliveries));
        Ok(())
    }

    fn dropped(&mut self, mut sound: Box<dyn Consumer>) {
        sound.acknowledge(&self.0, &[]);
        // The cluster in memory has taken it when the call returns.
        drop(sound.commit());
    }
}

struct GivenUpIsFinished;

#[async_trait]
impl ConsumerFlaw for GivenUpIsFinished {
    fn acknowledge(&mut self, sound: &mut dyn Consumer, finished: &[AckToken], given_up: &[AckToken]) {
        sound.acknowledge(&[finished, given_up].concat(), &[]);
    }
}

#[derive(Default)]
struct DeliversGivenUpAtOnce {
    delivered: HashMap<AckToken, Delivery>,
    again: Vec<Delivery>,
}

#[async_trait]
impl ConsumerFlaw for DeliversGivenUpAtOnce {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        if room.records > 0
            && let Some(again) = self.again.pop()
        {
            into.deliveries.push(again);
            return Ok(());
        }
        sound.receive(into, room).await?;
        let delivered = into.deliveries.iter().map(|delivery| (delivery.token, delivery.clone()));
        self.delivered.extend(delivered);
        Ok(())
    }

    fn acknowledge(&mut self, sound: &mut dyn Consumer, finished: &[AckToken], given_up: &[AckToken]) {
        self.again.extend(given_up.iter().filter_map(|token| self.delivered.remove(token)));
        sound.acknowledge(finished, &[]);
    }
}

/// By slot, what is out in the order of its delivery.
#[derive(Default)]
struct Cumulative(BTreeMap<u32, Vec<AckToken>>);

#[async_trait]
impl ConsumerFlaw for Cumulative {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        sound.receive(into, room).await?;
        for token in tokens(&into.deliveries) {
            self.0.entry(token.slot()).or_default().push(token);
        }
        Ok(())
    }

    fn acknowledge(&mut self, sound: &mut dyn Consumer, finished: &[AckToken], given_up: &[AckToken]) {
        sound.acknowledge(&[], given_up);
        for token in finished {
            let out = self.0.entry(token.slot()).or_default();
            let (before, after) = out.iter().partition(|one| **one <= *token);
            *out = after;
            sound.acknowledge(&before, &[]);
        }
    }
}

#[derive(Default)]
struct AllOrNothing {
    out: usize,
    finished: Vec<AckToken>,
}

#[async_trait]
impl ConsumerFlaw for AllOrNothing {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        sound.receive(into, room).await?;
        self.out += into.deliveries.len();
        Ok(())
    }

    fn acknowledge(&mut self, sound: &mut dyn Consumer, finished: &[AckToken], given_up: &[AckToken]) {
        self.out = self.out.saturating_sub(finished.len() + given_up.len());
        self.finished.extend_from_slice(finished);
        sound.acknowledge(&[], given_up);
        if self.out == 0 {
            sound.acknowledge(&std::mem::take(&mut self.finished), &[]);
        }
    }
}

struct FinishesSomeGivenUp;

#[async_trait]
impl ConsumerFlaw for FinishesSomeGivenUp {
    fn acknowledge(&mut self, sound: &mut dyn Consumer, finished: &[AckToken], given_up: &[AckToken]) {
        let (lost, given_up): (Vec<_>, Vec<_>) = given_up.iter().partition(|token| token.sequence() % 4 == 0);
        sound.acknowledge(&[finished, &lost].concat(), &given_up);
    }
}

/// Whether anything was acknowledged since the last commit.
struct IdleCommitFails(bool);

#[async_trait]
impl ConsumerFlaw for IdleCommitFails {
    fn acknowledge(&mut self, sound: &mut dyn Consumer, finished: &[AckToken], given_up: &[AckToken]) {
        self.0 |= !finished.is_empty();
        sound.acknowledge(finished, given_up);
    }

    fn commit(&mut self, sound: &mut dyn Consumer) -> BoxFuture<'static, Result<(), Error>> {
        if std::mem::take(&mut self.0) {
            return sound.commit();
        }
        Box::pin(async { Err(Error::transient("commit").because("no offset stored")) })
    }
}

/// Whether it has committed.
struct CommitsOnce(bool);

#[async_trait]
impl ConsumerFlaw for CommitsOnce {
    fn commit(&mut self, sound: &mut dyn Consumer) -> BoxFuture<'static, Result<(), Error>> {
        if std::mem::replace(&mut self.0, true) {
            return Box::pin(async { Ok(()) });
        }
        sound.commit()
    }
}

#[derive(Default)]
struct CommitBlocks {
    runs: Arc<AtomicBool>,
    ended: Arc<Notify>,
}

#[async_trait]
impl ConsumerFlaw for CommitBlocks {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        while self.runs.load(Ordering::SeqCst) {
            self.ended.notified().await;
        }
        sound.receive(into, room).await
    }

    fn commit(&mut self, sound: &mut dyn Consumer) -> BoxFuture<'static, Result<(), Error>> {
        self.runs.store(true, Ordering::SeqCst);
        let (runs, ended, commit) = (Arc::clone(&self.runs), Arc::clone(&self.ended), sound.commit());
        Box::pin(async move {
            let committed = commit.await;
            runs.store(false, Ordering::SeqCst);
            ended.notify_one();
            committed
        })
    }
}

/// Fetches more than it is asked for, and takes a commit to be about all of it.
#[derive(Default)]
struct CommitsWhatItFetched {
    fetched: Vec<Delivery>,
}

#[async_trait]
impl ConsumerFlaw for CommitsWhatItFetched {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        if self.fetched.is_empty() {
            let ample = Room { records: room.records.saturating_mul(2), ..room };
            sound.receive(into, ample).await?;
            self.fetched.extend(into.deliveries.drain());
        }
        let count = room.records.min(self.fetched.len());
        into.deliveries.extend(self.fetched.drain(..count));
        if into.is_empty() {
            return sound.receive(into, Room::NONE).await;
        }
        Ok(())
    }

    fn commit(&mut self, sound: &mut dyn Consumer) -> BoxFuture<'static, Result<(), Error>> {
        sound.acknowledge(&tokens(&self.fetched), &[]);
        sound.commit()
    }
}
