//! A cluster with a topic of payments and one of dead letters, and redrives on it.

use std::sync::Arc;

use payflow_core::{
    DeadLetter, DeadLetters, Error, HeaderName, Headers, MemoryCluster, Producer, Receipt, Record, Redrive,
    RedriveConfig, RedriveReport, StoredRecord, Topic,
};

pub(crate) const GROUP: &str = "redrive";

pub(crate) struct Rig {
    pub(crate) cluster: MemoryCluster,
    pub(crate) topic: Topic,
    pub(crate) dead: Topic,
}

/// A dead letter to be: what differs from letter to letter.
pub(crate) struct Letter {
    pub(crate) key: &'static str,
    pub(crate) fault: &'static str,
    pub(crate) stage: &'static str,
    pub(crate) redrives: u32,
}

pub(crate) const LETTER: Letter = Letter { key: "a", fault: "permanent", stage: "handler", redrives: 0 };

impl Rig {
    pub(crate) fn new(partitions: u32) -> Self {
        let cluster = MemoryCluster::new();
        let (topic, dead) = (Topic::parse("payments").unwrap(), Topic::parse("payments.dead").unwrap());
        cluster.create_topic(&topic, 4).unwrap();
        cluster.create_topic(&dead, partitions).unwrap();
        Self { cluster, topic, dead }
    }

    /// Sets a text aside.
    pub(crate) async fn set_aside(&self, text: &str, letter: Letter) -> Receipt {
        let mut headers = Headers::new();
        headers.append("traceparent", "00-1");
        headers.append(HeaderName::PAYMENT_ID, format!("id of {text}"));
        if letter.redrives > 0 {
            headers.append(DeadLetter::REDRIVES, letter.redrives.to_string());
        }
        for (name, value) in [
            (DeadLetters::TOPIC, self.topic.as_str()),
            (DeadLetters::PARTITION, "0"),
            (DeadLetters::OFFSET, "17"),
            (DeadLetters::TIMESTAMP, "1700000000000"),
            (DeadLetters::FAULT, letter.fault),
            (DeadLetters::STAGE, letter.stage),
            (DeadLetters::REASON, "a reason"),
            (DeadLetters::ATTEMPTS, "6"),
        ] {
            headers.append(name, value);
        }
        self.write(letter.key, text, headers).await
    }

    /// Sets so many texts aside, `0` and on, under `keys` keys in turn.
    pub(crate) async fn set_many_aside(&self, letters: u32, keys: usize) {
        const KEYS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
        for (number, key) in (0..letters).zip(KEYS[..keys].iter().cycle()) {
            let _receipt = self.set_aside(&number.to_string(), Letter { key, ..LETTER }).await;
        }
    }

    /// Writes to the dead-letter topic.
    pub(crate) async fn write(&self, key: &'static str, text: &str, headers: Headers) -> Receipt {
        let record = Record::new(self.dead.clone(), text.to_owned()).with_key(key).with_headers(headers);
        self.cluster.producer().send(record).await.unwrap()
    }

    /// A redrive of the group.
    pub(crate) fn redrive(&self, config: RedriveConfig) -> Redrive<impl payflow_core::Consumer + use<>> {
        self.redrive_through(Arc::new(self.cluster.producer()), config)
    }

    pub(crate) fn redrive_through(
        &self,
        producer: Arc<dyn Producer>,
        config: RedriveConfig,
    ) -> Redrive<impl payflow_core::Consumer + use<>> {
        let consumer = self.cluster.consumer(GROUP, std::slice::from_ref(&self.dead)).unwrap();
        Redrive::new(consumer, producer, config)
    }

    /// Runs a redrive to its end.
    pub(crate) async fn run(&self, config: RedriveConfig) -> Result<RedriveReport, Error> {
        self.redrive(config).run(std::future::pending()).await
    }

    /// What came back to the topic.
    pub(crate) fn back(&self) -> Vec<StoredRecord> {
        self.cluster.records(&self.topic)
    }

    /// The texts that came back, sorted.
    pub(crate) fn texts(&self) -> Vec<String> {
        let mut texts: Vec<_> = self.back().iter().map(text).collect();
        texts.sort_unstable();
        texts
    }
}

pub(crate) fn text(record: &StoredRecord) -> String {
    String::from_utf8(record.value().unwrap().to_vec()).unwrap()
}
