//! Flaws in groups, topics, memberships, and the handing-over of partitions.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use payflow_core::{AckToken, Change, Consumer, Error, Inbound, MemoryConfig, Room};

use super::flaw::{ConsumerFlaw, consumer};
use super::harness::BrokenHarness;
use super::{BrokenAdapter, Failing};
use crate::conformance::fresh_name;

pub(super) const ADAPTERS: &[BrokenAdapter<BrokenHarness>] = &[
    BrokenAdapter::new(
        "all its groups are one",
        &[
            Failing::new("groups_each_see_everything", "deliveries"),
            Failing::new("a_new_group_sees_old_records", "deliveries"),
        ],
        || BrokenHarness::new().group(|_| "the group".to_owned()),
    ),
    BrokenAdapter::new(
        "each of its consumers is a group",
        &[Failing::new("members_share_the_partitions", "shared by two members")],
        || BrokenHarness::new().group(fresh_name),
    ),
    BrokenAdapter::new(
        "all its topics are one",
        &[Failing::new("topics_are_apart", "which was not owed")],
        || BrokenHarness::new().one_topic(),
    ),
    BrokenAdapter::new(
        "it does not leave its group when it is dropped",
        &[
            Failing::new("a_standby_takes_over", "had not finished"),
            Failing::new("a_survivor_takes_over", "had not finished"),
            Failing::new("closing_while_receiving_leaves_the_group", "whose group need not miss it"),
        ],
        || BrokenHarness::new().consumer(|sound| consumer(sound, NeverLeaves)),
    ),
    BrokenAdapter::new(
        "it lets a revoking partition go at once",
        &[
            Failing::new("a_revoking_partition_waits_for_its_last_token", "kept while a token of it is out"),
            Failing::new("a_revoking_partition_goes_at_its_deadline", "kept to its deadline"),
        ],
        || BrokenHarness::new().consumer(|sound| consumer(sound, LetsGoAtOnce::default())),
    ),
    BrokenAdapter::new(
        "it keeps a revoking partition until the deadline, though its tokens are back",
        &[Failing::new("a_revoking_partition_waits_for_its_last_token", "no sooner than at its deadline")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, KeepsToTheDeadline::default())),
    ),
    BrokenAdapter::new(
        "it lets a revoking partition go without a commit",
        &[Failing::new(
            "a_revoking_partition_waits_for_its_last_token",
            "committed before its partition is let go",
        )],
        || BrokenHarness::new().consumer(|sound| consumer(sound, LetsGoUncommitted::default())),
    ),
    BrokenAdapter::new(
        "it keeps a revoking partition for as long as tokens are out",
        &[Failing::new("a_revoking_partition_goes_at_its_deadline", "let go at its deadline, though")],
        || {
            let patient = MemoryConfig::new().with_revoke_timeout(Duration::from_secs(3_600));
            BrokenHarness::with_config(patient).consumer(|sound| consumer(sound, IgnoresItsDeadline))
        },
    ),
    BrokenAdapter::new(
        "it lets a revoking partition go some time after its deadline",
        &[Failing::new("a_revoking_partition_goes_at_its_deadline", "it was not the second member's")],
        || {
            let late = MemoryConfig::new().with_revoke_timeout(Duration::from_secs(3));
            BrokenHarness::with_config(late).consumer(|sound| consumer(sound, IgnoresItsDeadline))
        },
    ),
    BrokenAdapter::new(
        "it hands over nothing while its group has another member",
        &[Failing::new("members_closing_together_lose_nothing", "handed over to one of the members")],
        || {
            let members = Arc::<AtomicUsize>::default();
            BrokenHarness::new().consumer(move |sound| {
                members.fetch_add(1, Ordering::Relaxed);
                consumer(sound, WaitsUntilItIsAlone(Arc::clone(&members)))
            })
        },
    ),
    BrokenAdapter::new(
        "it obeys tokens of an earlier generation",
        &[Failing::new("a_stale_token_is_ignored", "since only stale tokens were finished")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, ObeysStaleTokens::default())),
    ),
    BrokenAdapter::new(
        "it is silent while it has no room, and loses its membership",
        &[Failing::new(
            "a_slow_handler_keeps_membership",
            "a commit that succeeds of what was held for long",
        )],
        || {
            let strict = MemoryConfig::new().with_session_timeout(Some(Duration::from_millis(50)));
            BrokenHarness::with_config(strict).consumer(|sound| consumer(sound, SilentWithoutRoom))
        },
    ),
];

struct NeverLeaves;

#[async_trait]
impl ConsumerFlaw for NeverLeaves {
    fn dropped(&mut self, sound: Box<dyn Consumer>) {
        std::mem::forget(sound);
    }
}

/// What a consumer with this flaw knows of the tokens that are out.
#[derive(Default)]
struct Out {
    tokens: HashSet<AckToken>,
    revoking: HashSet<(u32, u32)>,
}

impl Out {
    fn note(&mut self, inbound: &Inbound) {
        for change in &inbound.changes {
            if let Change::Revoking { assignments, .. } = change {
                self.revoking.extend(assignments.iter().map(|one| (one.slot, one.generation)));
            }
        }
        self.tokens.extend(inbound.deliveries.iter().map(|delivery| delivery.token));
    }

    fn is_revoking(&self, token: AckToken) -> bool {
        self.revoking.contains(&(token.slot(), token.generation()))
    }
}

#[derive(Default)]
struct LetsGoAtOnce(Out);

#[async_trait]
impl ConsumerFlaw for LetsGoAtOnce {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        sound.receive(into, room).await?;
        self.0.note(into);
        let out: Vec<AckToken> =
            self.0.tokens.iter().copied().filter(|token| self.0.is_revoking(*token)).collect();
        sound.acknowledge(&[], &out);
        Ok(())
    }
}

#[derive(Default)]
struct KeepsToTheDeadline(Out);

#[async_trait]
impl ConsumerFlaw for KeepsToTheDeadline {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        sound.receive(into, room).await?;
        self.0.note(into);
        Ok(())
    }

    fn acknowledge(&mut self, sound: &mut dyn Consumer, finished: &[AckToken], given_up: &[AckToken]) {
        let kept = |tokens: &[AckToken]| -> Vec<AckToken> {
            tokens.iter().copied().filter(|token| !self.0.is_revoking(*token)).collect()
        };
        sound.acknowledge(&kept(finished), &kept(given_up));
    }
}

#[derive(Default)]
struct LetsGoUncommitted(Out);

#[async_trait]
impl ConsumerFlaw for LetsGoUncommitted {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        sound.receive(into, room).await?;
        self.0.note(into);
        Ok(())
    }

    fn acknowledge(&mut self, sound: &mut dyn Consumer, finished: &[AckToken], given_up: &[AckToken]) {
        let (lost, finished): (Vec<_>, Vec<_>) =
            finished.iter().partition(|token| self.0.is_revoking(**token));
        sound.acknowledge(&finished, &[given_up, &lost].concat());
    }
}

struct IgnoresItsDeadline;

#[async_trait]
impl ConsumerFlaw for IgnoresItsDeadline {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        sound.receive(into, room).await?;
        for change in &mut into.changes {
            if let Change::Revoking { until, .. } = change {
                *until = Instant::now() + Duration::from_millis(100);
            }
        }
        Ok(())
    }
}

struct WaitsUntilItIsAlone(Arc<AtomicUsize>);

#[async_trait]
impl ConsumerFlaw for WaitsUntilItIsAlone {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        while self.0.load(Ordering::Relaxed) > 1 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        sound.receive(into, room).await
    }

    fn dropped(&mut self, sound: Box<dyn Consumer>) {
        self.0.fetch_sub(1, Ordering::Relaxed);
        drop(sound);
    }
}

/// Takes a token for its partition, whatever the generation.
#[derive(Default)]
struct ObeysStaleTokens {
    partition_of: HashMap<AckToken, i32>,
    current: BTreeMap<i32, (u32, u32)>,
}

#[async_trait]
impl ConsumerFlaw for ObeysStaleTokens {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        sound.receive(into, room).await?;
        for change in &into.changes {
            if let Change::Assigned(assignments) = change {
                let current = assignments.iter().map(|one| (one.partition, (one.slot, one.generation)));
                self.current.extend(current);
            }
        }
        let delivered = into.deliveries.iter().map(|delivery| (delivery.token, delivery.partition));
        self.partition_of.extend(delivered);
        Ok(())
    }

    fn acknowledge(&mut self, sound: &mut dyn Consumer, finished: &[AckToken], given_up: &[AckToken]) {
        let renewed = |token: &AckToken| {
            let (slot, generation) = self.current.get(self.partition_of.get(token)?)?;
            Some(AckToken::new(*slot, *generation, token.sequence()))
        };
        let renewed: Vec<AckToken> = finished.iter().filter_map(renewed).collect();
        sound.acknowledge(&renewed, given_up);
    }
}

struct SilentWithoutRoom;

#[async_trait]
impl ConsumerFlaw for SilentWithoutRoom {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        if room.records == 0 {
            std::future::pending::<()>().await;
        }
        sound.receive(into, room).await
    }
}
