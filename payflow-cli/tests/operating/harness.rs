//! Topics and groups of a test's own on the shared broker, dead letters on them, and the program.

use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use payflow_core::{
    Consumer as _, DeadLetter, DeadLetters, Delivery, HeaderName, Headers, Inbound, Producer, Receipt,
    Record, Room, Topic,
};
use payflow_kafka::{KafkaConfig, KafkaProducer, KafkaProducerConfig, KafkaReader, KafkaTopics, NewTopic};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;

/// A topic of payments, and one of dead letters.
pub(crate) struct Stage {
    pub(crate) brokers: String,
    pub(crate) topic: Topic,
    pub(crate) dead: Topic,
    pub(crate) producer: Arc<KafkaProducer>,
}

/// A dead letter to be: what differs from letter to letter.
#[derive(Clone, Copy)]
pub(crate) struct Letter {
    pub(crate) key: &'static str,
    pub(crate) fault: &'static str,
    pub(crate) stage: &'static str,
}

pub(crate) const LETTER: Letter = Letter { key: "u001", fault: "permanent", stage: "handler" };

impl Stage {
    pub(crate) async fn new(partitions: i32) -> Self {
        let brokers = std::env::var("PAYFLOW_TEST_BROKERS")
            .expect("PAYFLOW_TEST_BROKERS names a broker: run cargo xtask test");
        Self::at(brokers, partitions).await
    }

    /// The same on a broker of the test's own.
    pub(crate) async fn at(brokers: String, partitions: i32) -> Self {
        let name = unique("payments");
        let topic = Topic::parse(&name).expect("a topic");
        let dead = Topic::parse(&format!("{name}.dead-letters")).expect("a topic");
        let cluster = KafkaConfig::new(&brokers);
        let topics = [NewTopic::new(&topic), NewTopic::new(&dead)].map(|new| new.with_partitions(partitions));
        KafkaTopics::new(&cluster).expect("settings").ensure(&topics).await.expect("a broker");
        let producer = KafkaProducer::new(&cluster, &KafkaProducerConfig::new()).expect("settings");
        Self { brokers, topic, dead, producer: Arc::new(producer) }
    }

    /// Sets a text aside.
    pub(crate) async fn set_aside(&self, text: &str, letter: Letter) -> Receipt {
        self.producer.send(self.letter(text, letter)).await.expect("a broker")
    }

    /// A text as it is set aside.
    pub(crate) fn letter(&self, text: &str, letter: Letter) -> Record {
        let mut headers = Headers::new();
        headers.append("traceparent", "00-1");
        headers.append(HeaderName::PAYMENT_ID, format!("id of {text}"));
        for (name, value) in [
            (DeadLetters::TOPIC, self.topic.as_str()),
            (DeadLetters::PARTITION, "0"),
            (DeadLetters::OFFSET, "17"),
            (DeadLetters::TIMESTAMP, "1700000000000"),
            (DeadLetters::FAULT, letter.fault),
            (DeadLetters::STAGE, letter.stage),
            (DeadLetters::REASON, "the reason that it was refused for"),
            (DeadLetters::ATTEMPTS, "6"),
        ] {
            headers.append(name, value);
        }
        Record::new(self.dead.clone(), text.to_owned()).with_key(letter.key).with_headers(headers)
    }

    /// Sets so many texts aside, `0` and on, under as many keys as there are.
    pub(crate) async fn set_many_aside(&self, letters: u32) {
        const KEYS: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];
        for (number, key) in (0..letters).zip(KEYS.iter().cycle()) {
            let _receipt = self.set_aside(&number.to_string(), Letter { key, ..LETTER }).await;
        }
    }

    /// The group that remembers what was sent back.
    pub(crate) fn group(&self) -> String {
        format!("{}.redrive", self.dead)
    }

    /// Lets Kafka forget that group, as it does by itself after a time.
    pub(crate) async fn forget_group(&self) {
        let mut config = rdkafka::ClientConfig::new();
        let admin: AdminClient<DefaultClientContext> =
            config.set("bootstrap.servers", &self.brokers).create().expect("a client");
        let deleted = admin.delete_groups(&[&self.group()], &AdminOptions::new()).await.expect("a broker");
        assert!(deleted.iter().all(Result::is_ok), "{deleted:?}");
    }

    /// What stands on a topic.
    pub(crate) async fn read(&self, topic: &Topic) -> Vec<Delivery> {
        let mut reader = KafkaReader::open(&KafkaConfig::new(&self.brokers), topic).await.expect("a broker");
        let mut inbound = Inbound::default();
        while !inbound.ended {
            let room = Room { records: 1_000, bytes: 1 << 20, first_may_exceed: true };
            reader.receive(&mut inbound, room).await.expect("a broker");
        }
        inbound.deliveries.into_iter().collect()
    }

    /// The texts that came back, sorted; each with its id, and a count of redrives.
    pub(crate) async fn back(&self) -> Vec<String> {
        let mut texts = Vec::new();
        for delivery in self.read(&self.topic).await {
            let text = String::from_utf8(delivery.value().expect("a value").to_vec()).expect("text");
            assert_eq!(
                delivery.headers().text(HeaderName::PAYMENT_ID),
                Some(format!("id of {text}").as_str())
            );
            assert_eq!(delivery.headers().text(DeadLetter::REDRIVES), Some("1"));
            assert_eq!(delivery.headers().len(), 3, "{:?}", delivery.headers());
            texts.push(text);
        }
        texts.sort_unstable();
        texts
    }

    /// The program, told where its broker and its topic are.
    pub(crate) fn payflow(&self, arguments: &[&str]) -> Command {
        let mut command = payflow(arguments);
        command.env("PAYFLOW_KAFKA_BROKERS", &self.brokers).env("PAYFLOW_TOPIC", self.topic.as_str());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(self.payflow(arguments).output().expect("the program was built"))
    }
}

/// The program in an environment without settings.
pub(crate) fn payflow(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_payflow"));
    command.env_clear().args(arguments).stdin(Stdio::null());
    command
}

/// What became of a program that ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The lines of standard output, each a JSON object.
    pub(crate) fn json(&self) -> Vec<serde_json::Value> {
        self.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

/// Sends the program a signal, such as `TERM`.
pub(crate) fn signal(child: &Child, name: &str) {
    let kill = format!("kill -{name} {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell").success());
}

/// How the program ended, if it did by itself in time; else it is killed.
pub(crate) fn ended_within(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < limit {
        if let Some(status) = child.try_wait().expect("a child") {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().expect("it runs");
    child.wait().expect("a child");
    None
}

fn unique(name: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_millis();
    format!("{name}-{now}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}
