use super::*;
use crate::consumer::AckToken;
use crate::record::{Content, Headers, Topic};

fn routed(slot: u32, key: Option<&'static str>, offset: i64) -> Routed {
    let delivery = Delivery {
        token: AckToken::new(slot, 0, offset),
        topic: Topic::parse("t").unwrap(),
        partition: 0,
        offset,
        timestamp_ms: None,
        content: Content::new(key.map(str::as_bytes), None, &Headers::new()),
    };
    // One hash for all: lanes must not rely on hashes being different.
    let delivery = Arc::new(delivery);
    Routed { hash: 7, delivery }
}

fn with_value(delivery: &Delivery, value: Option<&[u8]>) -> Arc<Delivery> {
    let content = Content::new(delivery.key(), value, &Headers::new());
    Arc::new(Delivery { content, ..delivery.clone() })
}

fn lanes(order: Order) -> Lanes<()> {
    Lanes::new(order, LaneShare { records: 1_000, bytes: 1 << 20 })
}

fn push(lanes: &mut Lanes<()>, routed: Routed) -> Option<EntryId> {
    lanes.push(lanes.lane_of(&routed), routed, (), Instant::now())
}

fn started(lanes: &mut Lanes<()>) -> Vec<(EntryId, i64)> {
    let mut started = Vec::new();
    while let Some(id) = lanes.start(Class::First).or_else(|| lanes.start(Class::Again)) {
        started.push((id, lanes.get(id).unwrap().delivery().offset));
    }
    started
}

fn offsets(started: &[(EntryId, i64)]) -> Vec<i64> {
    started.iter().map(|(_, offset)| *offset).collect()
}

#[test]
fn by_key_the_next_of_a_key_starts_when_the_one_before_is_gone() {
    let mut lanes = lanes(Order::ByKey);
    for (key, offset) in [("a", 0), ("a", 1), ("b", 2), ("a", 3)] {
        push(&mut lanes, routed(0, Some(key), offset));
    }
    let first = started(&mut lanes);
    assert_eq!(offsets(&first), [0, 2]);
    lanes.remove(first[0].0);
    let second = started(&mut lanes);
    assert_eq!(offsets(&second), [1]);
    lanes.remove(second[0].0);
    lanes.remove(first[1].0);
    let third = started(&mut lanes);
    assert_eq!(offsets(&third), [3]);
    lanes.remove(third[0].0);
    assert!(lanes.is_empty());
}

#[test]
fn one_key_in_two_partitions_is_two_lanes() {
    let mut lanes = lanes(Order::ByKey);
    push(&mut lanes, routed(0, Some("a"), 0));
    push(&mut lanes, routed(1, Some("a"), 1));
    assert_eq!(offsets(&started(&mut lanes)), [0, 1]);
}

#[test]
fn an_absent_key_is_a_lane_of_its_own_and_an_empty_key_is_one_lane() {
    let mut lanes = lanes(Order::ByKey);
    for (key, offset) in [(None, 0), (None, 1), (Some(""), 2), (Some(""), 3)] {
        push(&mut lanes, routed(0, key, offset));
    }
    assert_eq!(offsets(&started(&mut lanes)), [0, 1, 2]);
}

#[test]
fn by_partition_keys_do_not_matter_and_by_none_nothing_does() {
    let mut by_partition = lanes(Order::ByPartition);
    let mut by_none = lanes(Order::None);
    for (slot, key, offset) in [(0, Some("a"), 0), (0, Some("b"), 1), (1, None, 2), (1, None, 3)] {
        push(&mut by_partition, routed(slot, key, offset));
        push(&mut by_none, routed(slot, key, offset));
    }
    assert_eq!(offsets(&started(&mut by_partition)), [0, 2]);
    assert_eq!(offsets(&started(&mut by_none)), [0, 1, 2, 3]);
}

#[test]
fn a_parked_head_holds_its_lane_and_no_other() {
    let mut lanes = lanes(Order::ByKey);
    for (key, offset) in [("a", 0), ("a", 1), ("b", 2)] {
        push(&mut lanes, routed(0, Some(key), offset));
    }
    let first = started(&mut lanes);
    lanes.park(first[0].0);
    lanes.remove(first[1].0);
    assert_eq!(offsets(&started(&mut lanes)), [] as [i64; 0]);
    lanes.wake(first[0].0, Class::Again);
    assert_eq!(offsets(&started(&mut lanes)), [0]);
}

#[test]
fn taking_out_leaves_running_heads_and_other_partitions() {
    let mut lanes = lanes(Order::ByKey);
    for (slot, key, offset) in [(0, "a", 0), (0, "a", 1), (0, "b", 2), (1, "a", 3)] {
        push(&mut lanes, routed(slot, Some(key), offset));
    }
    let head = lanes.start(Class::First).unwrap();
    let (mut taken, mut running) = (Vec::new(), Vec::new());
    lanes.take_unstarted(Some(0), |delivery| taken.push(delivery.offset), |id, _| running.push(id));
    assert_eq!(taken, [1, 2]);
    assert_eq!(running, [head]);

    push(&mut lanes, routed(0, Some("a"), 4));
    let rest = started(&mut lanes);
    assert_eq!(offsets(&rest), [3]);
    lanes.remove(head);
    assert_eq!(offsets(&started(&mut lanes)), [4]);
}

#[test]
fn an_id_never_names_the_entry_that_took_its_place() {
    let mut lanes = lanes(Order::None);
    push(&mut lanes, routed(0, None, 0));
    let (gone, _) = started(&mut lanes)[0];
    lanes.remove(gone);
    push(&mut lanes, routed(0, None, 1));
    assert!(lanes.get(gone).is_none());
    assert!(lanes.remove(gone).is_none());
    lanes.wake(gone, Class::Again);
    assert_eq!(offsets(&started(&mut lanes)), [1]);
}

#[test]
fn what_is_parked_or_queued_behind_it_lets_go_of_the_buffer_it_came_in() {
    let buffer = bytes::Bytes::from(vec![b'k'; 64 << 10]);
    let mut lanes = lanes(Order::ByKey);
    for offset in 0..2 {
        let Routed { hash, delivery } = routed(0, None, offset);
        let mut delivery = Arc::unwrap_or_clone(delivery);
        delivery.content = Content::slice(buffer.slice(..16), Some(8), Some(8));
        push(&mut lanes, Routed { hash, delivery: Arc::new(delivery) });
    }
    let head = lanes.start(Class::First).unwrap();
    assert!(!buffer.is_unique());
    lanes.park(head);
    assert!(buffer.is_unique(), "of all its lane");

    let Routed { hash, delivery } = routed(0, None, 2);
    let mut delivery = Arc::unwrap_or_clone(delivery);
    delivery.content = Content::slice(buffer.slice(..8), Some(8), None);
    push(&mut lanes, Routed { hash, delivery: Arc::new(delivery) });
    assert!(buffer.is_unique(), "what comes later copies at once");
    assert_eq!(lanes.get(head).unwrap().delivery().value(), Some(&buffer[8..16]));
}

#[test]
fn what_failed_before_is_ready_apart_from_what_is_new() {
    let mut lanes = lanes(Order::ByKey);
    push(&mut lanes, routed(0, Some("a"), 0));
    push(&mut lanes, routed(0, Some("b"), 1));
    let head = lanes.start(Class::First).unwrap();
    lanes.park(head);
    lanes.wake(head, Class::Again);
    assert!(lanes.has_ready(Class::First) && lanes.has_ready(Class::Again));
    assert_eq!(lanes.start(Class::Again), Some(head));
    assert_eq!(lanes.start(Class::Again), None);
    assert!(lanes.start(Class::First).is_some());
}

#[test]
fn a_lane_that_reaches_its_share_names_its_head_and_a_lone_head_never_does() {
    let value = |offset, bytes: usize| {
        let Routed { hash, delivery } = routed(0, Some("a"), offset);
        Routed { hash, delivery: with_value(&delivery, Some(&vec![0; bytes])) }
    };
    let share = LaneShare { records: 3, bytes: 100 };
    let mut by_number = Lanes::new(Order::ByKey, share);
    assert_eq!(push(&mut by_number, value(0, 0)), None);
    assert_eq!(push(&mut by_number, value(1, 0)), None);
    let head = by_number.start(Class::First).unwrap();
    assert_eq!(push(&mut by_number, value(2, 0)), Some(head));
    assert!(by_number.has_full_lane(head));
    by_number.remove(head);
    let next = by_number.start(Class::First).unwrap();
    assert!(!by_number.has_full_lane(next), "what is gone leaves room");

    let mut by_size = Lanes::new(Order::ByKey, share);
    assert_eq!(push(&mut by_size, value(0, 1_000)), None, "it is in nobody's way");
    assert!(push(&mut by_size, value(1, 0)).is_some());

    let mut by_age = Lanes::new(Order::ByKey, LaneShare { records: 1_000, bytes: 1 << 20 });
    for offset in 0..19 {
        assert_eq!(push(&mut by_age, value(offset * 300, 0)), None);
    }
    assert!(push(&mut by_age, value(8_191, 0)).is_none(), "20 of which the first is young");
    assert!(push(&mut by_age, value(8_192, 0)).is_some(), "21 of which the first is old");

    let mut by_partition = Lanes::new(Order::ByPartition, share);
    for offset in 0..10 {
        assert_eq!(push(&mut by_partition, value(offset, 100)), None);
    }
}

mod model;
