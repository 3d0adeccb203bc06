//! The ports of a member, each of which writes down what passes through it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_core::future::BoxFuture;
use payflow_core::{
    AckToken, Consumer, ConsumerLimits, DeadLetters, Delivery, Error, Handler, Inbound, MemoryConsumer,
    MemoryProducer, Message, Producer, Receipt, Record, Room,
};
use tokio::time::Instant;

use crate::ledger::{Ended, Ledger, Place};
use crate::weather::Weather;
use crate::work::{DESTINATIONS, Work, destination};

/// Until when a consumer does not get round to receiving.
pub(crate) type Stall = Arc<Mutex<Option<Instant>>>;

pub(crate) struct WatchedConsumer {
    pub(crate) member: usize,
    pub(crate) ledger: Ledger,
    pub(crate) stall: Stall,
    /// Dropped after `Drop` has told the ledger.
    pub(crate) inner: MemoryConsumer,
}

/// A receive under way; also ends when it is dropped.
struct Receiving<'a> {
    member: usize,
    ledger: &'a Ledger,
    failed: bool,
}

impl Drop for Receiving<'_> {
    fn drop(&mut self) {
        self.ledger.write().receive_ended(self.member, self.failed);
    }
}

#[async_trait]
impl Consumer for WatchedConsumer {
    async fn receive(&mut self, into: &mut Inbound, room: Room) -> Result<(), Error> {
        let stalled_until = *self.stall.lock().unwrap();
        if let Some(until) = stalled_until {
            tokio::time::sleep_until(until).await;
        }
        self.ledger.write().receive_begins(self.member);
        let mut receiving = Receiving { member: self.member, ledger: &self.ledger, failed: false };
        let before = into.deliveries.len();
        let result = self.inner.receive(into, room).await;
        receiving.failed = result.is_err();
        drop(receiving);
        if result.is_ok() {
            let mut book = self.ledger.write();
            book.told(self.member, &into.changes);
            book.delivered(self.member, into.deliveries.iter().skip(before));
        }
        result
    }

    fn acknowledge(&mut self, finished: &[AckToken], given_up: &[AckToken]) {
        self.ledger.write().acknowledged(self.member, finished, given_up);
        self.inner.acknowledge(finished, given_up);
    }

    fn commit(&mut self) -> BoxFuture<'static, Result<(), Error>> {
        self.inner.commit()
    }

    async fn close(&mut self) {
        self.ledger.write().closing(self.member);
        self.inner.close().await;
    }

    fn limits(&self) -> ConsumerLimits {
        self.inner.limits()
    }
}

impl Drop for WatchedConsumer {
    fn drop(&mut self) {
        self.ledger.write().dropped(self.member);
    }
}

/// The producer of dead letters.
pub(crate) struct WatchedProducer {
    pub(crate) member: usize,
    pub(crate) ledger: Ledger,
    pub(crate) inner: MemoryProducer,
}

#[async_trait]
impl Producer for WatchedProducer {
    async fn send(&self, record: Record) -> Result<Receipt, Error> {
        let place = origin(record.headers.view()).expect("a dead letter says where from");
        let text = |name| record.headers.text(name).unwrap_or_default().to_owned();
        let (fault, stage) = (text(DeadLetters::FAULT), text(DeadLetters::STAGE));
        let result = self.inner.send(record).await;
        let mut book = self.ledger.write();
        match &result {
            Ok(_) => book.dead_lettered(self.member, place, &fault, &stage),
            Err(_) => book.hit("dead letter refused"),
        }
        drop(book);
        result
    }

    async fn send_all(&self, _records: Vec<Record>) -> Vec<Result<Receipt, Error>> {
        unreachable!("dead letters are sent one by one")
    }

    async fn flush(&self) -> Result<(), Error> {
        self.inner.flush().await
    }
}

/// Where a dead letter came from.
pub(crate) fn origin(headers: payflow_core::HeadersRef<'_>) -> Option<Place> {
    let partition = headers.text(DeadLetters::PARTITION)?.parse().ok()?;
    Some((partition, headers.text(DeadLetters::OFFSET)?.parse().ok()?))
}

/// Does what the record asks for, unless its destination is down.
pub(crate) struct WatchedHandler {
    pub(crate) member: usize,
    pub(crate) ledger: Ledger,
    pub(crate) weather: Weather,
}

/// An attempt under way; its drop is an end, too.
struct Attempt<'a> {
    handler: &'a WatchedHandler,
    token: AckToken,
    place: Place,
    ended: Ended,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let WatchedHandler { member, ledger, .. } = self.handler;
        ledger.write().ends(*member, self.token, self.place, self.ended);
    }
}

impl Handler<Work> for WatchedHandler {
    async fn handle(&self, message: Message<Work>) -> Result<(), Error> {
        let delivery = message.delivery();
        let (token, place) = (delivery.token, (delivery.partition, delivery.offset));
        let calls = self.ledger.write().begins(self.member, token, place, message.attempt());
        let mut attempt = Attempt { handler: self, token, place, ended: Ended::Dropped };
        let result = self.perform(*message.body(), destination(delivery.value()), calls).await;
        attempt.ended = match &result {
            Ok(()) => Ended::Handled,
            Err(error) if error.counts_attempt() => Ended::Failed,
            Err(_) => Ended::Held,
        };
        result
    }

    fn destination(&self, delivery: &Delivery) -> &'static str {
        DESTINATIONS[destination(delivery.value())]
    }
}

impl WatchedHandler {
    async fn perform(&self, work: Work, destination: usize, calls: usize) -> Result<(), Error> {
        if self.weather.is_down(destination) && !matches!(work, Work::Permanent | Work::Fatal | Work::Panic) {
            tokio::time::sleep(Duration::from_millis(5)).await;
            return Err(Error::transient("reach the destination"));
        }
        match work {
            Work::Instant => {}
            Work::Yield => tokio::task::yield_now().await,
            Work::Sleep(time) => tokio::time::sleep(time).await,
            Work::Transient(times) if calls < times => return Err(Error::transient("work")),
            Work::Unknown(times) if calls < times => {
                tokio::task::yield_now().await;
                return Err(Error::unknown("work"));
            }
            Work::Held(times) if calls < times => {
                return Err(Error::held("claim", Duration::from_millis(120)));
            }
            Work::Hang(times) if calls < times => std::future::pending().await,
            Work::Transient(_) | Work::Unknown(_) | Work::Held(_) | Work::Hang(_) => {}
            Work::Permanent => return Err(Error::permanent("work")),
            Work::Fatal => return Err(Error::fatal("work")),
            // Without the hook, which would print each of them.
            Work::Panic => std::panic::resume_unwind(Box::new("work")),
        }
        Ok(())
    }
}
