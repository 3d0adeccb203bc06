//! `payflow dead-letters redrive`.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use payflow_core::{
    Consumer, LeftOut, Producer, Redrive, RedriveConfig, RedriveEnd, RedriveFilter, RedriveReport, Topic,
};
use payflow_kafka::{
    KafkaConsumer, KafkaConsumerConfig, KafkaGroups, KafkaProducer, KafkaProducerConfig, KafkaReader,
    KafkaTopics, PartitionLag,
};
use serde_json::{Value, json};

use crate::Outcome;
use crate::args::RedriveArgs;
use crate::output::write;
use crate::progress::Progress;
use crate::settings::{self, InvalidSetting, redrive_group};
use crate::signal;

/// A redrive that was killed gives its partitions to the next one after that.
const SESSION_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) async fn run(args: RedriveArgs) -> Result<Outcome> {
    let (kafka, topic) = (args.dead_letters.kafka.config()?, args.dead_letters.topic()?);
    let group = redrive_group(args.group.as_ref(), &topic)?;
    let partitioner = settings::partitioner(args.partitioner.clone())?;
    let config = config(&args);
    let shutdown = signal::shutdown()?;

    let found = KafkaTopics::new(&kafka)?.check(std::slice::from_ref(&topic)).await?;
    let lags = KafkaGroups::new(&kafka).lag(&group, std::slice::from_ref(&topic)).await?;
    let standing: u64 = lags.iter().map(|lag| lag.lag() - lag.finished()).sum();
    if standing > 0 && !args.dry_run && !args.yes && !confirmed(&args, &topic, &group, standing)? {
        eprintln!("nothing was sent");
        return Ok(Outcome::LeftOver);
    }

    // The largest record of the dead letters must fit through the client too.
    let largest = found.get(&topic).and_then(|found| found.max_message_bytes);
    let largest = largest.map_or(RECORD_BYTES, |bytes| bytes.clamp(RECORD_BYTES, RECORD_BYTES_MAX));
    let sending = kafka.clone().with_property("message.max.bytes", &largest.to_string())?;
    let producer = KafkaProducerConfig::new().with_partitioner(partitioner);
    let producer = Arc::new(KafkaProducer::new(&sending, &producer)?);

    let report = if args.dry_run {
        let reader = KafkaReader::open_unfinished(&kafka, &topic, &group).await?;
        drive(reader, producer, config, shutdown, standing, &args).await?
    } else if standing == 0 {
        // No member of the group, which would be waited for. Nothing is read either: each partition's end is told as 0.
        let nothing = KafkaReader::open_unfinished(&kafka, &topic, &group).await?;
        drive(nothing, producer, lags.iter().fold(config, with_end), shutdown, standing, &args).await?
    } else {
        let config = lags.iter().fold(config, with_end);
        let member = KafkaConsumerConfig::new(&group).with_session_timeout(SESSION_TIMEOUT);
        let consumer = KafkaConsumer::new(&kafka, &member, std::slice::from_ref(&topic))?;
        drive(consumer, producer, config, shutdown, standing, &args).await?
    };
    let summary = if args.json { format!("{}\n", as_json(&report, &args)) } else { as_text(&report, &args) };
    write(&summary)?;
    Ok(outcome(&report))
}

fn config(args: &RedriveArgs) -> RedriveConfig {
    let filter: RedriveFilter = args.filter.filter(Timestamp::now());
    let mut config = RedriveConfig::new()
        .with_filter(filter)
        .with_unknown(args.include_unknown)
        .with_round_trips_max(args.max_round_trips)
        .with_rate(args.rate)
        .with_dry_run(args.dry_run);
    if let Some(limit) = args.limit {
        config = config.with_limit(limit);
    }
    match &args.to {
        Some(topic) => config.with_to(topic.clone()),
        None => config,
    }
}

/// What is set aside from now on is left for the next redrive: poison does not go round within one.
fn with_end(config: RedriveConfig, lag: &PartitionLag) -> RedriveConfig {
    // A partition of which all is sent back is done, whatever comes.
    let end = if lag.oldest_unfinished().is_some() { lag.end } else { 0 };
    config.with_end(lag.topic.clone(), lag.partition, end)
}

async fn drive<K: Consumer>(
    consumer: K,
    producer: Arc<KafkaProducer>,
    config: RedriveConfig,
    shutdown: impl Future<Output = ()> + Send,
    standing: u64,
    args: &RedriveArgs,
) -> Result<RedriveReport> {
    let redrive = Redrive::new(consumer, Arc::clone(&producer) as Arc<dyn Producer>, config);
    let handle = redrive.handle();
    let progress = Progress::new(standing, args.dry_run, args.json || standing == 0);
    let report = tokio::select! {
        report = redrive.run(shutdown) => report,
        never = progress.follow(&handle) => match never {},
    };
    progress.finish();
    report.with_context(|| {
        let sent = handle.counts().sent;
        format!("the redrive broke off after {sent} were sent, of which the last ones may be sent again by the next one")
    })
}

/// Asks, if there is somebody to ask.
fn confirmed(args: &RedriveArgs, topic: &Topic, group: &str, standing: u64) -> Result<bool> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(InvalidSetting::new(
            "nobody can be asked, since this is no terminal; give --yes to send, or --dry-run to see what would be sent",
        )
        .into());
    }
    let to = args.to.as_ref().map_or_else(|| "where they came from".to_owned(), |to| format!("to {to}"));
    eprintln!("{standing} of {topic} were not sent back by group {group}.");
    eprint!("Send those that the filter means {to}, {} a second? [y/N] ", args.rate);
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).context("standard input cannot be read")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn outcome(report: &RedriveReport) -> Outcome {
    match report.end {
        RedriveEnd::Complete | RedriveEnd::Limit if report.counts.failed == 0 => Outcome::Done,
        _ => Outcome::LeftOver,
    }
}

fn as_text(report: &RedriveReport, args: &RedriveArgs) -> String {
    let counts = &report.counts;
    let mut lines = vec![if args.dry_run {
        format!("dry run: {} would be sent, of {} looked at", counts.selected, counts.seen)
    } else {
        format!("{} sent, of {} looked at", counts.sent, counts.seen)
    }];
    let mut tell = |count: u64, what: &str| {
        if count > 0 {
            lines.push(format!("  {count} {what}"));
        }
    };
    tell(counts.failed, "refused for good by the topic they were to go to; they stay");
    tell(counts.repeated, "sends failed and were repeated");
    for (reason, what) in [
        (LeftOut::Unmatched, "left out: not meant by the filter"),
        (LeftOut::Unknown, "left out: may have been handled; --include-unknown sends them too"),
        (LeftOut::RoundTrips, "left out: sent back as often as they may be; --max-round-trips allows more"),
        (LeftOut::NotADeadLetter, "left out: no dead letters of payflow's"),
        (LeftOut::OwnTopic, "left out: they would go to the dead-letter topic itself; --to names another"),
    ] {
        tell(counts.left_out(reason), what);
    }
    lines.extend(
        report.notes.iter().map(|note| format!("  {}@{}: {}", note.partition, note.offset, note.reason)),
    );
    lines.extend(ended(&report.end));
    lines.join("\n") + "\n"
}

/// What an end means that is not the end of everything.
fn ended(end: &RedriveEnd) -> Option<String> {
    match end {
        RedriveEnd::Complete => None,
        RedriveEnd::Limit => Some("the limit is reached: there may be more".to_owned()),
        RedriveEnd::ShutDown => Some("stopped as it was told to: there may be more".to_owned()),
        RedriveEnd::Stalled { partitions: 0, .. } => Some(
            "stalled: no partition was assigned. Another redrive of the group may be running, or one was killed less than \
             10 s ago: try again"
                .to_owned(),
        ),
        RedriveEnd::Stalled { not_done, .. } => Some(format!(
            "stalled: nothing more comes of partitions {not_done:?}. Either Kafka does not answer; or more than 16,000 of one \
             partition were left out, so that a commit could not tell what was sent behind them: widen the filter, or give \
             another --group"
        )),
        other => Some(format!("ended: {other:?}")),
    }
}

fn as_json(report: &RedriveReport, args: &RedriveArgs) -> Value {
    let counts = &report.counts;
    let left_out: serde_json::Map<String, Value> = LeftOut::ALL
        .iter()
        .map(|reason| (reason.as_str().to_owned(), counts.left_out(*reason).into()))
        .collect();
    let end = match &report.end {
        RedriveEnd::Complete => "complete",
        RedriveEnd::Limit => "limit",
        RedriveEnd::ShutDown => "stopped",
        RedriveEnd::Stalled { .. } => "stalled",
        _ => "other",
    };
    let notes: Vec<Value> = report
        .notes
        .iter()
        .map(|note| json!({ "partition": note.partition, "offset": note.offset, "reason": note.reason }))
        .collect();
    json!({
        "dry_run": args.dry_run,
        "end": end,
        "seen": counts.seen,
        "selected": counts.selected,
        "sent": counts.sent,
        "failed": counts.failed,
        "repeated": counts.repeated,
        "left_out": left_out,
        "notes": notes,
    })
}

/// librdkafka's default for the largest record, in bytes, and the most that it can be told.
const RECORD_BYTES: usize = 1_000_000;
const RECORD_BYTES_MAX: usize = 1_000_000_000;
