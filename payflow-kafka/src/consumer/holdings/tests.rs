use payflow_core::{Content, Deliveries, Delivery, Headers};
use proptest::prelude::*;

use super::*;

const ROOM: Room = Room { records: usize::MAX, bytes: usize::MAX, first_may_exceed: false };

fn topic() -> Topic {
    Topic::parse("t").unwrap()
}

fn delivery(assignment: &Assignment, offset: i64) -> Delivery {
    Delivery {
        token: AckToken::new(assignment.slot, assignment.generation, offset),
        topic: topic(),
        partition: assignment.partition,
        offset,
        timestamp_ms: None,
        content: Content::new(None, Some(b"value"), &Headers::new()),
    }
}

/// Holdings of partitions 0 and on, each read up to so many records, and its first change told.
fn holding(records: &[i64]) -> (Holdings, Vec<Assignment>) {
    let mut holdings = Holdings::default();
    let partitions = (0..).zip(records).map(|(partition, _)| (topic(), partition, 0, FinishedBeyond::none()));
    let assignments = holdings.assign(partitions);
    for (assignment, records) in assignments.iter().zip(records) {
        let mut deliveries = (0..*records).map(|offset| delivery(assignment, offset)).collect();
        assert!(holdings.read(&mut deliveries).is_empty());
    }
    (holdings, assignments)
}

fn hand_over(holdings: &mut Holdings, room: Room) -> Inbound {
    let mut inbound = Inbound::default();
    let something = holdings.hand_over(&mut inbound, room);
    assert_eq!(something, !inbound.is_empty());
    inbound
}

fn tokens(inbound: &Inbound) -> Vec<AckToken> {
    inbound.deliveries.iter().map(|delivery| delivery.token).collect()
}

fn uncommitted(holdings: &Holdings) -> Vec<(i32, i64)> {
    places(&holdings.uncommitted(None))
}

fn places(watermarks: &[Watermark]) -> Vec<(i32, i64)> {
    watermarks.iter().map(|watermark| (watermark.partition, watermark.committed.offset)).collect()
}

#[test]
fn room_bounds_records_and_bytes_and_changes_need_none() {
    let (mut holdings, _) = holding(&[3]);
    let none = hand_over(&mut holdings, Room::NONE);
    assert_eq!((none.changes.len(), none.deliveries.len()), (1, 0));
    assert_eq!(hand_over(&mut holdings, Room { records: 1, ..ROOM }).deliveries.len(), 1);
    assert_eq!(hand_over(&mut holdings, Room { bytes: 4, ..ROOM }).deliveries.len(), 0);
    let giant = Room { bytes: 4, first_may_exceed: true, ..ROOM };
    assert_eq!(hand_over(&mut holdings, giant).deliveries.len(), 1);
    assert_eq!(hand_over(&mut holdings, ROOM).deliveries.len(), 1);
}

#[test]
fn no_commit_passes_what_is_not_finished() {
    let (mut holdings, _) = holding(&[3, 1]);
    let tokens = tokens(&hand_over(&mut holdings, ROOM));
    holdings.acknowledge(&[tokens[1], tokens[2], tokens[3]], &[]);
    assert_eq!(uncommitted(&holdings), [(0, 0), (1, 1)]);
    let told = |holdings: &Holdings| holdings.uncommitted(Some(&[0]))[0].committed.clone();
    let Committed { offset, metadata } = told(&holdings);
    let finished = FinishedBeyond::decode(offset, &metadata).unwrap();
    assert_eq!(finished.ranges(), std::slice::from_ref(&(1..3)));
    holdings.acknowledge(&[tokens[0]], &[]);
    assert_eq!(uncommitted(&holdings), [(0, 3), (1, 1)]);
    for watermark in holdings.uncommitted(None) {
        holdings.committed(&watermark);
    }
    assert_eq!(uncommitted(&holdings), []);
}

#[test]
fn what_the_last_commit_says_is_finished_is_not_handed_out_and_moves_the_watermark() {
    let mut holdings = Holdings::default();
    let (mut first, _) = holding(&[4]);
    let tokens = tokens(&hand_over(&mut first, ROOM));
    first.acknowledge(&tokens[1..3], &[]);
    let Committed { offset, metadata } = first.uncommitted(None)[0].committed.clone();
    let finished = FinishedBeyond::decode(offset, &metadata).unwrap();
    let assignments = holdings.assign([(topic(), 0, offset, finished)]);
    assert_eq!(uncommitted(&holdings), [], "it is committed already");
    assert!(holdings.read(&mut (0..4).map(|offset| delivery(&assignments[0], offset)).collect()).is_empty());
    let inbound = hand_over(&mut holdings, ROOM);
    assert_eq!(inbound.deliveries.iter().map(|one| one.offset).collect::<Vec<_>>(), [0, 3]);
    holdings.acknowledge(&[inbound.deliveries[0].token], &[]);
    assert_eq!(uncommitted(&holdings), [(0, 3)]);
}

#[test]
fn a_partition_with_too_much_unfinished_is_held_back_alone_and_goes_on() {
    let records = 20_000;
    let (mut holdings, assignments) = holding(&[0, 1]);
    let held_back =
        holdings.read(&mut (0..records).map(|offset| delivery(&assignments[0], offset)).collect());
    let [first] = held_back[..] else { panic!("{held_back:?}") };
    assert!(first.sequence() > 16_384 && holdings.is_holding_back());
    assert!(
        holdings.read(&mut [delivery(&assignments[0], records)].into_iter().collect()).is_empty(),
        "it is told once"
    );
    assert!(holdings.read(&mut [delivery(&assignments[1], 1)].into_iter().collect()).is_empty());
    let tokens = tokens(&hand_over(&mut holdings, ROOM));
    assert_eq!(tokens.len(), usize::try_from(first.sequence()).unwrap() + 2);
    assert!(holdings.released().is_empty());

    let old: Vec<AckToken> = tokens.iter().filter(|token| token.slot() == 0).take(200).copied().collect();
    holdings.acknowledge(&old, &[]);
    assert_eq!(holdings.released(), [assignments[0].clone()]);
    assert!(!holdings.is_holding_back());
    assert!(
        holdings.read(&mut [delivery(&assignments[0], first.sequence())].into_iter().collect()).is_empty()
    );
}

#[test]
fn what_was_read_before_is_not_handed_out_again() {
    let (mut holdings, assignments) = holding(&[2]);
    holdings.read(&mut [delivery(&assignments[0], 1), delivery(&assignments[0], 5)].into_iter().collect());
    let offsets: Vec<i64> = hand_over(&mut holdings, ROOM).deliveries.iter().map(|one| one.offset).collect();
    assert_eq!(offsets, [0, 1, 5]);
}

#[test]
fn a_revoked_partition_is_back_with_its_last_token_and_hands_nothing_more_out() {
    let (mut holdings, assignments) = holding(&[3, 3]);
    let out = tokens(&hand_over(&mut holdings, Room { records: 2, ..ROOM }));
    let until = Instant::now();
    holdings.revoke(&[0], until);
    holdings.read(&mut [delivery(&assignments[0], 3)].into_iter().collect());
    let inbound = hand_over(&mut holdings, ROOM);
    assert_eq!(inbound.changes, [Change::Revoking { assignments: vec![assignments[0].clone()], until }]);
    assert!(inbound.deliveries.iter().all(|delivery| delivery.partition == 1));

    holdings.acknowledge(&[out[0]], &[]);
    assert!(!holdings.are_back(&[0]));
    holdings.acknowledge(&[], &[out[1]]);
    assert!(holdings.are_back(&[0]));
    assert_eq!(uncommitted(&holdings), [(0, 1)], "what was given up is not committed");
    holdings.let_go(&[0]);
    assert_eq!(uncommitted(&holdings), []);
}

#[test]
fn a_token_of_a_partition_that_went_and_came_back_changes_nothing() {
    let (mut holdings, _) = holding(&[1]);
    let stale = tokens(&hand_over(&mut holdings, ROOM));
    holdings.lose(&[0]);
    let again = holdings.assign([(topic(), 0, 0, FinishedBeyond::none())]);
    assert_eq!(again[0].slot, stale[0].slot(), "the slot is used again");
    holdings.read(&mut [delivery(&again[0], 0)].into_iter().collect());
    let inbound = hand_over(&mut holdings, ROOM);
    assert!(matches!(inbound.changes[..], [Change::Lost(_), Change::Assigned(_)]));
    holdings.acknowledge(&stale, &[]);
    assert_eq!(uncommitted(&holdings), []);
    holdings.acknowledge(&tokens(&inbound), &[]);
    assert_eq!(uncommitted(&holdings), [(0, 1)]);
}

#[test]
fn where_a_log_begins_anew_is_committed_though_nothing_finished() {
    let mut holdings = Holdings::default();
    let old = holdings.assign([(topic(), 0, 50, FinishedBeyond::none())]);
    assert_eq!(uncommitted(&holdings), []);
    let anew = holdings.begin_anew(old[0].slot, 3).unwrap();
    assert_eq!(uncommitted(&holdings), [(0, 3)], "the group's place is of the old log");
    assert!(holdings.begin_anew(7, 3).is_none(), "it is not held");

    holdings.read(&mut [delivery(&anew, 3)].into_iter().collect());
    let inbound = hand_over(&mut holdings, ROOM);
    let changes = [Change::Assigned(old.clone()), Change::Lost(old), Change::Assigned(vec![anew])];
    assert_eq!(inbound.changes, changes);
    for watermark in holdings.uncommitted(None) {
        holdings.committed(&watermark);
    }
    assert_eq!(uncommitted(&holdings), [], "once");
    holdings.acknowledge(&tokens(&inbound), &[]);
    assert_eq!(uncommitted(&holdings), [(0, 4)]);
}

#[test]
fn where_a_log_begins_anew_is_untold_until_it_is_durable_and_again_after_a_late_commit_of_the_old_one() {
    let mut holdings = Holdings::default();
    let old = holdings.assign([(topic(), 0, 10, FinishedBeyond::none())]);
    assert_eq!(places(&holdings.untold_places()), []);
    holdings.read(&mut [delivery(&old[0], 10)].into_iter().collect());
    let inbound = hand_over(&mut holdings, ROOM);
    holdings.acknowledge(&tokens(&inbound), &[]);
    let of_old = holdings.uncommitted(None);

    holdings.begin_anew(old[0].slot, 3).unwrap();
    for _ in 0..2 {
        let untold = holdings.untold_places();
        assert_eq!(places(&untold), [(0, 3)]);
        untold.iter().for_each(|place| holdings.committed(place));
        assert_eq!(places(&holdings.untold_places()), []);
        // librdkafka repeats a commit that failed, and tells its result late.
        of_old.iter().for_each(|watermark| holdings.committed(watermark));
    }
    assert_eq!(places(&holdings.untold_places()), [(0, 3)]);
}

#[test]
fn the_end_is_told_behind_the_last_record_and_closes_the_gap() {
    let (mut holdings, assignments) = holding(&[2]);
    let Assignment { slot, generation, .. } = assignments[0];
    holdings.reach(slot, generation, 5, true);
    let first = hand_over(&mut holdings, Room { records: 1, ..ROOM });
    assert!(first.ends.is_empty());
    let second = hand_over(&mut holdings, ROOM);
    assert_eq!(second.ends, [PartitionEnd { slot, generation, offset: 5 }]);
    assert!(hand_over(&mut holdings, ROOM).is_empty(), "it is told once");
    holdings.acknowledge(&[tokens(&first), tokens(&second)].concat(), &[]);
    assert_eq!(uncommitted(&holdings), [(0, 5)]);
}

#[test]
fn an_end_that_the_log_outgrew_before_it_was_told_is_not_told() {
    let (mut holdings, assignments) = holding(&[0]);
    let Assignment { slot, generation, .. } = assignments[0];
    holdings.reach(slot, generation, 0, true);
    holdings.read(&mut [delivery(&assignments[0], 0)].into_iter().collect());
    let first = hand_over(&mut holdings, ROOM);
    assert_eq!((first.deliveries.len(), first.ends.len()), (1, 0));
    holdings.reach(slot, generation, 1, true);
    assert_eq!(hand_over(&mut holdings, ROOM).ends, [PartitionEnd { slot, generation, offset: 1 }]);
}

#[test]
fn a_commit_that_begins_late_sets_nothing_back() {
    let (mut holdings, _) = holding(&[3, 3]);
    let tokens = tokens(&hand_over(&mut holdings, ROOM));
    holdings.acknowledge(&[tokens[0], tokens[3]], &[]);
    let mut early = holdings.uncommitted(None);
    holdings.acknowledge(&tokens[1..3], &[]);
    let mut last = holdings.uncommitted(Some(&[0]));
    assert!(!holdings.begin_commit(&mut last));
    assert_eq!(last.len(), 1);
    assert!(!holdings.begin_commit(&mut early));
    assert_eq!(
        early.iter().map(|watermark| watermark.partition).collect::<Vec<_>>(),
        [1],
        "offset 1 is behind 3"
    );
    holdings.let_go(&[0]);
    assert!(holdings.begin_commit(&mut last), "the partition is gone");
    assert!(last.is_empty());
}

#[derive(Debug, Clone)]
enum Step {
    Read(usize),
    HandOver(usize),
    Finish(usize),
    GiveUp(usize),
    End,
    Revoke,
    LetGo,
    Lose,
    Assign,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1usize..4).prop_map(Step::Read),
        4 => (0usize..5).prop_map(Step::HandOver),
        4 => any::<usize>().prop_map(Step::Finish),
        1 => any::<usize>().prop_map(Step::GiveUp),
        1 => Just(Step::End),
        1 => Just(Step::Revoke),
        1 => Just(Step::LetGo),
        1 => Just(Step::Lose),
        2 => Just(Step::Assign),
    ];
    proptest::collection::vec(step, 1..60)
}

proptest! {
    /// One partition, by a model that remembers every token.
    #[test]
    fn counts_and_watermarks_agree_with_a_simple_model(steps in steps()) {
        let mut holdings = Holdings::default();
        let mut held: Option<Assignment> = None;
        let (mut next, mut committed) = (0, 0);
        let (mut revoking, mut last_offset) = (false, -1);
        let mut out: Vec<AckToken> = Vec::new();
        let mut unfinished = std::collections::BTreeSet::new();
        for step in steps {
            match (step, held.clone()) {
                (Step::Assign, None) => {
                    held = holdings.assign([(topic(), 0, committed, FinishedBeyond::none())]).pop();
                    (next, last_offset) = (committed, -1);
                }
                (Step::Read(count), Some(assignment)) if !revoking => {
                    let mut deliveries: Deliveries =
                        (0..).take(count).map(|index| delivery(&assignment, next + index)).collect();
                    unfinished.extend(deliveries.iter().map(|delivery| delivery.offset));
                    next += i64::try_from(count).unwrap();
                    holdings.read(&mut deliveries);
                }
                (Step::HandOver(records), _) => {
                    let mut inbound = Inbound::default();
                    holdings.hand_over(&mut inbound, Room { records, ..ROOM });
                    prop_assert!(inbound.deliveries.len() <= records);
                    last_offset = inbound.deliveries.iter().last().map_or(last_offset, |delivery| delivery.offset);
                    prop_assert!(inbound.ends.iter().all(|end| end.offset > last_offset));
                    out.extend(inbound.deliveries.iter().map(|delivery| delivery.token));
                }
                (Step::Finish(which), _) if !out.is_empty() => {
                    let token = out.swap_remove(which % out.len());
                    holdings.acknowledge(&[token], &[]);
                    if held.as_ref().is_some_and(|held| held.generation == token.generation()) {
                        unfinished.remove(&token.sequence());
                    }
                }
                (Step::GiveUp(which), _) if !out.is_empty() => {
                    let token = out.swap_remove(which % out.len());
                    holdings.acknowledge(&[], &[token]);
                }
                (Step::End, Some(held)) if !revoking => {
                    next += 2;
                    holdings.reach(held.slot, held.generation, next, true);
                }
                (Step::Revoke, Some(held)) if !revoking => {
                    revoking = true;
                    holdings.revoke(&[held.slot], Instant::now());
                }
                (step @ (Step::LetGo | Step::Lose), Some(gone)) => {
                    match step {
                        Step::Lose => holdings.lose(&[gone.slot]),
                        _ => holdings.let_go(&[gone.slot]),
                    }
                    held = None;
                    revoking = false;
                    unfinished.clear();
                }
                _ => {}
            }
            if let Some(held) = &held {
                let of_it = |token: &&AckToken| token.generation() == held.generation;
                prop_assert_eq!(holdings.are_back(&[held.slot]), out.iter().filter(of_it).count() == 0);
                let expected = unfinished.first().copied().unwrap_or(next);
                let told = holdings.uncommitted(None);
                prop_assert_eq!(told.first().map_or(committed, |watermark| watermark.committed.offset), expected.max(committed));
                for watermark in told {
                    holdings.committed(&watermark);
                    committed = watermark.committed.offset;
                }
            } else {
                prop_assert!(holdings.uncommitted(None).is_empty());
            }
        }
    }
}
