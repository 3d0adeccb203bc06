//! A cluster with one topic and its dead letters, and pipelines on it that handle texts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use payflow_core::{
    Codec, DeadLetters, DecodeError, Encoded, Error, Handler, Headers, HeadersRef, MemoryCluster,
    MemoryConfig, Pipeline, PipelineConfig, PipelineHandle, Producer, Record, StoredRecord, Topic,
};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const GROUP: &str = "notifications";

pub(crate) struct Rig {
    pub(crate) cluster: MemoryCluster,
    pub(crate) topic: Topic,
    pub(crate) dead: Topic,
}

/// A pipeline that runs, and the way to stop it.
pub(crate) struct Running {
    pub(crate) handle: PipelineHandle,
    stop: oneshot::Sender<()>,
    done: JoinHandle<Result<(), Error>>,
}

impl Rig {
    pub(crate) fn new(partitions: u32) -> Self {
        Self::with_config(partitions, MemoryConfig::new())
    }

    pub(crate) fn with_config(partitions: u32, config: MemoryConfig) -> Self {
        let cluster = MemoryCluster::with_config(config);
        let (topic, dead) = (Topic::parse("payments").unwrap(), Topic::parse("payments.dead").unwrap());
        cluster.create_topic(&topic, partitions).unwrap();
        cluster.create_topic(&dead, 1).unwrap();
        Self { cluster, topic, dead }
    }

    /// Sends a text under a key (`-`: without).
    pub(crate) async fn send(&self, key: &str, text: &str) {
        let record = Record::new(self.topic.clone(), text.to_owned());
        let record = if key == "-" { record } else { record.with_key(key.to_owned()) };
        let _receipt = self.cluster.producer().send(record).await.unwrap();
    }

    pub(crate) fn start(&self, config: PipelineConfig, handler: impl Handler<String> + 'static) -> Running {
        self.start_with(config, handler, Arc::new(self.cluster.producer()))
    }

    /// With another producer for dead letters.
    pub(crate) fn start_with(
        &self,
        config: PipelineConfig,
        handler: impl Handler<String> + 'static,
        producer: Arc<dyn Producer>,
    ) -> Running {
        let consumer = self.cluster.consumer(GROUP, std::slice::from_ref(&self.topic)).unwrap();
        let letters = DeadLetters::new(producer, self.dead.clone());
        let pipeline = Pipeline::new(consumer, Text, handler, letters, config.with_seed(7)).unwrap();
        let handle = pipeline.handle();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        Running { handle, stop, done: tokio::spawn(pipeline.run(shutdown)) }
    }

    /// Waits until everything that was sent is committed.
    pub(crate) async fn settled(&self) {
        self.cluster.wait_until(|cluster| cluster.lag(GROUP, &self.topic) == 0).await;
    }

    pub(crate) fn dead_letters(&self) -> Vec<StoredRecord> {
        self.cluster.records(&self.dead)
    }
}

impl Running {
    pub(crate) async fn stop(self) -> Result<(), Error> {
        let _ = self.stop.send(());
        self.done.await.unwrap()
    }

    pub(crate) async fn ended(self) -> Result<(), Error> {
        self.done.await.unwrap()
    }

    /// Ends at once, as a killed process does.
    pub(crate) async fn kill(self) {
        self.done.abort();
        let _ = self.done.await;
    }
}

/// Texts in UTF-8.
#[derive(Debug)]
pub(crate) struct Text;

impl Codec<String> for Text {
    fn encode(&self, body: &String) -> Encoded {
        Encoded { value: body.clone().into(), headers: Headers::new() }
    }

    fn decode(&self, value: &[u8], _headers: HeadersRef<'_>) -> Result<String, DecodeError> {
        String::from_utf8(value.to_vec()).map_err(|_| DecodeError::Malformed("not UTF-8".into()))
    }
}

/// What handlers saw, by key, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<BTreeMap<String, Vec<String>>>>);

impl Seen {
    pub(crate) fn note(&self, key: &str, text: &str) {
        self.0.lock().unwrap().entry(key.to_owned()).or_default().push(text.to_owned());
    }

    pub(crate) fn of(&self, key: &str) -> Vec<String> {
        self.0.lock().unwrap().get(key).cloned().unwrap_or_default()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().values().map(Vec::len).sum()
    }
}
