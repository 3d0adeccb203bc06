//! Commits that were asked for, until they are decided. Pure.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use payflow_core::Error;
use rdkafka::error::RDKafkaErrorCode;

use super::context::CommitResult;
use super::holdings::Watermark;
use crate::error;

/// librdkafka decides a commit within the session timeout and one request; behind that it is lost.
const DECIDED_WITHIN: Duration = Duration::from_secs(120);

/// Commits under way, oldest first.
#[derive(Debug)]
pub(super) struct Commits<R> {
    under_way: VecDeque<Commit<R>>,
}

#[derive(Debug)]
struct Commit<R> {
    watermarks: Vec<Watermark>,
    begun: Instant,
    reply: R,
}

/// A commit's end: what of it is durable, and what to answer.
#[derive(Debug)]
pub(super) struct Decided<R> {
    pub(super) durable: Vec<Watermark>,
    pub(super) outcome: Result<(), Error>,
    pub(super) reply: R,
}

impl<R> Commits<R> {
    pub(super) const fn new() -> Self {
        Self { under_way: VecDeque::new() }
    }

    pub(super) fn begin(&mut self, watermarks: Vec<Watermark>, reply: R, now: Instant) {
        self.under_way.push_back(Commit { watermarks, begun: now, reply });
    }

    /// Finds the commit that a result is about: the oldest with its very offsets.
    pub(super) fn decide(&mut self, result: &CommitResult) -> Option<Decided<R>> {
        let is_it = |commit: &Commit<R>| is_about(result, &commit.watermarks);
        let index = match result.partitions.is_empty() {
            // A commit that failed before it was sent names no partition.
            true => 0,
            false => self.under_way.iter().position(is_it)?,
        };
        let Commit { watermarks, reply, .. } = self.under_way.remove(index)?;
        let whole = result.result.err().filter(|code| *code != RDKafkaErrorCode::NoOffset);
        let failed = |watermark: &Watermark| whole.or_else(|| error_of(result, watermark));
        let failure = whole.or_else(|| watermarks.iter().find_map(|watermark| error_of(result, watermark)));
        Some(Decided {
            outcome: failure.map_or(Ok(()), |code| Err(commit_failed(code))),
            durable: watermarks.into_iter().filter(|watermark| failed(watermark).is_none()).collect(),
            reply,
        })
    }

    /// Gives up waiting for commits of which nothing was heard.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Decided<R>> {
        self.under_way.pop_front_if(|oldest| now.duration_since(oldest.begun) > DECIDED_WITHIN).map(
            |commit| {
                let outcome = Err(Error::unknown("commit").because("librdkafka told no result"));
                Decided { durable: Vec::new(), outcome, reply: commit.reply }
            },
        )
    }
}

/// A commit that was refused, here or by the broker.
pub(super) fn commit_failed(code: RDKafkaErrorCode) -> Error {
    Error::new(error::commit(code), "commit").because(code)
}

fn is_about(result: &CommitResult, watermarks: &[Watermark]) -> bool {
    let names = |watermark: &Watermark| {
        result.partitions.iter().any(|partition| {
            partition.topic == watermark.topic.as_str()
                && partition.partition == watermark.partition
                && partition.offset == Some(watermark.committed.offset)
        })
    };
    result.partitions.len() == watermarks.len() && watermarks.iter().all(names)
}

fn error_of(result: &CommitResult, watermark: &Watermark) -> Option<RDKafkaErrorCode> {
    let partition = result.partitions.iter().find(|partition| {
        partition.partition == watermark.partition && partition.topic == watermark.topic.as_str()
    })?;
    partition.error
}

#[cfg(test)]
mod tests {
    use payflow_core::{Fault, Topic};

    use super::super::context::CommittedPartition;
    use super::super::holdings::Committed;
    use super::*;

    fn watermark(partition: i32, offset: i64) -> Watermark {
        let committed = Committed { offset, metadata: String::new() };
        Watermark {
            topic: Topic::parse("t").unwrap(),
            partition,
            committed,
            slot: 0,
            generation: 0,
            changes: 1,
        }
    }

    fn told(partition: i32, offset: i64, error: Option<RDKafkaErrorCode>) -> CommittedPartition {
        CommittedPartition { topic: "t".to_owned(), partition, offset: Some(offset), error }
    }

    fn commits(under_way: &[(&'static str, &[(i32, i64)])]) -> Commits<&'static str> {
        let mut commits = Commits::new();
        for &(reply, watermarks) in under_way {
            let watermarks = watermarks.iter().map(|(partition, offset)| watermark(*partition, *offset));
            commits.begin(watermarks.collect(), reply, Instant::now());
        }
        commits
    }

    #[test]
    fn a_result_is_of_the_commit_with_its_offsets() {
        let mut commits = commits(&[("first", &[(0, 5)]), ("second", &[(0, 7), (1, 2)])]);
        let result = CommitResult { result: Ok(()), partitions: vec![told(1, 2, None), told(0, 7, None)] };
        let decided = commits.decide(&result).unwrap();
        assert_eq!(decided.reply, "second");
        assert_eq!(decided.durable, [watermark(0, 7), watermark(1, 2)]);
        assert!(decided.outcome.is_ok());
        let other = CommitResult { result: Ok(()), partitions: vec![told(0, 6, None)] };
        assert!(commits.decide(&other).is_none());
    }

    #[test]
    fn what_one_partition_was_refused_is_not_durable_and_the_commit_failed() {
        let mut commits = commits(&[("first", &[(0, 5), (1, 2)])]);
        let refused = Some(RDKafkaErrorCode::IllegalGeneration);
        let result = CommitResult { result: Ok(()), partitions: vec![told(0, 5, None), told(1, 2, refused)] };
        let decided = commits.decide(&result).unwrap();
        assert_eq!(decided.durable, [watermark(0, 5)]);
        assert_eq!(decided.outcome.unwrap_err().fault(), Fault::Transient { retry_after: None });
    }

    #[test]
    fn nothing_new_to_commit_is_no_failure() {
        let mut commits = commits(&[("first", &[(0, 5)])]);
        let result = CommitResult { result: Err(RDKafkaErrorCode::NoOffset), partitions: Vec::new() };
        assert!(commits.decide(&result).unwrap().outcome.is_ok());
    }

    #[test]
    fn a_commit_that_is_never_decided_is_unknown_in_the_end() {
        let mut commits = commits(&[("first", &[(0, 5)])]);
        assert!(commits.expire(Instant::now()).is_none());
        let decided = commits.expire(Instant::now() + 2 * DECIDED_WITHIN).unwrap();
        assert_eq!(decided.outcome.unwrap_err().fault(), Fault::Unknown);
        assert!(decided.durable.is_empty());
    }
}
