//! What a pipeline is told, and the combinations it refuses.

mod beside;
mod invalid;

use std::time::Duration;

pub use invalid::InvalidConfig;

use super::retry::RetryPolicy;
use super::storm::StormPolicy;

/// What is handled one after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Order {
    /// Records of a partition that share a key; a record without a key waits for nobody. The default: order per payer. A key
    /// may take an eighth of what the pipeline may hold: behind a record that fails, more is dead-lettered (`lane full`).
    #[default]
    ByKey,
    /// All records of a partition: behind one that fails the whole partition waits, and what waits may take all that the
    /// pipeline may hold, so that other partitions wait too. Only keys have [shares](Self::ByKey).
    ByPartition,
    /// Nothing.
    None,
}

/// The settings of a [`Pipeline`](crate::Pipeline). Checked when the pipeline is built, by themselves and beside what the
/// consumer and the handler tell: [`Consumer::limits`](crate::Consumer::limits) and
/// [`Handler::claim_lease`](crate::Handler::claim_lease).
#[derive(Debug, Clone)]
pub struct PipelineConfig {
    pub(super) order: Order,
    pub(super) concurrency: usize,
    pub(super) records_max: usize,
    pub(super) bytes_max: usize,
    pub(super) handler_timeout: Duration,
    pub(super) retry: RetryPolicy,
    pub(super) storm: StormPolicy,
    pub(super) commit_interval: Duration,
    pub(super) commit_records: usize,
    pub(super) drain: Duration,
    pub(super) stalled_after: Duration,
    pub(super) shards: usize,
    pub(super) seed: Option<u64>,
}

impl PipelineConfig {
    /// The defaults, each said at its setter.
    #[must_use]
    pub fn new() -> Self {
        Self {
            order: Order::ByKey,
            concurrency: 256,
            records_max: 8_192,
            bytes_max: 64 * 1024 * 1024,
            handler_timeout: Duration::from_secs(30),
            retry: RetryPolicy::default(),
            storm: StormPolicy::new(),
            commit_interval: Duration::from_secs(1),
            commit_records: 10_000,
            drain: Duration::from_secs(8),
            stalled_after: Duration::from_secs(60),
            shards: std::thread::available_parallelism().map_or(1, usize::from).min(8),
            seed: None,
        }
    }

    /// What is handled one after another. Default [`Order::ByKey`].
    #[must_use]
    pub const fn with_order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// How many handlers run at once, over all shards. 1 or more, default 256.
    #[must_use]
    pub const fn with_concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency;
        self
    }

    /// How many records are held at once: queued, running and waiting. At least the concurrency, default 8,192. An eighth is
    /// for one lane, and so not above what the consumer keeps account of in a partition: for a log at most 132,344.
    #[must_use]
    pub const fn with_records_max(mut self, records_max: usize) -> Self {
        self.records_max = records_max;
        self
    }

    /// How many bytes of records are held at once. At least 64 KiB and what the consumer gets at once, at most eight times what
    /// it holds; default 64 MiB. One record that is larger is taken when nothing else is held.
    #[must_use]
    pub const fn with_bytes_max(mut self, bytes_max: usize) -> Self {
        self.bytes_max = bytes_max;
        self
    }

    /// How long one attempt may take before its future is dropped and its outcome counts as unknown. Above zero, below the
    /// [lease](crate::Handler::claim_lease) of the handler's claims, default 30 s.
    #[must_use]
    pub const fn with_handler_timeout(mut self, handler_timeout: Duration) -> Self {
        self.handler_timeout = handler_timeout;
        self
    }

    /// When failed attempts are repeated. Default [`RetryPolicy::default`].
    #[must_use]
    pub fn with_retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// When failures are an outage, which fills no dead letters. Default [`StormPolicy::new`].
    #[must_use]
    pub const fn with_storm(mut self, storm: StormPolicy) -> Self {
        self.storm = storm;
        self
    }

    /// How often finished work is committed: a crash repeats at most what finished in this time. Above zero, default 1 s.
    #[must_use]
    pub const fn with_commit_interval(mut self, commit_interval: Duration) -> Self {
        self.commit_interval = commit_interval;
        self
    }

    /// How many finished records are committed before the interval is over. 1 or more, default 10,000.
    #[must_use]
    pub const fn with_commit_records(mut self, commit_records: usize) -> Self {
        self.commit_records = commit_records;
        self
    }

    /// How long running handlers may go on after a shutdown began, and then the last commit. Keep twice this below the
    /// time that the host grants between SIGTERM and SIGKILL. Above zero, default 8 s.
    #[must_use]
    pub const fn with_drain(mut self, drain: Duration) -> Self {
        self.drain = drain;
        self
    }

    /// For how long nothing may be finished, while there is work, before
    /// [`health`](crate::PipelineHandle::health) says that nothing progresses. Above zero, default 60 s.
    #[must_use]
    pub const fn with_stalled_after(mut self, stalled_after: Duration) -> Self {
        self.stalled_after = stalled_after;
        self
    }

    /// How many tasks the keys are spread over. 1 to 64; default: the processors there are, at most 8.
    #[must_use]
    pub const fn with_shards(mut self, shards: usize) -> Self {
        self.shards = shards;
        self
    }

    /// Seeds the hash of keys and the spread of delays, so that a test repeats. Default: random, which is what keeps
    /// clients from choosing user ids that fall on one shard.
    #[must_use]
    pub const fn with_seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Refuses what cannot work, with the reason and the remedy.
    pub(super) fn check(&self) -> Result<(), InvalidConfig> {
        let refuse = |setting, reason: &'static str| Err(InvalidConfig::new(setting, reason));
        if self.concurrency == 0 {
            return refuse("concurrency", "is 0, so that nothing would ever run: set it to 1 or more");
        }
        if self.records_max < self.concurrency {
            return refuse(
                "records_max",
                "is below the concurrency, which could then never be reached: raise it",
            );
        }
        if self.bytes_max < Self::BYTES_MAX_LEAST {
            return refuse("bytes_max", "is below 64 KiB, the size of one buffer of a transport: raise it");
        }
        if self.handler_timeout.is_zero() {
            return refuse("handler_timeout", "is 0, so that every attempt would be cut off: set it above");
        }
        if self.commit_interval.is_zero() || self.commit_records == 0 {
            return refuse(
                "commit_interval",
                "or commit_records is 0: set both above, such as 1 s and 10,000",
            );
        }
        if self.drain.is_zero() {
            return refuse("drain", "is 0, so that every stop would cut off running handlers: set it above");
        }
        if self.stalled_after.is_zero() {
            return refuse("stalled_after", "is 0, so that nothing would ever progress: set it above");
        }
        if !(1..=Self::SHARDS_MAX).contains(&self.shards) {
            return refuse(
                "shards",
                "is not within 1 to 64: leave it at its default, the number of processors",
            );
        }
        let durations = [
            ("handler_timeout", self.handler_timeout),
            ("commit_interval", self.commit_interval),
            ("drain", self.drain),
            ("stalled_after", self.stalled_after),
        ];
        let delays = self.retry.delays().iter().map(|delay| ("retry", *delay));
        for (setting, duration) in durations.into_iter().chain(delays) {
            if duration > Self::DURATION_MAX {
                return refuse(setting, "is above a year: lower it");
            }
        }
        if self.retry.attempts_max() > Self::ATTEMPTS_MAX {
            return refuse(
                "retry",
                "has more than 1,000 attempts: a shorter schedule, ending in a dead letter, is redriven later",
            );
        }
        self.storm.problem().map_or(Ok(()), |reason| refuse("storm", reason))
    }

    const BYTES_MAX_LEAST: usize = 64 * 1024;
    const DURATION_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    const SHARDS_MAX: usize = 64;
    const ATTEMPTS_MAX: usize = 1_000;
}

impl Default for PipelineConfig {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        let new = PipelineConfig::new;
        let cases = [
            (new().with_concurrency(0), "concurrency"),
            (new().with_concurrency(10).with_records_max(9), "records_max"),
            (new().with_bytes_max(65_535), "bytes_max"),
            (new().with_handler_timeout(Duration::ZERO), "handler_timeout"),
            (new().with_commit_interval(Duration::ZERO), "commit_interval"),
            (new().with_commit_records(0), "commit_interval"),
            (new().with_drain(Duration::ZERO), "drain"),
            (new().with_stalled_after(Duration::ZERO), "stalled_after"),
            (new().with_stalled_after(Duration::MAX), "stalled_after"),
            (new().with_shards(0), "shards"),
            (new().with_shards(65), "shards"),
            (new().with_retry(RetryPolicy::new(vec![Duration::ZERO; 1_000])), "retry"),
            (new().with_retry(RetryPolicy::new([Duration::from_nanos(u64::MAX)])), "retry"),
            (new().with_handler_timeout(Duration::MAX), "handler_timeout"),
            (new().with_commit_interval(Duration::MAX), "commit_interval"),
            (new().with_drain(Duration::MAX), "drain"),
            (new().with_storm(StormPolicy::new().with_keys(0)), "storm"),
        ];
        for (config, setting) in cases {
            assert_eq!(config.check().unwrap_err().setting(), setting);
        }
        assert_eq!(new().check(), Ok(()));
    }
}
