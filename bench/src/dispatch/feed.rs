//! A consumer with no transport behind it.

use std::future;

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::future::BoxFuture;
use payflow_core::{
    AckToken, Assignment, Change, Consumer, Content, Delivery, Error, Inbound, InvalidTopic, Room, Topic,
};

/// Hands over deliveries that share their bytes, in batches, and then ends. What comes back it drops.
#[derive(Debug)]
pub(crate) struct Feed {
    left: u64,
    assigned: bool,
    /// By partition.
    assignments: Vec<Assignment>,
    /// By key.
    contents: Vec<Content>,
    /// By partition.
    next_offsets: [i64; PARTITIONS],
    chance: u64,
}

const PARTITIONS: usize = 8;
const TIMESTAMP_MS: Option<i64> = Some(1_700_000_000_000);
/// What one call of a log transport hands over at most.
const BATCH: usize = 256;

impl Feed {
    /// `messages` deliveries, spread evenly over `keys` in an order that is the same each time.
    pub(crate) fn new(messages: u64, keys: u32) -> Result<Self, InvalidTopic> {
        Ok(Self {
            left: messages,
            assigned: false,
            assignments: assignments(&Topic::parse("payment-topic")?),
            contents: contents(keys),
            next_offsets: [0; PARTITIONS],
            chance: 1,
        })
    }

    fn hand_over(&mut self, into: &mut Inbound, room: Room) {
        let fit = BATCH.min(room.records).min(room.bytes / SIZE_BYTES);
        for _ in 0..fit {
            if self.left == 0 {
                break;
            }
            self.left -= 1;
            let (assignment, offset, content) = self.next();
            into.deliveries.push_record(assignment, offset, TIMESTAMP_MS, content);
        }
        into.ended = self.left == 0;
    }

    /// The next one, whatever was told of how many there are.
    pub(crate) fn delivery(&mut self) -> Delivery {
        let (of, offset, content) = self.next();
        Delivery {
            token: AckToken::new(of.slot, of.generation, offset),
            topic: of.topic.clone(),
            partition: of.partition,
            offset,
            timestamp_ms: TIMESTAMP_MS,
            content,
        }
    }

    fn next(&mut self) -> (&Assignment, i64, Content) {
        // Knuth's MMIX generator: its upper bits are even enough, and it costs two instructions.
        self.chance =
            self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let key = (((self.chance >> 32) * self.contents.len() as u64) >> 32) as usize;
        let partition = key % PARTITIONS;
        let offset = self.next_offsets[partition];
        self.next_offsets[partition] += 1;
        (&self.assignments[partition], offset, self.contents[key].clone())
    }
}

fn assignments(topic: &Topic) -> Vec<Assignment> {
    let of = |partition: usize| Assignment {
        slot: partition as u32,
        generation: 0,
        topic: topic.clone(),
        partition: partition as i32,
    };
    (0..PARTITIONS).map(of).collect()
}

#[async_trait]
impl Consumer for Feed {
    async fn receive(&mut self, into: &mut Inbound, room: Room) -> Result<(), Error> {
        if !self.assigned {
            self.assigned = true;
            into.changes.push(Change::Assigned(self.assignments.clone()));
        }
        self.hand_over(into, room);
        if into.is_empty() {
            // No room: the pipeline asks again when it has some.
            future::pending().await
        }
        Ok(())
    }

    fn acknowledge(&mut self, _finished: &[AckToken], _given_up: &[AckToken]) {}

    fn commit(&mut self) -> BoxFuture<'static, Result<(), Error>> {
        Box::pin(future::ready(Ok(())))
    }
}

const USER_ID_BYTES: usize = 8;

const VALUE: &str = r#"{"userId":"u0000001","amount":49.99,"method":"paypal"}"#;
const SIZE_BYTES: usize = USER_ID_BYTES + VALUE.len();

/// Slices of one buffer, as a transport makes them.
fn contents(keys: u32) -> Vec<Content> {
    let all: String = (0..keys).map(|number| format!("u{number:07}{VALUE}")).collect();
    let all = Bytes::from(all);
    let slice =
        |start| Content::slice(all.slice(start..start + SIZE_BYTES), Some(USER_ID_BYTES), Some(VALUE.len()));
    (0..all.len()).step_by(SIZE_BYTES).map(slice).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const ROOM: Room = Room { records: 100, bytes: 1 << 20, first_may_exceed: true };

    #[tokio::test]
    async fn hands_over_as_many_as_it_was_told_within_room_and_ends() {
        let mut feed = Feed::new(1_050, 50).unwrap();
        let mut inbound = Inbound::default();
        let (mut handed, mut tokens, mut keys) = (0, HashSet::new(), HashSet::new());
        while !inbound.ended {
            inbound.clear();
            feed.receive(&mut inbound, ROOM).await.unwrap();
            assert!(inbound.deliveries.len() <= ROOM.records);
            handed += inbound.deliveries.len();
            for delivery in &inbound.deliveries {
                tokens.insert(delivery.token);
                keys.insert(delivery.key().map(<[u8]>::to_vec));
            }
        }
        assert_eq!((handed, tokens.len(), keys.len()), (1_050, 1_050, 50));
    }

    #[tokio::test]
    async fn a_key_stays_in_its_partition() {
        let mut feed = Feed::new(1_000, 20).unwrap();
        let mut inbound = Inbound::default();
        while !inbound.ended {
            feed.receive(&mut inbound, ROOM).await.unwrap();
        }
        let places: HashSet<_> =
            inbound.deliveries.iter().map(|delivery| (delivery.key(), delivery.partition)).collect();
        assert_eq!(places.len(), 20);
    }
}
