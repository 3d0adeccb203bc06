//! The program that is measured.

use std::future;
use std::hint::black_box;
use std::iter;
use std::sync::Arc;

use anyhow::{Context, ensure};
use futures_util::{StreamExt as _, stream};
use payflow_core::{
    Codec, Consumer, DeadLetters, DecodeError, Delivery, Encoded, Error, Handler, Headers, HeadersRef,
    Inbound, MemoryCluster, Message, Pipeline, PipelineConfig, Room, Topic,
};
use tokio::runtime::Builder;

use super::feed::Feed;
use super::load::{HandlerKind, Load};

/// How many handlers run at once, at most.
const AT_ONCE: usize = 256;

/// Carries the load, on one thread.
pub(crate) fn run(load: &Load) -> anyhow::Result<()> {
    let runtime =
        Builder::new_current_thread().enable_time().build().context("a runtime cannot be started")?;
    let feed = Feed::new(load.messages, load.keys)?;
    runtime.block_on(async {
        match load.handler {
            HandlerKind::Sync => carry(feed, load, Sync).await,
            HandlerKind::Async => carry(feed, load, Async).await,
            HandlerKind::None => discard(feed, load).await,
            HandlerKind::UnorderedSync => unordered(feed, load, look_at).await,
            HandlerKind::UnorderedAsync => unordered(feed, load, give_way_and_look_at).await,
            HandlerKind::UnorderedNone => {
                each(feed, load).for_each(|delivery| drop(black_box(delivery)));
                Ok(())
            }
        }
    })
}

async fn carry(feed: Feed, load: &Load, handler: impl Handler<()> + 'static) -> anyhow::Result<()> {
    let config = PipelineConfig::new().with_order(load.order.into()).with_concurrency(AT_ONCE);
    let config = config.with_shards(1).with_seed(1);
    let pipeline = Pipeline::new(feed, HandOn, handler, nowhere()?, config)?;
    let handle = pipeline.handle();
    pipeline.run(future::pending()).await?;
    let handled = handle.snapshot().handled;
    ensure!(handled == load.messages, "{handled} of {} messages were handled", load.messages);
    Ok(())
}

/// Nothing is dead-lettered in a run that counts.
pub(crate) fn nowhere() -> anyhow::Result<DeadLetters> {
    let producer = MemoryCluster::new().producer();
    Ok(DeadLetters::new(Arc::new(producer), Topic::parse("bench-dead-letters")?))
}

async fn discard(mut feed: Feed, load: &Load) -> anyhow::Result<()> {
    let room = Room { records: usize::MAX, bytes: usize::MAX, first_may_exceed: true };
    let mut inbound = Inbound::default();
    let (mut finished, mut discarded) = (Vec::new(), 0);
    while !inbound.ended {
        inbound.clear();
        feed.receive(&mut inbound, room).await?;
        finished.extend(inbound.deliveries.iter().map(|delivery| black_box(delivery).token));
        feed.acknowledge(&finished, &[]);
        discarded += finished.len() as u64;
        finished.clear();
    }
    ensure!(discarded == load.messages, "{discarded} of {} messages came", load.messages);
    Ok(())
}

async fn unordered<F>(feed: Feed, load: &Load, handle: fn(Delivery) -> F) -> anyhow::Result<()>
where
    F: Future<Output = ()>,
{
    let handled = stream::iter(each(feed, load)).map(handle).buffer_unordered(AT_ONCE).count().await;
    ensure!(handled as u64 == load.messages, "{handled} of {} messages were handled", load.messages);
    Ok(())
}

fn each(mut feed: Feed, load: &Load) -> impl Iterator<Item = Delivery> {
    iter::repeat_with(move || feed.delivery()).take(load.messages as usize)
}

async fn look_at(delivery: Delivery) {
    black_box(delivery.value());
}

async fn give_way_and_look_at(delivery: Delivery) {
    tokio::task::yield_now().await;
    look_at(delivery).await;
}

struct Sync;

impl Handler<()> for Sync {
    async fn handle(&self, message: Message<()>) -> Result<(), Error> {
        black_box(message.delivery().value());
        Ok(())
    }
}

struct Async;

impl Handler<()> for Async {
    async fn handle(&self, message: Message<()>) -> Result<(), Error> {
        tokio::task::yield_now().await;
        black_box(message.delivery().value());
        Ok(())
    }
}

/// Decodes nothing: the handler finds the bytes in the delivery.
pub(crate) struct HandOn;

impl Codec<()> for HandOn {
    fn encode(&self, (): &()) -> Encoded {
        Encoded { value: bytes::Bytes::new(), headers: Headers::new() }
    }

    fn decode(&self, _value: &[u8], _headers: HeadersRef<'_>) -> Result<(), DecodeError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;
    use crate::dispatch::OrderKind;

    #[test]
    fn every_load_goes_through_to_its_end() {
        for &handler in HandlerKind::value_variants() {
            for &order in OrderKind::value_variants() {
                for keys in [1, 100] {
                    run(&Load { messages: 1_000, handler, order, keys }).unwrap();
                }
            }
        }
    }
}
