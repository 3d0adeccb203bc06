//! The cluster's [`Consumer`].

use async_trait::async_trait;
use futures_core::future::BoxFuture;
use futures_util::FutureExt as _;
use futures_util::future::ready;

use super::cluster::{MemberId, Received};
use super::refusal::Refusal;
use super::{MemoryCluster, State};
use crate::consumer::{AckToken, Consumer, ConsumerLimits, Inbound, PartitionProgress, Room};
use crate::error::Error;
use crate::offsets::OffsetTracker;

/// A member of a group of a [`MemoryCluster`].
///
/// [`ended`](Inbound::ended) is told once, and again only after a further assignment. A member that was expelled joins
/// anew at its next receive, which tells what it lost.
#[derive(Debug)]
#[must_use = "dropping a consumer leaves the group"]
pub struct MemoryConsumer {
    cluster: MemoryCluster,
    member: MemberId,
}

impl MemoryConsumer {
    pub(super) const fn new(cluster: MemoryCluster, member: MemberId) -> Self {
        Self { cluster, member }
    }

    /// What the cluster knows this member by.
    #[must_use]
    pub const fn member(&self) -> MemberId {
        self.member
    }
}

#[async_trait]
impl Consumer for MemoryConsumer {
    async fn receive(&mut self, into: &mut Inbound, room: Room) -> Result<(), Error> {
        loop {
            // A source that always has something is always ready; without this it would starve its thread.
            tokio::task::consume_budget().await;
            // Created before the cluster is asked, so that no change falls between the two.
            let changed = self.cluster.shared.changed.notified();
            let received = self
                .cluster
                .change(|state, now| {
                    state.check_member(self.member, Faulty::Receive)?;
                    Ok(state.cluster.receive(self.member, into, room, now))
                })
                .map_err(|refusal: Refusal| refusal.into_error("receive"))?;
            match received {
                Received::Something => return Ok(()),
                Received::Nothing { wake_at: None } => changed.await,
                Received::Nothing { wake_at: Some(at) } => tokio::select! {
                    biased;
                    () = changed => {}
                    () = tokio::time::sleep_until(at.into()) => {}
                },
            }
        }
    }

    fn acknowledge(&mut self, finished: &[AckToken], given_up: &[AckToken]) {
        self.cluster.change(|state, now| state.cluster.acknowledge(self.member, finished, given_up, now));
    }

    fn commit(&mut self) -> BoxFuture<'static, Result<(), Error>> {
        let member = self.member;
        let begun = self.cluster.change(|state, _| {
            state.check_member(member, Faulty::Commit)?;
            state.cluster.begin_commit(member)
        });
        let latency = self.cluster.config().commit_latency;
        let into_error = |refusal: Refusal| refusal.into_error("commit");
        match begun {
            Err(refusal) => ready(Err(into_error(refusal))).boxed(),
            Ok(commit) if latency.is_zero() => {
                let ended = self.cluster.change(|state, now| state.cluster.end_commit(member, &commit, now));
                ready(ended.map_err(into_error)).boxed()
            }
            Ok(commit) => {
                let cluster = self.cluster.clone();
                let durable_at = tokio::time::Instant::now() + latency;
                async move {
                    tokio::time::sleep_until(durable_at).await;
                    cluster
                        .change(|state, now| {
                            state.check_open()?;
                            state.cluster.end_commit(member, &commit, now)
                        })
                        .map_err(into_error)
                }
                .boxed()
            }
        }
    }

    fn limits(&self) -> ConsumerLimits {
        ConsumerLimits::unknown().with_partition_records(OffsetTracker::UNFINISHED_MAX)
    }

    fn progress(&self, into: &mut Vec<PartitionProgress>) {
        self.cluster.change(|state, _| state.cluster.progress(self.member, into));
    }
}

impl Drop for MemoryConsumer {
    fn drop(&mut self) {
        self.cluster.change(|state, now| state.cluster.leave(self.member, now));
    }
}

#[derive(Clone, Copy)]
enum Faulty {
    Receive,
    Commit,
}

impl State {
    fn check_member(&mut self, member: MemberId, call: Faulty) -> Result<(), Refusal> {
        self.check_open()?;
        let Some(group) = self.cluster.group_of(member) else {
            return Ok(());
        };
        let fault = match call {
            Faulty::Receive => self.faults.next_receive(group),
            Faulty::Commit => self.faults.next_commit(group),
        };
        fault.map_or(Ok(()), |fault| Err(Refusal::Scripted(fault)))
    }
}
