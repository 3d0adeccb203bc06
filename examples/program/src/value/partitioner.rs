//! The partitioner.

/// How the record's key picks its partition. Every producer of a topic must use the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partitioner {
    /// As Kafka's Java client does.
    Murmur2Random,
    /// As kafka-go (`Hash`) and sarama do.
    Fnv1aRandom,
}

impl Partitioner {
    /// The name, which is also librdkafka's.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Murmur2Random => "murmur2_random",
            Self::Fnv1aRandom => "fnv1a_random",
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let all = [Self::Murmur2Random, Self::Fnv1aRandom];
        all.into_iter().find(|partitioner| partitioner.as_str() == text).ok_or("is no partitioner")
    }
}
