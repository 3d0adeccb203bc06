//! Payments at a steady rate, whatever becomes of them.

use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::http::{payment, payment_id};

/// Pays so many times a second until it is stopped, without waiting for answers: an open load, as long as there are
/// fewer than [`CONNECTIONS_MAX`] payments under way.
pub(crate) struct Load {
    stop: oneshot::Sender<()>,
    answered: Arc<Mutex<Vec<Answered>>>,
    thread: JoinHandle<()>,
}

/// What became of a payment.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) sent_at: Instant,
    pub(crate) took: Duration,
    pub(crate) status: u16,
    pub(crate) payment_id: Option<String>,
}

impl Load {
    pub(crate) fn start(address: &str, per_second: u32) -> Self {
        let (stop, stopped) = oneshot::channel();
        let answered = Arc::default();
        let runner = Runner {
            address: address.to_owned(),
            idle: Arc::default(),
            free: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            answered: Arc::clone(&answered),
        };
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(runner.run(per_second, stopped));
        });
        Self { stop, answered, thread }
    }

    /// What was answered so far.
    pub(crate) fn answered(&self) -> Vec<Answered> {
        self.answered.lock().expect("no panic").clone()
    }

    /// Waits until a payment sent from now on is answered with this status.
    pub(crate) fn await_answer(&self, status: u16) {
        let (from, start) = (Instant::now(), Instant::now());
        let is_it = |answered: &Answered| answered.sent_at >= from && answered.status == status;
        while !self.answered.lock().expect("no panic").iter().any(is_it) {
            assert!(start.elapsed() < LIMIT, "no payment is answered with {status}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends no more, and waits for every answer.
    pub(crate) fn stop(self) -> Vec<Answered> {
        let _ = self.stop.send(());
        self.thread.join().expect("every payment is answered");
        Arc::into_inner(self.answered).expect("the thread has ended").into_inner().expect("no panic")
    }
}

#[derive(Clone)]
struct Runner {
    address: String,
    /// Connections to be used again, each since when it is idle.
    idle: Arc<Mutex<Vec<(Instant, TcpStream)>>>,
    free: Arc<Semaphore>,
    answered: Arc<Mutex<Vec<Answered>>>,
}

impl Runner {
    async fn run(self, per_second: u32, mut stopped: oneshot::Receiver<()>) {
        let mut ticks = interval(Duration::from_secs(1) / per_second);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut payments = JoinSet::new();
        let mut number = 0_u32;
        loop {
            tokio::select! {
                biased;
                _ = &mut stopped => break,
                _ = ticks.tick() => {
                    number += 1;
                    let runner = self.clone();
                    payments.spawn(async move { runner.pay(number).await });
                }
            }
            while let Some(paid) = payments.try_join_next() {
                paid.expect("every payment is answered");
            }
        }
        while let Some(paid) = payments.join_next().await {
            paid.expect("every payment is answered");
        }
    }

    async fn pay(self, number: u32) {
        let body = format!(r#"{{"userId":"u{:03}","amount":49.99,"method":"card"}}"#, number % 100);
        let request = payment(&self.address, &body, "");
        let _free = self.free.acquire().await.expect("never closed");
        let sent_at = Instant::now();
        let idle = self.idle.lock().expect("no panic").pop();
        let mut stream = match idle {
            // An older one may be closed by the service any moment.
            Some((since, stream)) if since.elapsed() < IDLE_MAX => stream,
            _ => TcpStream::connect(&self.address).await.expect("the service listens"),
        };
        stream.write_all(request.as_bytes()).await.expect("the service reads");
        let (status, body) = answer(&mut stream).await;
        let answered = Answered {
            sent_at,
            took: sent_at.elapsed(),
            status,
            payment_id: payment_id(&body).map(str::to_owned),
        };
        self.idle.lock().expect("no panic").push((Instant::now(), stream));
        self.answered.lock().expect("no panic").push(answered);
    }
}

/// Status and body of an answer on a connection that stays open.
async fn answer(stream: &mut TcpStream) -> (u16, String) {
    let mut bytes = Vec::new();
    loop {
        let read = stream.read_buf(&mut bytes).await.expect("the service answers");
        assert!(read > 0, "the service hung up: {}", String::from_utf8_lossy(&bytes));
        let text = std::str::from_utf8(&bytes).expect("text");
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.expect("a length").parse().expect("a number");
        if body.len() == length {
            let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
            return (status.expect("a status"), body.to_owned());
        }
    }
}

/// Below what the server takes, as the pool of a client has a bound too.
const CONNECTIONS_MAX: usize = 900;
const IDLE_MAX: Duration = Duration::from_secs(30);
const LIMIT: Duration = Duration::from_secs(120);
