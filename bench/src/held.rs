//! What the pipeline takes to hold a message whose handler waits.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use payflow_core::{Error, Handler, Message, Order, Pipeline, PipelineConfig};
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::dispatch::{Feed, HandOn, nowhere};
use crate::figure::Figure;
use crate::statistics::{Total, per_message};
use crate::valgrind::{Count, count};

/// What to measure.
#[derive(Debug, Clone, Args)]
pub(crate) struct Plan {
    /// How many messages are in flight at once.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(2_000..=1_000_000))]
    in_flight: u64,
}

/// One run of the measured program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub(crate) struct Held {
    /// How many messages are in flight at once.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    in_flight: u64,
}

/// Bytes for one that is in flight, at most, beside its payload.
const BYTES_MAX: f64 = 200.0;
/// So few that what the pipeline takes by itself is most of it.
const FEW: u64 = 1_000;

/// Measures and prints the bytes for a message that is in flight. Its payload is shared by all, and so no part of it.
pub(crate) fn measure(plan: &Plan) -> anyhow::Result<()> {
    let total = |in_flight| {
        let used = count(Count::MostBytes, &Held { in_flight }.args())?;
        anyhow::Ok(Total { messages: in_flight, used })
    };
    let bytes = per_message(total(FEW)?, total(plan.in_flight)?);
    println!("{}", Figure::new("held-bytes", bytes, "bytes/message", BYTES_MAX));
    Ok(())
}

/// The program that is measured: all are taken in and their handlers begin, and then all end.
pub(crate) fn run(held: &Held) -> anyhow::Result<()> {
    let in_flight = usize::try_from(held.in_flight)?;
    let runtime =
        Builder::new_current_thread().enable_time().build().context("a runtime cannot be started")?;
    runtime.block_on(async {
        let config = PipelineConfig::new()
            .with_order(Order::None)
            .with_shards(1)
            .with_seed(1)
            .with_concurrency(in_flight)
            .with_records_max(in_flight)
            // Valgrind takes its time.
            .with_handler_timeout(PATIENCE);
        let gate = Arc::new(Semaphore::new(0));
        let handler = Wait(Arc::clone(&gate));
        let feed = Feed::new(held.in_flight, KEYS)?;
        let pipeline = Pipeline::new(feed, HandOn, handler, nowhere()?, config)?;
        let handle = pipeline.handle();
        let (ran, ()) = tokio::join!(pipeline.run(std::future::pending()), async {
            while handle.snapshot().records < in_flight {
                sleep(Duration::from_millis(1)).await;
            }
            gate.add_permits(in_flight);
        });
        ran?;
        let handled = handle.snapshot().handled;
        ensure!(handled == held.in_flight, "{handled} of {in_flight} were handled");
        Ok(())
    })
}

struct Wait(Arc<Semaphore>);

impl Handler<()> for Wait {
    async fn handle(&self, _message: Message<()>) -> Result<(), Error> {
        // A gate that is closed for good lets nobody wait.
        let _ = self.0.acquire().await.map(tokio::sync::SemaphorePermit::forget);
        Ok(())
    }
}

const KEYS: u32 = 10_000;
const PATIENCE: Duration = Duration::from_secs(3_600);

impl Held {
    fn args(self) -> Vec<String> {
        vec!["held-run".to_owned(), "--in-flight".to_owned(), self.in_flight.to_string()]
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct HeldRun {
        #[command(flatten)]
        held: Held,
    }

    #[test]
    fn the_measured_program_is_told_how_many() {
        let held = Held { in_flight: 12 };
        assert_eq!(HeldRun::try_parse_from(held.args()).unwrap().held, held);
        assert!(HeldRun::try_parse_from(["held-run", "--in-flight=0"]).is_err());
    }

    #[test]
    fn all_are_in_flight_at_once_and_then_handled() {
        run(&Held { in_flight: 3_000 }).unwrap();
    }
}
