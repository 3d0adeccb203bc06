use std::sync::{Arc, Mutex};
use std::time::Duration;

use payflow_core::{
    DeadLetters, Error, Fault, Message, Pipeline, PipelineConfig, PipelineEvent, RetryPolicy,
};

use crate::rig::{GROUP, Rig, Text};

const SECOND: Duration = Duration::from_secs(1);

/// What a listener heard, in short.
#[derive(Debug, Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn hear(&self, event: &PipelineEvent) {
        let short = match event {
            PipelineEvent::ReceiveFailed(error) => format!("receiving fails: {}", error.fault()),
            PipelineEvent::ReceiveRecovered { failures } => format!("receiving works after {failures}"),
            PipelineEvent::Revoking { partitions } => format!("{partitions} asked back"),
            PipelineEvent::Lost { partitions } => format!("{partitions} lost"),
            PipelineEvent::StormBegan { destination } => format!("storm at {destination}"),
            PipelineEvent::StormEnded { destination, lasted } => {
                format!("storm at {destination} over after {} s", lasted.as_secs())
            }
            PipelineEvent::DeadLettered { partition, offset, fault, stage, .. } => {
                format!("{partition}@{offset} dead: {fault} {stage}")
            }
            other => format!("{other:?}"),
        };
        self.0.lock().unwrap().push(short);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[tokio::test(start_paused = true)]
async fn a_listener_hears_what_happens_and_its_panic_is_its_own() {
    let rig = Rig::new(1);
    let down = Arc::new(Mutex::new(false));
    let handler = {
        let down = Arc::clone(&down);
        move |message: Message<String>| {
            let down = *down.lock().unwrap();
            async move {
                match message.body().as_str() {
                    "bad" => Err(Error::permanent("bad")),
                    _ if down => Err(Error::transient("down")),
                    _ => Ok(()),
                }
            }
        }
    };
    let heard = Heard::default();
    let consumer = rig.cluster.consumer(GROUP, std::slice::from_ref(&rig.topic)).unwrap();
    let member = consumer.member();
    let letters = DeadLetters::new(Arc::new(rig.cluster.producer()), rig.dead.clone());
    let config = PipelineConfig::new().with_shards(2).with_seed(7).with_retry(RetryPolicy::new([SECOND; 3]));
    let listener = {
        let heard = heard.clone();
        move |event: &PipelineEvent| {
            heard.hear(event);
            panic!("on purpose");
        }
    };
    let pipeline = Pipeline::new(consumer, Text, handler, letters, config).unwrap().with_listener(listener);
    let running = tokio::spawn(pipeline.run(std::future::pending()));

    rig.send("a", "bad").await;
    rig.settled().await;
    assert_eq!(heard.take(), ["0@0 dead: permanent handler"]);

    *down.lock().unwrap() = true;
    for number in 0..10 {
        rig.send(&format!("u{number}"), "x").await;
    }
    tokio::time::sleep(SECOND / 2).await;
    assert_eq!(heard.take(), ["storm at handler"]);
    *down.lock().unwrap() = false;
    rig.settled().await;
    assert_eq!(heard.take(), ["storm at handler over after 1 s"]);

    rig.cluster.fail_next_receives(GROUP, [Fault::Transient { retry_after: None }; 2]);
    rig.send("a", "x").await;
    rig.settled().await;
    assert_eq!(heard.take(), ["receiving fails: transient", "receiving works after 2"]);

    assert!(rig.cluster.expel(member));
    tokio::time::sleep(SECOND).await;
    assert_eq!(heard.take(), ["1 lost"]);
    running.abort();
}
