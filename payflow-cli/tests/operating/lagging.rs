//! How far a group is.

use payflow_core::{AckToken, Consumer as _, Inbound, Room};
use payflow_kafka::{KafkaConfig, KafkaConsumer, KafkaConsumerConfig};

use crate::harness::{LETTER, Stage, ended_within, signal};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn lag_tells_what_is_finished_out_of_order_and_what_is_the_oldest() {
    let stage = Stage::new(1).await;
    for number in 0..10 {
        let _receipt = stage.set_aside(&number.to_string(), LETTER).await;
    }
    let group = format!("{}.service", stage.topic);
    let cluster = KafkaConfig::new(&stage.brokers);
    let member = KafkaConsumerConfig::new(&group);
    let mut consumer =
        KafkaConsumer::new(&cluster, &member, std::slice::from_ref(&stage.dead)).expect("settings");
    let mut inbound = Inbound::default();
    while inbound.deliveries.len() < 10 {
        let room = Room { records: 100, bytes: 1 << 20, first_may_exceed: true };
        consumer.receive(&mut inbound, room).await.expect("a broker");
    }
    // 0, 1 and, behind one that is not finished, 3, 4 and 7.
    let finished: Vec<AckToken> =
        [0, 1, 3, 4, 7].iter().map(|index: &usize| inbound.deliveries[*index].token).collect();
    consumer.acknowledge(&finished, &[]);
    consumer.commit().await.expect("a broker");

    let shown = stage.run(&["lag", "--group", &group]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(shown.out.starts_with(&format!("group {group}: lag 8, of which 3 finished\n")), "{shown:?}");
    let row: Vec<&str> = shown.out.lines().last().expect("a row").split_whitespace().collect();
    assert_eq!(row, [stage.dead.as_str(), "0", "2", "10", "8", "3", "2"]);

    let json =
        stage.run(&["lag", "--group", &group, "--topic", stage.dead.as_str(), "--json"]).json().remove(0);
    assert_eq!((&json["lag"], &json["finished_beyond"]), (&8.into(), &3.into()), "{json}");
    assert_eq!(json["partitions"][0]["oldest_unfinished"], 2, "{json}");
    consumer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn a_group_that_committed_nothing_is_told_so_or_has_everything_before_it() {
    let stage = Stage::new(2).await;
    stage.set_many_aside(5).await;

    let nothing = stage.run(&["lag", "--group", stage.topic.as_str()]);
    assert_eq!(nothing.code, Some(1), "{nothing:?}");
    assert!(nothing.err.contains("has committed nothing") && nothing.err.contains("--topic"), "{nothing:?}");

    let topic = stage.run(&["lag", "--group", stage.topic.as_str(), "--topic", stage.dead.as_str()]);
    assert!(topic.out.contains(": lag 5, of which 0 finished\n"), "{topic:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn lag_can_be_watched_until_it_is_told_to_end() {
    let stage = Stage::new(1).await;
    let arguments = ["lag", "--group", "any", "--topic", stage.dead.as_str(), "--watch", "1", "--json"];
    let mut watching = stage
        .payflow(&arguments)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the program was built");
    let out = std::io::BufReader::new(watching.stdout.take().expect("piped"));
    let looks: Vec<String> = std::io::BufRead::lines(out).take(3).map(|line| line.expect("text")).collect();

    assert!(looks.iter().all(|look| look.contains("\"lag\":0")), "{looks:?}");
    signal(&watching, "TERM");
    assert_eq!(watching.wait().expect("a child").code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn a_watch_ends_when_nobody_reads_it_any_more() {
    let stage = Stage::new(1).await;
    let mut watching = stage
        .payflow(&["lag", "--group", "any", "--topic", stage.dead.as_str(), "--watch", "1", "--json"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the program was built");
    let mut out = std::io::BufReader::new(watching.stdout.take().expect("piped"));
    let mut look = String::new();
    std::io::BufRead::read_line(&mut out, &mut look).expect("text");
    assert!(look.contains("\"lag\":0"), "{look}");

    drop(out);

    let ended = ended_within(&mut watching, std::time::Duration::from_secs(30)).expect("it ends by itself");
    assert_eq!(ended.code(), Some(0));
}
