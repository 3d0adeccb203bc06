//! `payflow dead-letters show`.

use std::fmt::Write as _;
use std::str::FromStr;

use anyhow::{Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use payflow_core::{DeadLetter, Delivery};
use payflow_kafka::KafkaReader;
use serde_json::{Value, json};

use crate::Outcome;
use crate::args::ShowArgs;
use crate::key::{printable, shown};
use crate::letters::{read_all, time};
use crate::output::write;
use crate::settings::Settings;

/// A place in a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    partition: i32,
    offset: i64,
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || "expected PARTITION@OFFSET, as `list` shows it, such as 3@1207".to_owned();
        let (partition, offset) = text.split_once('@').ok_or_else(expected)?;
        let place = Self {
            partition: partition.parse().map_err(|_| expected())?,
            offset: offset.parse().map_err(|_| expected())?,
        };
        if place.partition < 0 || place.offset < 0 { Err(expected()) } else { Ok(place) }
    }
}

pub(crate) async fn run(args: ShowArgs) -> Result<Outcome> {
    let settings = Settings::read(&args.dead_letters.kafka)?;
    let (kafka, topic) =
        (settings.kafka(&args.dead_letters.kafka)?, settings.dead_letter_topic(&args.dead_letters)?);
    let Place { partition, offset } = args.place;
    let reader = KafkaReader::open_at(&kafka, &topic, partition, offset).await?;
    let mut found = None;
    read_all(reader, |delivery| found = Some(delivery)).await?;
    let Some(delivery) = found else {
        bail!(
            "{topic} has no record at {partition}@{offset}: it was deleted by the topic's retention, or never was; `list \
             --all` shows those that are there"
        );
    };
    write(&if args.json { format!("{}\n", as_json(&delivery, &args)) } else { as_text(&delivery, &args) })?;
    Ok(Outcome::Done)
}

fn as_text(delivery: &Delivery, args: &ShowArgs) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // A string takes everything.
        let _ = writeln!(text, "{name:<11} {}", printable(value));
    };
    line("topic", delivery.topic.as_str());
    line("place", &format!("{}@{}", delivery.partition, delivery.offset));
    line("set aside", &time(delivery.timestamp()));
    line("key", &shown(delivery.key(), args.show_keys));
    match DeadLetter::read(delivery) {
        Ok(letter) => {
            line("from", &format!("{} {}@{}", letter.topic, letter.partition, letter.offset));
            line("fault", letter.fault.as_str());
            line("stage", &letter.stage);
            line("attempts", &letter.attempts.to_string());
            line("redrives", &letter.redrives.to_string());
            line("reason", &letter.reason);
        }
        Err(error) => line("warning", &format!("no dead letter of payflow's: {error}")),
    }
    line("headers", &delivery.headers().len().to_string());
    for header in delivery.headers() {
        let value = header.value.map_or_else(|| "(none)".into(), text_or_base64);
        line("", &format!("{}: {value}", header.name));
    }
    let value = match delivery.value() {
        None => "(none)".to_owned(),
        Some(value) if args.value => text_or_base64(value),
        Some(value) => format!("{} bytes; --value shows them", value.len()),
    };
    line("value", &value);
    text
}

fn as_json(delivery: &Delivery, args: &ShowArgs) -> Value {
    let headers: Vec<Value> = delivery
        .headers()
        .iter()
        .map(|header| bytes("value", header.value, json!({ "name": header.name })))
        .collect();
    let object = json!({
        "topic": delivery.topic.as_str(),
        "partition": delivery.partition,
        "offset": delivery.offset,
        "set_aside_at": delivery.timestamp().map(|at| at.to_string()),
        "key": shown(delivery.key(), args.show_keys),
        "is_dead_letter": DeadLetter::read(delivery).is_ok(),
        "headers": headers,
        "value_bytes": delivery.value().map(<[u8]>::len),
    });
    if args.value { bytes("value", delivery.value(), object) } else { object }
}

/// Adds bytes to an object: as a text if they are one, else in base64 under a name that says so.
fn bytes(name: &str, value: Option<&[u8]>, mut object: Value) -> Value {
    let (name, value) = match value.map(std::str::from_utf8) {
        None => (name.to_owned(), Value::Null),
        Some(Ok(text)) => (name.to_owned(), text.into()),
        Some(Err(_)) => (format!("{name}_base64"), value.map(|value| STANDARD.encode(value)).into()),
    };
    if let Some(object) = object.as_object_mut() {
        object.insert(name, value);
    }
    object
}

fn text_or_base64(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) => format!("base64 {}", STANDARD.encode(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_the_list_writes_them() {
        assert_eq!("3@1207".parse(), Ok(Place { partition: 3, offset: 1207 }));
        for text in ["", "3", "@", "3@", "@7", "-1@7", "3@-7", "3@7@8", "a@7"] {
            assert!(text.parse::<Place>().unwrap_err().contains("PARTITION@OFFSET"), "{text}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_told_in_base64() {
        assert_eq!(bytes("value", Some(b"a"), json!({})), json!({ "value": "a" }));
        assert_eq!(bytes("value", Some(&[0xff]), json!({})), json!({ "value_base64": "/w==" }));
        assert_eq!(bytes("value", None, json!({})), json!({ "value": null }));
    }
}
