//! What is proved, by what, and the figures that are promised.

use std::fs;

use anyhow::Context;

use crate::step::Step;
use crate::test::broker::BROKERS;

/// Tells the long form from the short one, and how long it is.
const ROUNDS: &str = "PAYFLOW_PROVE_ROUNDS";
/// Names the file that takes the facts, one `name: value` a line.
const FACTS: &str = "PAYFLOW_PROVE_FACTS";

/// One row of what is proved.
#[derive(Debug)]
pub(super) struct Proof {
    pub(super) name: &'static str,
    /// What holds if it succeeds.
    pub(super) promise: &'static str,
    /// How many rounds it should have; `None` where it has none.
    pub(super) rounds: Option<u32>,
    pub(super) by: By,
    pub(super) bars: &'static [Bar],
}

/// What is run.
#[derive(Debug)]
pub(super) enum By {
    /// A test of payflow-proof.
    Test(&'static str),
}

/// A figure that is promised.
#[derive(Debug)]
pub(super) struct Bar {
    /// The fact that it is held against.
    pub(super) fact: &'static str,
    /// The most that it may be, in the fact's own unit.
    pub(super) most: f64,
}

/// What a run told.
pub(super) type Facts = Vec<(String, String)>;

/// All of them, in the order in which they are run and stand in the page.
pub(super) const PROOFS: &[Proof] = &[
    Proof {
        name: "restarts",
        promise: "three services under load are restarted in turn: nothing that had finished comes again, no partition stalls",
        rounds: Some(50),
        by: By::Test("restarts::a_rolling_restart_repeats_nothing_that_had_finished_and_stalls_no_partition"),
        bars: &[
            Bar { fact: "repeated though finished, since no commit told of them", most: 0.0 },
            Bar { fact: "longest stall of a partition", most: 10.0 },
        ],
    },
    Proof {
        name: "kills",
        promise: "of three services under load one is killed at random: nothing is lost, and repeated is at most what no commit held",
        rounds: Some(200),
        by: By::Test("kills::random_kills_lose_nothing_and_repeat_at_most_what_no_commit_held"),
        bars: &[],
    },
    Proof {
        name: "stuck-head",
        promise: "a service is killed with thousands finished behind a record that hangs: the next owner repeats none of those that the last commit held",
        rounds: Some(10),
        by: By::Test(
            "stuck::what_finished_behind_a_stuck_head_is_not_repeated_by_the_next_owner_after_a_kill",
        ),
        bars: &[],
    },
    Proof {
        name: "zombies",
        promise: "a service stands still for longer than its session, and goes on: it commits nothing, and sends at most what was in flight",
        rounds: Some(20),
        by: By::Test("zombies::a_zombie_commits_nothing_and_sends_at_most_what_was_in_flight"),
        bars: &[
            Bar { fact: "calls of a zombie at a time, at most", most: 16.0 },
            Bar { fact: "notifications sent by a zombie after one stop, at most", most: 16.0 },
        ],
    },
    Proof {
        name: "brokers",
        promise: "of three brokers each is killed and frozen in turn under load: no payment that was accepted is missing, and the first is accepted 5 s after the new leader at the latest",
        rounds: Some(3),
        by: By::Test("brokers::three_brokers_lost_one_after_the_other_lose_no_payment_that_was_accepted"),
        bars: &[
            Bar { fact: "longest until the first success after the new leader, killed", most: 5.0 },
            Bar { fact: "longest until the first success after the new leader, frozen", most: 5.0 },
        ],
    },
    Proof {
        name: "repeats",
        promise: "connections break with requests on them while other records run out of time: no payment is written twice",
        rounds: Some(60),
        by: By::Test("outage::payments_repeated_beside_others_that_are_given_up_are_written_once"),
        bars: &[Bar { fact: "written twice", most: 0.0 }],
    },
    Proof {
        name: "downstream",
        promise: "the downstream is away for 60 s at 2,000 records/s: no dead letters, bounded memory, and it goes on 35 s after it is back at the latest",
        rounds: None,
        by: By::Test(
            "downstream::a_downstream_that_is_away_fills_no_dead_letters_and_no_memory_and_all_goes_out_after_it",
        ),
        bars: &[
            Bar { fact: "dead letters", most: 0.0 },
            Bar { fact: "first notification after it is back", most: 35.0 },
        ],
    },
];

impl Proof {
    /// The command that runs it, with so many rounds.
    pub(super) fn step(&self, rounds: Option<u32>) -> Step {
        let step = match self.by {
            By::Test(test) => {
                let cargo = ["test", "--locked", "--quiet", "-p", "payflow-proof", "--test", "kafka", "--"];
                let harness = ["--ignored", "--exact", "--nocapture", test];
                Step::cargo(self.name, cargo.into_iter().chain(harness))
            }
        };
        step.env(ROUNDS, rounds.unwrap_or(1).to_string())
    }

    /// Runs it, and returns what it told.
    ///
    /// # Errors
    ///
    /// It cannot be run, or it failed.
    pub(super) fn run(&self, brokers: &str, rounds: Option<u32>) -> anyhow::Result<Facts> {
        let file = std::env::temp_dir().join(format!("payflow-facts-{}", std::process::id()));
        fs::write(&file, "").with_context(|| format!("{} cannot be written", file.display()))?;
        let path = file.to_str().context("the folder for temporary files has a name that is no text")?;
        let ran = self.step(rounds).env(FACTS, path).env(BROKERS, brokers).run();
        let told = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()));
        // What is left behind does no harm.
        let _ = fs::remove_file(&file);
        ran?;
        Ok(read(&told?))
    }

    /// The first of what is promised that the facts do not keep.
    pub(super) fn broken_by(&self, facts: &Facts) -> Option<String> {
        // A name that no test has runs none, which cargo takes for success.
        if facts.is_empty() {
            return Some("the run told no fact: did any test run?".to_owned());
        }
        self.bars.iter().find_map(|Bar { fact, most }| {
            let told = facts.iter().find(|(name, _)| name == fact).map(|(_, value)| value);
            let figure = told.and_then(|value| value.split(' ').next()?.parse::<f64>().ok());
            match (told, figure) {
                (None, _) => Some(format!("the run did not tell: {fact}")),
                (Some(told), None) => Some(format!("{fact} is no figure: {told}")),
                (Some(told), Some(figure)) if figure > *most => {
                    Some(format!("{fact}: {told}, at most {most} is promised"))
                }
                _ => None,
            }
        })
    }
}

fn read(facts: &str) -> Facts {
    let fact = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    facts.lines().filter_map(fact).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROOF: Proof = Proof {
        name: "some",
        promise: "it holds",
        rounds: Some(7),
        by: By::Test("some::test"),
        bars: &[Bar { fact: "wait", most: 5.0 }],
    };

    #[test]
    fn command_runs_one_test_with_its_rounds() {
        assert_eq!(
            PROOF.step(Some(9)).to_string(),
            "PAYFLOW_PROVE_ROUNDS=9 cargo test --locked --quiet -p payflow-proof --test kafka -- --ignored --exact \
             --nocapture some::test"
        );
    }

    #[test]
    fn figure_above_its_bar_and_one_that_was_not_told_are_found() {
        let broken = |facts: &str| PROOF.broken_by(&read(facts));

        assert_eq!(broken("lost: 0\nwait: 5.000 s\n"), None);
        assert_eq!(broken("wait: 5.001 s").unwrap(), "wait: 5.001 s, at most 5 is promised");
        assert_eq!(broken("lost: 0").unwrap(), "the run did not tell: wait");
        assert_eq!(broken("wait: long").unwrap(), "wait is no figure: long");
    }

    #[test]
    fn run_that_told_nothing_proves_nothing_even_without_bars() {
        let without_bars = Proof { bars: &[], ..PROOF };

        let broken = |proof: &Proof, facts: &str| proof.broken_by(&read(facts));

        assert_eq!(broken(&without_bars, "").unwrap(), "the run told no fact: did any test run?");
        assert_eq!(broken(&PROOF, "").unwrap(), "the run told no fact: did any test run?");
        assert_eq!(broken(&without_bars, "kills: 3\n"), None);
    }

    #[test]
    fn names_are_apart_and_each_test_exists() {
        let sources = ["restarts", "kills", "stuck", "zombies", "brokers", "outage", "downstream"];
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../proof/tests/kafka/");
        for (index, proof) in PROOFS.iter().enumerate() {
            assert!(PROOFS[..index].iter().all(|other| other.name != proof.name), "{}", proof.name);
            let By::Test(test) = proof.by;
            let (module, name) = test.split_once("::").unwrap();
            assert!(sources.contains(&module), "{module}");
            let source = fs::read_to_string(format!("{root}{module}.rs")).unwrap();
            assert!(source.contains(&format!("fn {name}()")), "{test}");
        }
    }
}
