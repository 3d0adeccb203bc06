use std::sync::Arc;

use super::super::chunk::Budget;
use super::super::waker::Waker;
use super::*;

const SLOT: u32 = 3;

/// Reads one partition from `from` on, of which librdkafka knew `before` when it was assigned.
fn reading(from: Offset, before: Option<Watermarks>) -> Reading {
    let budget = Budget::new(1 << 20, Arc::new(Waker::new()));
    let mut reading = Reading::new(Copier::new(budget));
    let topic = Topic::parse("topic").unwrap();
    let assignment = Assignment { slot: SLOT, generation: 1, topic, partition: 0 };
    reading.add([(assignment, from)], |_, _| before);
    reading
}

/// What is reached at `position`, -1001 if librdkafka has passed nothing, while it knows `known`.
fn reached(reading: &mut Reading, position: i64, known: Option<Watermarks>) -> Option<Reached> {
    let offset = if position < 0 { Offset::Invalid } else { Offset::Offset(position) };
    reading.list().set_all_offsets(offset).unwrap();
    let mut reached = None;
    reading.advance(|_, _| known, |_, at| reached = Some(at));
    reached
}

fn end(position: i64) -> Option<Reached> {
    Some(Reached { position, at_end: true, deleted_from: None })
}

/// A broker's answer.
fn answer(reading: &mut Reading, end: Offset) -> bool {
    let mut ends = reading.unconfirmed().expect("there is a question");
    ends.set_all_offsets(end).unwrap();
    reading.confirm(&ends)
}

const NOTHING: i64 = -1;

#[test]
fn a_partition_with_nothing_to_read_is_at_its_end_once_a_fetch_has_told_where_that_is() {
    for (from, known) in
        [(Offset::Beginning, (0, 0)), (Offset::Beginning, (7, 7)), (Offset::Offset(7), (2, 7))]
    {
        let mut reading = reading(from, None);
        assert_eq!(reached(&mut reading, NOTHING, None), None);
        assert_eq!(reached(&mut reading, NOTHING, Some(known)), end(known.1));
        assert_eq!(reached(&mut reading, NOTHING, Some(known)), None, "told once");
        let next = known.1 + 1;
        assert_eq!(reached(&mut reading, next, Some((0, next))), end(next), "and again behind more");
    }
}

#[test]
fn a_partition_with_something_to_read_is_not_at_its_end() {
    for (from, known) in
        [(Offset::Beginning, (0, 1)), (Offset::Offset(6), (2, 7)), (Offset::Offset(8), (0, 7))]
    {
        assert_eq!(reached(&mut reading(from, None), NOTHING, Some(known)), None, "{from:?} in {known:?}");
    }
}

#[test]
fn what_was_deleted_unread_is_told_where_no_record_will_tell_it() {
    let mut reading = reading(Offset::Offset(3), None);
    let told = Reached { position: 9, at_end: true, deleted_from: Some(3) };
    assert_eq!(reached(&mut reading, NOTHING, Some((9, 9))), Some(told));
    assert_eq!(reading.place(0, 9), Place::Next, "and not a second time by the next record");
}

#[test]
fn an_end_of_before_the_assignment_counts_once_a_broker_confirms_it() {
    let mut reading = reading(Offset::Offset(7), Some((0, 7)));
    assert_eq!(reached(&mut reading, NOTHING, Some((0, 7))), None, "the log may have grown since");
    assert!(!answer(&mut reading, Offset::End), "no answer");
    assert!(answer(&mut reading, Offset::Offset(7)));
    assert!(reading.unconfirmed().is_none());
    assert_eq!(reached(&mut reading, NOTHING, Some((0, 7))), end(7));
}

#[test]
fn an_end_of_before_the_assignment_that_a_broker_refutes_waits_for_what_is_there() {
    let mut reading = reading(Offset::Offset(7), Some((0, 7)));
    assert!(answer(&mut reading, Offset::Offset(9)));
    assert!(reading.unconfirmed().is_none(), "asked once");
    assert_eq!(reached(&mut reading, NOTHING, Some((0, 7))), None);
    assert_eq!(reached(&mut reading, NOTHING, Some((0, 9))), None);
    assert_eq!(reached(&mut reading, 9, Some((0, 9))), end(9));
}

#[test]
fn nothing_is_asked_where_a_fetch_will_tell() {
    assert!(reading(Offset::Offset(7), None).unconfirmed().is_none(), "it was never assigned before");
    assert!(reading(Offset::Offset(7), Some((0, 5))).unconfirmed().is_none(), "the end moved since");
    let mut moved = reading(Offset::Beginning, Some((0, 0)));
    assert_eq!(reached(&mut moved, NOTHING, Some((4, 4))), end(4));
    assert!(moved.unconfirmed().is_none());
}

#[test]
fn an_error_hides_no_end() {
    let mut reading = reading(Offset::Offset(7), None);
    reading.note_error(0);
    assert_eq!(
        reached(&mut reading, 8, Some((0, 7))),
        end(7),
        "the error has moved the position past the end"
    );
}

/// A partition of which all below 20 was read, from its beginning on and under leader 4.
fn read_to_20() -> Reading {
    let mut reading = reading(Offset::Beginning, None);
    reading.partitions[0].expected = Offset::Offset(20);
    reading.partitions[0].epoch = 4;
    reading
}

#[test]
fn what_lies_before_is_of_another_log_unless_librdkafka_has_paused() {
    let mut reading = read_to_20();
    for known in [None, Some((0, 20)), Some((0, 50))] {
        assert!(reading.is_of_another_log(0, 3, 4, known), "{known:?}");
    }
    reading.note_pause();
    assert!(!reading.is_of_another_log(0, 3, 4, Some((0, 20))));
    assert!(!reading.is_of_another_log(0, 3, 4, Some((0, 50))));
    reading.partitions[0].position = Position::Wrong;
    reading.settle(|_, _, _| true);
    assert!(reading.is_of_another_log(0, 3, 4, Some((0, 20))), "what comes after a seek is no repeat");
}

#[test]
fn around_a_pause_the_log_tells_what_is_of_another_one() {
    let mut reading = read_to_20();
    reading.note_pause();
    assert!(reading.is_of_another_log(0, 0, 4, Some((0, 50))), "it is the oldest");
    assert!(reading.is_of_another_log(0, 3, 5, Some((0, 50))), "of a later leader");
    assert!(reading.is_of_another_log(0, 3, 4, Some((0, 19))), "the log ends before");
    assert!(!reading.is_of_another_log(0, 3, 4, None), "nothing is known");
    assert!(!reading.is_of_another_log(0, 19, 4, Some((0, 20))));
}

#[test]
fn partitions_that_come_with_a_rebalance_have_nothing_to_repeat() {
    let mut reading = read_to_20();
    reading.note_pause();
    let topic = Topic::parse("topic").unwrap();
    let added = Assignment { slot: SLOT + 1, generation: 2, topic, partition: 1 };
    reading.add([(added, Offset::Offset(50))], |_, _| None);
    assert!(reading.is_of_another_log(1, 3, 4, Some((0, 60))));
    assert!(!reading.is_of_another_log(0, 3, 4, Some((0, 60))));
}

#[test]
fn nothing_of_a_log_that_is_to_be_read_anew_is_taken_until_librdkafka_was_told() {
    let mut reading = read_to_20();
    reading.note_anew(0, 3);
    assert_eq!(reading.place(0, 3), Place::Unsettled);
    assert!(reading.begins_anew());
    let noted: Vec<(u32, i64)> = reading.take_anew().iter().map(|anew| (anew.slot, anew.offset)).collect();
    assert_eq!(noted, [(SLOT, 3)]);
    assert!(!reading.begins_anew());
}
