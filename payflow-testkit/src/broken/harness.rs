//! The harnesses of broken adapters: the in-memory ones, with a flaw in front of what they open.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use payflow_core::{Consumer, MemoryConfig, Notifier, Producer, Topic};
use tokio::sync::OnceCell;

use crate::conformance::{Arrived, Capabilities, Harness, Limits, NotifierHarness};
use crate::memory::{MemoryHarness, MemoryNotifierHarness};

/// [`Harness`] of a transport with a flaw.
pub struct BrokenHarness {
    sound: MemoryHarness,
    producer: Front<Arc<dyn Producer>>,
    consumer: Front<Box<dyn Consumer>>,
    group: fn(&str) -> String,
    /// Every topic is this one, once there is one.
    one_topic: Option<OnceCell<Topic>>,
}

/// Puts a flaw in front of what a sound harness opens.
struct Front<T>(Box<dyn Fn(T) -> T + Send + Sync>);

impl BrokenHarness {
    pub(super) fn new() -> Self {
        Self::with_config(MemoryConfig::new().with_revoke_timeout(MemoryHarness::REVOKE_TIMEOUT))
    }

    pub(super) fn with_config(config: MemoryConfig) -> Self {
        Self {
            sound: MemoryHarness::with_exact_config(config),
            producer: Front(Box::new(|sound| sound)),
            consumer: Front(Box::new(|sound| sound)),
            group: str::to_owned,
            one_topic: None,
        }
    }

    pub(super) fn producer(
        self,
        flawed: impl Fn(Arc<dyn Producer>) -> Arc<dyn Producer> + Send + Sync + 'static,
    ) -> Self {
        let producer = Front(Box::new(flawed));
        Self { producer, ..self }
    }

    pub(super) fn consumer(
        self,
        flawed: impl Fn(Box<dyn Consumer>) -> Box<dyn Consumer> + Send + Sync + 'static,
    ) -> Self {
        let consumer = Front(Box::new(flawed));
        Self { consumer, ..self }
    }

    pub(super) fn group(self, group: fn(&str) -> String) -> Self {
        Self { group, ..self }
    }

    pub(super) fn one_topic(self) -> Self {
        Self { one_topic: Some(OnceCell::new()), ..self }
    }
}

impl fmt::Debug for BrokenHarness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokenHarness").field("sound", &self.sound).finish_non_exhaustive()
    }
}

#[async_trait]
impl Harness for BrokenHarness {
    fn capabilities(&self) -> Capabilities {
        self.sound.capabilities()
    }

    fn limits(&self) -> Limits {
        Limits { case: PATIENCE, ..self.sound.limits() }
    }

    async fn topic(&self, partitions: i32) -> Topic {
        match &self.one_topic {
            Some(topic) => topic.get_or_init(|| self.sound.topic(partitions)).await.clone(),
            None => self.sound.topic(partitions).await,
        }
    }

    async fn producer(&self) -> Arc<dyn Producer> {
        (self.producer.0)(self.sound.producer().await)
    }

    async fn consumer(&self, group: &str, topic: &Topic) -> Box<dyn Consumer> {
        (self.consumer.0)(self.sound.consumer(&(self.group)(group), topic).await)
    }

    async fn end(&self, topic: &Topic) {
        self.sound.end(topic).await;
    }

    async fn interrupt(&self) {
        self.sound.interrupt().await;
    }
}

/// [`NotifierHarness`] of a notifier with a flaw.
#[derive(Debug)]
pub struct BrokenNotifierHarness {
    sound: MemoryNotifierHarness,
    notifier: fn(Arc<dyn Notifier>) -> Arc<dyn Notifier>,
}

impl BrokenNotifierHarness {
    pub(super) fn new(notifier: fn(Arc<dyn Notifier>) -> Arc<dyn Notifier>) -> Self {
        Self { sound: MemoryNotifierHarness::new(), notifier }
    }
}

#[async_trait]
impl NotifierHarness for BrokenNotifierHarness {
    fn capabilities(&self) -> Capabilities {
        self.sound.capabilities()
    }

    fn limits(&self) -> Limits {
        Limits { case: PATIENCE, ..self.sound.limits() }
    }

    async fn notifier(&self) -> Arc<dyn Notifier> {
        (self.notifier)(self.sound.notifier().await)
    }

    async fn arrived(&self) -> Vec<Arrived> {
        self.sound.arrived().await
    }

    async fn refuse_next(&self, times: usize) {
        self.sound.refuse_next(times).await;
    }
}

/// How long a case waits for what a broken adapter never does.
const PATIENCE: Duration = Duration::from_secs(5);
