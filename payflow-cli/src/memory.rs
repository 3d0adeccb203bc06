//! What Kafka remembers of what the redrive group sent back.

use payflow_core::Topic;
use payflow_kafka::PartitionLag;

/// Whether the group has committed something, or nothing stands there that it could have sent back.
///
/// Kafka forgets a group as a whole, not partition by partition: one commit is enough.
pub(crate) fn remembers(lags: &[PartitionLag]) -> bool {
    lags.iter().any(|lag| lag.committed.is_some()) || lags.iter().all(|lag| lag.lag() == 0)
}

/// That nothing is remembered, and why.
pub(crate) fn nothing(group: &str, topic: &Topic) -> String {
    format!(
        "nothing is remembered of redrives of {topic}: group {group} has sent none back so far, or Kafka has forgotten it, as it \
         does where no redrive runs for as long as offsets.retention.minutes says (7 days by default)"
    )
}
