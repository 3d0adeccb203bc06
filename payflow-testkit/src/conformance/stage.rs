//! What a case plays on: a harness, and a deadline that every wait respects.

use std::future::Future;
use std::time::Duration;

use payflow_core::Topic;
use tokio::time::{Instant, timeout_at};

use super::capabilities::Capability;
use super::harness::{Harness, Limits, fresh_name};
use super::member::Member;
use super::sender::Sender;
use super::violation::Violation;

/// One case's share of a harness. Nothing it opens outlives the case.
pub(crate) struct Stage<'h> {
    harness: &'h dyn Harness,
    clock: Clock,
}

impl<'h> Stage<'h> {
    /// Sets the clock running.
    pub(crate) fn set(harness: &'h dyn Harness) -> Self {
        let clock = Clock::start(harness.limits());
        Self { harness, clock }
    }

    pub(crate) const fn clock(&self) -> Clock {
        self.clock
    }

    pub(crate) fn limits(&self) -> Limits {
        self.harness.limits()
    }

    pub(crate) async fn topic(&self, partitions: i32) -> Result<Topic, Violation> {
        self.clock.within("a new topic", self.harness.topic(partitions)).await
    }

    /// A topic of several partitions, or of one where one is all there is.
    pub(crate) async fn wide_topic(&self) -> Result<Topic, Violation> {
        let partitions = if self.harness.capabilities().has(Capability::Partitions) { 4 } else { 1 };
        self.topic(partitions).await
    }

    pub(crate) async fn sender(&self) -> Result<Sender, Violation> {
        let producer = self.clock.within("a new producer", self.harness.producer()).await?;
        Ok(Sender::new(producer, self.clock))
    }

    /// A member that has joined, or is about to; `name` is what messages call it.
    pub(crate) async fn member(&self, name: &str, group: &str, topic: &Topic) -> Result<Member, Violation> {
        let opening = self.harness.consumer(group, topic);
        let consumer = self.clock.within("a new consumer", opening).await?;
        Ok(Member::new(name, consumer, self.clock))
    }

    pub(crate) async fn end(&self, topic: &Topic) -> Result<(), Violation> {
        self.clock.within("the topic to be ended", self.harness.end(topic)).await
    }

    pub(crate) async fn interrupt(&self) -> Result<(), Violation> {
        self.clock.within("an interruption that ends", self.harness.interrupt()).await
    }
}

/// A group that no other case knows.
pub(crate) fn fresh_group() -> String {
    fresh_name("conformance")
}

/// When the case must have ended, and how long a silence must last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    limit: Duration,
    deadline: Instant,
    quiet: Duration,
}

impl Clock {
    pub(crate) fn start(limits: Limits) -> Self {
        Self { limit: limits.case, deadline: Instant::now() + limits.case, quiet: limits.quiet }
    }

    /// Waits for `future` until the case's deadline.
    ///
    /// # Errors
    /// It did not resolve; `expected` says what was waited for.
    pub(crate) async fn within<F: Future>(self, expected: &str, future: F) -> Result<F::Output, Violation> {
        match timeout_at(self.deadline, future).await {
            Ok(output) => Ok(output),
            Err(_) => Err(Violation::new(expected, self.timed_out())),
        }
    }

    /// When a silence that begins now has lasted long enough.
    pub(crate) fn quiet_until(self) -> Instant {
        Instant::now() + self.quiet
    }

    pub(crate) const fn deadline(self) -> Instant {
        self.deadline
    }

    pub(crate) fn timed_out(self) -> String {
        format!("nothing of the kind within the {:?} that a case may take", self.limit)
    }
}
