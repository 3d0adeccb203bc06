//! Settings that the services have too, under the same names: a flag, else an environment variable, else a key of the
//! settings file, else a default.

mod file;

use std::env::{self, VarError};
use std::fmt;
use std::path::Path;

use anyhow::Result;
use payflow_core::Topic;
use payflow_kafka::{KafkaConfig, Partitioner};

use self::file::SettingsFile;
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

/// Where settings stand that no flag tells.
#[derive(Debug)]
pub(crate) struct Settings {
    file: Option<SettingsFile>,
}

impl Settings {
    /// Reads the settings file, if one is named.
    pub(crate) fn read(args: &KafkaArgs) -> Result<Self> {
        let by_flag = args.config.as_ref().map(|path| (path.clone(), "flag --config"));
        let by_variable =
            || env::var_os(CONFIG).map(|path| (path.into(), "environment variable PAYFLOW_CONFIG"));
        let named = by_flag.or_else(by_variable);
        let file = named.map(|(path, named_by)| SettingsFile::read(Path::new(&path), named_by));
        Ok(Self { file: file.transpose()? })
    }

    /// The cluster.
    pub(crate) fn kafka(&self, args: &KafkaArgs) -> Result<KafkaConfig> {
        let Told { value, origin } = self.told("kafka_brokers", args.kafka_brokers.as_ref())?.ok_or_else(|| {
            InvalidSetting::new(format!(
                "kafka_brokers is not set; give --kafka-brokers, PAYFLOW_KAFKA_BROKERS, or kafka_brokers in the settings \
                 file: {BROKERS}"
            ))
        })?;
        if !value.split(',').all(|broker| is_broker(broker.trim())) {
            let wrong = format!(
                "kafka_brokers ({origin}): {value:?} has an entry that is no broker; expected {BROKERS}"
            );
            return Err(InvalidSetting::new(wrong).into());
        }
        Ok(KafkaConfig::new(value).with_client_id("payflow-cli"))
    }

    /// The topic of the dead letters.
    pub(crate) fn dead_letter_topic(&self, args: &DeadLetterArgs) -> Result<Topic> {
        let told = match self.told("dead_letter_topic", args.dead_letter_topic.as_ref())? {
            Some(told) => told,
            None => match self.told("topic", None)? {
                Some(payments) => Told { value: format!("{}.dead-letters", payments.value), ..payments },
                None => {
                    Told { value: "payment-topic.dead-letters".to_owned(), origin: "the default".to_owned() }
                }
            },
        };
        let Told { value, origin } = told;
        let refused = |reason| {
            InvalidSetting::new(format!(
                "dead_letter_topic ({origin}): {value:?} {reason}; expected a topic such as payment-topic.dead-letters"
            ))
        };
        Ok(Topic::parse(&value).map_err(refused)?)
    }

    /// The group whose lag is shown.
    pub(crate) fn service_group(&self, flag: Option<&String>) -> Result<String> {
        let Some(Told { value, origin }) = self.told("group", flag)? else {
            return Ok("notification-service".to_owned());
        };
        check_group(&value, &origin)?;
        Ok(value)
    }

    /// How the key picks the partition.
    pub(crate) fn partitioner(&self, flag: Option<&String>) -> Result<Partitioner> {
        let Some(Told { value, origin }) = self.told("partitioner", flag)? else {
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

    /// The first source that tells it counts.
    fn told(&self, key: &str, flag: Option<&String>) -> Result<Option<Told>> {
        if let Some(value) = flag {
            let origin = format!("flag --{}", key.replace('_', "-"));
            return Ok(Some(Told { value: value.clone(), origin }));
        }
        let variable = format!("PAYFLOW_{}", key.to_uppercase());
        let origin = format!("environment variable {variable}");
        match env::var(&variable) {
            Ok(value) => return Ok(Some(Told { value, origin })),
            Err(VarError::NotUnicode(_)) => {
                return Err(InvalidSetting::new(format!("{key} ({origin}): the value is not UTF-8")).into());
            }
            Err(VarError::NotPresent) => {}
        }
        let Some(found) = self.file.as_ref().and_then(|file| file.find(key)) else { return Ok(None) };
        let Some(text) = found.text else {
            let wrong = format!("{key} ({}): the value is no text; put it in quotes", found.origin);
            return Err(InvalidSetting::new(wrong).into());
        };
        Ok(Some(Told { value: text.to_owned(), origin: found.origin }))
    }
}

/// The group that remembers what was sent back: never that of a service.
pub(crate) fn redrive_group(told: Option<&String>, topic: &Topic) -> Result<String> {
    let group = told.cloned().unwrap_or_else(|| format!("{topic}.redrive"));
    check_group(&group, "flag --group")?;
    Ok(group)
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

/// A host and a port, as the services want them.
fn is_broker(broker: &str) -> bool {
    let Some((host, port)) = broker.rsplit_once(':') else { return false };
    let name = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    // In brackets stands an IPv6 address, the only host with colons.
    let is_host =
        |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte) || byte == b':' && name != host;
    !name.is_empty() && name.bytes().all(is_host) && port.parse::<u16>().is_ok_and(|port| port > 0)
}

struct Told {
    value: String,
    origin: String,
}

/// The variable that names the settings file.
const CONFIG: &str = "PAYFLOW_CONFIG";

const BROKERS: &str = "hosts and ports separated by commas, such as kafka-1:9092,kafka-2:9092";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_are_hosts_with_ports() {
        for taken in ["kafka-1:9092", "kafka_1.example:1", "10.0.0.1:65535", "[::1]:9092"] {
            assert!(is_broker(taken), "{taken}");
        }
        for refused in [
            "",
            "kafka",
            "kafka:",
            ":9092",
            "kafka:0",
            "kafka:65536",
            "http://kafka",
            "a@b:1",
            "a b:1",
            "::1:9092",
            "[]:1",
        ] {
            assert!(!is_broker(refused), "{refused}");
        }
    }

    #[test]
    fn the_group_of_a_redrive_is_named_after_its_topic() {
        let topic = Topic::parse("a.dead-letters").unwrap();
        assert_eq!(redrive_group(None, &topic).unwrap(), "a.dead-letters.redrive");
        assert_eq!(redrive_group(Some(&"mine".to_owned()), &topic).unwrap(), "mine");
        let error = redrive_group(Some(&"a b".to_owned()), &topic).unwrap_err();
        assert!(error.is::<InvalidSetting>() && error.to_string().contains("--group"), "{error}");
    }
}
