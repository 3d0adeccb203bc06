//! How letters are sent: in order for each key, at the rate, again when a send fails.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use payflow_core::{
    Error, Fault, MemoryProducer, Producer, Receipt, Record, RedriveConfig, RedriveEnd, StoredRecord,
};
use tokio::time::{Instant, sleep};

use crate::rig::{LETTER, Letter, Rig, text};

const TRANSIENT: Fault = Fault::Transient { retry_after: None };

/// Takes a while for each send, fails some, and notes how many of a key are under way.
struct Slow {
    inner: MemoryProducer,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sends: u64,
    under_way: BTreeMap<Vec<u8>, u32>,
    most_of_a_key: u32,
    most: u32,
}

#[async_trait]
impl Producer for Slow {
    async fn send(&self, record: Record) -> Result<Receipt, Error> {
        let key = record.key.clone().unwrap().to_vec();
        let number = {
            let mut state = self.state.lock().unwrap();
            let of_key = *state.under_way.entry(key.clone()).and_modify(|count| *count += 1).or_insert(1);
            state.most_of_a_key = state.most_of_a_key.max(of_key);
            let all = state.under_way.values().sum();
            state.most = state.most.max(all);
            state.sends += 1;
            state.sends
        };
        // As uneven as it is repeatable.
        sleep(Duration::from_millis(number * 7 % 40)).await;
        let result = match number % 5 {
            0 => Err(Error::transient("send")),
            // It was written, and nobody knows.
            1 => self.inner.send(record).await.and(Err(Error::unknown("send"))),
            _ => self.inner.send(record).await,
        };
        if let Some(count) = self.state.lock().unwrap().under_way.get_mut(&key) {
            *count -= 1;
        }
        result
    }

    async fn send_all(&self, _records: Vec<Record>) -> Vec<Result<Receipt, Error>> {
        unreachable!("a redrive sends one by one")
    }

    async fn flush(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// The texts of each key in the order of the topic, without what came again.
fn by_key(back: &[StoredRecord]) -> BTreeMap<Vec<u8>, Vec<u32>> {
    let mut by_key: BTreeMap<Vec<u8>, Vec<u32>> = BTreeMap::new();
    for record in back {
        let texts = by_key.entry(record.key().unwrap().to_vec()).or_default();
        let number = text(record).parse().unwrap();
        if !texts.contains(&number) {
            texts.push(number);
        }
    }
    by_key
}

#[tokio::test(start_paused = true)]
async fn letters_of_a_key_keep_their_order_one_at_a_time_while_sends_fail() {
    let rig = Rig::new(3);
    rig.set_many_aside(200, 7).await;
    let slow = Arc::new(Slow { inner: rig.cluster.producer(), state: Mutex::default() });
    let config = RedriveConfig::new().with_rate(100_000).with_in_flight_max(5);

    let redrive = rig.redrive_through(Arc::clone(&slow) as Arc<dyn Producer>, config);
    let report = redrive.run(std::future::pending()).await.unwrap();

    assert_eq!((report.end, report.counts.sent, report.counts.failed), (RedriveEnd::Complete, 200, 0));
    assert!(report.counts.repeated > 50, "{:?}", report.counts);
    let state = slow.state.lock().unwrap();
    assert_eq!(state.most_of_a_key, 1);
    assert!((2..=5).contains(&state.most), "{}", state.most);
    for (key, numbers) in by_key(&rig.back()) {
        assert!(numbers.is_sorted(), "{key:?}: {numbers:?}");
    }
    assert_eq!(by_key(&rig.back()).values().map(Vec::len).sum::<usize>(), 200);
}

#[tokio::test(start_paused = true)]
async fn no_more_than_the_rate_are_sent() {
    let rig = Rig::new(1);
    rig.set_many_aside(51, 8).await;
    let start = Instant::now();

    let report = rig.run(RedriveConfig::new().with_rate(10)).await.unwrap();

    assert_eq!(report.counts.sent, 51);
    let took = start.elapsed();
    assert!((Duration::from_secs(5)..Duration::from_millis(5_200)).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_is_away_for_long_delays_and_loses_nothing() {
    let rig = Rig::new(1);
    rig.set_many_aside(5, 2).await;
    rig.cluster.refuse_sends(&rig.topic, Some(TRANSIENT));
    let redrive = rig.redrive(RedriveConfig::new());
    let handle = redrive.handle();
    let running = tokio::spawn(redrive.run(std::future::pending()));

    sleep(Duration::from_secs(3_600)).await;
    let counts = handle.counts();
    assert!(!running.is_finished() && counts.sent == 0 && counts.repeated > 100, "{counts:?}");
    assert!(handle.trouble().unwrap().contains("send"), "{:?}", handle.trouble());

    rig.cluster.refuse_sends(&rig.topic, None);
    assert_eq!(running.await.unwrap().unwrap().counts.sent, 5);
    assert_eq!(handle.trouble(), None);
    assert_eq!(rig.texts(), ["0", "1", "2", "3", "4"]);
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_was_asked_for_is_kept() {
    let rig = Rig::new(1);
    let _receipt = rig.set_aside("text", LETTER).await;
    let asked = Duration::from_secs(120);
    rig.cluster.fail_next_sends(&rig.topic, [Fault::Transient { retry_after: Some(asked) }]);
    let start = Instant::now();

    assert_eq!(rig.run(RedriveConfig::new()).await.unwrap().counts.sent, 1);

    assert!(start.elapsed() >= asked, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_letter_that_is_refused_for_good_stays_and_those_behind_it_go_on() {
    let rig = Rig::new(1);
    for text in ["refused", "behind"] {
        let _receipt = rig.set_aside(text, Letter { key: "a", ..LETTER }).await;
    }
    rig.cluster.fail_next_sends(&rig.topic, [Fault::Permanent]);

    let report = rig.run(RedriveConfig::new()).await.unwrap();

    assert_eq!((report.counts.sent, report.counts.failed), (1, 1));
    assert_eq!((report.notes.len(), report.notes[0].offset), (1, 0));
    assert_eq!(rig.texts(), ["behind"]);
    assert_eq!(rig.run(RedriveConfig::new()).await.unwrap().counts.sent, 1);
    assert_eq!(rig.texts(), ["behind", "refused"]);
}

#[tokio::test(start_paused = true)]
async fn an_unusable_producer_ends_it_and_what_was_not_sent_stays() {
    let rig = Rig::new(1);
    rig.set_many_aside(10, 1).await;
    rig.cluster.fail_next_sends(&rig.topic, [TRANSIENT, TRANSIENT, Fault::Fatal]);

    let error = rig.run(RedriveConfig::new()).await.unwrap_err();

    assert_eq!(error.fault(), Fault::Fatal);
    assert_eq!(rig.run(RedriveConfig::new()).await.unwrap().counts.sent, 10);
}
