//! Doctored dead letters.

use super::story::{Story, place};
use crate::event::Ending;
use crate::history::DeadLetter;
use crate::verdict::Breach;

#[test]
fn altered_dead_letters_are_found() {
    Story::with_keys(&["k"]).dead(0).is_good();
    let altered = [Breach::DeadLetterAltered(place(0, 0))];
    for alter in [
        |letter: &mut DeadLetter| letter.value.as_mut().unwrap().push(0),
        |letter: &mut DeadLetter| letter.value = None,
        |letter: &mut DeadLetter| letter.key = None,
        |letter: &mut DeadLetter| letter.key = Some(vec![]),
    ] {
        let mut story = Story::with_keys(&["k"]).dead(0);
        alter(&mut story.0.dead[0]);
        story.breaks(&altered);
    }
}

#[test]
fn dead_letters_without_an_original_are_found() {
    let mut story = Story::with_keys(&["k"]).dead(0);
    story.0.dead[0].source = place(0, 1);
    story.breaks(&[Breach::DeadLetterOfNothing(place(0, 1))]);
}

#[test]
fn what_is_set_aside_again_without_an_excuse_is_found() {
    let twice = [Breach::DeadLetterTwice(place(0, 0))];
    let failed = |story: Story, process| story.start(process, 0).end(process, 0, Ending::Failed);
    let had = || failed(Story::with_keys(&["k", "l"]), "f");
    Story::with_keys(&["k"]).dead(0).dead(0).breaks(&twice);
    // After a clean hand-over.
    failed(had(), "g").handle("g", 1).dead(0).dead(0).breaks(&twice);
    // Another process was killed.
    let other = || had().handle("x", 1).kill("x", 0);
    failed(other(), "g").dead(0).dead(0).handle("g", 1).breaks(&twice);
    // Its process was killed after a commit that held it.
    failed(had().kill("f", 1), "g").dead(0).dead(0).handle("g", 1).breaks(&twice);
    // Before one, and then all is well, once.
    let killed = || failed(had().kill("f", 0), "g").handle("g", 1);
    killed().dead(0).dead(0).is_good();
    killed().dead(0).dead(0).dead(0).breaks(&twice);
    let stopped = failed(had().stop("f", 0), "g").handle("g", 1);
    stopped.dead(0).dead(0).is_good();
    // One that cannot be decoded is never started.
    Story::with_keys(&["k"]).kill("f", 0).dead(0).dead(0).is_good();
    Story::with_keys(&["k"]).kill("f", 1).dead(0).dead(0).breaks(&twice);
}

#[test]
fn what_was_set_aside_and_is_handled_without_an_excuse_is_found() {
    let had = || Story::with_keys(&["k"]).start("f", 0).end("f", 0, Ending::Failed);
    had().handle("g", 0).dead(0).breaks(&[Breach::HandledAndSetAside(place(0, 0))]);
    had().kill("f", 0).handle("g", 0).dead(0).is_good();
    // The other way round: finished, not committed, and refused by the next.
    let refused = Story::with_keys(&["k"]).handle("f", 0).kill("f", 0).start("g", 0);
    refused.end("g", 0, Ending::Failed).dead(0).is_good();
}
