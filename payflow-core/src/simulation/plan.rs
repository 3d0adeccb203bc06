//! What a seed decides before anything happens.

use std::time::Duration;

use super::dice::Dice;
use crate::consumer::RebalanceProtocol;
use crate::memory::MemoryConfig;
use crate::pipeline::{Order, PipelineConfig, RetryPolicy, StormPolicy};

/// One run of so many has a burst: it takes as long as twenty others.
const BURST_ONE_IN: usize = 100;

/// The sizes, settings and rates of a run.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) partitions: u32,
    pub(super) nodes: usize,
    pub(super) protocol: RebalanceProtocol,
    pub(super) session_timeout: Option<Duration>,
    pub(super) revoke_timeout: Duration,
    pub(super) order: Order,
    pub(super) pipeline: PipelineConfig,
    pub(super) attempts_max: usize,
    pub(super) handler_timeout: Duration,
    pub(super) concurrency: usize,
    pub(super) records_max: usize,
    pub(super) bytes_max: usize,
    pub(super) producers: usize,
    pub(super) payments: usize,
    /// Sent before anybody reads.
    pub(super) backlog: usize,
    pub(super) keys: usize,
    /// How long faults go on.
    pub(super) faulty_for: Duration,
    /// Between two faults, on average; `None` for a calm run.
    pub(super) trouble_every: Option<Duration>,
    /// Of records whose handling fails in some way.
    pub(super) failing_percent: usize,
    /// How many destinations the handlers call.
    pub(super) destinations: usize,
    /// Records in a row that make an outage, if anything does.
    pub(super) storm_run: Option<usize>,
    /// Of attempts that take their time.
    pub(super) slow_percent: usize,
    pub(super) slow_for_max: Duration,
    /// Of the first records, so many are of one key that fails for ever, each before one of another key.
    pub(super) burst: usize,
}

impl Plan {
    pub(super) fn new(dice: &mut Dice) -> Self {
        if dice.one_in(BURST_ONE_IN) { Self::with_burst(dice) } else { Self::usual(dice) }
    }

    /// A key fails for ever, and is silent after a burst, while the others bring more than a commit can tell of beyond the
    /// burst. The bounds are the default ones; nothing else goes wrong, since the run is long enough as it is.
    fn with_burst(dice: &mut Dice) -> Self {
        let (concurrency, records_max, bytes_max) = (256, 8_192, 64 << 20);
        let pipeline = PipelineConfig::new()
            .with_concurrency(concurrency)
            .with_records_max(records_max)
            .with_bytes_max(bytes_max)
            .with_shards(dice.within(1, 4));
        // Less than makes a lane full, and more than may grow old.
        let burst = dice.within(200, records_max / 8 - 100);
        let payments = 2 * burst + dice.within(20_000, 30_000);
        Self {
            partitions: 1,
            nodes: 1,
            order: Order::ByKey,
            attempts_max: RetryPolicy::default().delays().len() + 1,
            handler_timeout: Duration::from_secs(30),
            pipeline,
            concurrency,
            records_max,
            bytes_max,
            producers: 1,
            backlog: payments,
            payments,
            keys: 1_000,
            faulty_for: Duration::from_secs(20),
            trouble_every: None,
            failing_percent: 0,
            storm_run: None,
            slow_percent: 0,
            burst,
            ..Self::usual(dice)
        }
    }

    fn usual(dice: &mut Dice) -> Self {
        let seconds = |seconds: usize| Duration::from_secs(seconds as u64);
        let order = dice.pick([Order::ByKey, Order::ByKey, Order::ByKey, Order::ByPartition, Order::None]);
        let concurrency = dice.pick([1, 2, 4, 8, 32]);
        let records_max = concurrency.max(dice.pick([8, 16, 32, 64, 256]));
        let bytes_max = dice.pick([64 << 10, 128 << 10, 1 << 20]);
        let delays: &[u64] =
            dice.pick([&[][..], &[50, 200], &[100, 500, 2_000], &[200, 1_000, 5_000, 15_000, 30_000]]);
        let handler_timeout = seconds(dice.pick([1, 5, 30]));
        let retry = RetryPolicy::new(delays.iter().copied().map(Duration::from_millis));
        let pipeline = PipelineConfig::new()
            .with_order(order)
            .with_concurrency(concurrency)
            .with_records_max(records_max)
            .with_bytes_max(bytes_max)
            .with_handler_timeout(handler_timeout)
            .with_retry(retry)
            .with_commit_interval(dice.millis(50, 3_000))
            .with_commit_records(dice.pick([1, 20, 1_000]))
            .with_drain(seconds(dice.within(1, 8)))
            .with_shards(dice.within(1, 4));
        let storm_run = dice.pick([Some(3), Some(10), Some(10), None]);
        let storm = storm_run.map_or(StormPolicy::off(), |run| {
            StormPolicy::new().with_keys(run as u32).with_share(50, dice.pick([20, 100]))
        });
        let pipeline = pipeline.with_storm(storm);
        let payments = dice.within(40, 600);
        Self {
            partitions: dice.pick([1, 2, 3, 6]),
            nodes: dice.pick([1, 2, 2, 3, 4]),
            protocol: dice.pick([RebalanceProtocol::Eager, RebalanceProtocol::Cooperative]),
            session_timeout: dice.percent(70).then(|| seconds(dice.within(4, 20))),
            revoke_timeout: dice.millis(1_000, 8_000),
            order,
            attempts_max: delays.len() + 1,
            handler_timeout,
            pipeline,
            concurrency,
            records_max,
            bytes_max,
            producers: dice.within(1, 3),
            backlog: if dice.one_in(2) { dice.below(payments) } else { 0 },
            payments,
            keys: dice.pick([1, 3, 10, 50]),
            faulty_for: seconds(dice.within(20, 180)),
            trouble_every: dice.percent(90).then(|| dice.millis(500, 8_000)),
            failing_percent: dice.pick([0, 2, 10, 40]),
            destinations: dice.pick([1, 1, 2]),
            storm_run,
            slow_percent: dice.pick([0, 10, 60]),
            slow_for_max: Duration::from_millis(dice.pick([50, 500, 4_000])),
            burst: 0,
        }
    }

    pub(super) fn cluster(&self) -> MemoryConfig {
        MemoryConfig::new()
            .with_protocol(self.protocol)
            .with_revoke_timeout(self.revoke_timeout)
            .with_session_timeout(self.session_timeout)
    }
}
