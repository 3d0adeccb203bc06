//! Two ways to run a handler that waits, many at once.

use std::hint::black_box;
use std::iter;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures_util::{StreamExt as _, stream};
use payflow_core::{Delivery, Error, Handler, Message, Pipeline, PipelineConfig};
use tokio::time::{sleep, timeout};

use super::span::Span;
use crate::dispatch::{Feed, HandOn, nowhere};
use crate::kafka::runtime;

/// What runs the handlers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contender {
    /// Payflow's pipeline, in key order, with default settings.
    Pipeline,
    /// `buffer_unordered`: no order, no retries, nothing acknowledged.
    BufferUnordered,
}

/// One run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    /// How many handlers run at once.
    pub(super) in_flight: u32,
    /// How long each of them waits.
    pub(super) wait: Duration,
    pub(super) keys: u32,
    /// How often each place is taken while it is measured.
    pub(super) turns: u32,
}

impl Contender {
    /// Runs handlers on a runtime of its own, and tells messages a second.
    ///
    /// # Errors
    /// It does not come to an end, by far.
    pub(super) fn run(self, load: &Load) -> anyhow::Result<f64> {
        let span = Arc::new(load.span());
        runtime()?.block_on(async {
            let all = async {
                match self {
                    Self::Pipeline => pipeline(load, &span).await,
                    Self::BufferUnordered => buffer_unordered(load, &span).await,
                }
            };
            timeout(load.patience(), all)
                .await
                .with_context(|| format!("{self:?} had not run its handlers after {:?}", load.patience()))?
        })?;
        span.rate().with_context(|| format!("{self:?} ended by itself"))
    }
}

async fn pipeline(load: &Load, span: &Arc<Span>) -> anyhow::Result<()> {
    let handler = Wait { time: load.wait, span: Arc::clone(span) };
    let config = PipelineConfig::new().with_concurrency(load.in_flight as usize);
    let feed = Feed::new(u64::MAX, load.keys)?;
    let pipeline = Pipeline::new(feed, HandOn, handler, nowhere()?, config)?;
    let span = Arc::clone(span);
    pipeline.run(async move { span.over().await }).await?;
    Ok(())
}

async fn buffer_unordered(load: &Load, span: &Span) -> anyhow::Result<()> {
    let mut feed = Feed::new(u64::MAX, load.keys)?;
    let handled = stream::iter(iter::repeat_with(|| feed.delivery()))
        .map(|delivery| async move { handle(&delivery, load.wait, span).await })
        .buffer_unordered(load.in_flight as usize);
    let mut handled = pin!(handled);
    while span.rate().is_none() && handled.next().await.is_some() {}
    Ok(())
}

struct Wait {
    time: Duration,
    span: Arc<Span>,
}

impl Handler<()> for Wait {
    async fn handle(&self, message: Message<()>) -> Result<(), Error> {
        handle(message.delivery(), self.time, &self.span).await;
        Ok(())
    }
}

/// The handler of both.
async fn handle(delivery: &Delivery, time: Duration, span: &Span) {
    sleep(time).await;
    black_box(delivery.value());
    span.count();
}

impl Load {
    fn span(&self) -> Span {
        let in_flight = u64::from(self.in_flight);
        let from = WARM_UP_TURNS * in_flight;
        Span::new(from, from + u64::from(self.turns) * in_flight)
    }

    /// Ten times what it would take if nothing but the handlers took time, and half a minute.
    fn patience(&self) -> Duration {
        Duration::from_secs(30) + self.wait * 10 * (self.turns + WARM_UP_TURNS as u32)
    }
}

const WARM_UP_TURNS: u64 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_run_their_handlers_at_a_pace_that_the_wait_allows() {
        let load = Load { in_flight: 20, wait: Duration::from_millis(1), keys: 500, turns: 5 };
        for contender in [Contender::Pipeline, Contender::BufferUnordered] {
            let rate = contender.run(&load).unwrap();
            assert!(rate > 0.0 && rate < 20.0 / 0.001, "{contender:?}: {rate}");
        }
    }
}
