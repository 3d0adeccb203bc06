//! Settings that the services have too, under the same names: a flag, else an environment variable, else a default.

use std::fmt;

use anyhow::Result;
use payflow_core::Topic;
use payflow_kafka::{KafkaConfig, Partitioner};

use crate::args::{DeadLetterArgs, KafkaArgs};

/// A setting that is missing or cannot be used: it names the setting and the remedy.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InvalidSetting(String);

impl InvalidSetting {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for InvalidSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidSetting {}

impl KafkaArgs {
    pub(crate) fn config(&self) -> Result<KafkaConfig> {
        let brokers =
            told(self.kafka_brokers.clone(), "--kafka-brokers", "PAYFLOW_KAFKA_BROKERS").ok_or_else(|| {
                InvalidSetting::new(
                    "kafka_brokers is not set; give --kafka-brokers or PAYFLOW_KAFKA_BROKERS: hosts and ports separated by \
                     commas, such as kafka-1:9092,kafka-2:9092",
                )
            })?;
        Ok(KafkaConfig::new(brokers.value).with_client_id("payflow-cli"))
    }
}

impl DeadLetterArgs {
    pub(crate) fn topic(&self) -> Result<Topic> {
        let told_topic =
            told(self.dead_letter_topic.clone(), "--dead-letter-topic", "PAYFLOW_DEAD_LETTER_TOPIC")
                .or_else(|| {
                    let payments = told(None, "", "PAYFLOW_TOPIC")?;
                    Some(Told { value: format!("{}.dead-letters", payments.value), ..payments })
                })
                .unwrap_or_else(|| Told {
                    value: "payment-topic.dead-letters".to_owned(),
                    origin: "the default".to_owned(),
                });
        let Told { value, origin } = told_topic;
        let refused = |reason| {
            InvalidSetting::new(format!(
                "dead_letter_topic ({origin}): {value:?} {reason}; expected a topic such as payment-topic.dead-letters"
            ))
        };
        Ok(Topic::parse(&value).map_err(refused)?)
    }
}

/// The group that remembers what was sent back: never that of a service.
pub(crate) fn redrive_group(told: Option<&String>, topic: &Topic) -> Result<String> {
    let group = told.cloned().unwrap_or_else(|| format!("{topic}.redrive"));
    check_group(&group, "flag --group")?;
    Ok(group)
}

/// The group whose lag is shown.
pub(crate) fn service_group(flag: Option<String>) -> Result<String> {
    let Some(Told { value, origin }) = told(flag, "--group", "PAYFLOW_GROUP") else {
        return Ok("notification-service".to_owned());
    };
    check_group(&value, &origin)?;
    Ok(value)
}

pub(crate) fn partitioner(flag: Option<String>) -> Result<Partitioner> {
    let Some(Told { value, origin }) = told(flag, "--partitioner", "PAYFLOW_PARTITIONER") else {
        return Ok(Partitioner::Murmur2Random);
    };
    match value.as_str() {
        "murmur2_random" => Ok(Partitioner::Murmur2Random),
        "fnv1a_random" => Ok(Partitioner::Fnv1aRandom),
        _ => Err(InvalidSetting::new(format!(
            "partitioner ({origin}): {value:?} is none; expected murmur2_random or fnv1a_random"
        ))
        .into()),
    }
}

fn check_group(group: &str, origin: &str) -> Result<()> {
    let is_good = (1..=255).contains(&group.len()) && group.bytes().all(|byte| byte.is_ascii_graphic());
    if is_good {
        return Ok(());
    }
    Err(InvalidSetting::new(format!(
        "group ({origin}): {group:?} is no group; expected 1 to 255 visible ASCII characters, such as notification-service"
    ))
    .into())
}

struct Told {
    value: String,
    origin: String,
}

fn told(flag: Option<String>, name: &str, variable: &str) -> Option<Told> {
    let by_flag = flag.map(|value| Told { value, origin: format!("flag {name}") });
    by_flag.or_else(|| {
        let value = std::env::var(variable).ok()?;
        Some(Told { value, origin: format!("environment variable {variable}") })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_of_a_redrive_is_named_after_its_topic() {
        let topic = Topic::parse("a.dead-letters").unwrap();
        assert_eq!(redrive_group(None, &topic).unwrap(), "a.dead-letters.redrive");
        assert_eq!(redrive_group(Some(&"mine".to_owned()), &topic).unwrap(), "mine");
        let error = redrive_group(Some(&"a b".to_owned()), &topic).unwrap_err();
        assert!(error.is::<InvalidSetting>() && error.to_string().contains("--group"), "{error}");
    }
}
