//! How a broker is set up.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::fmt::Write;
use std::hash::BuildHasher;

use super::{KafkaBroker, KafkaCluster};
use crate::ports::free_port;

/// What differs from Kafka's defaults, for tests on one machine.
const PROPERTIES: &[(&str, &str)] = &[
    // Broker and controller in one process.
    ("process.roles", "broker,controller"),
    ("controller.listener.names", "CONTROLLER"),
    ("inter.broker.listener.name", "PLAINTEXT"),
    ("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT"),
    ("log.dirs", "data"),
    // A topic is there because somebody made it; else a misspelt name would go unnoticed.
    ("auto.create.topics.enable", "false"),
    ("num.partitions", "6"),
    // One broker holds one copy.
    ("offsets.topic.replication.factor", "1"),
    ("transaction.state.log.replication.factor", "1"),
    ("transaction.state.log.min.isr", "1"),
    ("share.coordinator.state.topic.replication.factor", "1"),
    ("share.coordinator.state.topic.min.isr", "1"),
    // By default 50 each: as many folders and files, made by the first group that joins.
    ("offsets.topic.num.partitions", "4"),
    ("transaction.state.log.num.partitions", "4"),
    ("share.coordinator.state.topic.num.partitions", "4"),
    // By default the first member of a group waits 3 s for others.
    ("group.initial.rebalance.delay.ms", "0"),
    // By default a topic is looked at for compaction each 15 s.
    ("log.cleaner.backoff.ms", "1000"),
    // By default a session of a group has 6 s at least; tests want to see sooner that a member died.
    ("group.min.session.timeout.ms", "500"),
];

/// What differs from that in a cluster of several.
const CLUSTER_PROPERTIES: &[(&str, &str)] = &[
    ("default.replication.factor", "3"),
    ("min.insync.replicas", "2"),
    ("offsets.topic.replication.factor", "3"),
    ("transaction.state.log.replication.factor", "3"),
    ("transaction.state.log.min.isr", "2"),
    ("share.coordinator.state.topic.replication.factor", "3"),
    ("share.coordinator.state.topic.min.isr", "2"),
    // By default a broker that died is missed after 9 s.
    ("broker.session.timeout.ms", "3000"),
    ("broker.heartbeat.interval.ms", "500"),
    // By default a leader looks each 15 s which of its followers are behind, and drops those that are by 30 s.
    ("replica.lag.time.max.ms", "3000"),
];

/// A small log, on standard output.
pub(crate) const LOG4J2: &str = r#"Configuration:
  Appenders:
    Console:
      name: STDOUT
      PatternLayout:
        pattern: "%d{HH:mm:ss.SSS} %p %c %m%n"
  Loggers:
    Root:
      level: WARN
      AppenderRef:
        - ref: STDOUT
"#;

/// How a broker is set up: for tests, unless told otherwise.
///
/// One broker with a data folder of its own; no topics are made by asking for them, and a new one has 6 partitions;
/// groups form at once; a session of a group may be as short as 500 ms.
#[derive(Debug, Clone, Default)]
#[must_use = "a configuration starts nothing by itself"]
pub struct KafkaConfig {
    properties: BTreeMap<String, String>,
    proxy_port: Option<u16>,
}

impl KafkaConfig {
    /// The set-up for tests.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets one of the broker's properties (those of `server.properties`), in place of its default here or in Kafka.
    ///
    /// The listeners and `node.id` are given by the start and cannot be set.
    pub fn with_property(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.properties.insert(key.into(), value.into());
        self
    }

    /// Has a broker listen once more, and tell those who come that way to go on by this port of the loopback: that of a
    /// proxy in front of [`KafkaBroker::proxied_port`].
    pub const fn with_proxy_port(mut self, port: u16) -> Self {
        self.proxy_port = Some(port);
        self
    }

    /// Starts a broker with this set-up. See [`KafkaBroker::start`].
    ///
    /// # Errors
    ///
    /// Those of [`KafkaBroker::start`].
    pub fn start(self) -> anyhow::Result<KafkaBroker> {
        KafkaBroker::start_with(&self)
    }

    /// Starts three brokers with this set-up that know each other. See [`KafkaCluster::start`].
    ///
    /// # Errors
    ///
    /// Those of [`KafkaCluster::start`].
    pub fn start_cluster(self) -> anyhow::Result<KafkaCluster> {
        KafkaCluster::start_with(self)
    }

    /// Beside what was set, that for a cluster of several.
    pub(crate) fn for_cluster(mut self) -> Self {
        for (key, value) in CLUSTER_PROPERTIES {
            self.properties.entry((*key).to_owned()).or_insert_with(|| (*value).to_owned());
        }
        self
    }

    /// The text of `server.properties` for one node.
    pub(crate) fn server_properties(&self, node: &Node) -> String {
        let mut all: BTreeMap<&str, &str> = PROPERTIES.iter().copied().collect();
        all.extend(self.properties.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        let given = node.properties(self.proxy_port);
        all.extend(given.iter().map(|(key, value)| (*key, value.as_str())));

        let mut text = String::new();
        for (key, value) in all {
            // A backslash is the one character of a value that the format takes for something else.
            let value = value.replace('\\', r"\\");
            writeln!(text, "{key}={value}").expect("a string takes every write");
        }
        text
    }
}

/// One process of a cluster: its number, its two ports, and the nodes that choose the controller.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) id: u32,
    pub(crate) port: u16,
    pub(crate) voters: String,
    controller_port: u16,
    /// Where a proxy goes on to.
    pub(crate) proxied_port: u16,
}

impl Node {
    /// So many nodes that know each other, numbered from 1, on free ports.
    pub(crate) fn together(count: u32) -> anyhow::Result<Vec<Self>> {
        let ports = (1..=count).map(|id| Ok((id, [free_port()?, free_port()?, free_port()?])));
        Ok(Self::on(&ports.collect::<anyhow::Result<Vec<_>>>()?))
    }

    fn on(ports: &[(u32, [u16; 3])]) -> Vec<Self> {
        let voter =
            |(id, [_, controller_port, _]): &(u32, [u16; 3])| format!("{id}@127.0.0.1:{controller_port}");
        let voters = ports.iter().map(voter).collect::<Vec<_>>().join(",");
        let node = |(id, [port, controller_port, proxied_port]): &(u32, [u16; 3])| Self {
            id: *id,
            port: *port,
            voters: voters.clone(),
            controller_port: *controller_port,
            proxied_port: *proxied_port,
        };
        ports.iter().map(node).collect()
    }

    fn properties(&self, proxy_port: Option<u16>) -> [(&'static str, String); 4] {
        let Self { id, port, controller_port, voters, proxied_port } = self;
        let mut listeners = format!("PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}");
        let mut advertised = format!("PLAINTEXT://127.0.0.1:{port}");
        if let Some(proxy_port) = proxy_port {
            listeners.push_str(&format!(",PROXIED://127.0.0.1:{proxied_port}"));
            advertised.push_str(&format!(",PROXIED://127.0.0.1:{proxy_port}"));
        }
        [
            ("node.id", id.to_string()),
            ("controller.quorum.voters", voters.clone()),
            ("listeners", listeners),
            ("advertised.listeners", advertised),
        ]
    }
}

/// A new cluster's id.
pub(crate) fn new_cluster_id() -> String {
    // Each state is seeded by the system.
    let random = || RandomState::new().hash_one(0_u8);
    cluster_id(random(), random())
}

/// 16 bytes in base64url, as Kafka wants them. They never begin with `-`, which would be taken for an option.
fn cluster_id(high: u64, low: u64) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    // Of the 132 bits that 22 digits have, the first 6 and the last 4 stay zero.
    let bits = (u128::from(high) << 64 | u128::from(low)) >> 6;
    let digit = |index: u32| if index < 21 { bits >> (122 - 6 * index) } else { bits << 4 };
    (0..22).map(|index| char::from(DIGITS[(digit(index) & 63) as usize])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node() -> Node {
        Node::on(&[(1, [20_001, 20_002, 20_007])]).remove(0)
    }

    #[test]
    fn node_listens_on_its_own_two_ports_of_the_loopback() {
        let text = KafkaConfig::new().server_properties(&node());

        let has = |line: &str| assert!(text.lines().any(|other| other == line), "{line} is not in\n{text}");
        has("node.id=1");
        has("listeners=PLAINTEXT://127.0.0.1:20001,CONTROLLER://127.0.0.1:20002");
        has("advertised.listeners=PLAINTEXT://127.0.0.1:20001");
        has("controller.quorum.voters=1@127.0.0.1:20002");
        has("auto.create.topics.enable=false");
    }

    #[test]
    fn nodes_of_a_cluster_know_each_other_and_keep_three_copies() {
        let nodes = Node::on(&[(1, [20_001, 20_002, 0]), (2, [20_003, 20_004, 0]), (3, [20_005, 20_006, 0])]);
        let config = KafkaConfig::new().with_property("min.insync.replicas", "1").for_cluster();

        let text = config.server_properties(&nodes[1]);

        let has = |line: &str| assert!(text.lines().any(|other| other == line), "{line} is not in\n{text}");
        has("node.id=2");
        has("controller.quorum.voters=1@127.0.0.1:20002,2@127.0.0.1:20004,3@127.0.0.1:20006");
        has("listeners=PLAINTEXT://127.0.0.1:20003,CONTROLLER://127.0.0.1:20004");
        has("offsets.topic.replication.factor=3");
        has("min.insync.replicas=1");
    }

    #[test]
    fn who_comes_by_a_proxy_is_told_to_go_on_by_it() {
        let text = KafkaConfig::new().with_proxy_port(20_009).server_properties(&node());

        let has = |line: &str| assert!(text.lines().any(|other| other == line), "{line} is not in\n{text}");
        has("listeners=PLAINTEXT://127.0.0.1:20001,CONTROLLER://127.0.0.1:20002,PROXIED://127.0.0.1:20007");
        has("advertised.listeners=PLAINTEXT://127.0.0.1:20001,PROXIED://127.0.0.1:20009");
    }

    #[test]
    fn property_takes_the_place_of_the_default_and_never_of_the_ports() {
        let config = KafkaConfig::new()
            .with_property("num.partitions", "1")
            .with_property("message.max.bytes", "2000000")
            .with_property("listeners", "PLAINTEXT://0.0.0.0:9092");

        let text = config.server_properties(&node());

        let values = |key: &str| {
            text.lines().filter_map(|line| line.strip_prefix(key)).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(values("num.partitions="), ["1"]);
        assert_eq!(values("message.max.bytes="), ["2000000"]);
        assert_eq!(values("listeners=").len(), 1);
        assert!(!text.contains("9092"), "{text}");
    }

    #[test]
    fn backslash_reaches_the_broker_as_it_is() {
        let text = KafkaConfig::new().with_property("rule", r"a\b").server_properties(&node());

        assert!(text.contains("rule=a\\\\b\n"), "{text}");
    }

    #[test]
    fn cluster_id_is_16_bytes_in_base64url_and_no_option() {
        assert_eq!(cluster_id(0, 0), "AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(cluster_id(u64::MAX, u64::MAX), "A____________________w");
        assert_eq!(cluster_id(0, 1 << 6), "AAAAAAAAAAAAAAAAAAAAAQ");
        for _ in 0..100 {
            let id = new_cluster_id();
            assert!(id.starts_with('A') && id.len() == 22, "{id}");
        }
        assert_ne!(new_cluster_id(), new_cluster_id());
    }
}
