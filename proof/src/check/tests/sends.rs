//! Doctored notifications.

use super::story::{Story, place};
use crate::event::Ending;
use crate::verdict::{Breach, Zombies};

fn sent(process: &str, mut story: Story, offset: i64) -> Story {
    story.0.notifies = true;
    story.start(process, offset).send(process, offset).done(process, offset)
}

#[test]
fn what_went_out_once_for_each_payment_breaks_nothing() {
    let story = sent("f", sent("f", Story::with_keys(&["a", "b"]), 0), 1);
    story.is_good();
    assert_eq!((story.0.verdict().sends, story.0.verdict().doubled), (2, 0));
    // Set aside: nobody is told.
    let story = sent("f", Story::with_keys(&["a", "b"]), 0).start("f", 1).end("f", 1, Ending::Failed);
    story.dead(1).is_good();
}

#[test]
fn what_was_handled_and_not_sent_is_found() {
    let story = sent("f", Story::with_keys(&["a", "b"]), 0).handle("f", 1);
    story.breaks(&[Breach::Unsent(place(0, 1))]);
    // Nothing at all.
    let mut story = Story::with_keys(&["a"]).handle("f", 0);
    story.is_good();
    story.0.notifies = true;
    story.breaks(&[Breach::Unsent(place(0, 0))]);
}

#[test]
fn what_a_process_sends_twice_is_found() {
    let twice = [Breach::SentTwice("p0".into())];
    Story::with_keys(&["a"]).start("f", 0).send("f", 0).send("f", 0).done("f", 0).breaks(&twice);
    let attempts = Story::with_keys(&["a"]).start("f", 0).send("f", 0).end("f", 0, Ending::Failed);
    attempts.attempt("f", 0, 2).send("f", 0).done("f", 0).breaks(&twice);
}

#[test]
fn what_a_crash_repeats_is_counted() {
    let story = Story::with_keys(&["a"]).start("f", 0).send("f", 0).kill("f", 0);
    let story = sent("g", story, 0);
    story.is_good();
    assert_eq!((story.0.verdict().sends, story.0.verdict().doubled), (2, 1));
}

#[test]
fn another_notification_of_the_same_payment_is_found() {
    let story = Story::with_keys(&["a"]).start("f", 0).send("f", 0).kill("f", 0).start("g", 0);
    story.send_as("g", 0, "n1").done("g", 0).breaks(&[Breach::OtherNotification("p0".into())]);
}

#[test]
fn what_goes_out_beside_a_call_is_found() {
    let nobody = [Breach::SentByNobody("p0".into())];
    let story = || sent("f", Story::with_keys(&["a"]), 0);
    story().send("g", 0).breaks(&nobody);
    let before = Story::with_keys(&["a"]).send("g", 0);
    sent("f", before, 0).breaks(&nobody);
}

#[test]
fn what_a_zombie_sends_is_counted() {
    let story = Story::with_keys(&["a"]).start("f", 0).stop("f", 0);
    let story = sent("g", story, 0).resume("f").send("f", 0).done("f", 0);
    story.is_good();
    let verdict = story.0.verdict();
    let zombies = Zombies { under_way: 1, sent: 1, most_sent: 1, most_at_once: 1, ..Zombies::default() };
    assert_eq!((verdict.zombies, verdict.doubled), (zombies, 1));

    let story = Story::with_keys(&["a", "b"]).start("f", 0).stop("f", 0);
    let story = sent("g", sent("g", story, 0), 1).resume("f").start("f", 1).send("f", 1).done("f", 1);
    story.is_good();
    let zombies = Zombies { under_way: 1, started: 1, sent_of_started: 1, ..Zombies::default() };
    assert_eq!(story.0.verdict().zombies, Zombies { most_sent: 1, most_at_once: 2, ..zombies });
}

#[test]
fn a_zombie_that_goes_on_as_if_nothing_were_counts_more_than_was_in_flight() {
    let mut story = Story::with_keys(&["a", "b", "c", "d"]).start("f", 0).stop("f", 0);
    for offset in 0..4 {
        story = sent("g", story, offset);
    }
    // One call at a time, and each of them sends.
    story = story.resume("f").send("f", 0).done("f", 0);
    for offset in 1..4 {
        story = sent("f", story, offset);
    }
    let counted = story.0.verdict().zombies;
    assert_eq!((counted.under_way, counted.most_at_once, counted.most_sent), (1, 1, 4));

    // Back as a member, it is stopped again: each stop counts for itself.
    let mut story = Story::with_keys(&["a", "b"]).start("f", 0).stop("f", 0);
    story = sent("g", story, 0).resume("f").send("f", 0).done("f", 0).committed(1);
    story = story.assigned_anew().start("f", 1).stop("f", 1);
    story = sent("g", story, 1).resume("f").send("f", 1).done("f", 1);
    story.is_good();
    let counted = story.0.verdict().zombies;
    assert_eq!((counted.sent, counted.most_sent), (2, 1));
}
