//! What clients were told, against what the topic holds.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use crate::history::{Answer, History, Place, Told, Written};
use crate::verdict::{Breach, Verdict};

/// Compares them. Without any answer the topic was written past the front door, and there is nothing to compare.
pub(crate) fn answers(history: &History, verdict: &mut Verdict) {
    if history.answers.is_empty() {
        return;
    }
    let mut by_mark: HashMap<&str, Vec<&Written>> = HashMap::new();
    let asked: HashSet<&str> = history.answers.iter().map(|answer| answer.mark.as_str()).collect();
    for written in &history.written {
        match written.mark.as_deref() {
            Some(mark) if asked.contains(mark) => by_mark.entry(mark).or_default().push(written),
            _ => verdict.breaches.push(Breach::Unasked(written.place)),
        }
    }
    for answer in &history.answers {
        let written = by_mark.get(answer.mark.as_str()).map_or(&[][..], Vec::as_slice);
        one(answer, written, verdict);
    }
    shared_payments(&by_mark, verdict);
    order(history, &by_mark, verdict);
}

fn one(answer: &Answer, written: &[&Written], verdict: &mut Verdict) {
    let mark = || answer.mark.clone();
    let [accepted, unknown, refused] = &mut verdict.answers;
    let told = match &answer.told {
        Told::Accepted { payment } => {
            *accepted += 1;
            if written.is_empty() {
                verdict.breaches.push(Breach::AcceptedAndMissing(mark()));
            }
            Some(payment)
        }
        Told::Unknown { payment } => {
            *unknown += 1;
            payment.as_ref()
        }
        Told::Refused => {
            *refused += 1;
            if !written.is_empty() {
                verdict.breaches.push(Breach::RefusedAndWritten(mark()));
            }
            None
        }
    };
    if written.len() > 1 {
        verdict.breaches.push(Breach::WrittenTwice(mark()));
    }
    if told.is_some() && written.iter().any(|written| written.payment.as_ref() != told) {
        verdict.breaches.push(Breach::OtherPayment(mark()));
    }
}

fn shared_payments(by_mark: &HashMap<&str, Vec<&Written>>, verdict: &mut Verdict) {
    let mut marks: BTreeMap<&str, HashSet<&str>> = BTreeMap::new();
    for (mark, written) in by_mark {
        for payment in written.iter().filter_map(|written| written.payment.as_deref()) {
            marks.entry(payment).or_default().insert(mark);
        }
    }
    let shared = marks.into_iter().filter(|(_, marks)| marks.len() > 1);
    verdict.breaches.extend(shared.map(|(payment, _)| Breach::SharedPayment(payment.to_owned())));
}

/// Two requests of one key keep their order if the second began when the first had been accepted.
fn order(history: &History, by_mark: &HashMap<&str, Vec<&Written>>, verdict: &mut Verdict) {
    let mut by_key: BTreeMap<&[u8], Vec<(&Answer, Place)>> = BTreeMap::new();
    for answer in &history.answers {
        let place = by_mark.get(answer.mark.as_str()).and_then(|written| written.first());
        if let (Told::Accepted { .. }, Some(written)) = (&answer.told, place) {
            by_key.entry(&answer.key).or_default().push((answer, written.place));
        }
    }
    for accepted in by_key.values() {
        let mut by_start = accepted.clone();
        by_start.sort_by_key(|(answer, _)| answer.sent_at);
        let mut by_end = accepted.clone();
        by_end.sort_by_key(|(answer, _)| answer.answered_at);

        let mut ended = by_end.into_iter().peekable();
        let mut latest: Option<(&Answer, Place)> = None;
        for (answer, place) in by_start {
            let before = |time: Duration| time < answer.sent_at;
            while let Some(earlier) = ended.next_if(|(earlier, _)| before(earlier.answered_at)) {
                let later = |(_, latest): (&Answer, Place)| earlier.1 > latest;
                if latest.is_none_or(later) {
                    latest = Some(earlier);
                }
            }
            if let Some((earlier, latest)) = latest
                && (latest.partition != place.partition || latest.offset > place.offset)
            {
                let breach = Breach::WrittenOutOfOrder(earlier.mark.clone(), answer.mark.clone());
                verdict.breaches.push(breach);
            }
        }
    }
}
