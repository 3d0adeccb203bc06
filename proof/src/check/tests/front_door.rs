//! Doctored answers.

use super::story::{Story, place};
use crate::history::Told;
use crate::verdict::Breach;

fn accepted(payment: &str) -> Told {
    Told::Accepted { payment: payment.into() }
}

fn unknown(payment: &str) -> Told {
    Told::Unknown { payment: Some(payment.into()) }
}

#[test]
fn what_was_told_and_is_so_breaks_nothing() {
    let story = Story::default()
        .answer("a", "k", accepted("p1"), (0, 1))
        .answer("b", "k", unknown("p2"), (2, 3))
        .answer("c", "k", unknown("p3"), (2, 3))
        .answer("d", "k", Told::Unknown { payment: None }, (2, 3))
        .answer("e", "k", Told::Refused, (4, 5))
        .write(place(0, 0), "k", "a", "p1")
        .write(place(0, 1), "k", "b", "p2")
        .write(place(0, 2), "k", "d", "p4");
    story.is_good();
    assert_eq!(story.0.verdict().answers, [1, 3, 1]);
}

#[test]
fn accepted_and_missing_is_found() {
    let story = Story::default().answer("a", "k", accepted("p1"), (0, 1));
    story.breaks(&[Breach::AcceptedAndMissing("a".into())]);
}

#[test]
fn written_twice_is_found_whatever_was_told() {
    for told in [accepted("p"), unknown("p"), Told::Unknown { payment: None }] {
        let story = Story::default().answer("a", "k", told, (0, 1)).write(place(0, 0), "k", "a", "p").write(
            place(0, 1),
            "k",
            "a",
            "p",
        );
        story.breaks(&[Breach::WrittenTwice("a".into())]);
    }
}

#[test]
fn refused_and_written_is_found() {
    let story = Story::default().answer("a", "k", Told::Refused, (0, 1)).write(place(0, 0), "k", "a", "p1");
    story.breaks(&[Breach::RefusedAndWritten("a".into())]);
}

#[test]
fn another_id_than_was_told_is_found() {
    for told in [accepted("p1"), unknown("p1")] {
        let story = Story::default().answer("a", "k", told, (0, 1)).write(place(0, 0), "k", "a", "p2");
        story.breaks(&[Breach::OtherPayment("a".into())]);
    }
}

#[test]
fn id_that_two_requests_share_is_found() {
    let story = Story::default()
        .answer("a", "k", accepted("p"), (0, 1))
        .answer("b", "k", accepted("p"), (2, 3))
        .write(place(0, 0), "k", "a", "p")
        .write(place(0, 1), "k", "b", "p");
    story.breaks(&[Breach::SharedPayment("p".into())]);
}

#[test]
fn record_that_nobody_asked_for_is_found() {
    let mut story = Story::default()
        .answer("a", "k", accepted("p1"), (0, 1))
        .write(place(0, 0), "k", "a", "p1")
        .write(place(0, 1), "k", "b", "p2")
        .write(place(0, 2), "k", "c", "p3");
    story.0.written[2].mark = None;
    story.breaks(&[Breach::Unasked(place(0, 1)), Breach::Unasked(place(0, 2))]);
}

#[test]
fn requests_of_a_key_that_swapped_their_order_are_found() {
    let story = |second_sent: u64, first: (i32, i64), second: (i32, i64)| {
        Story::default()
            .answer("a", "k", accepted("p1"), (0, 1))
            .answer("b", "k", accepted("p2"), (second_sent, second_sent + 1))
            .answer("c", "other", accepted("p3"), (4, 5))
            .write(place(first.0, first.1), "k", "a", "p1")
            .write(place(second.0, second.1), "k", "b", "p2")
            .write(place(0, 0), "other", "c", "p3")
    };
    let swapped = [Breach::WrittenOutOfOrder("a".into(), "b".into())];
    story(2, (0, 8), (0, 7)).breaks(&swapped);
    story(2, (0, 7), (1, 8)).breaks(&swapped);
    story(2, (0, 7), (0, 8)).is_good();
    // Both were under way at the same time.
    story(0, (0, 8), (0, 7)).is_good();
    story(1, (0, 8), (0, 7)).is_good();
}
