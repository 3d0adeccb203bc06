//! `payflow dead-letters redrive`.

mod consent;
mod summary;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use payflow_core::{Consumer, Producer, Redrive, RedriveConfig, RedriveEnd, RedriveFilter, RedriveReport};
use payflow_kafka::{
    KafkaConsumer, KafkaConsumerConfig, KafkaGroups, KafkaProducer, KafkaProducerConfig, KafkaReader,
    KafkaTopics, PartitionLag,
};

use self::consent::Standing;
use crate::Outcome;
use crate::args::RedriveArgs;
use crate::memory;
use crate::output::{tell, write};
use crate::progress::Progress;
use crate::settings::{Settings, redrive_group};
use crate::signal;

/// A redrive that was killed gives its partitions to the next one after that.
const SESSION_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) async fn run(args: RedriveArgs) -> Result<Outcome> {
    let settings = Settings::read(&args.dead_letters.kafka)?;
    let (kafka, topic) =
        (settings.kafka(&args.dead_letters.kafka)?, settings.dead_letter_topic(&args.dead_letters)?);
    let group = redrive_group(args.group.as_ref(), &topic)?;
    let partitioner = settings.partitioner(args.partitioner.as_ref())?;
    let config = config(&args);

    let found = KafkaTopics::new(&kafka)?.check(std::slice::from_ref(&topic)).await?;
    let lags = KafkaGroups::new(&kafka).lag(&group, std::slice::from_ref(&topic)).await?;
    let standing: u64 = lags.iter().map(|lag| lag.lag() - lag.finished()).sum();
    let remembers = memory::remembers(&lags);
    let letters = Standing { topic: &topic, group: &group, count: standing, remembers };
    if args.dry_run {
        if !remembers && !args.json {
            tell(&letters.told());
        }
    } else if standing > 0 && !letters.may_be_sent(&args)? {
        return Ok(Outcome::LeftOver);
    }
    // Not before: until something is sent, a signal ends the tool at once, at its question too.
    let shutdown = signal::shutdown()?;

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
    write(&if args.json {
        format!("{}\n", summary::as_json(&report, args.dry_run, remembers))
    } else {
        summary::as_text(&report, args.dry_run)
    })?;
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

/// What is set aside from now on is left for the next redrive: what fails again does not go round within one.
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

fn outcome(report: &RedriveReport) -> Outcome {
    match report.end {
        RedriveEnd::Complete | RedriveEnd::Limit if report.counts.failed == 0 => Outcome::Done,
        _ => Outcome::LeftOver,
    }
}

/// librdkafka's default for the largest record, in bytes, and the most that it can be told.
const RECORD_BYTES: usize = 1_000_000;
const RECORD_BYTES_MAX: usize = 1_000_000_000;
