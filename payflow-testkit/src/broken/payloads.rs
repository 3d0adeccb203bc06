//! Flaws in what a record carries.

use async_trait::async_trait;
use bytes::Bytes;
use payflow_core::{Consumer, Content, Error, Header, Headers, Inbound, Producer, Receipt, Record, Room};

use super::flaw::{ConsumerFlaw, ProducerFlaw, consumer, producer};
use super::harness::BrokenHarness;
use super::{BrokenAdapter, Failing};

pub(super) const ADAPTERS: &[BrokenAdapter<BrokenHarness>] = &[
    BrokenAdapter::new(
        "its receipts say one offset too many",
        &[Failing::new("round_trip", "where the receipt says")],
        || BrokenHarness::new().producer(|sound| producer(sound, OffsetsOffByOne)),
    ),
    BrokenAdapter::new(
        "it takes values for UTF-8",
        &[Failing::new("any_bytes_are_kept", "the value")],
        || edited(|record| record.value = record.value.take().map(|value| lossy(&value))),
    ),
    BrokenAdapter::new("it takes keys for UTF-8", &[Failing::new("any_bytes_are_kept", "the key")], || {
        edited(|record| record.key = record.key.take().map(|key| lossy(&key)))
    }),
    BrokenAdapter::new(
        "it cuts values at 64 KiB",
        &[Failing::new("large_values_are_kept", "the value")],
        || {
            edited(|record| {
                if let Some(value) = &mut record.value {
                    value.truncate(64 << 10)
                }
            })
        },
    ),
    BrokenAdapter::new(
        "it writes tombstones as empty values",
        &[Failing::new("absent_is_not_empty", "the value absent")],
        || edited(|record| record.value = Some(record.value.take().unwrap_or_default())),
    ),
    BrokenAdapter::new(
        "it writes empty keys as absent",
        &[Failing::new("absent_is_not_empty", "the key empty")],
        || edited(|record| record.key = record.key.take().filter(|key| !key.is_empty())),
    ),
    BrokenAdapter::new("it loses headers", &[Failing::new("headers_are_kept", "the headers")], || {
        edited(|record| record.headers = Headers::new())
    }),
    BrokenAdapter::new(
        "it keeps one header of a name",
        &[Failing::new("headers_are_kept", "the headers")],
        || edited(|record| record.headers = one_of_each_name(&record.headers)),
    ),
    BrokenAdapter::new(
        "it writes absent header values as empty",
        &[Failing::new("headers_are_kept", "the headers")],
        || edited(|record| record.headers = without_absent(&record.headers)),
    ),
    BrokenAdapter::new(
        "it gives each record the time of its send",
        &[Failing::new("timestamps_are_kept", "the time")],
        || edited(|record| record.timestamp = None),
    ),
    BrokenAdapter::new(
        "it delivers each value with the key of the one before",
        &[Failing::new("round_trip", "the value")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, KeysShifted(None))),
    ),
];

fn edited(edit: fn(&mut Record)) -> BrokenHarness {
    BrokenHarness::new().producer(move |sound| producer(sound, Edited(edit)))
}

/// Changes each record on its way in.
struct Edited(fn(&mut Record));

#[async_trait]
impl ProducerFlaw for Edited {
    async fn send(&self, sound: &dyn Producer, mut record: Record) -> Result<Receipt, Error> {
        (self.0)(&mut record);
        sound.send(record).await
    }

    async fn send_all(&self, sound: &dyn Producer, mut records: Vec<Record>) -> Vec<Result<Receipt, Error>> {
        records.iter_mut().for_each(self.0);
        sound.send_all(records).await
    }
}

struct OffsetsOffByOne;

#[async_trait]
impl ProducerFlaw for OffsetsOffByOne {
    async fn send(&self, sound: &dyn Producer, record: Record) -> Result<Receipt, Error> {
        let receipt = sound.send(record).await?;
        Ok(Receipt::new(receipt.partition, receipt.offset + 1))
    }
}

struct KeysShifted(Option<Bytes>);

#[async_trait]
impl ConsumerFlaw for KeysShifted {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        sound.receive(into, room).await?;
        for delivery in into.deliveries.iter_mut() {
            let mut shifted = delivery.content.to_record(delivery.topic.clone());
            std::mem::swap(&mut self.0, &mut shifted.key);
            delivery.content = Content::from(&shifted);
        }
        Ok(())
    }
}

fn lossy(bytes: &Bytes) -> Bytes {
    String::from_utf8_lossy(bytes).into_owned().into()
}

fn one_of_each_name(headers: &Headers) -> Headers {
    let last = |header: &Header<'_>| headers.iter().filter(|other| other.name == header.name).last();
    headers.iter().filter(|header| last(header) == Some(*header)).collect()
}

fn without_absent(headers: &Headers) -> Headers {
    headers.iter().map(|header| Header { value: Some(header.value.unwrap_or_default()), ..header }).collect()
}
