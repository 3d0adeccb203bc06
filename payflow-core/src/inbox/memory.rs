//! An inbox in memory: for one process, and for as long as it lives.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::{Claim, Hold, Inbox};
use crate::error::Error;
use crate::notification::NotificationId;
use crate::payment::Fingerprint;

/// [`Inbox`] in the memory of this process, bounded in number and time.
///
/// It forgets with the process, and forgets the oldest when full: it drops repeats that come soon, and promises nothing
/// beyond. A durable inbox does.
#[derive(Debug)]
pub struct MemoryInbox {
    entries: Mutex<Entries>,
    entries_max: usize,
    retention: Duration,
}

impl MemoryInbox {
    /// The default of [`with_entries_max`](Self::with_entries_max).
    pub const ENTRIES_MAX: usize = 100_000;
    /// The default of [`with_retention`](Self::with_retention).
    pub const RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

    /// An empty inbox with the default bounds.
    #[must_use]
    pub fn new() -> Self {
        Self { entries: Mutex::default(), entries_max: Self::ENTRIES_MAX, retention: Self::RETENTION }
    }

    /// How many notifications are remembered; beyond it the one claimed longest ago is forgotten. At least 1, default
    /// 100,000 (about 15 MB).
    #[must_use]
    pub fn with_entries_max(self, entries_max: usize) -> Self {
        Self { entries_max: entries_max.max(1), ..self }
    }

    /// How long a notification is remembered after its first claim. Default 24 h.
    #[must_use]
    pub fn with_retention(self, retention: Duration) -> Self {
        Self { retention, ..self }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        // No code that can panic runs under this lock, and a half-done change is impossible.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryInbox {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Inbox for MemoryInbox {
    async fn claim(
        &self,
        id: NotificationId,
        fingerprint: Option<Fingerprint>,
        lease: Duration,
    ) -> Result<Claim, Error> {
        let now = Instant::now();
        let mut entries = self.lock();
        // Room is made only for what is new: a repeat must not push out what it asks about.
        let entries_max = if entries.by_id.contains_key(&id) { usize::MAX } else { self.entries_max };
        entries.forget_until(now.checked_sub(self.retention), entries_max);
        Ok(entries.claim(id, fingerprint, now, lease))
    }

    async fn complete(&self, hold: Hold) -> Result<(), Error> {
        self.lock().settle(hold, State::Completed);
        Ok(())
    }

    async fn release(&self, hold: Hold) -> Result<(), Error> {
        self.lock().settle(hold, State::Free);
        Ok(())
    }
}

/// Far beyond any send, and still within what can be added to a point in time.
const LEASE_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

#[derive(Debug, Default)]
struct Entries {
    by_id: HashMap<NotificationId, Entry>,
    /// In the order of first claims; what is remembered stands here once.
    by_age: VecDeque<(Instant, NotificationId)>,
    fence: u64,
}

#[derive(Debug)]
struct Entry {
    fingerprint: Option<Fingerprint>,
    fence: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Free,
    Held { until: Instant },
    Completed,
}

impl Entries {
    fn claim(
        &mut self,
        id: NotificationId,
        fingerprint: Option<Fingerprint>,
        now: Instant,
        lease: Duration,
    ) -> Claim {
        let entry = self.by_id.entry(id).or_insert_with(|| {
            self.by_age.push_back((now, id));
            Entry { fingerprint, fence: 0, state: State::Free }
        });
        if entry.fingerprint != fingerprint {
            return Claim::Conflict;
        }
        match entry.state {
            State::Completed => Claim::Completed,
            State::Held { until } if until > now => Claim::Held { remaining: until - now },
            State::Free | State::Held { .. } => {
                self.fence += 1;
                entry.fence = self.fence;
                entry.state = State::Held { until: now + lease.min(LEASE_MAX) };
                Claim::Granted(Hold { id, fence: self.fence })
            }
        }
    }

    fn settle(&mut self, hold: Hold, state: State) {
        if let Some(entry) = self.by_id.get_mut(&hold.id)
            && entry.fence == hold.fence
            && matches!(entry.state, State::Held { .. })
        {
            entry.state = state;
        }
    }

    /// Makes room for one more: forgets what is too old, and the oldest beyond the bound.
    fn forget_until(&mut self, horizon: Option<Instant>, entries_max: usize) {
        while let Some((age, id)) = self.by_age.front().copied() {
            let too_old = horizon.is_some_and(|horizon| age <= horizon);
            if !too_old && self.by_age.len() < entries_max {
                break;
            }
            self.by_age.pop_front();
            self.by_id.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payment::PaymentId;

    fn id(event: &str) -> NotificationId {
        NotificationId::of(PaymentId::parse("018f4d6e-0000-7000-8000-000000000000").unwrap(), event, "log")
    }

    async fn granted(inbox: &MemoryInbox, event: &str) -> Hold {
        match inbox.claim(id(event), None, Duration::from_secs(10)).await.unwrap() {
            Claim::Granted(hold) => hold,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_holder_whose_lease_ran_out_completes_nothing() {
        let inbox = MemoryInbox::new();
        let late = granted(&inbox, "a").await;
        tokio::time::advance(Duration::from_secs(11)).await;
        let current = granted(&inbox, "a").await;

        inbox.complete(late).await.unwrap();
        let claim = inbox.claim(id("a"), None, Duration::from_secs(10)).await.unwrap();
        assert!(matches!(claim, Claim::Held { .. }), "{claim:?}");

        inbox.complete(current).await.unwrap();
        assert_eq!(inbox.claim(id("a"), None, Duration::from_secs(10)).await.unwrap(), Claim::Completed);
    }

    #[tokio::test(start_paused = true)]
    async fn number_and_time_are_bounded() {
        let inbox = MemoryInbox::new().with_entries_max(3).with_retention(Duration::from_secs(60));
        for event in ["a", "b", "c", "d"] {
            let hold = granted(&inbox, event).await;
            inbox.complete(hold).await.unwrap();
        }
        assert_eq!(inbox.lock().by_id.len(), 3);
        assert_eq!(inbox.lock().by_age.len(), 3);
        granted(&inbox, "a").await;

        tokio::time::advance(Duration::from_secs(61)).await;
        granted(&inbox, "d").await;
        assert_eq!(inbox.lock().by_id.len(), 1);
    }

    #[tokio::test]
    async fn a_repeat_pushes_out_nothing() {
        let inbox = MemoryInbox::new().with_entries_max(3);
        for event in ["a", "b", "c"] {
            let hold = granted(&inbox, event).await;
            inbox.complete(hold).await.unwrap();
        }
        for event in ["a", "b", "c", "a"] {
            assert_eq!(inbox.claim(id(event), None, Duration::MAX).await.unwrap(), Claim::Completed);
        }
        assert!(matches!(inbox.claim(id("d"), None, Duration::MAX).await.unwrap(), Claim::Granted(_)));
    }

    #[tokio::test]
    async fn a_released_claim_is_granted_again() {
        let inbox = MemoryInbox::new();
        let hold = granted(&inbox, "a").await;
        inbox.release(hold).await.unwrap();
        assert_ne!(granted(&inbox, "a").await, hold);
    }
}
