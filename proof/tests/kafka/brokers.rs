//! Three brokers, each of which is killed and frozen in turn under load.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::Duration;

use futures_util::future::join_all;
use payflow_kafka::KafkaProducerConfig;
use payflow_parts::KafkaCluster;
use payflow_proof::{History, Told};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use tokio::runtime::Runtime;

use crate::clients::{CLIENTS, Clients, mark};
use crate::cluster::Cluster;
use crate::forms::{fact, rounds, tell_round, time};
use crate::front_door::FrontDoor;
use crate::restarts::tell;
use crate::run::{Run, SESSION_BEYOND_OUTAGES};
use crate::wait_for;

const PARTITIONS: i32 = 6;
const COPIES: usize = 3;

#[test]
#[ignore = "needs Java and Maven: run cargo xtask test"]
fn three_brokers_lost_one_after_the_other_lose_no_payment_that_was_accepted() {
    let rounds = rounds(1);
    let mut brokers = KafkaCluster::start().expect("Java and Maven are there");
    let run =
        Run::on(Cluster::on(&brokers.brokers(), PARTITIONS), &["--handler-ms=5", SESSION_BEYOND_OUTAGES]);
    let strict =
        Cluster::set_up(&brokers.brokers(), 1, |topic| topic.with_config("min.insync.replicas", "3"));
    let service = run.start("service");
    let runtime = Runtime::new().expect("a runtime");
    let clients = Clients::start(&runtime, || FrontDoor::of(&run.cluster, &KafkaProducerConfig::new()));
    let watcher = Watcher::of(&run.cluster);

    let mut losses = Vec::new();
    for round in 0..rounds {
        for how in [How::Killed, How::Frozen] {
            for id in brokers.ids() {
                clients.wait_for_accepted(5 * CLIENTS);
                watcher.wait_for_all_copies();
                let loss = lose(&mut brokers, id, how, &watcher, &clients);
                clients.wait_for_accepted(5 * CLIENTS);
                if round == 0 && id == 1 && how == How::Killed {
                    no_payment_is_accepted(&runtime, &strict);
                }
                let broker = brokers.broker(id).expect("it is one of them");
                match how {
                    How::Killed => broker.start_again().expect("it starts again"),
                    How::Frozen => broker.resume().expect("it is frozen"),
                }
                tell_round(round, rounds, &loss);
                losses.push(loss);
            }
        }
    }
    watcher.wait_for_all_copies();
    clients.wait_for_accepted(5 * CLIENTS);
    let answers = clients.stop(&runtime);
    run.settle(run.cluster.read().len());
    run.stop(service);

    let mut history = run.history();
    history.answers = answers;
    mark(&mut history.written);
    let verdict = history.verdict();
    eprintln!("{verdict}");
    assert!(verdict.is_good(), "{verdict}");
    assert_eq!((verdict.handled, verdict.uncommitted), (verdict.records, Some(0)), "{verdict}");
    let coordinators = losses.iter().filter(|loss| loss.coordinator).count();
    assert!(coordinators > 0, "the group's coordinator was never lost");

    let [accepted, unknown, refused] = verdict.answers;
    fact("brokers lost", losses.len());
    fact("of those the group's coordinator", coordinators);
    fact("payments", format_args!("{accepted} accepted, {unknown} unknown, {refused} refused"));
    fact("accepted and missing", 0);
    let accepted_at = accepted_at(&history);
    let longest = |how| losses.iter().filter(|loss| loss.how == how).map(|loss| loss.led_by_another).max();
    for how in [How::Killed, How::Frozen] {
        time(&format!("longest until all had a new leader, {how}"), longest(how).unwrap_or_default());
        let waits = losses.iter().filter(|loss| loss.how == how).flat_map(|loss| loss.waits(&accepted_at));
        time(
            &format!("longest until the first success after the new leader, {how}"),
            waits.max().unwrap_or_default(),
        );
    }
    tell(&verdict);
}

/// When each payment was accepted, and in which partition it stands.
fn accepted_at(history: &History) -> Vec<(i32, Duration)> {
    let marked = history.written.iter().filter_map(|one| Some((one.mark.as_deref()?, one.place.partition)));
    let partitions: HashMap<&str, i32> = marked.collect();
    let accepted = history.answers.iter().filter(|answer| matches!(answer.told, Told::Accepted { .. }));
    accepted.filter_map(|one| Some((*partitions.get(one.mark.as_str())?, one.answered_at))).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Killed,
    Frozen,
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Killed => "killed",
            Self::Frozen => "frozen",
        })
    }
}

/// A broker that was lost, by the time that answers bear.
struct Loss {
    how: How,
    id: u32,
    /// For each partition that it led: when another leader was not seen yet, the last time.
    leaderless: BTreeMap<i32, Duration>,
    /// How long after the loss all of them had one.
    led_by_another: Duration,
    /// Whether it was the coordinator of the group.
    coordinator: bool,
}

impl Loss {
    /// For each partition: how long after the new leader the first payment was accepted that stands there.
    fn waits(&self, accepted: &[(i32, Duration)]) -> Vec<Duration> {
        let wait = |(partition, led): (&i32, &Duration)| {
            let after = accepted.iter().filter(|(other, at)| other == partition && at >= led);
            after.map(|(_, at)| *at - *led).min()
        };
        self.leaderless.iter().filter_map(wait).collect()
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { how, id, leaderless, led_by_another, coordinator, .. } = self;
        let partitions = leaderless.len();
        write!(
            f,
            "broker {id} is {how}; the {partitions} partitions that it led have another leader after "
        )?;
        write!(f, "{led_by_another:?}{}", if *coordinator { "; it was the coordinator" } else { "" })
    }
}

/// Loses a broker, and waits until others lead what it led.
fn lose(brokers: &mut KafkaCluster, id: u32, how: How, watcher: &Watcher, clients: &Clients) -> Loss {
    let node = i32::try_from(id).expect("few");
    let led = wait_for("leaders", || watcher.leaders());
    let coordinator = watcher.coordinator();
    let broker = brokers.broker(id).expect("it is one of them");
    let at = clients.now();
    match how {
        How::Killed => broker.kill(),
        How::Frozen => broker.pause().expect("it runs"),
    }
    let mut leaderless: BTreeMap<i32, Duration> =
        led.iter().filter(|(_, leader)| **leader == node).map(|(partition, _)| (*partition, at)).collect();
    wait_for("new leaders", || {
        let asked = clients.now();
        let now = watcher.leaders().unwrap_or_default();
        let mut all = true;
        for (partition, last) in &mut leaderless {
            if now.get(partition).is_none_or(|leader| *leader == node || *leader < 0) {
                *last = asked;
                all = false;
            }
        }
        all.then_some(())
    });
    let led_by_another = clients.now() - at;
    Loss { how, id, leaderless, led_by_another, coordinator: coordinator == Some(node) }
}

/// Two of three copies are there, and three are asked for.
fn no_payment_is_accepted(runtime: &Runtime, strict: &Cluster) {
    runtime.block_on(async {
        let config = KafkaProducerConfig::new().with_delivery_timeout(Duration::from_secs(3));
        let door = FrontDoor::of(strict, &config);
        let pay = |number: usize| door.pay(format!(r#"{{"userId":"u{number}","amount":1,"method":"card"}}"#));
        let answers = join_all((0..CLIENTS).map(pay)).await;
        assert!(answers.iter().all(|answer| [503, 504].contains(&answer.status)), "{answers:?}");
    });
}

/// Looks at the cluster past payflow.
struct Watcher {
    consumer: BaseConsumer,
    topic: String,
}

impl Watcher {
    const PATIENCE: Duration = Duration::from_secs(2);
    /// As parts sets it up.
    const OFFSETS_PARTITIONS: i32 = 4;

    fn of(cluster: &Cluster) -> Self {
        // By default it would wait a minute for an answer of the broker that is frozen, before it asks another.
        let config = cluster.native().set("socket.timeout.ms", "1000").clone();
        Self { consumer: config.create().expect("the settings are good"), topic: cluster.topic.to_string() }
    }

    /// The leader of each partition. `None`: nobody answers now.
    fn leaders(&self) -> Option<BTreeMap<i32, i32>> {
        self.leaders_of(&self.topic)
    }

    fn leaders_of(&self, topic: &str) -> Option<BTreeMap<i32, i32>> {
        let metadata = self.consumer.fetch_metadata(Some(topic), Self::PATIENCE).ok()?;
        let partitions = metadata.topics().first()?.partitions();
        Some(partitions.iter().map(|partition| (partition.id(), partition.leader())).collect())
    }

    /// The broker that coordinates the group: it leads the partition of the group's offsets.
    fn coordinator(&self) -> Option<i32> {
        let hash =
            self.topic.bytes().fold(0_i32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
        let partition = (hash & i32::MAX) % Self::OFFSETS_PARTITIONS;
        self.leaders_of("__consumer_offsets")?.get(&partition).copied()
    }

    /// Until every broker has a copy of everything: else the next loss would be a second one.
    fn wait_for_all_copies(&self) {
        wait_for("copy on each broker", || {
            let metadata = self.consumer.fetch_metadata(None, Self::PATIENCE).ok()?;
            let mut partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
            partitions.all(|partition| partition.isr().len() == COPIES).then_some(())
        });
    }
}
