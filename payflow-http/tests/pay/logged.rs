//! What the person on call reads while payments fail.

use std::fmt::{Debug, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use payflow_core::{Acceptance, Error, IntakeError};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::scripted::{ScriptedIntake, ask, payment_id, post};

/// Keeps the events of payflow, each as one line.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("payflow_")
    }

    fn event(&self, event: &Event<'_>) {
        struct Line(String);
        impl Visit for Line {
            fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
                write!(self.0, " {}={value:?}", field.name()).unwrap();
            }
        }
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test(start_paused = true)]
async fn a_thousand_failures_are_one_line_and_the_recovery_another() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.clone());
    let away = Arc::new(AtomicBool::new(true));
    let asked = Arc::clone(&away);
    let intake = ScriptedIntake::answering(move || {
        if asked.load(Ordering::Relaxed) {
            let error = Error::transient("send payment").because("queue full");
            return Err(IntakeError::Failed { payment_id: payment_id(), error });
        }
        Ok(Acceptance::new(payment_id()))
    });
    let router = intake.service();
    let body = r#"{"userId":"payer-4711","amount":49.99,"method":"paypal"}"#;

    for _ in 0..1_000 {
        ask(&router, post(body)).await;
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    let failed = lines.take();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert!(failed[0].starts_with("ERROR"), "{failed:?}");
    assert!(failed[0].contains("queue full"), "{failed:?}");
    assert!(!failed[0].contains("payer-4711"), "{failed:?}");

    away.store(false, Ordering::Relaxed);
    ask(&router, post(body)).await;
    assert_eq!(lines.take(), [""; 0]);
    tokio::time::advance(Duration::from_secs(10)).await;
    ask(&router, post(body)).await;
    ask(&router, post(body)).await;
    let over = lines.take();
    assert_eq!(over.len(), 1, "{over:?}");
    assert!(over[0].contains("failures=1000"), "{over:?}");
}

#[tokio::test(start_paused = true)]
async fn outage_that_makes_503_and_504_is_still_two_lines() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.clone());
    let asked = AtomicUsize::new(0);
    let intake = ScriptedIntake::answering(move || {
        let error = match asked.fetch_add(1, Ordering::Relaxed) {
            100.. => return Ok(Acceptance::new(payment_id())),
            even if even % 2 == 0 => Error::transient("send payment"),
            _ => Error::unknown("send payment"),
        };
        Err(IntakeError::Failed { payment_id: payment_id(), error })
    });
    let router = intake.service();

    for _ in 0..100 {
        ask(&router, post(crate::scripted::GOOD)).await;
        tokio::time::advance(Duration::from_millis(100)).await;
    }
    tokio::time::advance(Duration::from_secs(10)).await;
    ask(&router, post(crate::scripted::GOOD)).await;

    let lines = lines.take();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("ERROR"), "{lines:?}");
    assert!(lines[1].contains("failures=100 outcome_unknown=50"), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn what_clients_do_wrong_is_no_line() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.clone());
    let router = ScriptedIntake::answering(|| Err(IntakeError::KeyReused)).service();

    for body in ["", "{}", "[]", crate::scripted::GOOD] {
        ask(&router, post(body)).await;
    }

    assert_eq!(lines.take(), [""; 0]);
}
