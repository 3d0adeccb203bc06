//! What is sent is what is delivered.

use bytes::Bytes;
use jiff::Timestamp;
use payflow_core::{Delivery, Header, Headers, HeadersRef, Record, Topic};

use crate::conformance::harness::Harness;
use crate::conformance::member::Member;
use crate::conformance::stage::{Stage, fresh_group};
use crate::conformance::violation::Violation;

/// A record is delivered with the key and value it was sent with, where its receipt said that it stands.
///
/// # Errors
/// The adapter broke that promise.
pub async fn round_trip(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let topic = stage.wide_topic().await?;
    let sender = stage.sender().await?;
    let mut sent = Vec::new();
    for number in 0..10 {
        let value = format!(r#"{{"userId":"u{number}","amount":49.99,"method":"paypal"}}"#);
        let record = Record::new(topic.clone(), value).with_key(format!("u{number}"));
        sent.push((record.clone(), sender.receipt_of(record).await?));
    }

    let mut member = stage.member("only", &fresh_group(), &topic).await?;
    let delivered = member.take(sent.len()).await?;

    for (record, receipt) in &sent {
        let key = record.key.as_deref().unwrap_or_default();
        let found = delivered.iter().find(|one| one.key() == Some(key));
        let place = format!("{topic}/{}@{}", receipt.partition, receipt.offset);
        let Some(delivery) = found else {
            let expected = format!("the record with key \"{}\" at {place}", key.escape_ascii());
            return Err(Violation::new(expected, "no delivery had this key"));
        };
        alike(record, delivery)?;
        if (delivery.partition, delivery.offset) != (receipt.partition, receipt.offset) {
            let expected = format!("a delivery from where the receipt says that the record stands, {place}");
            return Err(Violation::new(expected, "it stood elsewhere").of(delivery));
        }
    }
    Ok(())
}

/// Keys and values are bytes: any of them, in any number from none on.
///
/// # Errors
/// The adapter broke that promise.
pub async fn any_bytes_are_kept(harness: &dyn Harness) -> Result<(), Violation> {
    arrives(harness, |topic| {
        let every_byte: Vec<u8> = (0..=u8::MAX).collect();
        vec![
            Record::new(topic.clone(), every_byte.clone()).with_key(every_byte),
            Record::new(topic.clone(), vec![0xff, 0xfe, 0x00]).with_key(vec![0x00]),
            Record::new(topic.clone(), Bytes::new()).with_key("empty value"),
            Record::new(topic.clone(), "\r\n\0 \u{feff}").with_key("\u{0}\n"),
        ]
    })
    .await
}

/// A value of 900 kB arrives whole.
///
/// # Errors
/// The adapter broke that promise.
pub async fn large_values_are_kept(harness: &dyn Harness) -> Result<(), Violation> {
    arrives(harness, |topic| {
        // No period that a buffer's size divides, so that swapped or repeated parts show.
        let value: Vec<u8> = (0..900_000_u32).map(|at| (at % 251) as u8).collect();
        vec![
            Record::new(topic.clone(), "before").with_key("k"),
            Record::new(topic.clone(), value).with_key("k"),
            Record::new(topic.clone(), "after").with_key("k"),
        ]
    })
    .await
}

/// An absent value (a tombstone) arrives as absent, an empty one as empty; keys likewise.
///
/// # Errors
/// The adapter broke that promise.
pub async fn absent_is_not_empty(harness: &dyn Harness) -> Result<(), Violation> {
    arrives(harness, |topic| {
        let tombstone = Record { value: None, ..Record::new(topic.clone(), "") };
        vec![
            tombstone.clone().with_key("tombstone"),
            Record::new(topic.clone(), "").with_key("empty value"),
            tombstone,
            Record::new(topic.clone(), "no key"),
            Record::new(topic.clone(), "empty key").with_key(""),
        ]
    })
    .await
}

/// Headers arrive in their order, with repeated names, empty values, absent values and any bytes.
///
/// # Errors
/// The adapter broke that promise.
pub async fn headers_are_kept(harness: &dyn Harness) -> Result<(), Violation> {
    arrives(harness, |topic| {
        let header = |name, value| Header { name, value };
        let headers: Headers = [
            header("z", Some(&b"first"[..])),
            header("a", Some(b"1")),
            header("a", Some(b"2")),
            header("empty", Some(b"")),
            header("absent", None),
            header("bytes", Some(b"\xff\x00\xfe")),
            header("a", Some(b"3")),
            header("\u{e9}t\u{e9}", Some(b"a name outside ASCII")),
        ]
        .into_iter()
        .collect();
        vec![
            Record::new(topic.clone(), "with headers").with_headers(headers),
            Record::new(topic.clone(), "without headers"),
        ]
    })
    .await
}

/// The time given to a record is the time it is delivered with, to the millisecond.
///
/// # Errors
/// The adapter broke that promise.
pub async fn timestamps_are_kept(harness: &dyn Harness) -> Result<(), Violation> {
    let now = Timestamp::now().as_millisecond();
    arrives(harness, |topic| {
        let given = [now - 86_400_000, now - 1, now - 12_345];
        let at = |ms: i64| Record {
            timestamp: Timestamp::from_millisecond(ms).ok(),
            ..Record::new(topic.clone(), format!("at {ms}"))
        };
        given.into_iter().map(at).collect()
    })
    .await
}

/// Sends the records one after another to one partition, and compares what is delivered.
async fn arrives(
    harness: &dyn Harness,
    records: impl FnOnce(&Topic) -> Vec<Record>,
) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let topic = stage.topic(1).await?;
    let records = records(&topic);
    let sender = stage.sender().await?;
    for record in &records {
        sender.send(record.clone()).await?;
    }

    let mut member: Member = stage.member("only", &fresh_group(), &topic).await?;
    let delivered = member.take(records.len()).await?;

    records.iter().zip(&delivered).try_for_each(|(record, delivery)| alike(record, delivery))
}

/// The delivery is of this record. A time the record did not give is the transport's to choose.
fn alike(record: &Record, delivery: &Delivery) -> Result<(), Violation> {
    let differs = |what: &str, owed: String, came: String| {
        Err(Violation::new(format!("{what} {owed}"), format!("it was {came}")).of(delivery))
    };
    if record.topic != delivery.topic {
        return differs("the topic", record.topic.to_string(), delivery.topic.to_string());
    }
    if record.key.as_deref() != delivery.key() {
        return differs("the key", bytes_shown(record.key.as_deref()), bytes_shown(delivery.key()));
    }
    if record.value.as_deref() != delivery.value() {
        return differs("the value", bytes_shown(record.value.as_deref()), bytes_shown(delivery.value()));
    }
    if record.headers.view() != delivery.headers() {
        return differs(
            "the headers",
            headers_shown(record.headers.view()),
            headers_shown(delivery.headers()),
        );
    }
    let given = record.timestamp.map(Timestamp::as_millisecond);
    if given.is_some() && given != delivery.timestamp_ms {
        return differs("the time in ms", format!("{given:?}"), format!("{:?}", delivery.timestamp_ms));
    }
    Ok(())
}

fn bytes_shown(bytes: Option<&[u8]>) -> String {
    match bytes {
        None => "absent".to_owned(),
        Some([]) => "empty".to_owned(),
        Some(bytes) if bytes.len() > 300 => format!("{} bytes that begin \"{}\"", bytes.len(), head(bytes)),
        Some(bytes) => format!("\"{}\"", bytes.escape_ascii()),
    }
}

fn head(bytes: &[u8]) -> String {
    bytes.iter().take(16).flat_map(|byte| byte.escape_ascii()).map(char::from).collect()
}

fn headers_shown(headers: HeadersRef<'_>) -> String {
    let shown = headers.iter().map(|header| format!("{}={}", header.name, bytes_shown(header.value)));
    format!("[{}]", shown.collect::<Vec<_>>().join(", "))
}
