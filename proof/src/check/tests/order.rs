//! Doctored repeats, in and out of their order.

use super::story::{Story, place};
use crate::event::Ending;
use crate::verdict::Breach;

/// Two records of one key and one of another, finished by `f`, which was killed before any of it was committed.
fn finished_and_killed() -> Story {
    let story = Story::with_keys(&["a", "b", "a"]).handle("f", 0).handle("f", 1).handle("f", 2);
    story.kill("f", 0)
}

fn overtook() -> [Breach; 1] {
    [Breach::Overtook { place: place(0, 2), passed: place(0, 0) }]
}

#[test]
fn what_comes_again_in_order_breaks_nothing() {
    finished_and_killed().handle("g", 0).handle("g", 1).handle("g", 2).is_good();
    // Other keys are no matter.
    finished_and_killed().handle("g", 1).handle("g", 0).handle("g", 2).is_good();
    // Killed again, half way and at the end.
    let again = finished_and_killed().handle("g", 0).kill("g", 0);
    again.handle("h", 0).handle("h", 1).handle("h", 2).is_good();
    let again = finished_and_killed().handle("g", 0).handle("g", 2).kill("g", 0);
    again.handle("h", 0).handle("h", 2).handle("h", 1).is_good();
    // The first was committed, the second comes again.
    let story = Story::with_keys(&["a", "b", "a"]).handle("f", 0).handle("f", 1).handle("f", 2);
    story.kill("f", 1).handle("g", 1).handle("g", 2).is_good();
    // Attempted again before the next of its key.
    let story = finished_and_killed().start("g", 0).end("g", 0, Ending::Failed).handle("g", 1);
    story.attempt("g", 0, 2).done("g", 0).handle("g", 2).is_good();
    // Cut off and handed over.
    let story = finished_and_killed().start("g", 0).end("g", 0, Ending::Cut);
    story.handle("h", 0).handle("h", 1).handle("h", 2).is_good();
}

#[test]
fn a_zombie_that_goes_on_in_its_own_order_breaks_nothing() {
    let story = Story::with_keys(&["a", "a"]).start("f", 0).stop("f", 0).handle("g", 0).resume("f");
    story.done("f", 0).start("f", 1).handle("g", 1).end("f", 1, Ending::Cut).is_good();
}

#[test]
fn a_repeat_that_overtakes_another_is_found() {
    finished_and_killed().handle("g", 2).handle("g", 0).handle("g", 1).breaks(&overtook());
    // The one that was passed comes to another owner.
    let story = finished_and_killed().handle("g", 2).handle("g", 1).kill("g", 0);
    story.handle("h", 0).handle("h", 1).handle("h", 2).breaks(&overtook());
    // By the same process, to which the partition was assigned anew.
    let story = Story::with_keys(&["a", "b", "a"]).handle("f", 0).handle("f", 1).handle("f", 2);
    let story = story.stop("f", 0).resume("f").assigned_anew();
    story.handle("f", 2).handle("f", 0).handle("f", 1).breaks(&overtook());
}

#[test]
fn a_repeat_that_overtakes_one_that_failed_again_is_found() {
    let failed = || finished_and_killed().start("g", 0).end("g", 0, Ending::Failed).handle("g", 1);
    failed().handle("g", 2).attempt("g", 0, 2).done("g", 0).breaks(&overtook());
    // Also if it was cut off before its next attempt.
    failed().handle("g", 2).handle("h", 0).breaks(&overtook());
    // Set aside, it may be passed.
    failed().handle("g", 2).dead(0).is_good();
}

#[test]
fn a_first_start_that_overtakes_a_repeat_is_found() {
    let story = Story::with_keys(&["a", "b", "a"]).handle("f", 0).handle("f", 1).kill("f", 0);
    let story = story.start("g", 0).end("g", 0, Ending::Failed).handle("g", 1).handle("g", 2);
    story.attempt("g", 0, 2).done("g", 0).breaks(&overtook());
    // It had been finished once, and comes only after the other.
    let story = Story::with_keys(&["a", "b", "a"]).handle("f", 0).handle("f", 1).kill("f", 0);
    story.handle("g", 2).handle("g", 0).handle("g", 1).breaks(&overtook());
}
