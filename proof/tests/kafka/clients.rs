//! Clients of the front door, under whatever happens to Kafka.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use payflow_proof::{Answer, Told, Written};
use tokio::runtime::Runtime;

use crate::front_door::{FrontDoor, text_field};
use crate::wait_for;

/// How many there are.
pub(crate) const CLIENTS: usize = 32;
/// Each client pays that often, or as soon as it was answered.
const INTERVAL: Duration = Duration::from_millis(100);

/// Clients that pay one payment after another, each for a payer of its own.
pub(crate) struct Clients {
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
    /// The door is made where `runtime` runs.
    pub(crate) fn start(runtime: &Runtime, door: impl FnOnce() -> FrontDoor) -> Self {
        let _entered = runtime.enter();
        let state = Arc::new(State {
            door: door(),
            start: Instant::now(),
            next: AtomicUsize::new(0),
            accepted: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            answers: Mutex::new(Vec::new()),
        });
        let client = |number: usize| tokio::spawn(Arc::clone(&state).pay_on(format!("u{number:03}")));
        Self { tasks: (0..CLIENTS).map(client).collect(), state }
    }

    /// The time that answers bear.
    pub(crate) fn now(&self) -> Duration {
        self.state.start.elapsed()
    }

    /// Waits until so many more payments were accepted.
    #[track_caller]
    pub(crate) fn wait_for_accepted(&self, more: usize) {
        let accepted = || self.state.accepted.load(Ordering::Relaxed);
        let goal = accepted() + more;
        wait_for("accepted payments", || (accepted() >= goal).then_some(()));
    }

    /// Pays no more, and waits for every answer.
    pub(crate) fn stop(self, runtime: &Runtime) -> Vec<Answer> {
        self.state.stop.store(true, Ordering::Relaxed);
        for client in self.tasks {
            runtime.block_on(client).expect("every payment is answered");
        }
        std::mem::take(&mut *self.state.answers.lock().expect("nothing panicked"))
    }
}

/// Gives each record the mark of the payment that it came from.
pub(crate) fn mark(written: &mut [Written]) {
    for written in written {
        let value = written.value.as_deref().and_then(|value| std::str::from_utf8(value).ok());
        written.mark = value.and_then(|value| text_field(value, "method")).map(str::to_owned);
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
