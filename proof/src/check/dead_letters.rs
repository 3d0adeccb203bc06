//! What was set aside, against what the topic holds.

use std::collections::{HashMap, HashSet};

use crate::event::Event;
use crate::history::{History, Place, Written};
use crate::verdict::{Breach, Verdict};

/// Compares them byte by byte.
pub(crate) fn dead_letters(history: &History, verdict: &mut Verdict) {
    let written: HashMap<Place, &Written> =
        history.written.iter().map(|written| (written.place, written)).collect();
    // What was set aside and not committed yet is set aside again.
    let killed = history.events.iter().any(|event| matches!(event, Event::Killed { .. }));
    let mut seen = HashSet::new();
    for letter in &history.dead {
        match written.get(&letter.source) {
            None => verdict.breaches.push(Breach::DeadLetterOfNothing(letter.source)),
            Some(original) => {
                if (&original.key, &original.value) != (&letter.key, &letter.value) {
                    verdict.breaches.push(Breach::DeadLetterAltered(letter.source));
                }
                if !seen.insert(letter.source) && !killed {
                    verdict.breaches.push(Breach::DeadLetterTwice(letter.source));
                }
            }
        }
    }
    verdict.dead_lettered = seen.len();
}
