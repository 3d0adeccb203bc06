//! payflow's own tooling, run as `cargo xtask`: one command to test, one for everything that CI checks.

#![forbid(unsafe_code)]

mod broker;
mod ci;
mod commit;
mod compose;
mod counts;
mod h2spec;
mod mutants;
mod package;
mod prove;
mod sim;
mod step;
mod test;
mod tool;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};

use compose::Compose;
use mutants::Asked;
use step::Steps;

/// Tests and checks payflow.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Builds and runs every test of the workspace, doc tests included.
    ///
    /// First those that need no real part: `cargo test --workspace --locked --no-fail-fast`. Then the ignored ones,
    /// which need a Kafka broker or Go. PAYFLOW_TEST_BROKERS names a broker that is there; without it, one is
    /// started on a free port and ended afterwards, which takes Java and Maven. The time it took comes last.
    #[command(after_help = "Examples:
  cargo xtask test
  cargo xtask test --no-broker             no broker, no Go; says how many tests were skipped
  cargo xtask test -- gap                  only tests whose name contains `gap`
  cargo xtask test -- --lib                no doc tests
  cargo xtask test -- gap -- --nocapture   with what they print
  PAYFLOW_TEST_BROKERS=127.0.0.1:9092 cargo xtask test")]
    Test {
        /// Leaves out the tests that need a Kafka broker or Go, and says how many.
        #[arg(long)]
        no_broker: bool,
        /// Handed to `cargo test` as it stands.
        #[arg(last = true, value_name = "ARGS")]
        args: Vec<String>,
    },
    /// Checks everything that must hold before a change is taken: what CI runs.
    ///
    /// In this order: format, mutants (whether they still apply), clippy, docs, deny (dependencies: bans, licences,
    /// sources), typos, the tests, with a broker as `test` has one, compose (what `compose --check` checks), 5,000 seeds
    /// of the simulation, and counts (what a message costs, beside what is recorded). It stops at the first step that
    /// fails, tells how to repeat that step alone, and writes to no source file. A table of times comes last. Before the
    /// first step cargo-deny, typos and Kafka are installed into the user's cache folder if need be, and docker-compose and
    /// valgrind by apt-get, for root; what is missing then is told.
    Ci,
    /// Runs the engine against a model of a cluster with faults, one run a seed, and checks its promises.
    ///
    /// It prints how often each kind of fault was hit, and fails if a seed breaks a promise, if a seed that runs twice
    /// does not run alike, or, from 1,000 seeds on, if a kind of fault was hit fewer than 50 times. A seed that fails
    /// is told with the command that replays it.
    #[command(after_help = "Examples:
  cargo xtask sim                        1,000 seeds, from 0 on
  cargo xtask sim --seeds 5000           as CI does
  cargo xtask sim --seeds 5000 --from 5000
  cargo xtask sim --seed 42              that seed alone, and the end of its trace
  cargo xtask sim --seed 42 --trace      with all of its trace")]
    Sim {
        /// Handed to the simulation as it stands: --seeds N, --from S, --seed S, --trace.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
        args: Vec<String>,
    },
    /// Breaks a copy of the code on purpose, one patch of the folder `mutants` after the other, and wants each noticed.
    ///
    /// Each patch says who is to notice: the simulation, within so many seeds, or a test, which is to fail. A mutant that
    /// does not build is an error. First the copy is run as it is: it has to pass. The copy and its build are kept in
    /// `target/mutants`.
    #[command(after_help = "Examples:
  cargo xtask mutants                    all of them
  cargo xtask mutants storm lane         those with storm or lane in their name
  cargo xtask mutants --check            only whether each still applies, as CI does
  cargo xtask mutants --record           all, and writes docs/mutants.md")]
    Mutants {
        /// Only mutants whose name contains one of these.
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// How many seeds the simulation has to notice one in.
        #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
        seeds: u64,
        /// Builds nothing: checks that each patch applies and is listed in docs/mutants.md.
        #[arg(long, conflicts_with_all = ["names", "seeds", "record"])]
        check: bool,
        /// Writes docs/mutants.md.
        #[arg(long, conflicts_with = "names")]
        record: bool,
    },
    /// Runs the long forms of what CI runs in short, one after another, and writes docs/proofs.md.
    ///
    /// Each is a test or a program that tells facts; where a promise is a figure, the fact is held against it. One that fails
    /// stands in the page as failed, and the others are run all the same. The page keeps what was not run this time, with
    /// its own date and commit. A broker is started, or taken from PAYFLOW_TEST_BROKERS. An hour, alone on the machine.
    #[command(after_help = "Examples:
  cargo xtask prove                              all of them
  cargo xtask prove --list                       which there are
  cargo xtask prove --only kills --only zombies  these two
  cargo xtask prove --only kills --rounds 20     shorter than it should be, and the page says so")]
    Prove {
        /// Only the proof of this name. May be given several times.
        #[arg(long, value_name = "NAME")]
        only: Vec<String>,
        /// How many rounds, instead of as many as each should have.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
        rounds: Option<u32>,
        /// Runs nothing: tells which proofs there are.
        #[arg(long, conflicts_with_all = ["only", "rounds"])]
        list: bool,
    },
    /// Starts a Kafka broker for tests and holds it until Ctrl-C.
    ///
    /// Its first line, on standard output, is the setting that names the broker to the tests:
    /// `PAYFLOW_TEST_BROKERS=127.0.0.1:PORT`.
    Broker,
    /// Builds the images and goes the whole way in containers: up, pay, notified, down, up again with the data kept.
    ///
    /// It needs a Docker engine, docker-compose and curl, and some minutes for the first build. The containers have names,
    /// ports and a volume of their own, beside which `docker-compose up` may run; whatever comes, they are taken down
    /// with their images. What was built stays in the engine's cache, for the next time.
    #[command(after_help = "Examples:
  cargo xtask compose                     on an engine that can pull images
  cargo xtask compose --base-images ./my-images.sh
                                          on one that can pull none: the program makes, under their public names, the
                                          images that Dockerfile and docker-compose.yml begin with
  cargo xtask compose --check             no engine: what CI checks
  DOCKER_HOST=unix:///run/user/1000/docker.sock cargo xtask compose")]
    Compose {
        /// Runs this program first, with an empty folder to work in. It stays out of what it finds to be there.
        #[arg(long, value_name = "PROGRAM")]
        base_images: Option<PathBuf>,
        /// Starts nothing: checks that docker-compose takes the file, and that the services know every setting in it and
        /// in the Dockerfile. docker-compose is installed by apt-get if need be, for root.
        #[arg(long, conflicts_with = "base_images")]
        check: bool,
    },
    /// Asks payflow's server what the specification of HTTP/2 asks of one, by h2spec.
    ///
    /// h2spec is built by Go into the user's cache folder if need be.
    H2spec,
}

fn main() -> ExitCode {
    let task = Cli::parse().task;
    match run(task) {
        Ok(()) => ExitCode::SUCCESS,
        // The chain alone: where in this program an error came up helps nobody.
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    go_to_workspace()?;
    match task {
        Task::Test { no_broker, args } => test::run(args, no_broker),
        Task::Ci => ci::run(),
        Task::Sim { args } => sim::run(&args),
        Task::Mutants { check: true, .. } => mutants::check(),
        Task::Mutants { names, seeds, record, .. } => mutants::run(&Asked { names, seeds, record }),
        Task::Prove { list: true, .. } => {
            prove::list();
            Ok(())
        }
        Task::Prove { only, rounds, .. } => prove::run(&only, rounds),
        Task::Broker => broker::run(),
        Task::Compose { check: true, .. } => {
            compose::check(Compose::find_or_install()?, &mut Steps::default())
        }
        Task::Compose { base_images, .. } => compose::run(base_images.as_deref()),
        Task::H2spec => h2spec::run(),
    }
}

/// Every step runs in the workspace's root, wherever in it the command was typed.
fn go_to_workspace() -> anyhow::Result<()> {
    // At run time first: a target folder may have moved since it was built.
    let package = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    let root = package.parent().context("xtask lies outside the workspace")?;
    std::env::set_current_dir(root).with_context(|| format!("{} cannot be entered", root.display()))
}
