//! Doctored kills, zombies, commits and quiet phases.

use super::story::{Story, place};
use crate::event::{Commit, Ending};
use crate::verdict::{Breach, Repeats, Zombies};

/// Four records of four keys; the first hangs in `f`, the others are finished behind it.
fn stuck_head() -> Story {
    Story::with_keys(&["a", "b", "c", "d"]).start("f", 0).handle("f", 1).handle("f", 2).handle("f", 3)
}

/// From the first to the last of each pair.
fn beyond(ranges: &[(i64, i64)]) -> Commit {
    Commit { offset: 0, beyond: ranges.iter().map(|(first, last)| *first..last + 1).collect() }
}

#[test]
fn what_the_last_commit_held_beyond_its_offset_may_not_be_repeated() {
    let held = || stuck_head().kill_with("f", beyond(&[(1, 2)])).handle("g", 0);
    let good = held().handle("g", 3);
    good.is_good();
    let verdict = good.0.verdict();
    assert_eq!((verdict.held, verdict.repeats), (2, Repeats { unfinished: 1, uncommitted: 1 }));
    held().handle("g", 2).breaks(&[Breach::Repeated(place(0, 2))]);
    held().handle("g", 1).breaks(&[Breach::Repeated(place(0, 1))]);
    // A commit without metadata told of none of them.
    stuck_head().kill("f", 0).handle("g", 0).handle("g", 1).handle("g", 2).handle("g", 3).is_good();
}

#[test]
fn what_a_commit_tells_of_beyond_its_offset_and_is_not_finished_is_found() {
    let unfinished = |offset| [Breach::CommittedUnfinished(place(0, offset))];
    let story = || Story::with_keys(&["a", "b", "c"]).start("f", 0).handle("f", 2);
    story().looked(beyond(&[(1, 2)])).done("f", 0).handle("f", 1).breaks(&unfinished(1));
    story().start("f", 1).looked(beyond(&[(1, 1), (2, 2)])).done("f", 0).done("f", 1).breaks(&unfinished(1));
    story().looked(beyond(&[(2, 2)])).done("f", 0).handle("f", 1).is_good();
    // Where no record stands there is nothing to finish.
    story().looked(beyond(&[(2, 899)])).done("f", 0).handle("f", 1).is_good();
    assert_eq!(story().looked(beyond(&[(2, 2)])).0.verdict().uncommitted, Some(2));
}

#[test]
fn a_commit_that_goes_back_is_found() {
    let back = [Breach::CommittedBack { partition: 0, from: 2, to: 1 }];
    let story = || Story::with_keys(&["a", "b"]).handle("f", 0).handle("f", 1);
    story().committed(2).committed(1).breaks(&back);
    story().committed(1).committed(1).committed(2).is_good();
}

#[test]
fn a_zombie_goes_on_with_what_it_had_and_that_breaks_nothing() {
    let story = Story::with_keys(&["a", "b", "c"])
        .handle("f", 0)
        .start("f", 1)
        .stop("f", 0)
        // The next owner handles all of it, while the zombie's call is still under way.
        .handle("g", 0)
        .start("g", 1)
        .resume("f")
        .done("f", 1)
        // Begun before it knew.
        .start("f", 2)
        .end("f", 2, Ending::Cut)
        .done("g", 1)
        .handle("g", 2)
        .committed(3);
    story.is_good();
    let verdict = story.0.verdict();
    let zombies = Zombies { under_way: 1, started: 1, most_at_once: 1, ..Zombies::default() };
    assert_eq!(verdict.zombies, zombies);
    assert_eq!(verdict.repeats, Repeats { unfinished: 1, uncommitted: 1 });
}

#[test]
fn what_a_zombie_commits_is_found() {
    let story = || Story::with_keys(&["a", "b"]).handle("f", 0).start("f", 1).stop("f", 0).resume("f");
    let too_far = [Breach::CommittedTooFar { place: place(0, 1), committed: 2 }];
    story().done("f", 1).committed(2).handle("g", 0).handle("g", 1).breaks(&too_far);
    let unfinished = [Breach::CommittedUnfinished(place(0, 1))];
    story().done("f", 1).looked(beyond(&[(1, 1)])).handle("g", 0).handle("g", 1).breaks(&unfinished);
    // Over what the next owner has committed.
    let back = [Breach::CommittedBack { partition: 0, from: 2, to: 1 }];
    story().handle("g", 0).handle("g", 1).committed(2).committed(1).breaks(&back);
}

#[test]
fn what_a_zombie_finishes_is_lost_unless_another_handles_it() {
    let lost = [Breach::Lost { place: place(0, 0), seen: true }];
    let story = || Story::with_keys(&["a"]).start("f", 0).stop("f", 0).resume("f").done("f", 0);
    story().breaks(&lost);
    story().handle("g", 0).is_good();
    // Back in the group it is a member as any other.
    story().assigned_anew().handle("f", 0).is_good();
}

#[test]
fn what_the_commit_held_when_a_process_was_stopped_may_not_be_repeated() {
    let story = Story::with_keys(&["a", "b"]).handle("f", 0).start("f", 1).stop("f", 1).handle("g", 0);
    story.handle("g", 1).breaks(&[Breach::Repeated(place(0, 0))]);
}

#[test]
fn a_call_after_all_was_quiet_is_found() {
    let story = || Story::with_keys(&["a", "b"]).handle("f", 0).start("f", 1);
    let quiet = || story().done("f", 1).committed(2).quiet();
    quiet().is_good();
    let again = quiet().handle("g", 1);
    again.breaks(&[Breach::Restless(place(0, 1)), Breach::Repeated(place(0, 1))]);
    story().quiet().done("f", 1).breaks(&[Breach::Restless(place(0, 1))]);
}
