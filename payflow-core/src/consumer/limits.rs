//! What a consumer keeps to, so that a pipeline's settings can be held against it.

/// The limits that a consumer keeps by itself. What it does not tell is not checked.
///
/// [`Pipeline::new`](crate::Pipeline::new) refuses settings that cannot work beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConsumerLimits {
    fetch_bytes: Option<usize>,
    held_bytes: Option<usize>,
    partition_records: Option<usize>,
}

impl ConsumerLimits {
    /// Nothing is known.
    #[must_use]
    pub const fn unknown() -> Self {
        Self { fetch_bytes: None, held_bytes: None, partition_records: None }
    }

    /// How many bytes of a partition's records it gets at once.
    #[must_use]
    pub const fn with_fetch_bytes(mut self, fetch_bytes: usize) -> Self {
        self.fetch_bytes = Some(fetch_bytes);
        self
    }

    /// How many bytes of records there are in its buffers at once: when there are so many, it reads on only when
    /// deliveries are dropped.
    #[must_use]
    pub const fn with_held_bytes(mut self, held_bytes: usize) -> Self {
        self.held_bytes = Some(held_bytes);
        self
    }

    /// How many records of one partition may be unfinished at once: then it hands over no more of that partition. One
    /// that keeps its account in a commit's metadata has
    /// [`OffsetTracker::UNFINISHED_MAX`](crate::OffsetTracker::UNFINISHED_MAX).
    #[must_use]
    pub const fn with_partition_records(mut self, partition_records: usize) -> Self {
        self.partition_records = Some(partition_records);
        self
    }

    /// How many bytes of a partition's records it gets at once, if that is known.
    #[must_use]
    pub const fn fetch_bytes(&self) -> Option<usize> {
        self.fetch_bytes
    }

    /// How many bytes of records there are in its buffers at once, if that is known.
    #[must_use]
    pub const fn held_bytes(&self) -> Option<usize> {
        self.held_bytes
    }

    /// How many records of one partition may be unfinished at once, if that is known.
    #[must_use]
    pub const fn partition_records(&self) -> Option<usize> {
        self.partition_records
    }
}
