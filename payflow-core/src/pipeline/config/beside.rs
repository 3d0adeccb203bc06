//! What a pipeline's settings must keep to beside its consumer and its handler.

use std::time::Duration;

use super::{InvalidConfig, Order, PipelineConfig};
use crate::consumer::ConsumerLimits;
use crate::pipeline::lanes::LaneShare;

impl PipelineConfig {
    /// Refuses what cannot work beside the limits of the consumer, and the lease of the handler's claims.
    pub(in super::super) fn check_beside(
        &self,
        limits: ConsumerLimits,
        claim_lease: Option<Duration>,
    ) -> Result<(), InvalidConfig> {
        let refuse = |setting, reason: String| Err(InvalidConfig::new(setting, reason));
        if let Some(lease) = claim_lease.filter(|lease| self.handler_timeout >= *lease) {
            let timeout = self.handler_timeout;
            return refuse(
                "handler_timeout",
                format!(
                    "of {timeout:?} is not below the {lease:?} for which the handler claims a notification, so that a \
                     slow one could be sent twice: lower it, or raise the lease (Once::with_lease)"
                ),
            );
        }
        if let Some(fetch) = limits.fetch_bytes().filter(|fetch| self.bytes_max < *fetch) {
            let bytes = self.bytes_max;
            return refuse(
                "bytes_max",
                format!(
                    "of {bytes} is below the {fetch} that the consumer gets of a partition at once, most of which would \
                     wait outside this bound: raise it to {fetch} or more"
                ),
            );
        }
        if self.order != Order::ByKey {
            return Ok(());
        }
        if let Some(held) = limits.held_bytes().filter(|held| self.bytes_max / LaneShare::PART > *held) {
            let bytes = self.bytes_max;
            return refuse(
                "bytes_max",
                format!(
                    "of {bytes} lets one lane hold an eighth, which is above the {held} that the consumer holds of all, \
                     so that a slow lane would stop the others before it is full: lower it to {} or less, or let the \
                     consumer hold more",
                    held.saturating_mul(LaneShare::PART)
                ),
            );
        }
        if let Some(most) =
            limits.partition_records().filter(|most| self.records_max / LaneShare::PART > *most)
        {
            let records = self.records_max;
            return refuse(
                "records_max",
                format!(
                    "of {records} lets one lane hold an eighth, which is above the {most} unfinished records of a \
                     partition that a commit can tell of, so that a slow lane would stop its partition before it is \
                     full: lower it to {} or less",
                    most.saturating_mul(LaneShare::PART)
                ),
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const MIB: usize = 1024 * 1024;

    fn refused(config: &PipelineConfig, limits: ConsumerLimits, lease: Option<Duration>) -> Option<String> {
        config.check_beside(limits, lease).err().map(|invalid| {
            let text = invalid.to_string();
            assert!(text.starts_with(invalid.setting()), "{text}");
            text
        })
    }

    #[test]
    fn what_is_not_known_is_not_held_against_anything() {
        let wide = PipelineConfig::new().with_bytes_max(usize::MAX).with_records_max(usize::MAX);
        assert_eq!(refused(&wide, ConsumerLimits::unknown(), None), None);
        let narrow = PipelineConfig::new().with_bytes_max(64 * 1024);
        assert_eq!(refused(&narrow, ConsumerLimits::default(), None), None);
    }

    #[test]
    fn a_handler_timeout_that_reaches_the_lease_is_refused() {
        let config = PipelineConfig::new().with_handler_timeout(30 * SECOND);
        let unknown = ConsumerLimits::unknown();
        for lease in [SECOND, 30 * SECOND] {
            let text = refused(&config, unknown, Some(lease)).unwrap();
            assert!(text.starts_with("handler_timeout") && text.contains("30s"), "{text}");
            assert!(text.contains("raise the lease"), "{text}");
        }
        assert_eq!(refused(&config, unknown, Some(30 * SECOND + Duration::from_nanos(1))), None);
    }

    #[test]
    fn bytes_that_one_fetch_would_pass_are_refused() {
        let limits = ConsumerLimits::unknown().with_fetch_bytes(MIB);
        let text = refused(&PipelineConfig::new().with_bytes_max(MIB - 1), limits, None).unwrap();
        assert!(text.starts_with("bytes_max of 1048575") && text.contains("raise it to 1048576"), "{text}");
        assert_eq!(refused(&PipelineConfig::new().with_bytes_max(MIB), limits, None), None);
    }

    #[test]
    fn a_lane_with_more_room_than_the_consumer_has_is_refused() {
        let limits = ConsumerLimits::unknown().with_held_bytes(4 * MIB);
        let text = refused(&PipelineConfig::new().with_bytes_max(32 * MIB + 8), limits, None).unwrap();
        assert!(text.starts_with("bytes_max") && text.contains("lower it to 33554432"), "{text}");
        assert_eq!(refused(&PipelineConfig::new().with_bytes_max(32 * MIB), limits, None), None);
        let by_partition = PipelineConfig::new().with_bytes_max(33 * MIB).with_order(Order::ByPartition);
        assert_eq!(refused(&by_partition, limits, None), None, "no lane is ever full");
        let all = ConsumerLimits::unknown().with_held_bytes(usize::MAX);
        assert_eq!(refused(&PipelineConfig::new().with_bytes_max(usize::MAX), all, None), None);
    }

    #[test]
    fn a_lane_with_more_room_than_a_partition_has_is_refused() {
        let limits = ConsumerLimits::unknown().with_partition_records(16_543);
        let text = refused(&PipelineConfig::new().with_records_max(132_352), limits, None).unwrap();
        assert!(text.starts_with("records_max") && text.contains("lower it to 132344"), "{text}");
        assert_eq!(refused(&PipelineConfig::new().with_records_max(132_344), limits, None), None);
    }
}
