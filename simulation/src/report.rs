//! What many runs add up to.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::ensure;
use payflow_core::simulation::{FaultCount, Run};

/// A kind of fault that is hit less often than this is not tested.
const HITS_LEAST: u64 = 50;

/// With fewer seeds than this, hits are not asked for.
const SEEDS_FOR_HITS: u64 = 1_000;

/// Sums over runs.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    seeds: u64,
    records: u64,
    deliveries: u64,
    steps: u64,
    virtual_time: Duration,
    faults: Vec<FaultCount>,
}

impl Totals {
    /// Adds a run.
    pub(crate) fn add(&mut self, run: &Run) {
        self.seeds += 1;
        self.records += run.records;
        self.deliveries += run.deliveries;
        self.steps += run.steps;
        self.virtual_time += run.virtual_time;
        self.add_faults(&run.faults);
    }

    /// Adds other sums.
    pub(crate) fn join(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.records += other.records;
        self.deliveries += other.deliveries;
        self.steps += other.steps;
        self.virtual_time += other.virtual_time;
        self.add_faults(&other.faults);
    }

    fn add_faults(&mut self, faults: &[FaultCount]) {
        if self.faults.is_empty() {
            self.faults = faults.to_vec();
            return;
        }
        for (sum, fault) in self.faults.iter_mut().zip(faults) {
            sum.count += fault.count;
        }
    }

    /// What is printed at the end.
    pub(crate) fn table(&self, took: Duration) -> String {
        let mut table = String::from("     hits  kind of fault\n");
        for fault in &self.faults {
            // Writing to a string does not fail.
            let _ = writeln!(table, "{:>9}  {}", fault.count, fault.name);
        }
        let each = |sum: u64| sum / self.seeds.max(1);
        let seconds = took.as_secs_f64();
        let _ = write!(
            table,
            "\n{} seeds in {seconds:.1} s: {:.0} a second; each {} records, {} deliveries, {} events, {} s of its own time",
            self.seeds,
            self.seeds as f64 / seconds.max(1e-9),
            each(self.records),
            each(self.deliveries),
            each(self.steps),
            each(self.virtual_time.as_secs()),
        );
        table
    }

    /// Whether every kind of fault was hit often enough.
    ///
    /// # Errors
    /// Names those that were not.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        if self.seeds < SEEDS_FOR_HITS {
            println!("fewer than {SEEDS_FOR_HITS} seeds: kinds of faults that were hit seldom are no error");
            return Ok(());
        }
        let seldom: Vec<_> = self.faults.iter().filter(|fault| fault.count < HITS_LEAST).collect();
        let names: Vec<_> = seldom.iter().map(|fault| format!("{} ({})", fault.name, fault.count)).collect();
        ensure!(seldom.is_empty(), "hit fewer than {HITS_LEAST} times: {}", names.join(", "));
        Ok(())
    }
}
