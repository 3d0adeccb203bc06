//! A real broker, as the tests of other crates use it.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use payflow_parts::{KafkaBroker, KafkaCluster, KafkaConfig};

fn state(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').next().map(str::to_owned)
}

/// A signal is sent at once, and acted on when the kernel comes to it.
fn wait_until(mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(60), "it does not come so far");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
#[ignore = "needs Java and Maven: run cargo xtask test"]
fn broker_is_found_again_at_its_address_with_its_data() {
    let mut broker = KafkaBroker::start().unwrap();
    let address = broker.brokers().to_owned();
    let folder = broker.log_path().parent().unwrap().to_owned();
    let first = broker.pid().unwrap();
    TcpStream::connect(&address).unwrap();
    fs::write(folder.join("data/mark"), "").unwrap();

    broker.stop().unwrap();
    assert_eq!(broker.pid(), None);
    assert_eq!(state(first), None);
    TcpStream::connect(&address).unwrap_err();

    broker.start_again().unwrap();
    TcpStream::connect(&address).unwrap();
    broker.kill();
    TcpStream::connect(&address).unwrap_err();
    broker.start_again().unwrap();
    let last = broker.pid().unwrap();
    assert!(broker.start_again().unwrap_err().to_string().starts_with("the broker runs"));

    broker.pause().unwrap();
    wait_until(|| state(last).as_deref() == Some("T"));
    broker.resume().unwrap();
    wait_until(|| state(last).as_deref() != Some("T"));

    assert_eq!(broker.brokers(), address);
    assert!(folder.join("data/mark").exists(), "the data stays");
    assert!(broker.ended().unwrap().is_none());
    drop(broker);
    assert_eq!(state(last), None);
    assert!(!folder.exists(), "nothing is left behind");
}

#[test]
#[ignore = "needs Java and Maven: run cargo xtask test"]
fn broker_that_cannot_start_tells_why() {
    let started = KafkaConfig::new().with_property("log.retention.ms", "nonsense").start();

    let error = started.unwrap_err().to_string();
    assert!(error.contains("log.retention.ms") && error.contains("nonsense"), "{error}");
}

#[test]
#[ignore = "needs Java and Maven: run cargo xtask test"]
fn broker_that_ended_by_itself_is_noticed() {
    let mut broker = KafkaBroker::start().unwrap();
    let pid = broker.pid().unwrap();
    assert!(broker.log_tail().contains("Formatting"), "{}", broker.log_tail());

    let ended = std::process::Command::new("sh").args(["-c", &format!("kill -KILL {pid}")]).status().unwrap();
    assert!(ended.success());
    wait_until(|| broker.ended().unwrap().is_some());

    broker.start_again().unwrap_err();
    broker.kill();
    broker.start_again().unwrap();
    assert!(Path::new(&format!("/proc/{}", broker.pid().unwrap())).exists());
}

#[test]
#[ignore = "needs Java and Maven: run cargo xtask test"]
fn cluster_of_three_knows_all_of_them_and_one_comes_back_where_it_was() {
    let mut cluster = KafkaCluster::start().unwrap();
    let addresses = cluster.brokers();
    assert_eq!((cluster.ids(), addresses.split(',').count()), (vec![1, 2, 3], 3));
    assert!(cluster.broker(4).is_err());

    let address = cluster.broker(2).unwrap().brokers().to_owned();
    assert!(addresses.split(',').any(|other| other == address));
    cluster.broker(2).unwrap().kill();
    TcpStream::connect(&address).unwrap_err();
    cluster.broker(2).unwrap().start_again().unwrap();
    TcpStream::connect(&address).unwrap();
}
