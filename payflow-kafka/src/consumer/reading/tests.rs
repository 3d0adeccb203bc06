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
