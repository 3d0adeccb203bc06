//! What a seed decides before anything happens.

use std::time::Duration;

use payflow_core::{MemoryConfig, Order, PipelineConfig, RebalanceProtocol, RetryPolicy, StormPolicy};

use crate::dice::Dice;

/// The sizes, settings and rates of a world.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) partitions: u32,
    pub(crate) protocol: RebalanceProtocol,
    pub(crate) session_timeout: Option<Duration>,
    pub(crate) revoke_timeout: Duration,
    pub(crate) commit_latency: Duration,
    pub(crate) pipeline: PipelineConfig,
    pub(crate) order: Order,
    pub(crate) concurrency: usize,
    pub(crate) records_max: usize,
    pub(crate) bytes_max: usize,
    pub(crate) attempts_max: usize,
    pub(crate) handler_timeout: Duration,
    pub(crate) members: usize,
    pub(crate) records: usize,
    pub(crate) keys: usize,
    /// Of records that fail in some way.
    pub(crate) failing_percent: usize,
    /// Of the others, those that take their time.
    pub(crate) slow_percent: usize,
    pub(crate) slow_millis: usize,
    /// How many things happen, from joins to outages.
    pub(crate) steps: usize,
    pub(crate) step_millis: usize,
}

impl Plan {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        let order = dice.pick(&[Order::ByKey, Order::ByKey, Order::ByKey, Order::ByPartition, Order::None]);
        let concurrency = dice.pick(&[1, 2, 4, 8, 32]);
        let records_max = concurrency.max(dice.pick(&[8, 16, 32, 64, 256]));
        let bytes_max = dice.pick(&[64 << 10, 128 << 10, 1 << 20]);
        let delays: &[u64] = dice.pick(&[&[], &[50, 200], &[100, 500, 2_000], &[200, 1_000, 5_000]]);
        let handler_timeout = dice.millis(SLOW_MILLIS_MAX + 100, 4_000);
        let pipeline = PipelineConfig::new()
            .with_order(order)
            .with_concurrency(concurrency)
            .with_records_max(records_max)
            .with_bytes_max(bytes_max)
            .with_handler_timeout(handler_timeout)
            .with_retry(RetryPolicy::new(delays.iter().copied().map(Duration::from_millis)))
            .with_storm(
                StormPolicy::new()
                    .with_keys(STORM_RUN as u32)
                    .with_probes(Duration::from_millis(200), Duration::from_secs(2)),
            )
            .with_commit_interval(dice.millis(50, 3_000))
            .with_commit_records(dice.pick(&[1, 20, 1_000]))
            .with_drain(dice.millis(1_000, 8_000))
            .with_shards(dice.within(1, 4));
        Self {
            partitions: dice.within(1, 6) as u32,
            protocol: dice.pick(&[RebalanceProtocol::Eager, RebalanceProtocol::Cooperative]),
            session_timeout: dice.percent(60).then(|| dice.millis(2_000, 10_000)),
            revoke_timeout: dice.millis(1_000, 6_000),
            commit_latency: if dice.percent(50) { dice.millis(1, 300) } else { Duration::ZERO },
            pipeline,
            order,
            concurrency,
            records_max,
            bytes_max,
            attempts_max: delays.len() + 1,
            handler_timeout,
            members: dice.within(1, 4),
            records: dice.within(100, 600),
            keys: dice.pick(&[1, 5, 20, 60]),
            failing_percent: dice.pick(&[0, 5, 20, 40]),
            slow_percent: dice.pick(&[0, 20, 60]),
            slow_millis: dice.pick(&[20, 200, SLOW_MILLIS_MAX]),
            steps: dice.within(20, 60),
            step_millis: dice.pick(&[100, 500, 2_000]),
        }
    }

    pub(crate) fn cluster(&self) -> MemoryConfig {
        MemoryConfig::new()
            .with_protocol(self.protocol)
            .with_revoke_timeout(self.revoke_timeout)
            .with_session_timeout(self.session_timeout)
            .with_commit_latency(self.commit_latency)
    }
}

/// Below every handler timeout: what only takes its time never fails.
const SLOW_MILLIS_MAX: usize = 1_500;

/// How many records in a row must fail for a storm.
pub(crate) const STORM_RUN: usize = 10;
