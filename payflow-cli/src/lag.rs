//! `payflow lag`.

use std::time::Duration;

use anyhow::{Result, bail};
use jiff::Timestamp;
use payflow_kafka::{KafkaGroups, PartitionLag};
use serde_json::{Value, json};

use crate::Outcome;
use crate::args::LagArgs;
use crate::letters::time;
use crate::output::{Column, Reader, table, tell, write};
use crate::settings::Settings;
use crate::signal;

pub(crate) async fn run(args: LagArgs) -> Result<Outcome> {
    let settings = Settings::read(&args.kafka)?;
    let (kafka, group) = (settings.kafka(&args.kafka)?, settings.service_group(args.group.as_ref())?);
    let groups = KafkaGroups::new(&kafka);
    let Some(seconds) = args.watch else {
        look(&groups, &group, &args).await?;
        return Ok(Outcome::Done);
    };
    let mut ticks = tokio::time::interval(Duration::from_secs(seconds.into()));
    let watch = async {
        loop {
            ticks.tick().await;
            match look(&groups, &group, &args).await {
                Ok(Reader::Listens) => {}
                Ok(Reader::Gone) => return,
                // Whoever watches sees an outage through.
                Err(error) => tell(&format!("error: {}", crate::told(&error))),
            }
        }
    };
    let shutdown = signal::shutdown()?;
    tokio::select! {
        biased;
        () = shutdown => Ok(Outcome::Done),
        () = watch => Ok(Outcome::Done),
    }
}

async fn look(groups: &KafkaGroups, group: &str, args: &LagArgs) -> Result<Reader> {
    let lags = groups.lag(group, &args.topic).await?;
    if lags.is_empty() {
        bail!(
            "group {group} has committed nothing: look at its name (--group or PAYFLOW_GROUP), or name a --topic"
        );
    }
    let total: u64 = lags.iter().map(PartitionLag::lag).sum();
    let finished: u64 = lags.iter().map(PartitionLag::finished).sum();
    let now = Timestamp::now();
    if args.json {
        let partitions: Vec<Value> = lags.iter().map(as_json).collect();
        let object = json!({
            "at": now.to_string(), "group": group, "lag": total, "finished_beyond": finished, "partitions": partitions,
        });
        return write(&format!("{object}\n"));
    }
    let rows: Vec<_> = lags.iter().map(cells).collect();
    let when = if args.watch.is_some() { format!(" at {}", time(Some(now))) } else { String::new() };
    let mut text = format!("group {group}{when}: lag {total}, of which {finished} finished\n");
    text.push_str(&table(COLUMNS, &rows));
    for lag in &lags {
        if let Some(reason) = &lag.metadata {
            text.push_str(&format!(
                "{}/{}: the commit's metadata {reason}: what is finished behind the committed offset is not known\n",
                lag.topic, lag.partition
            ));
        }
    }
    if args.watch.is_some() {
        text.push('\n');
    }
    write(&text)
}

const COLUMNS: [Column; 7] = [
    Column::Left("TOPIC"),
    Column::Right("PARTITION"),
    Column::Right("COMMITTED"),
    Column::Right("END"),
    Column::Right("LAG"),
    Column::Right("FINISHED"),
    Column::Right("OLDEST"),
];

fn cells(lag: &PartitionLag) -> [String; 7] {
    let offset = |offset: Option<i64>| offset.map_or_else(|| "-".to_owned(), |offset| offset.to_string());
    [
        lag.topic.to_string(),
        lag.partition.to_string(),
        offset(lag.committed),
        lag.end.to_string(),
        lag.lag().to_string(),
        lag.finished().to_string(),
        offset(lag.oldest_unfinished()),
    ]
}

fn as_json(lag: &PartitionLag) -> Value {
    json!({
        "topic": lag.topic.as_str(),
        "partition": lag.partition,
        "committed": lag.committed,
        "first": lag.first,
        "end": lag.end,
        "lag": lag.lag(),
        "finished_beyond": lag.finished(),
        "oldest_unfinished": lag.oldest_unfinished(),
        "metadata_problem": lag.metadata.map(|reason| reason.to_string()),
    })
}
