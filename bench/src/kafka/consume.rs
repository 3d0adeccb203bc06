//! Payflow's side: consumer and pipeline, as a service puts them together.

use std::hint::black_box;
use std::slice;
use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use clap::Args;
use payflow_core::{
    Codec, DecodeError, Encoded, Error, Handler, Headers, HeadersRef, JsonCodec, Message, OffsetTracker,
    PaymentRequest, Pipeline, PipelineConfig, PipelineHandle, PipelineSnapshot,
};
use payflow_kafka::{KafkaConfig, KafkaConsumer, KafkaConsumerConfig};
use tokio::time::sleep;

use super::drain::{Drain, Patience, Source};
use super::payment::currency;
use super::report::{Meter, Report, runtime};
use crate::dispatch::nowhere;

/// What payflow is told beyond what every contender is.
#[derive(Debug, Clone, Args)]
pub(crate) struct Consume {
    #[command(flatten)]
    drain: Drain,
    /// How many tasks the keys are spread over [default: one for each processor].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=64))]
    shards: Option<u16>,
    /// Let the bounds of records and bytes be as wide as they go.
    #[arg(long)]
    unbounded: bool,
}

/// Drains a topic by consumer and pipeline, and prints what it took.
pub(crate) fn consume(consume: &Consume) -> anyhow::Result<()> {
    consume.drain.run(|source| {
        if consume.drain.bytes {
            return consume.with_codec::<_, Undecoded>(source, AsTheyAre);
        }
        let codec = JsonCodec::new().with_default_currency(currency()?);
        consume.with_codec::<_, PaymentRequest>(source, codec)
    })
}

/// Decodes nothing: the handler finds the bytes in the delivery.
struct AsTheyAre;

/// What stands for a record that was not decoded.
struct Undecoded;

impl Codec<Undecoded> for AsTheyAre {
    fn encode(&self, _: &Undecoded) -> Encoded {
        Encoded { value: Bytes::new(), headers: Headers::new() }
    }

    fn decode(&self, value: &[u8], _: HeadersRef<'_>) -> Result<Undecoded, DecodeError> {
        black_box(value);
        Ok(Undecoded)
    }
}

struct Nothing;

impl<T: Send + Sync> Handler<T> for Nothing {
    async fn handle(&self, message: Message<T>) -> Result<(), Error> {
        black_box((message.body(), message.delivery().value()));
        Ok(())
    }
}

struct Wait(Duration);

impl<T: Send + Sync> Handler<T> for Wait {
    async fn handle(&self, message: Message<T>) -> Result<(), Error> {
        sleep(self.0).await;
        black_box(message.body());
        Ok(())
    }
}

fn carry<T: Send + Sync + 'static>(
    consume: &Consume,
    source: &Source,
    codec: impl Codec<T> + 'static,
    handler: impl Handler<T> + 'static,
) -> anyhow::Result<Report> {
    let mut meter = Meter::start();
    runtime()?.block_on(async {
        let group = consume.group(source);
        let cluster = KafkaConfig::new(source.brokers.as_str()).with_client_id("payflow-bench");
        let consumer = KafkaConsumer::new(&cluster, &group, slice::from_ref(&source.topic))?;
        let pipeline = Pipeline::new(consumer, codec, handler, nowhere()?, consume.config())?;
        let handle = pipeline.handle();

        let mut report = None;
        pipeline.run(async { report = Some(watch(&handle, source, &mut meter).await) }).await?;
        let report = report.context("the pipeline ended by itself")??;
        let dead = handle.snapshot().dead_lettered;
        ensure!(
            dead == 0,
            "{dead} records of {} could not be handled: `fill` makes a topic that can",
            source.topic
        );
        Ok(report)
    })
}

impl Consume {
    fn group(&self, source: &Source) -> KafkaConsumerConfig {
        let group = KafkaConsumerConfig::new(&source.group);
        if self.unbounded { group.with_buffer_bytes_max(BUFFER_MOST) } else { group }
    }

    fn with_codec<C: Codec<T> + 'static, T: Send + Sync + 'static>(
        &self,
        source: &Source,
        codec: C,
    ) -> anyhow::Result<Report> {
        match self.drain.handler_ms {
            0 => carry(self, source, codec, Nothing),
            millis => carry(self, source, codec, Wait(Duration::from_millis(millis))),
        }
    }

    fn config(&self) -> PipelineConfig {
        let concurrency = self.drain.in_flight as usize;
        let config = PipelineConfig::new()
            .with_order(self.drain.order.into())
            .with_concurrency(concurrency)
            .with_records_max(RECORDS_MAX.max(4 * concurrency).min(LANES_FILL).max(concurrency));
        let config = if self.unbounded {
            config.with_records_max(LANES_FILL).with_bytes_max(8 * BUFFER_MOST)
        } else {
            config
        };
        match self.shards {
            Some(shards) => config.with_shards(shards.into()),
            None => config,
        }
    }
}

/// Resolves when all are dealt with. It looks from time to time: counting in the handler would cost what is measured.
async fn watch(handle: &PipelineHandle, source: &Source, meter: &mut Meter) -> anyhow::Result<Report> {
    let mut patience = Patience::new();
    let mut pause = LOOK_LEAST;
    loop {
        sleep(pause).await;
        let snapshot = handle.snapshot();
        let past = past(&snapshot);
        if past > 0 || snapshot.records > 0 {
            meter.begin();
        }
        if past >= source.messages {
            return meter.end(source.messages);
        }
        patience.check(past, source)?;
        pause = look_after(meter.elapsed(), past, source.messages);
    }
}

/// Half of the time that the rest will take, so that looking costs little and the end is still seen to a millisecond.
fn look_after(elapsed: Duration, past: u64, all: u64) -> Duration {
    let rest = elapsed.as_secs_f64() * (all - past) as f64 / past.max(1) as f64;
    Duration::try_from_secs_f64(rest / 2.0).unwrap_or(LOOK_MOST).clamp(LOOK_LEAST, LOOK_MOST)
}

const LOOK_LEAST: Duration = Duration::from_millis(1);
const LOOK_MOST: Duration = Duration::from_millis(50);

const fn past(snapshot: &PipelineSnapshot) -> u64 {
    snapshot.handled + snapshot.skipped + snapshot.dead_lettered
}

/// The pipeline's own default.
const RECORDS_MAX: usize = 8_192;
/// The most the consumer takes: 2 GiB. The pipeline takes eight times that.
const BUFFER_MOST: usize = 2 << 30;
/// The most it takes: an eighth is for one lane, and a partition has room for no more.
const LANES_FILL: usize = 8 * OffsetTracker::UNFINISHED_MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_looks_more_often_towards_the_end_and_within_bounds() {
        let second = Duration::from_secs(1);
        assert_eq!(look_after(Duration::ZERO, 0, 1_000_000), LOOK_LEAST, "before the first record");
        assert_eq!(look_after(second, 1, 1_000_000), LOOK_MOST);
        assert_eq!(look_after(second, 960_000, 1_000_000).as_millis(), 20);
        assert_eq!(look_after(second, 999_999, 1_000_000), LOOK_LEAST);
        assert_eq!(look_after(Duration::MAX, 1, u64::MAX), LOOK_MOST);
    }
}
