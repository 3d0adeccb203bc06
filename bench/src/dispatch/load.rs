//! What the measured program is told.

use clap::{Args, ValueEnum};
use payflow_core::Order;

/// One load on one pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub(crate) struct Load {
    /// How many messages go through.
    #[arg(long)]
    pub(crate) messages: u64,
    /// What handles them.
    #[arg(long, value_enum)]
    pub(crate) handler: HandlerKind,
    /// What is handled one after another.
    #[arg(long, value_enum, default_value = "key")]
    pub(crate) order: OrderKind,
    /// How many keys the messages are spread over.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) keys: u32,
}

/// What a message meets at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HandlerKind {
    /// A handler that is ready at once.
    Sync,
    /// A handler that gives way once.
    Async,
    /// No handler and no pipeline: what the consumer at the other end costs by itself.
    None,
    /// What is done is that of `sync`, by `buffer_unordered` of futures-util: no order, no retries, no deadline, nothing acknowledged, and
    /// a panic ends it all.
    UnorderedSync,
    /// The same with what is done by `async`.
    UnorderedAsync,
    /// The deliveries of these two, of which nothing is done.
    UnorderedNone,
}

/// [`Order`], by the names it has here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OrderKind {
    /// Records of a partition that share a key.
    Key,
    /// All records of a partition.
    Partition,
    /// Nothing.
    None,
}

impl From<OrderKind> for Order {
    fn from(kind: OrderKind) -> Self {
        match kind {
            OrderKind::Key => Self::ByKey,
            OrderKind::Partition => Self::ByPartition,
            OrderKind::None => Self::None,
        }
    }
}

impl Load {
    /// What to start this program with, so that it carries this load.
    pub(crate) fn args(&self) -> Vec<String> {
        let mut args = vec!["core-run".to_owned()];
        let mut tell = |name: &str, value: String| args.extend([format!("--{name}"), value]);
        tell("messages", self.messages.to_string());
        tell("handler", name(self.handler));
        tell("order", name(self.order));
        tell("keys", self.keys.to_string());
        args
    }
}

/// As the command line has it.
pub(crate) fn name(value: impl ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct CoreRun {
        #[command(flatten)]
        load: Load,
    }

    #[test]
    fn the_measured_program_is_told_the_load() {
        let load =
            Load { messages: 50_000, handler: HandlerKind::Async, order: OrderKind::Partition, keys: 1 };
        assert_eq!(CoreRun::try_parse_from(load.args()).unwrap().load, load);
    }

    #[test]
    fn a_load_that_cannot_be_is_refused() {
        for args in [
            ["core-run", "--messages=1", "--handler=lazy"].as_slice(),
            &["core-run", "--messages=1", "--handler=sync", "--keys=0"],
            &["core-run", "--messages=-1", "--handler=sync"],
            &["core-run", "--handler=sync"],
        ] {
            assert!(CoreRun::try_parse_from(args).is_err(), "{args:?}");
        }
    }
}
