//! Harnesses of the in-process transport and of the notifier that remembers: the suite runs on them, and they show how
//! one is written.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use payflow_core::{
    Consumer, Fault, MemberId, MemoryCluster, MemoryConfig, MemoryInbox, MemoryNotifier, Notifier, Once,
    Producer, Topic,
};

use crate::conformance::{Arrived, Capabilities, Harness, Limits, NotifierHarness, fresh_name};

/// [`Harness`] of a [`MemoryCluster`] of its own.
#[derive(Debug, Default)]
pub struct MemoryHarness {
    cluster: MemoryCluster,
    limits: Limits,
    opened: Mutex<Opened>,
}

/// What an interruption has to reach.
#[derive(Debug, Default)]
struct Opened {
    topics: Vec<Topic>,
    groups: Vec<String>,
    members: Vec<MemberId>,
}

impl MemoryHarness {
    /// How long this harness's consumers keep a revoking partition whose tokens are out: short, since a case waits for it.
    pub const REVOKE_TIMEOUT: Duration = Duration::from_millis(500);
    /// What this harness's cluster can hold: room for ten of each case at once, and soon passed by one record.
    pub const CAPACITY_BYTES: usize = 64 << 20;

    /// A cluster with the default settings, save [`REVOKE_TIMEOUT`](Self::REVOKE_TIMEOUT) and
    /// [`CAPACITY_BYTES`](Self::CAPACITY_BYTES).
    #[must_use]
    pub fn new() -> Self {
        Self::with_config(MemoryConfig::new())
    }

    /// A cluster with these settings, save [`REVOKE_TIMEOUT`](Self::REVOKE_TIMEOUT) and
    /// [`CAPACITY_BYTES`](Self::CAPACITY_BYTES).
    #[must_use]
    pub fn with_config(config: MemoryConfig) -> Self {
        Self::with_exact_config(config.with_revoke_timeout(Self::REVOKE_TIMEOUT))
    }

    /// A cluster with these settings, save the capacity.
    pub(crate) fn with_exact_config(config: MemoryConfig) -> Self {
        let config = config.with_capacity_bytes(Self::CAPACITY_BYTES);
        let limits = Limits {
            quiet: Duration::from_millis(30),
            membership: Duration::from_millis(100),
            oversized_bytes: Self::CAPACITY_BYTES + 1,
            ..Limits::default()
        };
        Self { cluster: MemoryCluster::with_config(config), limits, opened: Mutex::default() }
    }

    /// The same harness with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    fn opened(&self, note: impl FnOnce(&mut Opened)) {
        note(&mut self.opened.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

#[async_trait]
impl Harness for MemoryHarness {
    fn capabilities(&self) -> Capabilities {
        Capabilities::all()
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    async fn topic(&self, partitions: i32) -> Topic {
        let topic = Topic::parse(&fresh_name("conformance")).expect("a fresh name is a topic's name");
        let partitions = u32::try_from(partitions).expect("the suite asks for 1 or more partitions");
        self.cluster.create_topic(&topic, partitions).expect("a fresh topic can be created");
        self.opened(|opened| opened.topics.push(topic.clone()));
        topic
    }

    async fn producer(&self) -> Arc<dyn Producer> {
        Arc::new(self.cluster.producer())
    }

    async fn consumer(&self, group: &str, topic: &Topic) -> Box<dyn Consumer> {
        let consumer =
            self.cluster.consumer(group, std::slice::from_ref(topic)).expect("the topic was created");
        self.opened(|opened| {
            opened.groups.push(group.to_owned());
            opened.members.push(consumer.member());
        });
        Box::new(consumer)
    }

    async fn end(&self, topic: &Topic) {
        self.cluster.close_topic(topic).expect("the topic was created");
    }

    async fn interrupt(&self) {
        let failing = || [Fault::Transient { retry_after: None }];
        self.opened(|opened| {
            for topic in &opened.topics {
                self.cluster.fail_next_sends(topic, failing());
            }
            for group in &opened.groups {
                self.cluster.fail_next_receives(group, failing());
            }
            for member in &opened.members {
                self.cluster.expel(*member);
            }
        });
    }
}

/// [`NotifierHarness`] of a [`MemoryNotifier`] behind [`Once`], which drops repeats.
#[derive(Debug)]
pub struct MemoryNotifierHarness {
    notifier: MemoryNotifier,
    once: Arc<Once<MemoryNotifier, MemoryInbox>>,
}

impl MemoryNotifierHarness {
    /// Nothing has arrived.
    #[must_use]
    pub fn new() -> Self {
        let notifier = MemoryNotifier::new();
        Self { once: Arc::new(Once::new(notifier.clone(), MemoryInbox::new())), notifier }
    }
}

impl Default for MemoryNotifierHarness {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl NotifierHarness for MemoryNotifierHarness {
    fn capabilities(&self) -> Capabilities {
        Capabilities::all()
    }

    async fn notifier(&self) -> Arc<dyn Notifier> {
        Arc::<Once<MemoryNotifier, MemoryInbox>>::clone(&self.once)
    }

    async fn arrived(&self) -> Vec<Arrived> {
        let notifications = self.notifier.notifications();
        let arrived = notifications.into_iter().map(|notification| Arrived {
            user_id: notification.user_id().as_str().to_owned(),
            message: notification.message().to_owned(),
            id: Some(notification.id()),
        });
        arrived.collect()
    }

    async fn refuse_next(&self, times: usize) {
        self.notifier.fail_next(std::iter::repeat_n(Fault::Transient { retry_after: None }, times));
    }
}
