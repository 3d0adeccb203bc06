//! Processes come, go and die while records arrive.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::cluster::{Cluster, New, payments};
use crate::run::{Run, SESSION};

const PARTITIONS: i32 = 6;
const KEYS: u32 = 4;

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn processes_come_and_go_and_nothing_is_lost_or_out_of_order() {
    churn("cooperative");
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn processes_of_an_eager_group_come_and_go_and_nothing_is_lost_or_out_of_order() {
    churn("eager");
}

fn churn(protocol: &str) {
    let flags =
        ["--handler-ms=5", "--handler-ms-max=60", "--heartbeat-ms=500", SESSION, "--protocol", protocol];
    let run = Run::on(Cluster::with_partitions(PARTITIONS), &flags);
    let enough = AtomicBool::new(false);
    let written = std::thread::scope(|scope| {
        let writing = scope.spawn(|| write_until(&run, &payments(PARTITIONS, KEYS, 1), &enough));
        // Also when a step fails.
        let _enough = SetOnDrop(&enough);

        // Each step waits until the one before it has come to something.
        let start = |name: &str| {
            let process = run.start(name);
            run.wait_for_starts(name, 20, 0);
            process
        };
        let (a, b) = (start("a"), start("b"));
        let c = start("c");
        run.stop(a);
        let d = start("d");
        run.kill(b);
        // While the group still waits for the dead one.
        let e = run.start("e");
        run.stop(c);
        run.wait_for_starts("e", 20, 0);
        // Two at once.
        let (f, g) = (run.start("f"), run.start("g"));
        run.stop(d);
        run.wait_for_starts("f", 20, 0);
        run.wait_for_starts("g", 20, 0);
        run.stop(e);

        enough.store(true, Ordering::Relaxed);
        let written = writing.join().expect("nothing panics");
        run.wait_for_done(written);
        run.stop(f);
        run.stop(g);
        written
    });

    let verdict = run.judge();
    assert_eq!((verdict.records, verdict.handled), (written, written));
}

/// Writes the same records again and again, as fast as they are handled, and says how many there were.
pub(crate) fn write_until(run: &Run, round: &[New], enough: &AtomicBool) -> usize {
    const ROUNDS_AHEAD: usize = 20;
    let mut written = 0;
    while !enough.load(Ordering::Relaxed) {
        run.cluster.write(round);
        written += round.len();
        run.wait_for_done(written.saturating_sub(ROUNDS_AHEAD * round.len()));
    }
    written
}

pub(crate) struct SetOnDrop<'a>(pub(crate) &'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
