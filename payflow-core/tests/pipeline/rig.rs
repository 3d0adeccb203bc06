//! A cluster with one topic and its dead letters, and pipelines on it that handle texts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use payflow_core::{
    Codec, DeadLetters, DecodeError, Encoded, Error, Handler, Headers, MemoryCluster, MemoryConfig, Pipeline,
    PipelineConfig, PipelineHandle, Producer, Record, StoredRecord, Topic,
};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub const GROUP: &str = "notifications";

pub struct Rig {
    pub cluster: MemoryCluster,
    pub topic: Topic,
    pub dead: Topic,
}

/// A pipeline that runs, and the way to stop it.
pub struct Running {
    pub handle: PipelineHandle,
    stop: oneshot::Sender<()>,
    done: JoinHandle<Result<(), Error>>,
}

impl Rig {
    pub fn new(partitions: u32) -> Self {
        Self::with_config(partitions, MemoryConfig::new())
    }

    pub fn with_config(partitions: u32, config: MemoryConfig) -> Self {
        let cluster = MemoryCluster::with_config(config);
        let (topic, dead) = (
            Topic::parse("payments").unwrap(),
            Topic::parse("payments.dead").unwrap(),
        );
        cluster.create_topic(&topic, partitions).unwrap();
        cluster.create_topic(&dead, 1).unwrap();
        Self { cluster, topic, dead }
    }

    /// Sends a text under a key (`-`: without).
    pub async fn send(&self, key: &str, text: &str) {
        let record = Record::new(self.topic.clone(), text.to_owned());
        let record = if key == "-" {
            record
        } else {
            record.with_key(key.to_owned())
        };
        let _receipt = self.cluster.producer().send(record).await.unwrap();
    }

    pub fn start(&self, config: PipelineConfig, handler: impl Handler<String> + 'static) -> Running {
        let consumer = self
            .cluster
            .consumer(GROUP, std::slice::from_ref(&self.topic))
            .unwrap();
        let letters = DeadLetters::new(Arc::new(self.cluster.producer()), self.dead.clone());
        let pipeline = Pipeline::new(consumer, Text, handler, letters, config.with_seed(7)).unwrap();
        let handle = pipeline.handle();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        Running {
            handle,
            stop,
            done: tokio::spawn(pipeline.run(shutdown)),
        }
    }

    /// Waits until everything that was sent is committed.
    pub async fn settled(&self) {
        self.cluster
            .wait_until(|cluster| cluster.lag(GROUP, &self.topic) == 0)
            .await;
    }

    pub fn dead_letters(&self) -> Vec<StoredRecord> {
        self.cluster.records(&self.dead)
    }
}

impl Running {
    pub async fn stop(self) -> Result<(), Error> {
        let _ = self.stop.send(());
        self.done.await.unwrap()
    }

    pub async fn ended(self) -> Result<(), Error> {
        self.done.await.unwrap()
    }

    /// Ends at once, as a killed process does.
    pub async fn kill(self) {
        self.done.abort();
        let _ = self.done.await;
    }
}

/// Texts in UTF-8.
#[derive(Debug)]
pub struct Text;

impl Codec<String> for Text {
    fn encode(&self, body: &String) -> Encoded {
        Encoded {
            value: body.clone().into(),
            headers: Headers::new(),
        }
    }

    fn decode(&self, value: &[u8], _headers: &Headers) -> Result<String, DecodeError> {
        String::from_utf8(value.to_vec()).map_err(|_| DecodeError::Malformed("not UTF-8".into()))
    }
}

/// What handlers saw, by key, in order.
#[derive(Debug, Clone, Default)]
pub struct Seen(Arc<Mutex<BTreeMap<String, Vec<String>>>>);

impl Seen {
    pub fn note(&self, key: &str, text: &str) {
        self.0
            .lock()
            .unwrap()
            .entry(key.to_owned())
            .or_default()
            .push(text.to_owned());
    }

    pub fn of(&self, key: &str) -> Vec<String> {
        self.0.lock().unwrap().get(key).cloned().unwrap_or_default()
    }

    pub fn count(&self) -> usize {
        self.0.lock().unwrap().values().map(Vec::len).sum()
    }
}
