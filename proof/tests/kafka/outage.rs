//! A broker that is away for a while under load: what each client was told is what happened, and all of it is handled.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use payflow_kafka::KafkaProducerConfig;
use payflow_parts::KafkaBroker;
use payflow_proof::{Answer, Told};
use tokio::runtime::Runtime;

use crate::cluster::Cluster;
use crate::front_door::{FrontDoor, text_field};
use crate::run::Run;
use crate::wait_for;

const CLIENTS: usize = 32;
/// Each client pays that often, or as soon as it was answered.
const INTERVAL: Duration = Duration::from_millis(100);
const OUTAGE: Duration = Duration::from_secs(20);

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn clients_of_a_broker_that_hangs_are_told_what_happened() {
    let answers = outage(|broker| {
        broker.pause().expect("it runs");
        std::thread::sleep(OUTAGE);
        broker.resume().expect("it is paused");
    });
    // What was under way when it froze.
    assert!(answers[1] > 0, "{answers:?}");
}

#[test]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
fn clients_of_a_broker_that_is_stopped_are_told_what_happened() {
    let answers = outage(|broker| {
        broker.stop().expect("it runs");
        std::thread::sleep(OUTAGE);
        broker.start_again().expect("it starts again");
    });
    // What came while it was away.
    assert!(answers[2] > 0, "{answers:?}");
}

/// How many payments were accepted, unknown and refused.
fn outage(happens: impl FnOnce(&mut KafkaBroker)) -> [usize; 3] {
    let mut broker = KafkaBroker::start().expect("Java and Maven are there");
    let run = Run::on(Cluster::on(broker.brokers(), 4), &["--handler-ms=5"]);
    let processes = ["first", "second"].map(|name| run.start(name));
    let runtime = Runtime::new().expect("a runtime");
    let clients = Clients::start(&runtime, &run.cluster);

    clients.wait_for_accepted(10 * CLIENTS);
    happens(&mut broker);
    clients.wait_for_accepted(10 * CLIENTS);
    let answers = clients.stop(&runtime);
    run.wait_for_done(run.cluster.read().len());
    for process in processes {
        run.stop(process);
    }

    let mut history = run.history();
    history.answers = answers;
    for written in &mut history.written {
        let value = written.value.as_deref().and_then(|value| std::str::from_utf8(value).ok());
        written.mark = value.and_then(|value| text_field(value, "method")).map(str::to_owned);
    }
    let verdict = history.verdict();
    eprintln!("{verdict}");
    assert!(verdict.is_good(), "{verdict}");
    assert_eq!(verdict.handled, verdict.records, "{verdict}");
    assert_eq!(verdict.uncommitted, Some(0), "{verdict}");
    verdict.answers
}

/// Clients that pay one payment after another, each for a payer of its own.
struct Clients {
    state: Arc<State>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

struct State {
    door: FrontDoor,
    start: Instant,
    next: AtomicUsize,
    accepted: AtomicUsize,
    stop: AtomicBool,
    answers: Mutex<Vec<Answer>>,
}

impl Clients {
    fn start(runtime: &Runtime, cluster: &Cluster) -> Self {
        let _entered = runtime.enter();
        // So short that payments are given up several times in the outage.
        let config = KafkaProducerConfig::new().with_delivery_timeout(Duration::from_secs(3));
        let state = Arc::new(State {
            door: FrontDoor::of(cluster, &config),
            start: Instant::now(),
            next: AtomicUsize::new(0),
            accepted: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            answers: Mutex::new(Vec::new()),
        });
        let client = |number: usize| tokio::spawn(Arc::clone(&state).pay_on(format!("u{number:03}")));
        Self { tasks: (0..CLIENTS).map(client).collect(), state }
    }

    /// Waits until so many more payments were accepted.
    #[track_caller]
    fn wait_for_accepted(&self, more: usize) {
        let accepted = || self.state.accepted.load(Ordering::Relaxed);
        let goal = accepted() + more;
        wait_for("accepted payments", || (accepted() >= goal).then_some(()));
    }

    fn stop(self, runtime: &Runtime) -> Vec<Answer> {
        self.state.stop.store(true, Ordering::Relaxed);
        for client in self.tasks {
            runtime.block_on(client).expect("every payment is answered");
        }
        std::mem::take(&mut *self.state.answers.lock().expect("nothing panicked"))
    }
}

impl State {
    async fn pay_on(self: Arc<Self>, payer: String) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !self.stop.load(Ordering::Relaxed) {
            ticks.tick().await;
            // The method is what tells one payment from another, on the topic too.
            let mark = format!("m{}", self.next.fetch_add(1, Ordering::Relaxed));
            let body = format!(r#"{{"userId":"{payer}","amount":49.99,"method":"{mark}"}}"#);
            let sent_at = self.start.elapsed();
            let response = self.door.pay(body).await;
            let told = match (response.status, response.payment) {
                (202, Some(payment)) => Told::Accepted { payment },
                (504, Some(payment)) => Told::Unknown { payment: Some(payment) },
                (503, None) => Told::Refused,
                other => panic!("{mark} was answered with {other:?}"),
            };
            if matches!(told, Told::Accepted { .. }) {
                self.accepted.fetch_add(1, Ordering::Relaxed);
            }
            let key = payer.clone().into_bytes();
            let answer = Answer { mark, key, told, sent_at, answered_at: self.start.elapsed() };
            self.answers.lock().expect("nothing panicked").push(answer);
        }
    }
}
