//! Measures the program, and prints the figures.

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};

use super::load::{HandlerKind, Load, OrderKind, name};
use super::recorded::Recorded;
use crate::figure::Figure;
use crate::statistics::{Total, per_message, range};
use crate::valgrind::{Count, count};

/// What to measure.
#[derive(Debug, Clone, Args)]
pub(crate) struct Plan {
    /// The lesser number of messages. Its totals are subtracted from those of the greater one.
    #[arg(long, default_value_t = 50_000)]
    fewer: u64,
    /// The greater number of messages.
    #[arg(long, default_value_t = 150_000)]
    more: u64,
    /// Leave out what takes longest: how the cost grows with the number of keys.
    #[arg(long)]
    no_growth: bool,
    /// Compare with what is recorded (bench/recorded/core.tsv), and fail where a figure is more than 2 % off. Leaves out how the
    /// cost grows with the number of keys.
    #[arg(long, conflicts_with_all = ["fewer", "more"])]
    check: bool,
    /// Record the figures, to be compared with. Leaves out the same.
    #[arg(long, conflicts_with_all = ["check", "fewer", "more"])]
    record: bool,
}

/// Instructions a message, at most, with a handler that is ready at once, and without what the feed takes: it is the transport's part.
const SYNC_MAX: f64 = 300.0;
/// Instructions a message, at most, with a handler that gives way once.
const ASYNC_MAX: f64 = 700.0;
/// Allocations a message, at most.
const ALLOCATIONS_MAX: f64 = 0.1;
/// The most over the least instructions a message, at most, over all numbers of keys.
const GROWTH_MAX: f64 = 1.25;

const KEYS: u32 = 10_000;
const KEYS_GROWING: [u32; 3] = [1, KEYS, 1_000_000];

/// Measures and prints the figures of the pipeline.
pub(crate) fn measure(plan: &Plan) -> anyhow::Result<()> {
    ensure!(
        plan.fewer < plan.more,
        "--fewer {} is not below --more {}: the difference is what is measured",
        plan.fewer,
        plan.more
    );
    let figures = plan.measure_costs()?;
    if plan.record {
        return Recorded::of(&figures).write(Recorded::path());
    }
    if plan.check {
        return Recorded::read(Recorded::path())?.compare(&Recorded::of(&figures));
    }
    if !plan.no_growth {
        plan.measure_growth()?;
    }
    Ok(())
}

impl Plan {
    fn measure_costs(&self) -> anyhow::Result<Vec<Figure>> {
        let mut figures = Vec::new();
        let mut tell = |figure: Figure| {
            println!("{figure}");
            figures.push(figure);
        };
        let instructions = |handler, order| self.per_message(Count::Instructions, handler, order, KEYS);
        let feed = instructions(HandlerKind::None, OrderKind::Key)?;
        tell(Figure::new("pipeline-feed", feed, INSTRUCTIONS, SYNC_MAX));
        let unordered_feed = instructions(HandlerKind::UnorderedNone, OrderKind::Key)?;
        for (handler, beside) in [
            (HandlerKind::Sync, HandlerKind::UnorderedSync),
            (HandlerKind::Async, HandlerKind::UnorderedAsync),
        ] {
            for &order in OrderKind::value_variants() {
                let subject = format!("pipeline-{}-{}", name(handler), name(order));
                let own = instructions(handler, order)? - feed;
                tell(Figure::new(&subject, own, INSTRUCTIONS, most(handler)));
                let allocations = self.per_message(Count::Allocations, handler, order, KEYS)?;
                let subject = format!("{subject}-allocations");
                tell(Figure::new(subject, allocations, "allocations/message", ALLOCATIONS_MAX));
                if order == OrderKind::Key {
                    let unordered = instructions(beside, order)? - unordered_feed;
                    let subject = format!("pipeline-{}-key-over-unordered", name(handler));
                    tell(Figure::new(subject, own, INSTRUCTIONS, unordered));
                }
            }
        }
        Ok(figures)
    }

    fn measure_growth(&self) -> anyhow::Result<()> {
        let mut all = Vec::new();
        for keys in KEYS_GROWING {
            let subject = format!("pipeline-sync-key-of-{keys}");
            let with_feed = self.per_message(Count::Instructions, HandlerKind::Sync, OrderKind::Key, keys)?;
            let feed = self.per_message(Count::Instructions, HandlerKind::None, OrderKind::Key, keys)?;
            let instructions = with_feed - feed;
            println!("{}", Figure::new(subject, instructions, INSTRUCTIONS, SYNC_MAX));
            all.push(instructions);
        }
        let range = range(all).context("no number of keys was measured")?;
        println!(
            "{}",
            Figure::new("pipeline-growth-keys", range.most / range.least, "worst/best", GROWTH_MAX)
        );
        Ok(())
    }

    fn per_message(
        &self,
        what: Count,
        handler: HandlerKind,
        order: OrderKind,
        keys: u32,
    ) -> anyhow::Result<f64> {
        let total = |messages| {
            let load = Load { messages, handler, order, keys };
            let used = count(what, &load.args())?;
            anyhow::Ok(Total { messages, used })
        };
        Ok(per_message(total(self.fewer)?, total(self.more)?))
    }
}

const INSTRUCTIONS: &str = "instructions/message";

fn most(handler: HandlerKind) -> f64 {
    match handler {
        HandlerKind::Async | HandlerKind::UnorderedAsync => ASYNC_MAX,
        HandlerKind::Sync | HandlerKind::UnorderedSync | HandlerKind::None | HandlerKind::UnorderedNone => {
            SYNC_MAX
        }
    }
}
