use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use payflow_core::{
    DeadLetters, Error, Fault, MemoryProducer, Message, PipelineConfig, Producer, Receipt, Record,
    RetryPolicy,
};

use crate::rig::{GROUP, Rig, Seen};

fn once() -> PipelineConfig {
    PipelineConfig::new().with_retry(RetryPolicy::never())
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_decoded_keeps_its_bytes() {
    let rig = Rig::new(1);
    let record = Record::new(rig.topic.clone(), vec![0xff, 0xfe]).with_key("a");
    let _receipt = rig.cluster.producer().send(record).await.unwrap();
    let pipeline = rig.start(once(), |_: Message<String>| async { Ok::<(), Error>(()) });
    rig.settled().await;
    pipeline.stop().await.unwrap();
    let letters = rig.dead_letters();
    assert_eq!(letters[0].value(), Some(&[0xff, 0xfe][..]));
    assert_eq!(letters[0].headers().text(DeadLetters::STAGE), Some("decode"));
}

#[tokio::test(start_paused = true)]
async fn a_tombstone_is_skipped_and_counted() {
    let rig = Rig::new(1);
    let tombstone = Record { value: None, ..Record::new(rig.topic.clone(), "") };
    let _receipt = rig.cluster.producer().send(tombstone.with_key("a")).await.unwrap();
    let pipeline = rig.start(once(), |_: Message<String>| async { Err(Error::permanent("never called")) });
    rig.settled().await;
    assert_eq!(pipeline.handle.snapshot().skipped, 1);
    pipeline.stop().await.unwrap();
    assert!(rig.dead_letters().is_empty());
}

#[tokio::test(start_paused = true)]
async fn while_dead_letters_fail_the_record_stays_and_other_keys_go_on() {
    let rig = Rig::new(1);
    rig.cluster.refuse_sends(&rig.dead, Some(Fault::Transient { retry_after: None }));
    for (key, text) in [("a", "bad"), ("a", "behind"), ("b", "1"), ("b", "2")] {
        rig.send(key, text).await;
    }
    let seen = Seen::default();
    let handler = {
        let seen = seen.clone();
        move |message: Message<String>| {
            seen.note("all", message.body());
            async move { if message.body() == "bad" { Err(Error::permanent("refused")) } else { Ok(()) } }
        }
    };
    let pipeline = rig.start(once(), handler);
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert_eq!(rig.cluster.committed(GROUP, &rig.topic, 0), Some(0), "the bad record is the first");
    assert!(!seen.of("all").contains(&"behind".to_owned()));
    let snapshot = pipeline.handle.snapshot();
    assert_eq!((snapshot.handled, snapshot.records), (2, 2));
    assert!(snapshot.dead_letters_failed > 100);

    rig.cluster.refuse_sends(&rig.dead, None);
    rig.settled().await;
    pipeline.stop().await.unwrap();
    assert_eq!(rig.dead_letters().len(), 1);
    assert_eq!(seen.of("all").last().unwrap(), "behind");
}

#[tokio::test(start_paused = true)]
async fn an_unusable_dead_letter_producer_ends_the_pipeline_and_loses_nothing() {
    let rig = Rig::new(1);
    rig.send("a", "bad").await;
    rig.cluster.refuse_sends(&rig.dead, Some(Fault::Fatal));
    let pipeline = rig.start(once(), |_: Message<String>| async { Err(Error::permanent("refused")) });
    assert_eq!(pipeline.ended().await.unwrap_err().fault(), Fault::Fatal);
    assert_eq!(rig.cluster.lag(GROUP, &rig.topic), 1);
}

#[tokio::test(start_paused = true)]
async fn however_publication_fails_the_record_stays_and_is_dead_lettered_once_it_works() {
    for fault in [Fault::Transient { retry_after: None }, Fault::Unknown, Fault::Permanent] {
        let rig = Rig::new(1);
        rig.cluster.refuse_sends(&rig.dead, Some(fault));
        for (key, text) in [("a", "bad"), ("a", "behind"), ("b", "1"), ("c", "bad")] {
            rig.send(key, text).await;
        }
        let handler = |message: Message<String>| async move {
            if message.body() == "bad" { Err(Error::permanent("refused")) } else { Ok(()) }
        };
        let pipeline = rig.start(once(), handler);
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        let snapshot = pipeline.handle.snapshot();
        assert_eq!((snapshot.handled, snapshot.records), (1, 3), "{fault}");
        rig.cluster.refuse_sends(&rig.dead, None);
        rig.settled().await;
        pipeline.stop().await.unwrap();
        assert_eq!(rig.dead_letters().len(), 2, "{fault}");
    }
}

/// Never answers, until it is told to.
struct Silent {
    inner: MemoryProducer,
    speaks: AtomicBool,
}

#[async_trait::async_trait]
impl Producer for Silent {
    async fn send(&self, record: Record) -> Result<Receipt, Error> {
        if !self.speaks.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        self.inner.send(record).await
    }

    async fn send_all(&self, records: Vec<Record>) -> Vec<Result<Receipt, Error>> {
        self.inner.send_all(records).await
    }

    async fn flush(&self) -> Result<(), Error> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn dead_letters_that_hang_take_half_of_the_places_and_are_tried_anew_after_the_timeout() {
    let rig = Rig::new(1);
    for number in 0..50 {
        rig.send(&format!("bad{number}"), "bad").await;
    }
    let producer = Arc::new(Silent { inner: rig.cluster.producer(), speaks: AtomicBool::new(false) });
    let handler = |message: Message<String>| async move {
        if message.body() == "bad" { Err(Error::permanent("refused")) } else { Ok(()) }
    };
    let pipeline = rig.start_with(once().with_concurrency(8), handler, Arc::<Silent>::clone(&producer));
    tokio::time::sleep(Duration::from_secs(100)).await;
    for number in 0..50 {
        rig.send(&format!("good{number}"), "good").await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let snapshot = pipeline.handle.snapshot();
    assert_eq!((snapshot.handled, snapshot.dead_lettered), (50, 0));
    producer.speaks.store(true, Ordering::Relaxed);
    rig.settled().await;
    pipeline.stop().await.unwrap();
    assert_eq!(rig.dead_letters().len(), 50);
}
