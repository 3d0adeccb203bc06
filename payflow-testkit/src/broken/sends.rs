//! Flaws in what the outcome of a send means, and in what the key decides.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use payflow_core::{Consumer, Content, Error, Fault, Inbound, Producer, Receipt, Record, Room};

use super::flaw::{ConsumerFlaw, ProducerFlaw, consumer, producer};
use super::harness::BrokenHarness;
use super::{BrokenAdapter, Failing};

pub(super) const ADAPTERS: &[BrokenAdapter<BrokenHarness>] = &[
    BrokenAdapter::new(
        "it writes a record only when the next one is sent",
        &[Failing::new("a_resolved_send_is_durable", "deliveries")],
        || BrokenHarness::new().producer(|sound| producer(sound, OneBehind::default())),
    ),
    BrokenAdapter::new(
        "it swaps each two sends",
        &[Failing::new("sends_of_a_key_keep_their_order", "in the order of their sends")],
        || BrokenHarness::new().producer(|sound| producer(sound, SwapsPairs::default())),
    ),
    BrokenAdapter::new(
        "it writes the records of a send_all from the last to the first",
        &[Failing::new("send_all_keeps_the_order_of_a_key", "in the order of their sends")],
        || BrokenHarness::new().producer(|sound| producer(sound, Backwards)),
    ),
    BrokenAdapter::new(
        "it gives the results of a send_all in another order",
        &[Failing::new("results_stand_in_the_order_of_their_records", "of send_all to be about record")],
        || BrokenHarness::new().producer(|sound| producer(sound, ResultsRotated)),
    ),
    BrokenAdapter::new(
        "it spreads the records of a key over the partitions",
        &[Failing::new("a_key_has_one_partition", "every record of key-")],
        || {
            let harness = BrokenHarness::new().producer(|sound| producer(sound, KeyInHeader));
            harness.consumer(|sound| consumer(sound, KeyInHeader))
        },
    ),
    BrokenAdapter::new(
        "it drops what is sent while another send runs",
        &[Failing::new("concurrent_sends_all_arrive", "a receipt of its own")],
        || BrokenHarness::new().producer(|sound| producer(sound, DropsWhenBusy::default())),
    ),
    BrokenAdapter::new(
        "it writes twice what is sent while another send runs",
        &[Failing::new("concurrent_sends_all_arrive", "came twice")],
        || BrokenHarness::new().producer(|sound| producer(sound, DoublesWhenBusy::default())),
    ),
    BrokenAdapter::new(
        "its sends linger, and its flush does not wait for them",
        &[Failing::new("flush_waits_for_every_send", "deliveries")],
        || BrokenHarness::new().producer(|sound| producer(sound, FlushesNothing)),
    ),
    BrokenAdapter::new(
        "it is unusable after a send was dropped",
        &[Failing::new("a_cancelled_send_does_no_harm", "that succeeds")],
        || BrokenHarness::new().producer(|sound| producer(sound, Wedged::default())),
    ),
    BrokenAdapter::new(
        "it never decides a send after one was dropped",
        &[Failing::new("a_cancelled_send_does_no_harm", "send to resolve")],
        || BrokenHarness::new().producer(|sound| producer(sound, Stuck::default())),
    ),
    BrokenAdapter::new(
        "it fails all records of a send_all if one fails",
        &[
            Failing::new("an_unknown_topic_fails_alone", "is bad"),
            Failing::new("an_oversized_record_fails_alone", "is bad"),
        ],
        || BrokenHarness::new().producer(|sound| producer(sound, FailsTogether)),
    ),
    BrokenAdapter::new(
        "it reports what it drops as written",
        &[
            Failing::new("an_unknown_topic_fails_alone", "it succeeded"),
            Failing::new("an_oversized_record_fails_alone", "it succeeded"),
        ],
        || BrokenHarness::new().producer(|sound| producer(sound, SwallowsErrors)),
    ),
    BrokenAdapter::new(
        "it calls every failure transient",
        &[
            Failing::new("an_unknown_topic_fails_alone", "refused as permanent"),
            Failing::new("an_oversized_record_fails_alone", "refused as permanent"),
        ],
        || BrokenHarness::new().producer(|sound| producer(sound, AlwaysTransient)),
    ),
    BrokenAdapter::new(
        "its producer does not recover from an interruption",
        &[Failing::new("clients_outlive_an_interruption", "to succeed in the end")],
        || BrokenHarness::new().producer(|sound| producer(sound, FailsForGood::default())),
    ),
];

#[derive(Default)]
struct OneBehind(Mutex<Option<Record>>);

#[async_trait]
impl ProducerFlaw for OneBehind {
    async fn send(&self, sound: &dyn Producer, record: Record) -> Result<Receipt, Error> {
        let before = self.0.lock().unwrap_or_else(PoisonError::into_inner).replace(record);
        match before {
            Some(before) => sound.send(before).await,
            None => Ok(Receipt::new(0, 0)),
        }
    }
}

#[derive(Default)]
struct SwapsPairs(Mutex<Option<Record>>);

#[async_trait]
impl ProducerFlaw for SwapsPairs {
    async fn send(&self, sound: &dyn Producer, record: Record) -> Result<Receipt, Error> {
        let first = {
            let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(first) = waiting.take() else {
                *waiting = Some(record);
                return Ok(Receipt::new(0, 0));
            };
            first
        };
        let receipt = sound.send(record).await;
        sound.send(first).await.and(receipt)
    }
}

struct Backwards;

#[async_trait]
impl ProducerFlaw for Backwards {
    async fn send_all(&self, sound: &dyn Producer, mut records: Vec<Record>) -> Vec<Result<Receipt, Error>> {
        records.reverse();
        let mut results = sound.send_all(records).await;
        results.reverse();
        results
    }
}

struct ResultsRotated;

#[async_trait]
impl ProducerFlaw for ResultsRotated {
    async fn send_all(&self, sound: &dyn Producer, records: Vec<Record>) -> Vec<Result<Receipt, Error>> {
        let mut results = sound.send_all(records).await;
        if !results.is_empty() {
            results.rotate_left(1);
        }
        results
    }
}

/// Sends the key as a header, so that it decides nothing, and takes it out again.
struct KeyInHeader;

const KEY: &str = "key";

#[async_trait]
impl ProducerFlaw for KeyInHeader {
    async fn send(&self, sound: &dyn Producer, mut record: Record) -> Result<Receipt, Error> {
        if let Some(key) = record.key.take() {
            record.headers.append(KEY, key);
        }
        sound.send(record).await
    }
}

#[async_trait]
impl ConsumerFlaw for KeyInHeader {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        sound.receive(into, room).await?;
        for delivery in into.deliveries.iter_mut() {
            let mut headers = delivery.headers().to_owned();
            headers.remove(KEY);
            delivery.content = Content::new(delivery.headers().get(KEY), delivery.value(), &headers);
        }
        Ok(())
    }
}

#[derive(Default)]
struct DropsWhenBusy(AtomicUsize);

#[async_trait]
impl ProducerFlaw for DropsWhenBusy {
    async fn send(&self, sound: &dyn Producer, record: Record) -> Result<Receipt, Error> {
        let busy = self.0.fetch_add(1, Ordering::SeqCst) > 0;
        tokio::time::sleep(LINGER).await;
        let sent = if busy { Ok(Receipt::new(0, 0)) } else { sound.send(record).await };
        self.0.fetch_sub(1, Ordering::SeqCst);
        sent
    }
}

#[derive(Default)]
struct DoublesWhenBusy(AtomicUsize);

#[async_trait]
impl ProducerFlaw for DoublesWhenBusy {
    async fn send(&self, sound: &dyn Producer, record: Record) -> Result<Receipt, Error> {
        let busy = self.0.fetch_add(1, Ordering::SeqCst) > 0;
        tokio::time::sleep(LINGER).await;
        if busy {
            let _first = sound.send(record.clone()).await?;
        }
        let sent = sound.send(record).await;
        self.0.fetch_sub(1, Ordering::SeqCst);
        sent
    }
}

struct FlushesNothing;

#[async_trait]
impl ProducerFlaw for FlushesNothing {
    async fn send(&self, sound: &dyn Producer, record: Record) -> Result<Receipt, Error> {
        tokio::time::sleep(LINGER).await;
        sound.send(record).await
    }

    async fn flush(&self, _sound: &dyn Producer) -> Result<(), Error> {
        Ok(())
    }
}

#[derive(Default)]
struct Wedged(AtomicBool);

#[async_trait]
impl ProducerFlaw for Wedged {
    async fn send(&self, sound: &dyn Producer, record: Record) -> Result<Receipt, Error> {
        if self.0.swap(true, Ordering::SeqCst) {
            return Err(Error::fatal("send").because("another send never ended"));
        }
        tokio::task::yield_now().await;
        let sent = sound.send(record).await;
        self.0.store(false, Ordering::SeqCst);
        sent
    }
}

#[derive(Default)]
struct Stuck(AtomicBool);

#[async_trait]
impl ProducerFlaw for Stuck {
    async fn send(&self, sound: &dyn Producer, record: Record) -> Result<Receipt, Error> {
        if self.0.swap(true, Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        tokio::task::yield_now().await;
        let sent = sound.send(record).await;
        self.0.store(false, Ordering::SeqCst);
        sent
    }
}

struct FailsTogether;

#[async_trait]
impl ProducerFlaw for FailsTogether {
    async fn send_all(&self, sound: &dyn Producer, records: Vec<Record>) -> Vec<Result<Receipt, Error>> {
        let results = sound.send_all(records).await;
        if results.iter().all(Result::is_ok) {
            return results;
        }
        let fail = |_| Err(Error::permanent("send").because("another record of the batch failed"));
        results.into_iter().map(fail).collect()
    }
}

struct SwallowsErrors;

#[async_trait]
impl ProducerFlaw for SwallowsErrors {
    async fn send_all(&self, sound: &dyn Producer, records: Vec<Record>) -> Vec<Result<Receipt, Error>> {
        let results = sound.send_all(records).await;
        results.into_iter().map(|result| result.or_else(|_| Ok(Receipt::new(0, -1)))).collect()
    }
}

struct AlwaysTransient;

#[async_trait]
impl ProducerFlaw for AlwaysTransient {
    async fn send_all(&self, sound: &dyn Producer, records: Vec<Record>) -> Vec<Result<Receipt, Error>> {
        let results = sound.send_all(records).await;
        let soften = |error: Error| Error::transient("send").because(error);
        results.into_iter().map(|result| result.map_err(soften)).collect()
    }
}

#[derive(Default)]
struct FailsForGood(AtomicBool);

#[async_trait]
impl ProducerFlaw for FailsForGood {
    async fn send(&self, sound: &dyn Producer, record: Record) -> Result<Receipt, Error> {
        if self.0.load(Ordering::SeqCst) {
            return Err(Error::fatal("send").because("the connection was lost"));
        }
        let sent = sound.send(record).await;
        let failed = sent.as_ref().is_err_and(|error| matches!(error.fault(), Fault::Transient { .. }));
        self.0.fetch_or(failed, Ordering::SeqCst);
        sent
    }
}

/// Long enough that sends overlap, short enough to be no matter.
const LINGER: Duration = Duration::from_millis(20);
