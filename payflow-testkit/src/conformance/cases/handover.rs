//! A partition on its way from one member to another, its tokens still out.

use std::time::{Duration, Instant};

use payflow_core::{Delivery, Topic};
use tokio::time::Instant as TokioInstant;

use crate::conformance::member::{AMPLE, Member, drive, drive_for};
use crate::conformance::numbered::{each_once, numbers};
use crate::conformance::stage::{Stage, fresh_group};
use crate::conformance::violation::Violation;

/// Two members: `from` held all 80 records of four partitions when `to` joined, and was asked for some back.
pub(super) struct Handover {
    pub(super) topic: Topic,
    pub(super) group: String,
    pub(super) from: Member,
    pub(super) to: Member,
    /// The partitions asked back.
    pub(super) revoking: Vec<i32>,
    pub(super) until: Instant,
    /// What `from` was handed before it was asked.
    held: Vec<Delivery>,
}

impl Handover {
    pub(super) async fn begin(stage: &Stage<'_>) -> Result<Self, Violation> {
        let (topic, group) = (stage.topic(4).await?, fresh_group());
        stage.sender().await?.send_numbers(&topic, 0..80, 40).await?;
        let mut from = stage.member("first", &group, &topic).await?;
        let held = from.take(80).await?;
        let mut to = stage.member("second", &group, &topic).await?;
        let expected = "partitions of the first member asked back when a second one joins";
        drive(&mut from, &mut to, AMPLE, expected, |from, _| from.revoking_until().is_some()).await?;

        let mut revoking = from.ledger().revoking();
        revoking.retain(|partition| held.iter().any(|one| one.partition == *partition));
        let until = from.ledger().revoking_until().filter(|_| !revoking.is_empty());
        let Some(until) = until else {
            let happened = format!("those asked back hold none of 40 keys: {}", from.ledger());
            return Err(Violation::new("keys that spread over the partitions", happened));
        };
        Ok(Self { topic, group, from, to, revoking, until, held })
    }

    /// What is out of each revoking partition, in the order of its log.
    pub(super) fn out_of_revoking(&self) -> Vec<Vec<Delivery>> {
        let of =
            |partition: &i32| self.held.iter().filter(|one| one.partition == *partition).cloned().collect();
        self.revoking.iter().map(of).collect()
    }

    /// The numbers of what was out of the revoking partitions.
    pub(super) fn finished_of_revoking(&self) -> Vec<usize> {
        numbers(&self.out_of_revoking().concat()).unwrap_or_default()
    }

    /// Watches for a while, well within the deadline, that no revoking partition becomes the new owner's.
    ///
    /// A violation inside `Ok`: one did, but only at the deadline, which came too soon to tell.
    pub(super) async fn watch(&mut self, stage: &Stage<'_>) -> Result<Option<Violation>, Violation> {
        let left = self.until.saturating_duration_since(Instant::now());
        let end = stage.clock().quiet_until().min(TokioInstant::now() + left / 4);
        let revoking = self.revoking.clone();
        let let_go = drive_for(&mut self.from, &mut self.to, AMPLE, end, |_, to| {
            to.partitions().iter().any(|partition| revoking.contains(partition))
        });
        if !let_go.await? {
            return Ok(None);
        }
        let expected = "a revoking partition kept while a token of it is out and its deadline has not passed";
        let happened = format!("it was the second member's: {}", self.to.ledger());
        let early = Violation::new(expected, happened);
        if Instant::now() < self.until { Err(early) } else { Ok(Some(early)) }
    }

    /// Returns no token, and waits until the new owner holds some of the revoking partitions: which.
    pub(super) async fn wait_for_deadline(&mut self) -> Result<Vec<i32>, Violation> {
        let revoking = self.revoking.clone();
        let expected = "a revoking partition let go at its deadline, though tokens are out";
        drive(&mut self.from, &mut self.to, AMPLE, expected, |_, to| {
            to.partitions().iter().any(|partition| revoking.contains(partition))
        })
        .await?;
        self.taken()
    }

    /// The same, within this time of the deadline. A violation inside `Ok`: it was later, or the machine is slow.
    pub(super) async fn let_go_within(
        &mut self,
        limit: Duration,
    ) -> Result<Result<Vec<i32>, Violation>, Violation> {
        let (revoking, end) = (self.revoking.clone(), TokioInstant::from_std(self.until + limit));
        let let_go = drive_for(&mut self.from, &mut self.to, AMPLE, end, |_, to| {
            to.partitions().iter().any(|partition| revoking.contains(partition))
        });
        if let_go.await? {
            return self.taken().map(Ok);
        }
        let expected = "a revoking partition let go at its deadline, though tokens are out";
        Ok(Err(Violation::new(expected, format!("it was not the second member's {limit:?} after it"))))
    }

    /// Which of the revoking partitions the new owner holds: none before the deadline.
    fn taken(&self) -> Result<Vec<i32>, Violation> {
        if Instant::now() < self.until {
            let left = self.until.saturating_duration_since(Instant::now());
            let expected = "a revoking partition kept to its deadline while tokens are out";
            return Err(Violation::new(expected, format!("it was let go {left:?} before")));
        }
        let mut taken = self.to.ledger().partitions();
        taken.retain(|partition| self.revoking.contains(partition));
        Ok(taken)
    }

    /// What was out of these partitions comes to the new owner.
    pub(super) async fn redelivered_to_new_owner(&mut self, taken: &[i32]) -> Result<(), Violation> {
        let owed: Vec<Delivery> =
            self.held.iter().filter(|one| taken.contains(&one.partition)).cloned().collect();
        let expected = format!("{} records of partitions {taken:?} at their new owner", owed.len());
        let of_taken = |one: &&Delivery| taken.contains(&one.partition);
        drive(&mut self.from, &mut self.to, AMPLE, &expected, |_, to| {
            to.delivered().iter().filter(of_taken).count() >= owed.len()
        })
        .await?;
        let came: Vec<Delivery> = self.to.ledger().delivered().iter().filter(of_taken).cloned().collect();
        each_once(&came, numbers(&owed)?)
    }
}
