//! Whole worlds from seeds, through the real driver and workers, in virtual time.
//!
//! `PAYFLOW_SEEDS=2000` runs more of them, `PAYFLOW_SEED=17` runs one and prints what happened in it.
#![cfg(feature = "memory")]
#![allow(clippy::unwrap_used, reason = "a test program: what cannot be unwrapped fails the test")]

mod dice;
mod ledger;
mod member;
mod plan;
mod trouble;
mod watched;
mod weather;
mod work;
mod world;

use std::collections::BTreeMap;

use world::Outcome;

pub(crate) const GROUP: &str = "notifications";

#[test]
fn every_seed_keeps_the_promises() {
    let one = setting("PAYFLOW_SEED");
    let seeds = one.map_or_else(|| 0..setting("PAYFLOW_SEEDS").unwrap_or(SEEDS), |seed| seed..seed + 1);
    let many = seeds.end - seeds.start >= SEEDS;
    let (mut hits, mut broken, mut first) = (BTreeMap::new(), Vec::new(), None);
    for seed in seeds {
        let outcome = world::run(seed);
        if one.is_some() {
            outcome.trace.iter().for_each(|line| println!("{line}"));
        }
        if let Some(violation) = &outcome.violation {
            broken.push(format!("seed {seed}: {violation}"));
            first.get_or_insert_with(|| report(seed, violation, &outcome));
        }
        for (fault, count) in outcome.hits {
            *hits.entry(fault).or_insert(0) += count;
        }
    }
    if let Some(first) = first {
        panic!("{first}\nbroken in all: {}\n{}", broken.len(), broken.join("\n"));
    }
    println!("{hits:#?}");
    let rare: Vec<_> = FAULTS.iter().filter(|fault| hits.get(*fault).copied().unwrap_or(0) < 20).collect();
    assert!(!many || rare.is_empty(), "hit too rarely to prove anything: {rare:?}");
}

#[test]
fn the_same_seed_repeats_the_same_world() {
    for seed in (0..SEEDS).step_by(25) {
        let (first, second) = (world::run(seed), world::run(seed));
        let differs = first.trace.iter().zip(&second.trace).position(|(one, other)| one != other);
        if let Some(at) = differs {
            let (before, after) = (at.saturating_sub(10), at + 1);
            let lines = first.trace[before..after].join("\n");
            panic!("seed {seed} differs at line {at}:\n{lines}\nor\n{}", second.trace[at]);
        }
        assert_eq!(first.trace.len(), second.trace.len(), "seed {seed}");
    }
}

const SEEDS: u64 = 200;

/// What must have happened in these worlds.
const FAULTS: [&str; 32] = [
    "begun by one that lost it",
    "broken off",
    "clean stop",
    "commits fail",
    "decode",
    "dead letter refused",
    "dead letters refused",
    "expel",
    "gap",
    "handler",
    "join",
    "kill",
    "lane full",
    "leader move",
    "loss",
    "outage",
    "panic",
    "partition added",
    "pause",
    "receipts lost",
    "receive fatal",
    "receives fail",
    "repetition",
    "revoke",
    "send refused",
    "send unknown",
    "sends fail",
    "silent member",
    "stall",
    "stop",
    "storm",
    "timeout",
];

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

fn report(seed: u64, violation: &str, outcome: &Outcome) -> String {
    let last = outcome.trace.len().saturating_sub(TRACE_LINES);
    let (plan, trace) = (outcome.trace.first().map_or("", String::as_str), outcome.trace[last..].join("\n"));
    format!(
        "seed {seed}: {violation}\n{plan}\n...\n{trace}\n\
         to see all of it: PAYFLOW_SEED={seed} cargo test -p payflow-core --test seeds every_seed -- --nocapture"
    )
}

const TRACE_LINES: usize = 60;
