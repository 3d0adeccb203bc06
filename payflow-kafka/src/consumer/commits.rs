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
                && partition.offset == Some(watermark.offset)
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
