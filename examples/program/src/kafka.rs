//! What programs on Kafka share: a start that waits for no broker, and topics that are created when asked for.

use std::time::Duration;

use payflow_core::{Error, Fault, Topic};
use payflow_kafka::{KafkaTopics, NewTopic};
use tokio::time::{Instant, sleep, timeout_at};

use crate::value::{Partitioner, Topics};

/// Flags of a program that can create its topics.
#[derive(Debug, Clone, clap::Args)]
pub struct TopicFlags {
    /// Create the topics that are missing, then go on. Without it a topic that is missing is an error
    #[arg(long)]
    ensure_topics: bool,

    /// With --ensure-topics: how many partitions a new topic gets. Rather many: to add some later breaks the order of
    /// the payments under way [default: 12]
    #[arg(long, value_name = "N", requires = "ensure_topics", value_parser = clap::value_parser!(i32).range(1..=100_000))]
    partitions: Option<i32>,

    /// With --ensure-topics: how many copies of each record a new topic keeps; more than half of them must be in sync.
    /// 3 survives the loss of a broker [default: as the cluster is set up]
    #[arg(long, value_name = "N", requires = "ensure_topics", value_parser = clap::value_parser!(i32).range(1..=32_767))]
    replication: Option<i32>,
}

/// Divides evenly among 1, 2, 3, 4, 6 and 12 members of a group.
const PARTITIONS: i32 = 12;

impl TopicFlags {
    /// Creates the topic of the payments, if that was asked for and it is missing.
    ///
    /// # Errors
    /// As [`KafkaTopics::ensure`].
    pub async fn ensure_payments(&self, cluster: &KafkaTopics, topic: &Topic) -> Result<(), Error> {
        self.ensure(cluster, [NewTopic::new(topic)]).await
    }

    /// The same for the topic of the payments and that of their dead letters, which is sized by the first.
    ///
    /// # Errors
    /// As [`KafkaTopics::ensure`].
    pub async fn ensure_with_dead_letters(
        &self,
        cluster: &KafkaTopics,
        topics: &Topics,
    ) -> Result<(), Error> {
        let (payments, dead_letters) = (topics.topic(), topics.dead_letter_topic());
        self.ensure(cluster, [NewTopic::new(payments), NewTopic::dead_letters(dead_letters, payments)]).await
    }

    async fn ensure<const N: usize>(
        &self,
        cluster: &KafkaTopics,
        topics: [NewTopic; N],
    ) -> Result<(), Error> {
        if self.ensure_topics { cluster.ensure(&topics.map(|topic| self.sized(topic))).await } else { Ok(()) }
    }

    fn sized(&self, topic: NewTopic) -> NewTopic {
        let topic = topic.with_partitions(self.partitions.unwrap_or(PARTITIONS));
        match self.replication {
            None => topic,
            Some(copies) => {
                // A majority: with fewer an accepted payment could have a single copy.
                let in_sync = copies / 2 + 1;
                topic.with_replication(copies).with_config("min.insync.replicas", in_sync.to_string())
            }
        }
    }
}

/// Does what a program needs of Kafka before its work begins, again and again until a broker answers.
///
/// `tell` is called once: with `Ok` when `ask` has succeeded, or with the reason when it has not after 2 s, and then no
/// more. So the line that a program logs at its start is one line, whether Kafka is there or not.
///
/// # Errors
/// That of `ask`, if it is not transient: waiting would not mend it.
///
/// # Cancel safety
/// As that of `ask`.
pub async fn await_kafka<T>(
    ask: impl AsyncFn() -> Result<T, Error>,
    tell: impl FnOnce(Result<(), String>),
) -> Result<T, Error> {
    let mut tell = Some(tell);
    let patience = Instant::now() + PATIENCE;
    loop {
        let asked = {
            let mut asked = std::pin::pin!(ask());
            match timeout_at(patience, asked.as_mut()).await {
                Ok(asked) => asked,
                Err(_) => {
                    if let Some(tell) = tell.take() {
                        tell(Err(format!("no answer in {PATIENCE:?}")));
                    }
                    asked.await
                }
            }
        };
        match asked {
            Ok(value) => {
                if let Some(tell) = tell.take() {
                    tell(Ok(()));
                }
                return Ok(value);
            }
            Err(error) if matches!(error.fault(), Fault::Transient { .. } | Fault::Unknown) => {
                if Instant::now() >= patience
                    && let Some(tell) = tell.take()
                {
                    tell(Err(error.chain()));
                }
            }
            Err(error) => return Err(error),
        }
        sleep(PAUSE).await;
    }
}

/// How long a program is silent about Kafka at its start.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(500);

impl From<Partitioner> for payflow_kafka::Partitioner {
    fn from(partitioner: Partitioner) -> Self {
        match partitioner {
            Partitioner::Murmur2Random => Self::Murmur2Random,
            Partitioner::Fnv1aRandom => Self::Fnv1aRandom,
        }
    }
}

#[cfg(test)]
#[expect(clippy::future_not_send, reason = "each test stays on its thread")]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    async fn run(ask: impl AsyncFn() -> Result<u32, Error>) -> (Result<u32, Error>, Vec<Result<(), String>>) {
        let told = RefCell::new(Vec::new());
        let result = await_kafka(ask, |word| told.borrow_mut().push(word)).await;
        (result, told.into_inner())
    }

    #[tokio::test(start_paused = true)]
    async fn broker_that_answers_is_told_once() {
        let (result, told) = run(async || Ok(7)).await;

        assert_eq!((result.unwrap(), told), (7, vec![Ok(())]));
    }

    #[tokio::test(start_paused = true)]
    async fn absent_broker_is_told_once_and_found_when_it_is_back() {
        let asked = Cell::new(0);
        let (result, told) = run(async || {
            asked.set(asked.get() + 1);
            if asked.get() < 100 { Err(Error::transient("check topics").because("down")) } else { Ok(7) }
        })
        .await;

        assert_eq!((result.unwrap(), told), (7, vec![Err("check topics: transient: down".to_owned())]));
    }

    #[tokio::test(start_paused = true)]
    async fn broker_that_hangs_is_told_while_it_is_waited_for() {
        let started = Instant::now();
        let told_after = Cell::new(None);
        let result = await_kafka(
            async || {
                sleep(Duration::from_secs(60)).await;
                Ok(7)
            },
            |word| told_after.set(word.is_err().then(|| started.elapsed())),
        )
        .await;

        assert_eq!((result.unwrap(), told_after.get()), (7, Some(PATIENCE)));
    }

    #[tokio::test(start_paused = true)]
    async fn broker_that_is_back_at_once_is_no_outage() {
        let asked = Cell::new(0);
        let (result, told) = run(async || {
            asked.set(asked.get() + 1);
            if asked.get() < 3 { Err(Error::transient("check topics")) } else { Ok(7) }
        })
        .await;

        assert_eq!((result.unwrap(), told), (7, vec![Ok(())]));
    }

    #[tokio::test(start_paused = true)]
    async fn missing_topic_ends_the_start_without_a_word() {
        let (result, told) = run(async || Err(Error::permanent("check topics"))).await;

        assert_eq!((result.unwrap_err().fault(), told), (Fault::Permanent, vec![]));
    }
}
