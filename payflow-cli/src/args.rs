//! What the tool can be told.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use payflow_core::Topic;

use crate::letters::{self, FaultName};
use crate::moment::Moment;
use crate::show::Place;

/// Looks at payflow's dead letters, sends them back, and shows how far a group is.
#[derive(Debug, Parser)]
#[command(
    name = "payflow",
    version,
    after_help = "A setting is taken from its flag, else its environment variable, else its key in the settings file (PAYFLOW_CONFIG), else it has its default.\n\nExit codes: 0 done; 1 something failed or is left over; 2 the command cannot be understood."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) task: Task,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Records that could not be handled: look at them, send them back
    DeadLetters {
        #[command(subcommand)]
        task: DeadLetters,
    },
    /// Shows how far a group is in each partition, and what it has finished out of order
    ///
    /// Joins no group and changes nothing.
    #[command(after_help = LAG_EXAMPLES)]
    Lag(LagArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeadLetters {
    /// Lists dead letters, the newest last
    ///
    /// Shows those that the redrive group has not sent back yet, as far as Kafka remembers; --all shows every one. Joins no
    /// group and changes nothing.
    #[command(after_help = LIST_EXAMPLES)]
    List(ListArgs),
    /// Shows one dead letter with all of its headers
    #[command(after_help = SHOW_EXAMPLES)]
    Show(ShowArgs),
    /// Sends dead letters back to the topics that they came from
    ///
    /// Each goes with its first key, value and headers, and its payment's id. A group of its own remembers what was sent,
    /// so that the next redrive does not send it again; what is left out or fails stays. Those that may have been handled
    /// (fault `unknown`) are left out unless --include-unknown is given. What fails again comes back to the dead letters,
    /// and is left out after --max-round-trips. A kill repeats at most 64 sends, with the same payment ids. Kafka forgets what
    /// a group without members has committed (offsets.retention.minutes): where nothing is remembered, --yes wants --first.
    #[command(after_help = REDRIVE_EXAMPLES)]
    Redrive(RedriveArgs),
}

/// Where Kafka is.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Kafka")]
pub(crate) struct KafkaArgs {
    /// Kafka brokers to begin with, separated by commas [env: PAYFLOW_KAFKA_BROKERS]
    #[arg(long, value_name = "BROKERS")]
    pub(crate) kafka_brokers: Option<String>,

    /// Settings file of the services (TOML): what neither a flag nor a variable tells is taken from its keys kafka_brokers,
    /// topic, dead_letter_topic, group and partitioner [env: PAYFLOW_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Which topic of dead letters.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Kafka")]
pub(crate) struct DeadLetterArgs {
    #[command(flatten)]
    pub(crate) kafka: KafkaArgs,

    /// Topic of the dead letters [env: PAYFLOW_DEAD_LETTER_TOPIC] [default: payment-topic.dead-letters; the
    /// topic of the payments (PAYFLOW_TOPIC, or topic in the settings file) with .dead-letters behind it if that is set]
    #[arg(long, value_name = "TOPIC")]
    pub(crate) dead_letter_topic: Option<String>,
}

/// Which dead letters.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Filter")]
pub(crate) struct FilterArgs {
    /// Those that came from this topic; may be given more than once
    #[arg(long, value_name = "TOPIC", value_parser = letters::parse_topic)]
    pub(crate) topic: Vec<Topic>,

    /// Those set aside then or later: a time such as 2026-11-23T08:00:00Z, or how long ago, such as 90m or 2h
    #[arg(long, value_name = "WHEN")]
    pub(crate) since: Option<Moment>,

    /// Those set aside before that time
    #[arg(long, value_name = "WHEN")]
    pub(crate) until: Option<Moment>,

    /// Those with this fault: transient, permanent, unknown or fatal; may be given more than once
    #[arg(long, value_name = "FAULT")]
    pub(crate) fault: Vec<FaultName>,

    /// Those that failed in this stage, such as decode, handler, timeout or panic; may be given more than once
    #[arg(long, value_name = "STAGE")]
    pub(crate) stage: Vec<String>,

    /// Those with exactly this key (the user id)
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Show the newest so many at most
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) limit: u32,

    /// Show those too that were sent back already
    #[arg(long)]
    pub(crate) all: bool,

    /// The group that remembers what was sent back [default: the dead-letter topic with .redrive behind it]
    #[arg(long, value_name = "GROUP", conflicts_with = "all")]
    pub(crate) group: Option<String>,

    /// Show keys as they are: they are personal data. Without it a hash stands for each, which is the same for equal keys
    #[arg(long)]
    pub(crate) show_keys: bool,

    /// Write a JSON object for each, one a line
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) dead_letters: DeadLetterArgs,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Where it stands, as `list` shows it, such as 3@1207
    #[arg(value_name = "PARTITION@OFFSET")]
    pub(crate) place: Place,

    /// Show the value too: it may hold personal data
    #[arg(long)]
    pub(crate) value: bool,

    /// Show the key as it is
    #[arg(long)]
    pub(crate) show_keys: bool,

    /// Write one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) dead_letters: DeadLetterArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RedriveArgs {
    /// Send nothing, and tell what would be sent
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Do not ask first
    #[arg(long)]
    pub(crate) yes: bool,

    /// With --yes: send though nothing is remembered of redrives. It is the group's first, or Kafka has forgotten it; then
    /// what was sent back before is sent again. Nothing for a script that runs more than once
    #[arg(long)]
    pub(crate) first: bool,

    /// How many to send a second, at most
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) rate: u32,

    /// End after so many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,

    /// Send those too that may have been handled (fault `unknown`). Their notification can go out a second time, unless a
    /// durable inbox stands in the way
    #[arg(long)]
    pub(crate) include_unknown: bool,

    /// How often one record may be sent back in its life
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_round_trips: u32,

    /// Send all to this topic [default: each to the one that it came from]
    #[arg(long, value_name = "TOPIC", value_parser = letters::parse_topic)]
    pub(crate) to: Option<Topic>,

    /// The group that remembers what was sent back; never a service's [default: the dead-letter topic with .redrive behind
    /// it]
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Option<String>,

    /// How the key picks the partition: murmur2_random (as in Java), fnv1a_random (as in kafka-go); as the service that
    /// wrote the payments has it [env: PAYFLOW_PARTITIONER] [default: murmur2_random]
    #[arg(long, value_name = "NAME")]
    pub(crate) partitioner: Option<String>,

    /// Write the summary as one JSON object, and show no progress
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) dead_letters: DeadLetterArgs,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LagArgs {
    /// The group [env: PAYFLOW_GROUP] [default: notification-service]
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Option<String>,

    /// Topics to look at; may be given more than once [default: all of which the group has committed something]
    #[arg(long, value_name = "TOPIC", value_parser = letters::parse_topic)]
    pub(crate) topic: Vec<Topic>,

    /// Look again every so many seconds, until Ctrl-C
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(crate) watch: Option<u32>,

    /// Write one JSON object for each look, on a line of its own
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) kafka: KafkaArgs,
}

const LIST_EXAMPLES: &str = "Examples:
  payflow dead-letters list --kafka-brokers kafka-1:9092
  payflow dead-letters list --since 2h --fault permanent --stage decode
  payflow dead-letters list --key u001 --show-keys
  payflow dead-letters list --all --limit 10000 --json | jq .reason | sort | uniq -c";

const SHOW_EXAMPLES: &str = "Examples:
  payflow dead-letters show 3@1207
  payflow dead-letters show 3@1207 --value --show-keys";

const REDRIVE_EXAMPLES: &str = "Examples:
  payflow dead-letters redrive --dry-run                                what would be sent, and what left out
  payflow dead-letters redrive --since 2h --rate 20                     asks, then sends 20 a second
  payflow dead-letters redrive --stage handler --limit 10 --yes         ten, to see whether they are handled now
  payflow dead-letters redrive --since 2h --yes --first                 the first of all, without a question
  payflow dead-letters redrive --include-unknown --yes --json           everything, from a script
  payflow dead-letters redrive --to payment-topic.inspected --yes       to a topic of one's own";

const LAG_EXAMPLES: &str = "Examples:
  payflow lag --kafka-brokers kafka-1:9092 --group notification-service
  payflow lag --group notification-service --watch 5
  payflow lag --group payment-topic.dead-letters.redrive      dead letters that were not sent back
  payflow lag --json | jq .lag

LAG counts the records from the committed offset on. FINISHED is how many of those are finished all the same, behind
one that is not: they are not handled again. OLDEST is the first that is not finished.";
