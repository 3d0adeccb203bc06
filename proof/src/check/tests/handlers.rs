//! Doctored events.

use std::time::Duration;

use super::story::{Story, place};
use crate::event::{Ending, Event};
use crate::history::Written;
use crate::verdict::{Breach, Repeats};

#[test]
fn what_was_handled_in_order_breaks_nothing() {
    let story = Story::with_keys(&["a", "b", "a", "a"])
        .start("first", 0)
        .handle("first", 1)
        .end("first", 0, Ending::Failed)
        .attempt("first", 0, 2)
        .done("first", 0)
        .handle("first", 2)
        .start("first", 3)
        .end("first", 3, Ending::Failed)
        .dead(3)
        .committed(4);
    story.is_good();
    let verdict = story.0.verdict();
    assert_eq!((verdict.records, verdict.handled, verdict.dead_lettered), (4, 3, 1));
    assert_eq!((verdict.starts, verdict.retries, verdict.repeats.all()), (5, 1, 0));
    assert_eq!(verdict.uncommitted, Some(0));
}

#[test]
fn lost_records_are_found() {
    let lost = |seen| Breach::Lost { place: place(0, 1), seen };
    Story::with_keys(&["a", "b"]).handle("first", 0).breaks(&[lost(false)]);
    Story::with_keys(&["a", "b"]).handle("first", 0).start("first", 1).breaks(&[lost(true)]);
    for how in [Ending::Failed, Ending::Cut] {
        let story = Story::with_keys(&["a", "b"]).handle("first", 0).start("first", 1).end("first", 1, how);
        story.breaks(&[lost(true)]);
    }
    let killed = Story::with_keys(&["a", "b"]).handle("first", 0).start("first", 1).kill("first", 1);
    killed.breaks(&[lost(true)]);
}

#[test]
fn tombstone_is_not_lost() {
    let mut story = Story::with_keys(&["a", "a"]).handle("first", 1).committed(2);
    story.0.written[0].value = None;
    story.is_good();
}

#[test]
fn overtaking_is_found() {
    let overtook = [Breach::Overtook { place: place(0, 2), passed: place(0, 0) }];
    Story::with_keys(&["a", "b", "a"]).handle("f", 2).handle("f", 0).handle("f", 1).breaks(&overtook);
    // Behind one that failed and is attempted again.
    let story = Story::with_keys(&["a", "b", "a"])
        .handle("f", 1)
        .start("f", 0)
        .end("f", 0, Ending::Failed)
        .handle("f", 2)
        .attempt("f", 0, 2)
        .done("f", 0);
    story.breaks(&overtook);
    // Past one that was cut off, by the process that took over.
    let story = Story::with_keys(&["a", "b", "a"])
        .handle("f", 1)
        .start("f", 0)
        .end("f", 0, Ending::Cut)
        .handle("g", 2)
        .handle("g", 0);
    story.breaks(&overtook);
    // A dead-lettered record is passed by those behind it, and records without a key by all.
    Story::with_keys(&["a", "b", "a"]).dead(0).handle("f", 2).handle("f", 1).is_good();
    let mut story = Story::with_keys(&["a", "b", "a"]);
    story.0.written.iter_mut().for_each(|written| written.key = None);
    story.handle("f", 2).handle("f", 0).handle("f", 1).is_good();
}

#[test]
fn two_of_a_key_at_once_are_found() {
    let together = |offset, running| Breach::Together { place: place(0, offset), running: place(0, running) };
    let overtook = Breach::Overtook { place: place(0, 1), passed: place(0, 0) };
    let story = Story::with_keys(&["a", "a"]).start("f", 0).start("f", 1).done("f", 0).done("f", 1);
    story.breaks(&[overtook.clone(), together(1, 0)]);
    let story = Story::with_keys(&["a", "a"]).start("f", 0).start("g", 1).done("f", 0).done("g", 1);
    story.breaks(&[overtook, together(1, 0)]);
    // One record in two processes.
    let story = Story::with_keys(&["a"]).start("f", 0).start("g", 0).done("g", 0);
    story.breaks(&[together(0, 0)]);
    // A process that was killed runs nothing more.
    Story::with_keys(&["a"]).start("f", 0).kill("f", 0).handle("g", 0).is_good();
}

#[test]
fn what_is_repeated_without_an_excuse_is_found() {
    let repeated = [Breach::Repeated(place(0, 0))];
    Story::with_keys(&["a", "b"]).handle("f", 0).handle("f", 0).handle("f", 1).breaks(&repeated);
    Story::with_keys(&["a", "b"]).handle("f", 0).handle("g", 0).handle("g", 1).breaks(&repeated);
    // Committed before the kill.
    let killed = Story::with_keys(&["a", "b"]).handle("f", 0).kill("f", 1).handle("g", 0).handle("g", 1);
    killed.breaks(&repeated);
    // Another process was killed.
    let killed = Story::with_keys(&["a", "b"]).handle("f", 0).kill("x", 0).handle("g", 0).handle("g", 1);
    killed.breaks(&repeated);
    // Assigned anew to the same process.
    let anew = Story::with_keys(&["a", "b"]).handle("f", 0).assigned_anew().handle("f", 0).handle("f", 1);
    anew.breaks(&repeated);
    // Behind one that had not finished, in one assignment.
    let story = Story::with_keys(&["b", "a"]).handle("f", 1).handle("f", 1).handle("f", 0);
    story.breaks(&[Breach::Repeated(place(0, 1))]);
}

#[test]
fn what_may_be_repeated_is_counted_by_its_excuse() {
    let story = Story::with_keys(&["a", "b", "c", "d"])
        // Finished, and not committed.
        .handle("f", 0)
        // Running.
        .start("f", 1)
        // Finished behind it.
        .handle("f", 2)
        .kill("f", 0)
        .handle("g", 0)
        .start("g", 1)
        .handle("g", 2)
        .handle("g", 3)
        // A clean hand-over in the middle.
        .end("g", 1, Ending::Cut)
        .handle("h", 1);
    story.is_good();
    let verdict = story.0.verdict();
    assert_eq!(verdict.repeats, Repeats { unfinished: 2, uncommitted: 2 });
    // Finished at 1, killed at 5.
    assert_eq!(verdict.oldest_repeat, Some(Duration::from_secs(4)));
}

#[test]
fn what_finished_behind_another_comes_no_more_after_a_clean_hand_over() {
    let repeated = [Breach::Repeated(place(0, 1))];
    let story = || Story::with_keys(&["a", "b"]).start("f", 0).handle("f", 1).end("f", 0, Ending::Cut);
    story().handle("g", 0).is_good();
    story().handle("g", 0).handle("g", 1).breaks(&repeated);
    story().assigned_anew().handle("f", 0).handle("f", 1).breaks(&repeated);
    // Its process was killed when another one had the partition.
    story().handle("g", 0).kill("f", 0).handle("g", 1).breaks(&repeated);
}

#[test]
fn retry_of_a_repeat_needs_no_excuse_of_its_own() {
    let story = Story::with_keys(&["a"])
        .handle("f", 0)
        .kill("f", 0)
        .start("g", 0)
        .end("g", 0, Ending::Failed)
        .attempt("g", 0, 2)
        .done("g", 0);
    story.is_good();
    let verdict = story.0.verdict();
    assert_eq!((verdict.repeats.all(), verdict.retries), (1, 1));
}

#[test]
fn commit_beyond_what_is_finished_is_found() {
    let too_far = [Breach::CommittedTooFar { place: place(0, 1), committed: 3 }];
    let story = || Story::with_keys(&["a", "b", "c"]).handle("f", 0).handle("f", 2);
    story().committed(3).handle("f", 1).breaks(&too_far);
    story().committed(1).handle("f", 1).committed(3).is_good();
    assert_eq!(story().committed(1).0.verdict().uncommitted, Some(2));
}

#[test]
fn what_is_not_on_the_topic_is_found() {
    Story::with_keys(&["a"]).handle("f", 0).start("f", 1).breaks(&[Breach::NotWritten(place(0, 1))]);
    let mut story = Story::with_keys(&["a"]).handle("f", 0);
    story.0.written[0].key = Some(b"b".to_vec());
    story.breaks(&[Breach::NotWritten(place(0, 0))]);
}

#[test]
fn another_payment_id_is_found() {
    let mut story = Story::with_keys(&["a"]).handle("f", 0);
    story.0.written[0].payment = Some("p0".into());
    story.is_good();
    story.0.written[0].payment = Some("p1".into());
    story.breaks(&[Breach::Renamed(place(0, 0))]);

    // A foreign record bears none, and has one all the same each time.
    let mut story = Story::with_keys(&["a"]).start("f", 0).kill("f", 0).start("g", 0).done("g", 0);
    story.is_good();
    for event in &mut story.0.events {
        if let Event::Started { process, payment, .. } = event
            && process == "g"
        {
            payment.push('x');
        }
    }
    story.breaks(&[Breach::Renamed(place(0, 0))]);
}

#[test]
fn end_without_a_beginning_is_found() {
    let twice = [Breach::EndedTwice(place(0, 0))];
    Story::with_keys(&["a"]).handle("f", 0).done("f", 0).breaks(&twice);
    // From a process that was said to be dead.
    Story::with_keys(&["a"]).start("f", 0).kill("f", 0).done("f", 0).breaks(&twice);
}

#[test]
fn stall_is_the_longest_gap_between_first_attempts_before_a_first_start() {
    // Starts at 0, 2 and 4 seconds; the last, at 9, is no first one.
    let story = Story::with_keys(&["a", "b", "c"])
        .handle("f", 0)
        .handle("f", 1)
        .start("f", 2)
        .end("f", 2, Ending::Failed)
        .committed(2)
        .committed(2)
        .committed(2)
        .attempt("f", 2, 2)
        .done("f", 2);
    assert_eq!(story.0.verdict().longest_stall(), Duration::from_secs(2));

    // One record fails each second, while the one behind it waits until 6.
    let mut story = Story::with_keys(&["a", "b"]).start("f", 0).end("f", 0, Ending::Failed);
    for attempt in [2, 3] {
        story = story.attempt("f", 0, attempt).end("f", 0, Ending::Failed);
    }
    story = story.handle("f", 1);
    assert_eq!(story.0.verdict().longest_stall(), Duration::from_secs(6));
}

#[test]
fn stall_of_a_partition_that_is_left_unread_at_first_is_found() {
    // Another partition begins at 0, this one at 7.
    let unread = |written_at| {
        let mut story = Story::with_keys(&["a"]);
        story.0.written.push(Written { place: place(1, 0), ..story.0.written[0].clone() });
        story.0.written[1].at = Duration::from_secs(written_at);
        story = story.handle("f", 0);
        for _ in 0..5 {
            story = story.committed(1);
        }
        let (process, key, payment) = ("f".to_owned(), Some(b"a".to_vec()), "p".to_owned());
        let (at, place) = (Duration::from_secs(7), place(1, 0));
        story = story.and(Event::Started { process, assignment: 0, at, place, key, payment, attempt: 1 });
        story.0.verdict().stalls[&1]
    };
    assert_eq!(unread(0), Duration::from_secs(7));
    // It had nothing until then.
    assert_eq!(unread(5), Duration::from_secs(2));
}
