//! A notifier that drops repeats.

use std::time::Duration;

use async_trait::async_trait;
use tracing::warn;

use super::{Claim, Hold, Inbox};
use crate::error::Error;
use crate::notification::Notification;
use crate::notifier::{Notifier, Sent};

/// [`Notifier`] that sends each notification once, by an [`Inbox`]: claim, send, complete.
///
/// A crash between the send and its completion repeats the send after the lease, with the same notification id: hand
/// the id to the provider as its idempotency key. The lease is above the pipeline's handler timeout, or a slow send could
/// be claimed a second time while the first runs: [`Pipeline::new`](crate::Pipeline::new) refuses other settings.
#[derive(Debug)]
pub struct Once<N, I> {
    notifier: N,
    inbox: I,
    lease: Duration,
}

impl<N: Notifier, I: Inbox> Once<N, I> {
    /// The default of [`with_lease`](Self::with_lease).
    pub const LEASE: Duration = Duration::from_secs(60);

    /// Sends through `notifier` what `inbox` has not seen.
    #[must_use]
    pub const fn new(notifier: N, inbox: I) -> Self {
        Self { notifier, inbox, lease: Self::LEASE }
    }

    /// How long a claim is held if its holder vanishes. Above the handler timeout; default 60 s, twice that timeout's
    /// default.
    #[must_use]
    pub fn with_lease(self, lease: Duration) -> Self {
        Self { lease, ..self }
    }

    async fn send(&self, notification: &Notification, hold: Hold) -> Result<Sent, Error> {
        match self.notifier.notify(notification).await {
            Ok(sent) => {
                if let Err(error) = self.inbox.complete(hold).await {
                    // It was sent, and saying otherwise would send it again at once.
                    warn!(notification = %notification.id(), error = error.chain(), "sent, but not recorded in the inbox");
                }
                Ok(sent)
            }
            Err(error) => {
                if let Err(release) = self.inbox.release(hold).await {
                    warn!(notification = %notification.id(), error = release.chain(), "claim not released, its lease has to run out");
                }
                Err(error)
            }
        }
    }
}

#[async_trait]
impl<N: Notifier, I: Inbox> Notifier for Once<N, I> {
    async fn notify(&self, notification: &Notification) -> Result<Sent, Error> {
        match self.inbox.claim(notification.id(), notification.fingerprint(), self.lease).await? {
            Claim::Granted(hold) => self.send(notification, hold).await,
            Claim::Completed => Ok(Sent::Accepted),
            Claim::Held { remaining } => Err(Error::held("claim notification", remaining)),
            Claim::Conflict => {
                Err(Error::permanent("claim notification")
                    .because("idempotency key used for another request"))
            }
        }
    }

    /// The shorter lease, if what it sends through claims too.
    fn claim_lease(&self) -> Option<Duration> {
        Some(self.notifier.claim_lease().map_or(self.lease, |inner| inner.min(self.lease)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::error::Fault;
    use crate::inbox::MemoryInbox;
    use crate::payment::{Fingerprint, PaymentId, UserId};

    #[derive(Default)]
    struct Scripted {
        answers: Mutex<Vec<Result<Sent, Error>>>,
        sends: AtomicUsize,
        lease: Option<Duration>,
    }

    #[async_trait]
    impl Notifier for Scripted {
        async fn notify(&self, _notification: &Notification) -> Result<Sent, Error> {
            self.sends.fetch_add(1, Ordering::Relaxed);
            self.answers.lock().unwrap().pop().unwrap_or(Ok(Sent::Delivered))
        }

        fn claim_lease(&self) -> Option<Duration> {
            self.lease
        }
    }

    fn once(answers: Vec<Result<Sent, Error>>) -> Once<Scripted, MemoryInbox> {
        Once::new(Scripted { answers: answers.into(), ..Scripted::default() }, MemoryInbox::new())
    }

    fn notification() -> Notification {
        Notification::new(PaymentId::random(), "paid", "log", UserId::parse("u").unwrap(), "paid")
    }

    #[tokio::test]
    async fn a_repeat_is_answered_and_not_sent() {
        let once = once(vec![]);
        let notification = notification();
        assert_eq!(once.notify(&notification).await.unwrap(), Sent::Delivered);
        assert_eq!(once.notify(&notification).await.unwrap(), Sent::Accepted);
        assert_eq!(once.notifier.sends.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_failed_send_is_sent_again() {
        for failure in [Error::transient("send"), Error::unknown("send")] {
            let once = once(vec![Err(failure)]);
            let notification = notification();
            assert!(once.notify(&notification).await.is_err());
            assert_eq!(once.notify(&notification).await.unwrap(), Sent::Delivered);
        }
    }

    #[tokio::test]
    async fn another_request_under_the_same_key_is_permanent_and_not_sent() {
        let once = once(vec![]);
        let first = notification().with_fingerprint(Some(Fingerprint::of(&["a"])));
        let second = first.clone().with_fingerprint(Some(Fingerprint::of(&["b"])));
        assert_eq!(once.notify(&first).await.unwrap(), Sent::Delivered);
        assert_eq!(once.notify(&second).await.unwrap_err().fault(), Fault::Permanent);
        assert_eq!(once.notifier.sends.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn the_shortest_lease_of_all_is_told() {
        let lease = |inner, outer: u64| {
            let notifier = Scripted { lease: inner, ..Scripted::default() };
            let once = Once::new(notifier, MemoryInbox::new()).with_lease(Duration::from_secs(outer));
            Arc::new(once).claim_lease()
        };
        assert_eq!(lease(None, 5), Some(Duration::from_secs(5)));
        assert_eq!(lease(Some(Duration::from_secs(3)), 5), Some(Duration::from_secs(3)));
        assert_eq!(lease(Some(Duration::from_secs(9)), 5), Some(Duration::from_secs(5)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_claim_held_by_another_waits_for_its_lease_and_counts_no_attempt() {
        let once = once(vec![]);
        let notification = notification();
        let _held = once.inbox.claim(notification.id(), None, Duration::from_secs(9)).await.unwrap();
        let error = once.notify(&notification).await.unwrap_err();
        assert_eq!(error.fault(), Fault::Transient { retry_after: Some(Duration::from_secs(9)) });
        assert!(!error.counts_attempt());
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(once.notify(&notification).await.unwrap(), Sent::Delivered);
    }
}
