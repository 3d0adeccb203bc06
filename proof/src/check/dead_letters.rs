//! What was set aside, against what the topic holds.

use std::collections::HashMap;

use super::handling::next_look;
use crate::event::{Ending, Event};
use crate::history::{History, Place, Written};
use crate::verdict::{Breach, Verdict};

/// Compares them byte by byte, and looks for those that came again though they were set aside.
pub(crate) fn dead_letters(history: &History, verdict: &mut Verdict) {
    let written: HashMap<Place, &Written> =
        history.written.iter().map(|written| (written.place, written)).collect();
    let mut letters: HashMap<Place, usize> = HashMap::new();
    for letter in &history.dead {
        let Some(original) = written.get(&letter.source) else {
            verdict.breaches.push(Breach::DeadLetterOfNothing(letter.source));
            continue;
        };
        if (&original.key, &original.value) != (&letter.key, &letter.value) {
            verdict.breaches.push(Breach::DeadLetterAltered(letter.source));
        }
        *letters.entry(letter.source).or_default() += 1;
    }
    verdict.dead_lettered = letters.len();

    let mut again = again(&letters, history);
    again.sort_by_key(|(place, _)| *place);
    verdict.breaches.extend(again.into_iter().map(|(_, breach)| breach));
}

/// Those that came again without an excuse.
fn again(letters: &HashMap<Place, usize>, history: &History) -> Vec<(Place, Breach)> {
    let fates = fates(letters, &history.events);
    let broken = |(place, letters): (&Place, &usize)| {
        let fate = fates.get(place)?;
        let breach = if *letters > 1 + fate.excuses {
            Breach::DeadLetterTwice(*place)
        } else if fate.handled && fate.excuses == 0 {
            Breach::HandledAndSetAside(*place)
        } else {
            return None;
        };
        Some((*place, breach))
    };
    letters.iter().filter_map(broken).collect()
}

/// What else became of a record that was set aside.
#[derive(Default)]
struct Fate<'a> {
    /// The process that started it last.
    had_by: Option<&'a str>,
    /// How often it may have been set aside and not committed yet when the process that had it was killed or stopped.
    excuses: usize,
    handled: bool,
}

fn fates<'a>(letters: &HashMap<Place, usize>, events: &'a [Event]) -> HashMap<Place, Fate<'a>> {
    let mut fates: HashMap<Place, Fate<'a>> = letters.keys().map(|place| (*place, Fate::default())).collect();
    for (number, event) in events.iter().enumerate() {
        match event {
            Event::Started { process, place, .. } => {
                if let Some(fate) = fates.get_mut(place) {
                    fate.had_by = Some(process);
                }
            }
            Event::Ended { place, how: Ending::Done, .. } => {
                if let Some(fate) = fates.get_mut(place) {
                    fate.handled = true;
                }
            }
            Event::Killed { process, .. } | Event::Stopped { process, .. } => {
                let look = next_look(events, number);
                let told = |place: &Place| {
                    let commit = look.and_then(|commits| commits.get(&place.partition));
                    commit.is_some_and(|commit| commit.holds(place.offset))
                };
                for (place, fate) in &mut fates {
                    // One that was never started cannot be decoded, and nobody says who had it.
                    let had = fate.had_by.is_none_or(|had_by| had_by == process);
                    fate.excuses += usize::from(had && !told(place));
                }
            }
            _ => {}
        }
    }
    fates
}
