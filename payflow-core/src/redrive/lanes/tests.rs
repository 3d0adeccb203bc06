use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::record::Topic;

fn letter(slot: u32, offset: i64, key: Option<u8>) -> Letter {
    let record = Record::new(Topic::parse("payments").unwrap(), "");
    let record = Record { key: key.map(|key| Bytes::from(vec![key])), ..record };
    Letter { token: AckToken::new(slot, 0, offset), partition: 0, offset, record, bytes: 10, failures: 0 }
}

#[derive(Debug, Clone)]
enum Step {
    Push(u32, Option<u8>),
    Next,
    Settle(usize),
    Pause(usize, u64),
    Wake(u64),
    Remove(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_u32, proptest::option::of(0..4_u8)).prop_map(|(slot, key)| Step::Push(slot, key)),
        4 => Just(Step::Next),
        3 => any::<usize>().prop_map(Step::Settle),
        2 => (any::<usize>(), 0..50_u64).prop_map(|(which, after)| Step::Pause(which, after)),
        2 => (0..50_u64).prop_map(Step::Wake),
        1 => (0..3_u32).prop_map(Step::Remove),
    ]
}

proptest! {
    #[test]
    fn one_of_a_key_at_a_time_in_order_and_each_comes_out_once(steps in proptest::collection::vec(step(), 0..200)) {
        let start = Instant::now();
        let (mut lanes, mut now, mut next_offset) = (Lanes::default(), start, 0_i64);
        let mut out: Vec<Letter> = Vec::new();
        // By key, the last that was settled or removed: what comes is behind it.
        let mut last: BTreeMap<Bytes, i64> = BTreeMap::new();
        let (mut pushed, mut gone, mut paused) = (0_usize, 0_usize, 0_usize);
        let mut drain = steps.into_iter().map(Some).collect::<Vec<_>>();
        drain.push(None);
        for step in drain {
            match step {
                Some(Step::Push(slot, key)) => {
                    lanes.push(letter(slot, next_offset, key));
                    next_offset += 1;
                    pushed += 1;
                }
                Some(Step::Next) => {
                    if let Some(next) = lanes.next() {
                        if let Some(key) = &next.record.key {
                            prop_assert!(out.iter().all(|other| other.record.key.as_ref() != Some(key)), "two of one key");
                            prop_assert!(last.get(key).is_none_or(|last| *last < next.offset), "out of order");
                        }
                        out.push(next);
                    }
                }
                Some(Step::Settle(which)) if !out.is_empty() => {
                    let settled = out.swap_remove(which % out.len());
                    lanes.settle(&settled);
                    settled.record.key.map(|key| last.insert(key, settled.offset));
                    gone += 1;
                }
                Some(Step::Pause(which, after)) if !out.is_empty() => {
                    let again = out.swap_remove(which % out.len());
                    lanes.pause(again, now + Duration::from_millis(after));
                    paused += 1;
                }
                Some(Step::Wake(after)) => {
                    now += Duration::from_millis(after);
                    lanes.wake(now);
                    prop_assert!(lanes.wake_at().is_none_or(|at| at > now));
                }
                Some(Step::Remove(slot)) => {
                    let removed = lanes.remove(|token| token.slot() == slot);
                    prop_assert!(removed.iter().all(|token| token.slot() == slot));
                    gone += removed.len();
                }
                Some(_) => {}
                None => {
                    // In the end everything comes out.
                    for settled in out.drain(..) {
                        lanes.settle(&settled);
                        gone += 1;
                    }
                    lanes.wake(now + Duration::from_secs(1));
                    while let Some(next) = lanes.next() {
                        lanes.settle(&next);
                        gone += 1;
                    }
                }
            }
            prop_assert_eq!(lanes.held(), pushed - gone);
            prop_assert_eq!(lanes.held_bytes(), 10 * lanes.held());
        }
        prop_assert_eq!((gone, lanes.held(), lanes.waiting.len()), (pushed, 0, 0), "{} pauses", paused);
    }
}

#[test]
fn a_pause_holds_its_own_key_alone() {
    let now = Instant::now();
    let mut lanes = Lanes::default();
    for (offset, key) in [(0, b'a'), (1, b'a'), (2, b'b')] {
        lanes.push(letter(0, offset, Some(key)));
    }
    let first = lanes.next().unwrap();
    lanes.pause(first, now + Duration::from_secs(1));
    assert_eq!(lanes.next().unwrap().offset, 2);
    assert!(lanes.next().is_none());
    lanes.wake(now + Duration::from_secs(1));
    let again = lanes.next().unwrap();
    assert_eq!(again.offset, 0);
    lanes.settle(&again);
    assert_eq!(lanes.next().unwrap().offset, 1);
}

#[test]
fn a_key_with_many_letters_takes_its_turn() {
    let mut lanes = Lanes::default();
    for (offset, key) in [(0, b'a'), (1, b'a'), (2, b'b')] {
        lanes.push(letter(0, offset, Some(key)));
    }
    let first = lanes.next().unwrap();
    lanes.settle(&first);
    assert_eq!([lanes.next().unwrap().offset, lanes.next().unwrap().offset], [2, 1]);
}
