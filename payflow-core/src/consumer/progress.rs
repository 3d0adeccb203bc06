//! How far a consumer is with each of its partitions.

use crate::record::Topic;

/// How far a partition in a consumer's hands is, for whoever looks at a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionProgress {
    /// The topic.
    pub topic: Topic,
    /// The partition of the topic.
    pub partition: i32,
    /// The offset below which all that was received is done.
    pub watermark: i64,
    /// The offset that the log's next record will have, as the transport heard of it last; `None` if it has not yet.
    pub end: Option<i64>,
    /// How many more bytes of a commit's metadata the unfinished records may come to need before nothing more of this
    /// partition is received, until older ones are finished. `None` if what is finished beyond the watermark is not committed.
    pub metadata_headroom_bytes: Option<u64>,
}

impl PartitionProgress {
    /// Offsets from the watermark to the end of the log: records that are not done, and gaps among them.
    #[must_use]
    pub fn lag(&self) -> Option<u64> {
        // The end may have been heard of before what was received since.
        self.end.map(|end| u64::try_from(end.saturating_sub(self.watermark)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_is_what_lies_between_watermark_and_end_and_never_below_nothing() {
        let lag = |watermark, end| {
            let topic = Topic::parse("t").unwrap();
            PartitionProgress { topic, partition: 0, watermark, end, metadata_headroom_bytes: None }.lag()
        };
        assert_eq!(lag(3, Some(10)), Some(7));
        assert_eq!(lag(10, Some(10)), Some(0));
        assert_eq!(lag(11, Some(10)), Some(0), "an end that was heard of long ago");
        assert_eq!(lag(3, None), None);
        assert_eq!(lag(i64::MIN, Some(i64::MAX)), Some(i64::MAX as u64));
    }
}
