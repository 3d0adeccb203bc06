//! Settings of a redrive.

use std::time::Duration;

use super::filter::RedriveFilter;
use crate::record::Topic;

/// Settings of a [`Redrive`](crate::Redrive).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedriveConfig {
    pub(super) filter: RedriveFilter,
    pub(super) unknown: bool,
    pub(super) round_trips_max: u32,
    pub(super) to: Option<Topic>,
    pub(super) limit: Option<u64>,
    pub(super) rate: u32,
    pub(super) in_flight_max: usize,
    pub(super) idle_timeout: Duration,
    pub(super) dry_run: bool,
    pub(super) ends: Vec<(Topic, i32, i64)>,
}

impl RedriveConfig {
    /// The default of [`with_round_trips_max`](Self::with_round_trips_max).
    pub const ROUND_TRIPS_MAX: u32 = 3;
    /// The default of [`with_rate`](Self::with_rate).
    pub const RATE: u32 = 100;
    /// The default of [`with_in_flight_max`](Self::with_in_flight_max).
    pub const IN_FLIGHT_MAX: usize = 64;
    /// The default of [`with_idle_timeout`](Self::with_idle_timeout).
    pub const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

    /// The defaults: everything goes back to where it came from, except what is unknown.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            filter: RedriveFilter::new(),
            unknown: false,
            round_trips_max: Self::ROUND_TRIPS_MAX,
            to: None,
            limit: None,
            rate: Self::RATE,
            in_flight_max: Self::IN_FLIGHT_MAX,
            idle_timeout: Self::IDLE_TIMEOUT,
            dry_run: false,
            ends: Vec::new(),
        }
    }

    /// Which dead letters are meant. Default all.
    #[must_use]
    pub fn with_filter(mut self, filter: RedriveFilter) -> Self {
        self.filter = filter;
        self
    }

    /// Whether those go back too whose handling may have happened ([`Fault::Unknown`](crate::Fault::Unknown)). Default
    /// no: without a durable inbox that can notify a second time.
    #[must_use]
    pub const fn with_unknown(mut self, unknown: bool) -> Self {
        self.unknown = unknown;
        self
    }

    /// How often one record may be sent back in its life: what fails again each time ends its rounds there. Taken as 1
    /// or more, default 3.
    #[must_use]
    pub fn with_round_trips_max(mut self, round_trips: u32) -> Self {
        self.round_trips_max = round_trips.max(1);
        self
    }

    /// Sends everything to this topic. Default: each to the topic that it came from.
    #[must_use]
    pub fn with_to(mut self, topic: Topic) -> Self {
        self.to = Some(topic);
        self
    }

    /// Ends after so many. Default no limit.
    #[must_use]
    pub const fn with_limit(mut self, records: u64) -> Self {
        self.limit = Some(records);
        self
    }

    /// How many are sent a second, at most. Taken as 1 to 100,000, default 100.
    #[must_use]
    pub fn with_rate(mut self, per_second: u32) -> Self {
        self.rate = per_second.clamp(1, 100_000);
        self
    }

    /// How many may be sent without their commit being durable, which is what a crash repeats at the most. Taken as 1 to
    /// 1,000, default 64.
    #[must_use]
    pub fn with_in_flight_max(mut self, records: usize) -> Self {
        self.in_flight_max = records.clamp(1, 1_000);
        self
    }

    /// How long nothing may come, with nothing under way, before the redrive gives up as
    /// [stalled](crate::RedriveEnd::Stalled). Taken as 1 s to 1 h, default 30 s.
    #[must_use]
    pub fn with_idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout.clamp(Duration::from_secs(1), Duration::from_secs(3_600));
        self
    }

    /// Looks at everything, sends nothing and finishes nothing. Default no.
    #[must_use]
    pub const fn with_dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// Leaves out what stands at `end` or behind it: what was set aside after the redrive began, which else comes too, so
    /// that what fails again goes round within one redrive. At 0 the partition is done at once, whatever comes.
    /// Default: a partition is done when its consumer tells its [end](crate::PartitionEnd), an empty one and one of which
    /// nothing is left too; from a consumer that tells no ends, each partition needs this.
    #[must_use]
    pub fn with_end(mut self, topic: Topic, partition: i32, end: i64) -> Self {
        self.ends.push((topic, partition, end));
        self
    }
}

impl Default for RedriveConfig {
    fn default() -> Self {
        Self::new()
    }
}
