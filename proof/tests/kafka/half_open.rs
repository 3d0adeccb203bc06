//! A member whose connections go half open, while the rest of its group goes on.

use payflow_parts::KafkaConfig;

use crate::cluster::{Cluster, payments};
use crate::proxy::Proxy;
use crate::run::{Run, session};
use crate::wait_for;
use crate::zombies::{had_by, last_assignment};

const PARTITIONS: i32 = 4;
const KEYS: u32 = 5;

#[test]
#[ignore = "needs Java and Maven: run cargo xtask test"]
fn a_member_whose_connections_are_half_open_commits_nothing_and_comes_back() {
    let proxy = Proxy::new();
    let broker = KafkaConfig::new().with_proxy_port(proxy.port).start().expect("Java and Maven are there");
    proxy.forward_to(broker.proxied_port());
    let flags = ["--handler-ms=20", "--handler-ms-max=100", "--heartbeat-ms=500", session()];
    let run = Run::on(Cluster::on(broker.brokers(), PARTITIONS), &flags);
    let by_proxy = format!("127.0.0.1:{}", proxy.port);
    let (first, second) = (run.start_by(&by_proxy, "first"), run.start("second"));
    let mut written = run.share(&["first", "second"], &payments(PARTITIONS, KEYS, 1));

    let some = payments(PARTITIONS, KEYS, 60);
    run.cluster.write(&some);
    written += some.len();
    let since = run.events_seen();
    run.wait_for_starts("first", 20, since);
    proxy.hold();
    run.note_cut_off(&first);
    let (since, had) = (run.events_seen(), had_by("first", &run.seen().events));
    run.wait_until("work in what the first had", |events| had.is_subset(&had_by("second", &events[since..])));

    run.note_resumed(&first);
    proxy.release();
    let (old, some) = (last_assignment("first", &run.seen().events), payments(PARTITIONS, KEYS, 1));
    wait_for("return of the first", || {
        run.note_committed();
        run.cluster.write(&some);
        written += some.len();
        (last_assignment("first", &run.seen().events) > old).then_some(())
    });
    run.settle(written);
    run.stop(first);
    run.stop(second);

    let verdict = run.judge();
    assert_eq!(verdict.handled, written);
}
