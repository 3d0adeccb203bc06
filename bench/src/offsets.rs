//! What it costs to remember what finished behind a record that is stuck.

use anyhow::ensure;
use clap::Args;
use payflow_core::{OffsetTracker, Received};

use crate::figure::Figure;
use crate::statistics::{Total, per_message};
use crate::valgrind::{Count, count};

/// What to measure.
#[derive(Debug, Clone, Args)]
pub(crate) struct Plan {
    /// How many records finish behind the one that does not.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(10 * BLOCK..=100_000_000))]
    records: u64,
}

/// One run of the measured program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub(crate) struct Stuck {
    /// How many records finish behind the one that does not.
    #[arg(long)]
    records: u64,
}

/// Bytes of the tracker, at most, when a million have finished.
const BYTES_MAX: f64 = 160.0 * 1_024.0;
/// What a record costs among the last tenth, over what it costs among the first, at most.
const GROWTH_MAX: f64 = 1.10;
/// Characters of metadata that Kafka takes by default.
const CHARACTERS_MAX: f64 = 4_096.0;

/// So many are in flight at once, and finish in an order that is not theirs.
const BLOCK: u64 = 4_096;

/// Measures and prints the figures.
pub(crate) fn measure(plan: &Plan) -> anyhow::Result<()> {
    let instructions = |from: u64, to: u64| {
        let total = |records| {
            let used = count(Count::Instructions, &Stuck { records }.args())?;
            anyhow::Ok(Total { messages: records, used })
        };
        anyhow::Ok(per_message(total(from)?, total(to)?))
    };
    let (all, tenth) = (plan.records, plan.records / 10);
    let first = instructions(0, tenth)?;
    let last = instructions(all - tenth, all)?;
    println!("{}", Figure::new("stuck-head-instructions", last, "instructions/record", first));
    println!("{}", Figure::new("stuck-head-growth", last / first, "last/first", GROWTH_MAX));

    let kept = |records| count(Count::BytesKept, &Stuck { records }.args());
    let bytes = kept(all)?.saturating_sub(kept(0)?);
    println!("{}", Figure::new("stuck-head-tracker", bytes as f64, "bytes", BYTES_MAX));

    let characters = longest_metadata(all)?;
    println!("{}", Figure::new("stuck-head-metadata", characters as f64, "characters", CHARACTERS_MAX));
    Ok(())
}

/// The program that is measured: offset 0 stays unfinished, and so many behind it finish.
pub(crate) fn run(stuck: &Stuck) -> anyhow::Result<()> {
    let tracker = finish_behind_the_first(stuck.records, |_| {})?;
    // What it holds is counted at the end of the program.
    std::mem::forget(tracker);
    Ok(())
}

/// The longest text that a commit had on the way there, looked for when half of what was in flight has finished.
fn longest_metadata(records: u64) -> anyhow::Result<usize> {
    let mut longest = 0;
    finish_behind_the_first(records, |tracker| {
        let metadata = tracker.finished_beyond().encode(tracker.watermark());
        longest = longest.max(metadata.text.len());
    })?;
    Ok(longest)
}

fn finish_behind_the_first(
    records: u64,
    mut on_half: impl FnMut(&OffsetTracker),
) -> anyhow::Result<OffsetTracker> {
    let mut tracker = OffsetTracker::new(0);
    let mut new = tracker.receive(0) == Received::New;
    let mut behind = 1..=i64::try_from(records)?;
    while let Some(first) = behind.next() {
        let block: i64 = (*behind.end() - first + 1).min(BLOCK as i64);
        for offset in first..first + block {
            new &= tracker.receive(offset) == Received::New;
        }
        // Every second one, then the others.
        for offset in (first..first + block).step_by(2) {
            new &= tracker.finish(offset);
        }
        on_half(&tracker);
        for offset in (first + 1..first + block).step_by(2) {
            new &= tracker.finish(offset);
        }
        behind = first + block..=*behind.end();
    }
    ensure!(new && tracker.watermark() == 0, "the tracker lost account: {}", tracker.watermark());
    Ok(tracker)
}

impl Stuck {
    fn args(self) -> Vec<String> {
        vec!["offsets-run".to_owned(), "--records".to_owned(), self.records.to_string()]
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct OffsetsRun {
        #[command(flatten)]
        stuck: Stuck,
    }

    #[test]
    fn the_measured_program_is_told_the_load() {
        let stuck = Stuck { records: 50_000 };
        assert_eq!(OffsetsRun::try_parse_from(stuck.args()).unwrap().stuck, stuck);
    }

    #[test]
    fn all_but_the_first_finish_whatever_is_left_of_the_last_block() {
        for records in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK] {
            let tracker = finish_behind_the_first(records, |_| {}).unwrap();
            assert_eq!(tracker.unfinished(), 1);
            assert_eq!(tracker.position(), records as i64 + 1);
        }
        let longest = longest_metadata(10 * BLOCK).unwrap();
        assert!((BLOCK as usize / 6..4_096).contains(&longest), "{longest}");
    }
}
