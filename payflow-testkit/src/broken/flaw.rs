//! A flaw in front of a sound adapter: what it does not touch is passed on.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_core::future::BoxFuture;
use payflow_core::{
    AckToken, Consumer, ConsumerLimits, Error, Inbound, Notification, Notifier, PartitionProgress, Producer,
    Receipt, Record, Room, Sent,
};

/// What a broken producer does wrong.
#[async_trait]
pub(super) trait ProducerFlaw: Send + Sync + 'static {
    async fn send(&self, sound: &dyn Producer, record: Record) -> Result<Receipt, Error> {
        sound.send(record).await
    }

    async fn send_all(&self, sound: &dyn Producer, records: Vec<Record>) -> Vec<Result<Receipt, Error>> {
        sound.send_all(records).await
    }

    async fn flush(&self, sound: &dyn Producer) -> Result<(), Error> {
        sound.flush().await
    }
}

/// What a broken consumer does wrong.
#[async_trait]
pub(super) trait ConsumerFlaw: Send + 'static {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        sound.receive(into, room).await
    }

    fn acknowledge(&mut self, sound: &mut dyn Consumer, finished: &[AckToken], given_up: &[AckToken]) {
        sound.acknowledge(finished, given_up);
    }

    fn commit(&mut self, sound: &mut dyn Consumer) -> BoxFuture<'static, Result<(), Error>> {
        sound.commit()
    }

    fn progress(&self, sound: &dyn Consumer, into: &mut Vec<PartitionProgress>) {
        sound.progress(into);
    }

    async fn close(&mut self, sound: &mut dyn Consumer) {
        sound.close().await;
    }

    fn dropped(&mut self, sound: Box<dyn Consumer>) {
        drop(sound);
    }
}

/// What a broken notifier does wrong.
#[async_trait]
pub(super) trait NotifierFlaw: Send + Sync + 'static {
    async fn notify(&self, sound: &Arc<dyn Notifier>, notification: &Notification) -> Result<Sent, Error>;
}

pub(super) fn producer(sound: Arc<dyn Producer>, flaw: impl ProducerFlaw) -> Arc<dyn Producer> {
    Arc::new(FlawedProducer { sound, flaw })
}

pub(super) fn consumer(sound: Box<dyn Consumer>, flaw: impl ConsumerFlaw) -> Box<dyn Consumer> {
    let sound = Some(sound);
    Box::new(FlawedConsumer { sound, flaw })
}

pub(super) fn notifier(sound: Arc<dyn Notifier>, flaw: impl NotifierFlaw) -> Arc<dyn Notifier> {
    Arc::new(FlawedNotifier { sound, flaw })
}

struct FlawedProducer<F> {
    sound: Arc<dyn Producer>,
    flaw: F,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<F: ProducerFlaw> Producer for FlawedProducer<F> {
    async fn send(&self, record: Record) -> Result<Receipt, Error> {
        self.flaw.send(self.sound.as_ref(), record).await
    }

    async fn send_all(&self, records: Vec<Record>) -> Vec<Result<Receipt, Error>> {
        self.flaw.send_all(self.sound.as_ref(), records).await
    }

    async fn flush(&self) -> Result<(), Error> {
        self.flaw.flush(self.sound.as_ref()).await
    }

    fn decided_within(&self) -> Option<Duration> {
        self.sound.decided_within()
    }
}

struct FlawedConsumer<F: ConsumerFlaw> {
    /// `None` only once it is dropped.
    sound: Option<Box<dyn Consumer>>,
    flaw: F,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<F: ConsumerFlaw> Consumer for FlawedConsumer<F> {
    async fn receive(&mut self, into: &mut Inbound, room: Room) -> Result<(), Error> {
        match &mut self.sound {
            Some(sound) => self.flaw.receive(sound.as_mut(), into, room).await,
            None => Err(Error::fatal("receive")),
        }
    }

    fn acknowledge(&mut self, finished: &[AckToken], given_up: &[AckToken]) {
        if let Some(sound) = &mut self.sound {
            self.flaw.acknowledge(sound.as_mut(), finished, given_up);
        }
    }

    fn commit(&mut self) -> BoxFuture<'static, Result<(), Error>> {
        match &mut self.sound {
            Some(sound) => self.flaw.commit(sound.as_mut()),
            None => Box::pin(async { Err(Error::fatal("commit")) }),
        }
    }

    async fn close(&mut self) {
        if let Some(sound) = &mut self.sound {
            self.flaw.close(sound.as_mut()).await;
        }
    }

    fn limits(&self) -> ConsumerLimits {
        self.sound.as_ref().map_or_else(ConsumerLimits::unknown, |sound| sound.limits())
    }

    fn progress(&self, into: &mut Vec<PartitionProgress>) {
        if let Some(sound) = &self.sound {
            self.flaw.progress(sound.as_ref(), into);
        }
    }
}

impl<F: ConsumerFlaw> Drop for FlawedConsumer<F> {
    fn drop(&mut self) {
        if let Some(sound) = self.sound.take() {
            self.flaw.dropped(sound);
        }
    }
}

struct FlawedNotifier<F> {
    sound: Arc<dyn Notifier>,
    flaw: F,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<F: NotifierFlaw> Notifier for FlawedNotifier<F> {
    async fn notify(&self, notification: &Notification) -> Result<Sent, Error> {
        self.flaw.notify(&self.sound, notification).await
    }

    fn claim_lease(&self) -> Option<Duration> {
        self.sound.claim_lease()
    }
}
