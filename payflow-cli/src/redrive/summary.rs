//! What a redrive came to, as text and as JSON.

use payflow_core::{LeftOut, OffsetTracker, RedriveCounts, RedriveEnd, RedriveReport};
use serde_json::{Value, json};

pub(super) fn as_text(report: &RedriveReport, dry_run: bool) -> String {
    let counts = &report.counts;
    let mut lines = vec![if dry_run {
        format!("dry run: {} would be sent, of {} looked at", counts.selected, counts.seen)
    } else {
        format!("{} sent, of {} looked at", counts.sent, counts.seen)
    }];
    let mut tell = |count: u64, what: &str| {
        if count > 0 {
            lines.push(format!("  {count} {what}"));
        }
    };
    tell(counts.failed, "refused for good by the topic they were to go to; they stay");
    tell(counts.repeated, "sends failed and were repeated");
    for (reason, what) in [
        (LeftOut::Unmatched, "left out: not meant by the filter"),
        (LeftOut::Unknown, "left out: may have been handled; --include-unknown sends them too"),
        (LeftOut::RoundTrips, "left out: sent back as often as they may be; --max-round-trips allows more"),
        (LeftOut::NotADeadLetter, "left out: no dead letters of payflow's"),
        (LeftOut::OwnTopic, "left out: they would go to the dead-letter topic itself; --to names another"),
    ] {
        tell(counts.left_out(reason), what);
    }
    lines.extend(
        report.notes.iter().map(|note| format!("  {}@{}: {}", note.partition, note.offset, note.reason)),
    );
    lines.extend(ended(&report.end, counts));
    lines.join("\n") + "\n"
}

/// `remembers`: whether anything was remembered of earlier redrives.
pub(super) fn as_json(report: &RedriveReport, dry_run: bool, remembers: bool) -> Value {
    let counts = &report.counts;
    let left_out: serde_json::Map<String, Value> = LeftOut::ALL
        .iter()
        .map(|reason| (reason.as_str().to_owned(), counts.left_out(*reason).into()))
        .collect();
    let end = match &report.end {
        RedriveEnd::Complete => "complete",
        RedriveEnd::Limit => "limit",
        RedriveEnd::ShutDown => "stopped",
        RedriveEnd::Stalled { .. } => "stalled",
        _ => "other",
    };
    let notes: Vec<Value> = report
        .notes
        .iter()
        .map(|note| json!({ "partition": note.partition, "offset": note.offset, "reason": note.reason }))
        .collect();
    json!({
        "dry_run": dry_run,
        "redrives_remembered": remembers,
        "end": end,
        "seen": counts.seen,
        "selected": counts.selected,
        "sent": counts.sent,
        "failed": counts.failed,
        "repeated": counts.repeated,
        "left_out": left_out,
        "notes": notes,
    })
}

/// What an end means that is not the end of everything.
fn ended(end: &RedriveEnd, counts: &RedriveCounts) -> Option<String> {
    match end {
        RedriveEnd::Complete => None,
        RedriveEnd::Limit => Some("the limit is reached: there may be more".to_owned()),
        RedriveEnd::ShutDown => Some("stopped as it was told to: there may be more".to_owned()),
        RedriveEnd::Stalled { partitions: 0, .. } => Some(
            "stalled: no partition is assigned. Either Kafka does not answer; or another redrive of the group is running, or was \
             killed less than 10 s ago: try again"
                .to_owned(),
        ),
        RedriveEnd::Stalled { not_done, .. } => {
            Some(stalled(not_done, counts.failed, |reason| counts.left_out(reason)))
        }
        other => Some(format!("ended: {other:?}")),
    }
}

/// Why nothing more comes of partitions that are held, and what helps. `failed` and `left_out` count what stays.
fn stalled(not_done: &[i32], failed: u64, left_out: impl Fn(LeftOut) -> u64) -> String {
    let stalled = format!("stalled: nothing more comes of partitions {not_done:?}.");
    let stay = failed + LeftOut::ALL.iter().map(|reason| left_out(*reason)).sum::<u64>();
    if stay < OLD_MAX as u64 {
        return format!("{stalled} Kafka does not answer for them: try again");
    }
    let helps = [
        (left_out(LeftOut::Unmatched), "a wider filter"),
        (left_out(LeftOut::Unknown), "--include-unknown"),
        (left_out(LeftOut::RoundTrips), "a larger --max-round-trips"),
        (left_out(LeftOut::OwnTopic), "--to another topic"),
        (failed, "a topic that does not refuse them"),
        (left_out(LeftOut::NotADeadLetter), "the topic's retention alone, since they are no dead letters,"),
    ];
    let helps = helps.iter().filter(|(count, _)| *count > 0);
    let helps: Vec<String> = helps.map(|(count, what)| format!("{what} for {count}")).collect();
    format!(
        "{stalled} Either Kafka does not answer; or {OLD_MAX} or more of one partition stay and lie more than {YOUNG} offsets \
         before the newest that was looked at: a commit could not tell what is sent behind them, so nothing more is read until \
         there are fewer. What helps: {}. Another --group does not: it would send again what this one has sent",
        helps.join(", ")
    )
}

/// So many of the youngest offsets of a partition always have their place in a commit's metadata.
const YOUNG: usize = 16_384;
/// So many older ones that are not sent are the most that it has room for.
const OLD_MAX: usize = OffsetTracker::UNFINISHED_MAX - YOUNG;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_names_its_cause_and_what_helps_against_it() {
        let few_that_stay = |reason| u64::from(reason == LeftOut::Unknown);
        let told = stalled(&[3], 157, few_that_stay);
        assert_eq!(
            told,
            "stalled: nothing more comes of partitions [3]. Kafka does not answer for them: try again"
        );

        let told = stalled(&[0, 2], 0, |reason| match reason {
            LeftOut::Unknown => 100,
            LeftOut::Unmatched => 60,
            _ => 0,
        });
        assert!(told.contains("partitions [0, 2]. Either Kafka does not answer; or 159 or more"), "{told}");
        assert!(told.contains("more than 16384 offsets before"), "{told}");
        assert!(told.contains("helps: a wider filter for 60, --include-unknown for 100. Another"), "{told}");
        for other in ["--max-round-trips", "--to", "refuse", "retention"] {
            assert!(!told.contains(other), "{other} does not help: {told}");
        }
    }
}
