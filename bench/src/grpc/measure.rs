//! Measures payflow's services and client beside the least that tonic can do, and prints the figures.

use anyhow::ensure;
use clap::{Args, ValueEnum};

use super::kind::Kind;
use super::run::{Run, Timing};
use crate::http::{Serve, ServerProcess};
use crate::rounds::{Pair, print};

/// What to measure, how often and how long.
#[derive(Debug, Clone, Args)]
pub(crate) struct Plan {
    /// What to measure; said several times, each of them.
    #[arg(long, value_enum, default_values = ["pay", "notify"])]
    part: Vec<Part>,
    /// How many times a floor, what is measured, and the floor again are measured in turn.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// How many payments are under way at once, over all connections.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    pay_calls: u32,
    /// How many notifications are under way at once, over all connections.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..))]
    notify_calls: u32,
    #[command(flatten)]
    timing: Timing,
}

/// A measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// `Pay` beside a hello-world, by the same client.
    Pay,
    /// `Notify` by payflow's client beside a bare one.
    Notify,
}

/// What is told of a run.
type Value = fn(&Run) -> f64;

/// Each of these is a figure of each part: what its name ends with, its unit, and the value.
const FIGURES: [(&str, &str, Value); 3] = [
    ("", "calls/s", |run| run.calls_per_second),
    ("-server-cpu", "us/call", |run| run.server_per_call),
    ("-client-cpu", "us/call", |run| run.client_per_call),
];

/// The three runs of a round. The second of the floor tells how far two equal runs lie apart.
#[derive(Debug, Clone, Copy)]
struct Round {
    floor: Run,
    measured: Run,
    control: Run,
}

/// Measures and prints the figures of gRPC.
///
/// # Errors
/// A server did not start, or did not answer every call with success; or more calls are asked for than connections carry.
pub(crate) fn measure(plan: &Plan) -> anyhow::Result<()> {
    for part in &plan.part {
        let calls = plan.calls(*part)?;
        let mut rounds = Vec::new();
        for number in 1..=plan.rounds {
            let round = part.round(&plan.timing, calls)?;
            eprintln!(
                "round {number}: floor {:.0}, {part:?} {:.0}, floor {:.0} calls/s",
                round.floor.calls_per_second, round.measured.calls_per_second, round.control.calls_per_second
            );
            rounds.push(round);
        }
        let name = part.name();
        for (of, unit, value) in FIGURES {
            let pairs = |arm: fn(&Round) -> Run| -> Vec<Pair> {
                let pair = |round: &Round| Pair { value: value(&arm(round)), baseline: value(&round.floor) };
                rounds.iter().map(pair).collect()
            };
            print(&format!("{name}{of}"), unit, &pairs(|round| round.measured))?;
            print(&format!("{name}{of}-control"), unit, &pairs(|round| round.control))?;
        }
    }
    Ok(())
}

impl Plan {
    /// How many calls are under way at once.
    fn calls(&self, part: Part) -> anyhow::Result<u32> {
        let calls = match part {
            Part::Pay => self.pay_calls,
            Part::Notify => self.notify_calls,
        };
        let carried = STREAMS_MAX * u32::from(self.timing.connections);
        ensure!(
            calls <= carried,
            "{calls} calls at once are more than the server takes over {} connections, {carried}: raise --connections",
            self.timing.connections
        );
        Ok(calls)
    }
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Pay => "grpc-pay-over-hello",
            Self::Notify => "grpc-notify-over-bare",
        }
    }

    fn round(self, timing: &Timing, calls: u32) -> anyhow::Result<Round> {
        let start = || ServerProcess::start(&Serve::grpc());
        match self {
            // Each has a server of its own: the payments that a run leaves behind burden no other.
            Self::Pay => Ok(Round {
                floor: timing.run(&start()?, Kind::Hello, calls)?,
                measured: timing.run(&start()?, Kind::Pay, calls)?,
                control: timing.run(&start()?, Kind::Hello, calls)?,
            }),
            // It keeps no notification, so the clients can have the same one.
            Self::Notify => {
                let server = start()?;
                Ok(Round {
                    floor: timing.run(&server, Kind::NotifyBare, calls)?,
                    measured: timing.run(&server, Kind::Notify, calls)?,
                    control: timing.run(&server, Kind::NotifyBare, calls)?,
                })
            }
        }
    }
}

/// Of each connection, by the server's default. What is beyond waits in the client, and that is not to be measured.
const STREAMS_MAX: u32 = 100;

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Grpc {
        #[command(flatten)]
        plan: Plan,
    }

    #[test]
    fn what_is_measured_can_be_chosen_within_bounds() {
        let plan = Grpc::try_parse_from(["grpc"]).unwrap().plan;
        assert_eq!(plan.part, [Part::Pay, Part::Notify]);
        assert_eq!((plan.calls(Part::Pay).unwrap(), plan.calls(Part::Notify).unwrap()), (64, 256));
        let plan = Grpc::try_parse_from(["grpc", "--part=notify", "--rounds=1"]).unwrap().plan;
        assert_eq!(plan.part, [Part::Notify]);
        for bad in [
            "--part=other",
            "--rounds=0",
            "--seconds=0",
            "--connections=0",
            "--connections=65",
            "--pay-calls=0",
            "--notify-calls=0",
        ] {
            assert!(Grpc::try_parse_from(["grpc", bad]).is_err(), "{bad}");
        }
    }

    #[test]
    fn more_calls_than_the_connections_carry_are_refused() {
        let plan = Grpc::try_parse_from(["grpc", "--connections=2"]).unwrap().plan;
        assert!(plan.calls(Part::Pay).is_ok());
        let error = plan.calls(Part::Notify).unwrap_err().to_string();
        assert!(error.ends_with("200: raise --connections"), "{error}");
    }
}
