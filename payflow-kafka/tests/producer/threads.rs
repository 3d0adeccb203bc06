//! The threads of clients that are done, counted as Linux shows them.

use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs};

use payflow_core::Producer;
use payflow_kafka::{KafkaProducer, KafkaProducerConfig};

use crate::absent::{TRANSIENT, nobodies, record};

/// Every late record has another client take over. One that is done must not live on for what librdkafka tells of it.
#[tokio::test]
async fn clients_that_are_done_do_not_pile_up_in_an_outage() {
    // Threads are told apart by their names alone: in a process of its own there are none of other tests.
    if env::var_os(ALONE).is_none() {
        let name = "threads::clients_that_are_done_do_not_pile_up_in_an_outage";
        let mut alone = Command::new(env::current_exe().unwrap());
        let alone = alone.args(["--exact", name, "--nocapture"]).env(ALONE, "1");
        assert!(alone.status().unwrap().success());
        return;
    }

    let config = KafkaProducerConfig::new().with_delivery_timeout(Duration::from_millis(500));
    // Many addresses have many errors to tell, at all times.
    let producer = KafkaProducer::new(&nobodies(20), &config).unwrap();
    let (began, mut looked) = (Instant::now(), false);
    while began.elapsed() < Duration::from_secs(8) {
        assert_eq!(producer.send(record()).await.unwrap_err().fault(), TRANSIENT);
        // One that takes records, and those that took them within the last question for a broker.
        let (looking, clients) = (threads(LOOKS), threads(CLIENT));
        let told = format!("{looking} threads look for a broker, {clients} clients are alive");
        // Some more than that, since a slow machine takes its time to end them. If they stayed, there would be 16.
        assert!(looking <= 5 && (1..=6).contains(&clients), "{told}");
        looked |= looking > 0;
    }
    assert!(looked);

    drop(producer);
    let ended = async {
        while threads(LOOKS) + threads(CLIENT) > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), ended).await.expect("all threads end");
}

/// How many threads of this process have that name.
fn threads(name: &str) -> usize {
    let tasks = fs::read_dir("/proc/self/task").expect("Linux has it").filter_map(Result::ok);
    // One that ends meanwhile has no name any more.
    let names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|read| read.trim_end() == name).count()
}

const ALONE: &str = "PAYFLOW_TEST_ALONE";
/// The system keeps 15 letters of a name.
const LOOKS: &str = "payflow-kafka-h";
/// Of librdkafka's threads each client has one of this name.
const CLIENT: &str = "rdk:main";
