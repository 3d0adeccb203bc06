//! Gaps, deletions, leaders that move, and new partitions.

use std::time::Duration;

use super::one::{One, ends, offsets, tokens};
use crate::consumer::{Change, Inbound, RebalanceProtocol, Room};
use crate::memory::cluster::{MeanwhileSends, Place, Received};
use crate::memory::config::MemoryConfig;
use crate::memory::refusal::Refusal;
use crate::record::{Receipt, Record, Topic};

#[test]
fn a_gap_at_head_middle_or_tail_delivers_nothing_and_hinders_no_commit() {
    let mut one = One::new(MemoryConfig::new(), 1);
    let place = one.place(0);
    for (gap, records) in [(2, 1), (200, 1), (3, 0)] {
        assert!(one.cluster.append_gap(&place, gap));
        one.send_all(records);
    }
    let member = one.join();
    let inbound = one.receive(member);
    assert_eq!((offsets(&inbound), ends(&inbound)), (vec![2, 203], vec![207]));
    one.finish(member, &tokens(&inbound)[1..]);
    assert_eq!(one.commit(member), Ok(()));
    assert_eq!(one.committed(0), Some(2), "the first is not finished");
    one.finish(member, &tokens(&inbound)[..1]);
    assert_eq!(one.commit(member), Ok(()));
    assert_eq!(one.committed(0), Some(207));

    let _ = one.cluster.take_touched();
    assert!(one.cluster.append_gap(&place, 1));
    assert!(one.cluster.take_touched(), "who waits at the end is to be told of the new one");
    assert_eq!(ends(&one.receive(member)), [208]);
    assert!(!one.cluster.append_gap(&one.place(1), 1), "there is no such partition");
}

#[test]
fn compaction_leaves_out_records_and_moves_neither_end() {
    let mut one = One::new(MemoryConfig::new(), 1);
    one.send_all(5);
    let place = one.place(0);
    let deleted = one.cluster.compact(&place, |record| record.offset % 2 == 1);
    assert_eq!(deleted.iter().map(|record| record.offset).collect::<Vec<_>>(), [0, 2, 4]);
    let member = one.join();
    let inbound = one.receive(member);
    assert_eq!((offsets(&inbound), ends(&inbound)), (vec![1, 3], vec![5]));
    assert_eq!(one.send(), Ok(Receipt::new(0, 5)));
    assert_eq!(one.cluster.lag("g", &one.topic), 3);
}

#[test]
fn deleted_records_are_passed_over_and_what_was_handed_over_is_finished_all_the_same() {
    let mut one = One::new(MemoryConfig::new(), 1);
    one.send_all(6);
    let member = one.join();
    let mut into = Inbound::default();
    let room = Room { records: 2, bytes: usize::MAX, first_may_exceed: true };
    let _ = one.cluster.receive(member, &mut into, room, one.now);
    let place = one.place(0);
    assert_eq!(one.cluster.expire_log(&place, 4).len(), 4);

    let inbound = one.receive(member);
    assert_eq!(inbound.changes, [], "nobody is told");
    assert_eq!(offsets(&inbound), [4, 5]);
    one.finish(member, &tokens(&inbound));
    assert_eq!(one.commit(member), Ok(()));
    assert_eq!(one.committed(0), Some(0));
    one.finish(member, &tokens(&into));
    assert_eq!(one.commit(member), Ok(()));
    assert_eq!(one.committed(0), Some(6));
    assert_eq!(one.cluster.expire_log(&place, i64::MAX).len(), 2);
    assert_eq!(one.send(), Ok(Receipt::new(0, 6)));
    assert_eq!(one.cluster.expire_log(&one.place(1), 1), []);
}

#[test]
fn an_owner_gets_past_what_was_deleted_below_what_had_finished() {
    let (mut one, member, tokens) = One::read(3);
    one.finish(member, &tokens[1..]);
    assert_eq!(one.commit(member), Ok(()));
    assert_eq!(one.committed(0), Some(0));
    assert_eq!(one.cluster.expire_log(&one.place(0), 1).len(), 1);

    let (heir, offsets) = one.read_anew(member);
    assert!(offsets.is_empty(), "{offsets:?}");
    assert_eq!(one.commit(heir), Ok(()));
    assert_eq!(one.committed(0), Some(3));
    assert_eq!(one.cluster.lag("g", &one.topic), 0);
}

#[test]
fn deleting_makes_room() {
    let mut one = One::new(MemoryConfig::new().with_capacity_bytes(400), 1);
    let place = one.place(0);
    one.send_all(3);
    assert!(matches!(one.send(), Err(Refusal::Full { .. })));
    assert_eq!(one.cluster.compact(&place, |record| record.offset != 1).len(), 1);
    one.send_all(1);
    assert_eq!(one.cluster.expire_log(&place, 3).len(), 2);
    one.send_all(2);
    assert!(matches!(one.send(), Err(Refusal::Full { .. })));
}

#[test]
fn while_a_leader_moves_nothing_is_read_and_sends_fare_as_told() {
    let refused = |topic: &Topic| Refusal::NoLeader { topic: topic.clone(), partition: 0 };
    for (sends, written) in
        [(MeanwhileSends::Refused, false), (MeanwhileSends::Written, true), (MeanwhileSends::Dropped, false)]
    {
        let mut one = One::new(MemoryConfig::new(), 1);
        one.send_all(1);
        let member = one.join();
        let until = one.now + Duration::from_secs(2);
        assert!(one.cluster.move_leader(&one.place(0), until, sends));

        let told = one.send().unwrap_err();
        match sends {
            MeanwhileSends::Refused => assert_eq!(told, refused(&one.topic)),
            MeanwhileSends::Written => {
                assert_eq!(told, Refusal::Unanswered { written: Some(Receipt::new(0, 1)) });
            }
            MeanwhileSends::Dropped => assert_eq!(told, Refusal::Unanswered { written: None }),
        }
        let inbound = one.receive(member);
        assert_eq!((inbound.changes.len(), offsets(&inbound), ends(&inbound)), (1, vec![], vec![]));
        let waits = one.cluster.receive(member, &mut Inbound::default(), Room::NONE, one.now);
        assert_eq!(waits, Received::Nothing { wake_at: Some(until) });

        one.pass(2);
        let expected = if written { vec![0, 1] } else { vec![0] };
        assert_eq!(offsets(&one.receive(member)), expected);
        let _ = one.send().unwrap();
    }
    let mut one = One::new(MemoryConfig::new(), 1);
    let (nowhere, now) = (one.place(1), one.now);
    assert!(!one.cluster.move_leader(&nowhere, now, MeanwhileSends::Refused));
}

#[test]
fn only_the_partition_whose_leader_moves_stands_still_and_acknowledging_goes_on() {
    let mut one = One::new(MemoryConfig::new(), 2);
    one.send_all(2);
    let member = one.join();
    let out = tokens(&one.receive(member));
    let until = one.now + Duration::from_secs(2);
    assert!(one.cluster.move_leader(&one.place(0), until, MeanwhileSends::Written));
    assert!(one.send().is_err());
    assert!(one.send().is_ok());
    let inbound = one.receive(member);
    assert_eq!(inbound.deliveries.iter().map(|delivery| delivery.partition).collect::<Vec<_>>(), [1]);
    one.finish(member, &out);
    assert_eq!(one.commit(member), Ok(()));
    assert_eq!((one.committed(0), one.committed(1)), (Some(1), Some(1)));
}

#[test]
fn a_record_whose_receipt_is_lost_is_there_unless_it_was_refused() {
    let mut one = One::new(MemoryConfig::new(), 1);
    let record = || Record::new(Topic::parse("t").unwrap(), "value");
    let told = one.cluster.append_unanswered(record(), 0, one.now);
    assert_eq!(told, Refusal::Unanswered { written: Some(Receipt::new(0, 0)) });
    assert_eq!(one.cluster.records(&one.topic).len(), 1);
    one.cluster.close_topic(&one.topic).unwrap();
    let told = one.cluster.append_unanswered(record(), 0, one.now);
    assert_eq!(told, Refusal::ClosedTopic(one.topic.clone()));
    assert_eq!(one.cluster.records(&one.topic).len(), 1);
}

#[test]
fn new_partitions_go_to_those_who_have_least_and_are_read_from_their_first_record() {
    for protocol in [RebalanceProtocol::Cooperative, RebalanceProtocol::Eager] {
        let mut one = One::new(MemoryConfig::new().with_protocol(protocol), 1);
        let (owner, idle) = (one.join(), one.join());
        let _ = (one.receive(owner), one.receive(idle));
        one.cluster.add_partitions(&one.topic, 3, one.now).unwrap();
        one.send_all(3);
        let mut delivered: Vec<i32> = Vec::new();
        for member in [owner, idle] {
            let inbound = one.receive(member);
            assert!(inbound.changes.iter().any(|change| matches!(change, Change::Assigned(_))));
            delivered.extend(inbound.deliveries.iter().map(|delivery| delivery.partition));
        }
        delivered.sort_unstable();
        assert_eq!(delivered, [0, 1, 2]);
    }
}

#[test]
fn an_expelled_member_shares_in_partitions_that_came_while_it_was_away() {
    let mut one = One::new(MemoryConfig::new(), 1);
    let member = one.join();
    assert!(one.cluster.expel(member, one.now));
    one.cluster.add_partitions(&one.topic, 2, one.now).unwrap();
    let inbound = one.receive(member);
    let Some(Change::Assigned(assignments)) = inbound.changes.last() else { panic!("{inbound:?}") };
    assert_eq!(assignments.len(), 2);
}

#[test]
fn a_topic_only_grows() {
    let mut one = One::new(MemoryConfig::new(), 2);
    let (topic, now) = (one.topic.clone(), one.now);
    let _ = one.cluster.take_touched();
    one.cluster.add_partitions(&topic, 2, now).unwrap();
    assert!(!one.cluster.take_touched());
    let fewer = Refusal::FewerPartitions { topic: topic.clone(), partitions: 2 };
    assert_eq!(one.cluster.add_partitions(&topic, 1, now), Err(fewer));
    for total in [0, 10_001] {
        assert_eq!(one.cluster.add_partitions(&topic, total, now), Err(Refusal::PartitionCount(total)));
    }
    let unknown = Topic::parse("u").unwrap();
    let refused = one.cluster.add_partitions(&unknown, 3, now);
    assert_eq!(refused, Err(Refusal::UnknownTopic(unknown)));
    one.cluster.close_topic(&topic).unwrap();
    assert_eq!(one.cluster.add_partitions(&topic, 3, now), Err(Refusal::ClosedTopic(topic)));
    assert!(!one.cluster.append_gap(&Place { topic: one.topic.clone(), partition: 2 }, 1));
}
