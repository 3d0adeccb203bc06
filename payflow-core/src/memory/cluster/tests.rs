mod commits;
mod logs;
mod one;
mod world;

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::member::{Member, MemberId};
use super::{Cluster, Committed, MeanwhileSends, Place};
use crate::consumer::{Inbound, RebalanceProtocol, Room};
use crate::memory::config::MemoryConfig;
use crate::offsets::InvalidMetadata;
use crate::record::Topic;
use world::{Event, LogEvent, World};

fn config(protocol: RebalanceProtocol, session_timeout: Option<Duration>) -> MemoryConfig {
    MemoryConfig::new().with_protocol(protocol).with_session_timeout(session_timeout)
}

fn configs() -> impl Strategy<Value = MemoryConfig> {
    let protocol = prop_oneof![Just(RebalanceProtocol::Eager), Just(RebalanceProtocol::Cooperative)];
    let session = prop_oneof![2 => Just(None), 1 => (6..30_u64).prop_map(|s| Some(Duration::from_secs(s)))];
    (protocol, session).prop_map(|(protocol, session)| config(protocol, session))
}

fn log_events() -> impl Strategy<Value = LogEvent> {
    let sends = prop_oneof![
        Just(MeanwhileSends::Refused),
        Just(MeanwhileSends::Written),
        Just(MeanwhileSends::Dropped)
    ];
    prop_oneof![
        // Both sides of what the tracker keeps as bits.
        prop_oneof![4 => 1..5_u32, 1 => 100..200_u32].prop_map(|count| LogEvent::Gap { count }),
        any::<u64>().prop_map(|kept| LogEvent::Compact { kept }),
        any::<usize>().prop_map(|rank| LogEvent::Expire { rank }),
        (0..8_000_u64, sends)
            .prop_map(|(ms, sends)| { LogEvent::MoveLeader { lasts: Duration::from_millis(ms), sends } }),
    ]
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        12 => (0..2_usize, prop::option::of(0..6_u8), 1..40_usize, prop::bool::weighted(0.8))
            .prop_map(|(topic, key, value_bytes, answered)| Event::Send { topic, key, value_bytes, answered }),
        3 => (1..4_usize).prop_map(|topics| Event::Join { topics }),
        1 => any::<usize>().prop_map(|member| Event::Leave { member }),
        1 => any::<usize>().prop_map(|member| Event::Expel { member }),
        16 => (any::<usize>(), 0..6_usize, 0..100_usize, any::<bool>())
            .prop_map(|(member, records, bytes, first)| Event::Receive { member, records, bytes, first }),
        14 => (any::<usize>(), any::<usize>()).prop_map(|(member, rank)| Event::Finish { member, rank }),
        3 => (any::<usize>(), any::<usize>()).prop_map(|(member, rank)| Event::GiveUp { member, rank }),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(rank, finished)| Event::Stale { rank, finished }),
        4 => any::<usize>().prop_map(|member| Event::BeginCommit { member }),
        4 => (any::<usize>(), any::<usize>(), prop::bool::weighted(0.8))
            .prop_map(|(member, rank, answered)| Event::EndCommit { member, rank, answered }),
        1 => any::<usize>().prop_map(|place| Event::CommitForeign { place }),
        1 => any::<usize>().prop_map(|place| Event::ExpireOffsets { place }),
        1 => (0..2_usize).prop_map(|topic| Event::AddPartition { topic }),
        4 => (any::<usize>(), log_events()).prop_map(|(place, event)| Event::Log { place, event }),
        4 => (0..4_000_u64).prop_map(|ms| Event::Pass(Duration::from_millis(ms))),
    ];
    prop::collection::vec(event, 0..300)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn invariants_hold_over_any_schedule(config in configs(), events in events()) {
        let mut world = World::new(config, Instant::now());
        for event in events {
            world.step(event);
        }
        world.finish_everything();
    }

    #[test]
    fn equal_schedules_have_equal_outcomes(config in configs(), events in events()) {
        let start = Instant::now();
        let run = |events: Vec<Event>| {
            let mut world = World::new(config.clone(), start);
            for event in events {
                world.step(event);
            }
            world.history()
        };
        prop_assert_eq!(run(events.clone()), run(events));
    }
}

#[test]
fn metadata_that_says_nothing_is_told_of_once_for_each_assignment() {
    let (topic, now) = (Topic::parse("t").unwrap(), Instant::now());
    let mut cluster = Cluster::new(MemoryConfig::new());
    cluster.create_topic(&topic, 2).unwrap();
    for (partition, metadata) in [(0, "of another"), (1, "")] {
        let place = Place { topic: topic.clone(), partition };
        assert!(cluster.commit_foreign("g", place, Committed { offset: 0, metadata: metadata.into() }));
    }
    let member = cluster.join("g", &[topic], now).unwrap();
    for _ in 0..2 {
        let ignored: Vec<_> =
            cluster.take_ignored().iter().map(|told| (told.place.partition, told.reason)).collect();
        assert_eq!(ignored, [(0, InvalidMetadata::Foreign)]);
        cluster.expel(member, now);
        let _ = cluster.receive(member, &mut Inbound::default(), Room::NONE, now);
    }
}

impl Cluster {
    fn check_owners(&self, group: &str) {
        if let Some(group) = self.groups.get(group) {
            group.check_owners();
        }
    }

    fn is_joined(&self, id: MemberId) -> bool {
        self.member(id).joined
    }

    /// Whether the member has yet to be told of a change.
    fn has_news(&self, id: MemberId) -> bool {
        !self.member(id).changes.is_empty()
    }

    fn holds(&self, id: MemberId, slot: u32, generation: u32) -> bool {
        let mut holdings = self.member(id).holdings();
        holdings.any(|holding| (holding.0, holding.1) == (slot, generation))
    }

    fn member(&self, id: MemberId) -> &Member {
        self.groups[&self.group_of[&id]].member(id)
    }
}
