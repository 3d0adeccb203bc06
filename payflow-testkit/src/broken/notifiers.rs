//! Flaws of notifiers.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use payflow_core::{Error, Notification, NotificationId, Notifier, PaymentId, Sent};

use super::flaw::{NotifierFlaw, notifier};
use super::harness::BrokenNotifierHarness;
use super::{BrokenAdapter, Failing};

pub(super) const ADAPTERS: &[BrokenAdapter<BrokenNotifierHarness>] = &[
    BrokenAdapter::new(
        "it sends ASCII only",
        &[Failing::new("a_notification_arrives_intact", "at the other side")],
        || BrokenNotifierHarness::new(|sound| notifier(sound, AsciiOnly)),
    ),
    BrokenAdapter::new(
        "it gives each send an id of its own",
        &[
            Failing::new("the_id_travels_with_it", "one notification with the id"),
            Failing::new("a_repeat_arrives_once", "4 arrivals"),
        ],
        || BrokenNotifierHarness::new(|sound| notifier(sound, NewIds)),
    ),
    BrokenAdapter::new(
        "it says that it has sent, and sends later",
        &[Failing::new("sent_means_taken", "as soon as notify has resolved")],
        || BrokenNotifierHarness::new(|sound| notifier(sound, SendsLater::default())),
    ),
    BrokenAdapter::new(
        "it drops what comes while another is sent",
        &[Failing::new("concurrent_notifications_all_arrive", "it arrived 0 times")],
        || BrokenNotifierHarness::new(|sound| notifier(sound, DropsWhenBusy::default())),
    ),
    BrokenAdapter::new(
        "it refuses a repeat",
        &[Failing::new("a_repeat_is_taken", "a notify that succeeds")],
        || BrokenNotifierHarness::new(|sound| notifier(sound, RefusesRepeats::default())),
    ),
    BrokenAdapter::new(
        "it tells repeats by their words",
        &[Failing::new("a_repeat_arrives_once", "1 arrivals")],
        || BrokenNotifierHarness::new(|sound| notifier(sound, SameWords::default())),
    ),
    BrokenAdapter::new(
        "it reports failures as sent",
        &[Failing::new("a_failed_notification_can_be_sent_again", "to be reported as failed")],
        || BrokenNotifierHarness::new(|sound| notifier(sound, SwallowsErrors)),
    ),
    BrokenAdapter::new(
        "it takes what failed for sent when it comes again",
        &[Failing::new("a_failed_notification_can_be_sent_again", "it arrived 0 times")],
        || BrokenNotifierHarness::new(|sound| notifier(sound, RemembersTooSoon::default())),
    ),
    BrokenAdapter::new(
        "it reports a failure of what it then sends after all",
        &[Failing::new("a_failed_notification_can_be_sent_again", "nothing sent by a notify that failed")],
        || BrokenNotifierHarness::new(|sound| notifier(sound, SendsWhatFailed)),
    ),
    BrokenAdapter::new(
        "it never resolves again after one was dropped",
        &[Failing::new("a_cancelled_notify_does_no_harm", "notify to resolve")],
        || BrokenNotifierHarness::new(|sound| notifier(sound, Stuck::default())),
    ),
];

/// The same payer told `message`, under the id that follows from payment and event.
fn reworded(notification: &Notification, payment: PaymentId, event: &str, message: &str) -> Notification {
    Notification::new(payment, event, "broken", notification.user_id().clone(), message)
}

struct AsciiOnly;

#[async_trait]
impl NotifierFlaw for AsciiOnly {
    async fn notify(&self, sound: &Arc<dyn Notifier>, notification: &Notification) -> Result<Sent, Error> {
        let ascii = notification.message().replace(|letter: char| !letter.is_ascii(), "?");
        let event = notification.id().to_string();
        sound.notify(&reworded(notification, notification.payment_id(), &event, &ascii)).await
    }
}

struct NewIds;

#[async_trait]
impl NotifierFlaw for NewIds {
    async fn notify(&self, sound: &Arc<dyn Notifier>, notification: &Notification) -> Result<Sent, Error> {
        let message = notification.message();
        sound.notify(&reworded(notification, PaymentId::random(), "sent", message)).await
    }
}

#[derive(Default)]
struct SendsLater(Mutex<Option<Notification>>);

#[async_trait]
impl NotifierFlaw for SendsLater {
    async fn notify(&self, sound: &Arc<dyn Notifier>, notification: &Notification) -> Result<Sent, Error> {
        let before = self.0.lock().unwrap_or_else(PoisonError::into_inner).replace(notification.clone());
        match before {
            Some(before) => sound.notify(&before).await,
            None => Ok(Sent::Accepted),
        }
    }
}

#[derive(Default)]
struct DropsWhenBusy(AtomicUsize);

#[async_trait]
impl NotifierFlaw for DropsWhenBusy {
    async fn notify(&self, sound: &Arc<dyn Notifier>, notification: &Notification) -> Result<Sent, Error> {
        let busy = self.0.fetch_add(1, Ordering::SeqCst) > 0;
        tokio::time::sleep(Duration::from_millis(20)).await;
        let sent = if busy { Ok(Sent::Accepted) } else { sound.notify(notification).await };
        self.0.fetch_sub(1, Ordering::SeqCst);
        sent
    }
}

#[derive(Default)]
struct RefusesRepeats(Mutex<BTreeSet<NotificationId>>);

#[async_trait]
impl NotifierFlaw for RefusesRepeats {
    async fn notify(&self, sound: &Arc<dyn Notifier>, notification: &Notification) -> Result<Sent, Error> {
        if !self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(notification.id()) {
            return Err(Error::permanent("notify").because("this id was used before"));
        }
        sound.notify(notification).await
    }
}

#[derive(Default)]
struct SameWords(Mutex<BTreeSet<String>>);

#[async_trait]
impl NotifierFlaw for SameWords {
    async fn notify(&self, sound: &Arc<dyn Notifier>, notification: &Notification) -> Result<Sent, Error> {
        let words = notification.message().to_owned();
        if !self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(words) {
            return Ok(Sent::Accepted);
        }
        sound.notify(notification).await
    }
}

struct SwallowsErrors;

#[async_trait]
impl NotifierFlaw for SwallowsErrors {
    async fn notify(&self, sound: &Arc<dyn Notifier>, notification: &Notification) -> Result<Sent, Error> {
        sound.notify(notification).await.or(Ok(Sent::Accepted))
    }
}

#[derive(Default)]
struct RemembersTooSoon(Mutex<BTreeSet<NotificationId>>);

#[async_trait]
impl NotifierFlaw for RemembersTooSoon {
    async fn notify(&self, sound: &Arc<dyn Notifier>, notification: &Notification) -> Result<Sent, Error> {
        if !self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(notification.id()) {
            return Ok(Sent::Accepted);
        }
        sound.notify(notification).await
    }
}

struct SendsWhatFailed;

#[async_trait]
impl NotifierFlaw for SendsWhatFailed {
    async fn notify(&self, sound: &Arc<dyn Notifier>, notification: &Notification) -> Result<Sent, Error> {
        let sent = sound.notify(notification).await;
        if sent.is_err() {
            let _second_try = sound.notify(notification).await;
        }
        sent
    }
}

#[derive(Default)]
struct Stuck(AtomicBool);

#[async_trait]
impl NotifierFlaw for Stuck {
    async fn notify(&self, sound: &Arc<dyn Notifier>, notification: &Notification) -> Result<Sent, Error> {
        if self.0.swap(true, Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        tokio::task::yield_now().await;
        let sent = sound.notify(notification).await;
        self.0.store(false, Ordering::SeqCst);
        sent
    }
}
