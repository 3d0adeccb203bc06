//! What became of the payments: the ids in the answers against the ids at the notifier.

use std::collections::HashMap;
use std::time::Duration;

use payflow_core::PaymentId;

/// A payment that was answered 202. Times are since the start of the run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Accepted {
    pub(super) payment_id: PaymentId,
    pub(super) user: u32,
    pub(super) sent_at: Duration,
}

/// A notification that reached the notifier.
#[derive(Debug, Clone, Copy)]
pub(super) struct Notified {
    pub(super) payment_id: PaymentId,
    pub(super) at: Duration,
}

/// The figures of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Verdict {
    /// Requests begun.
    pub(super) sent: usize,
    /// Requests answered 202.
    pub(super) accepted: usize,
    /// Accepted payments that were notified at least once.
    pub(super) notified: usize,
    /// Accepted payments that were not.
    pub(super) lost: usize,
    /// Notifications of a payment beyond its first.
    pub(super) duplicates: usize,
    /// Payments first notified after a later one of the same user.
    pub(super) order_violations: usize,
    /// Notifications of payments that no answer named.
    pub(super) unexpected: usize,
    /// Senders that gave up before their share was sent.
    pub(super) gave_up: usize,
    /// From the start of a request to its notification, half were as fast or faster.
    pub(super) p50: Option<Duration>,
    /// So were 99 of a hundred.
    pub(super) p99: Option<Duration>,
    /// From the first request to the last notification.
    pub(super) elapsed: Duration,
}

impl Verdict {
    /// Compares. `accepted` holds the payments of one user in the order in which they were sent, `notified` is in the
    /// order of arrival.
    pub(super) fn new(sent: usize, accepted: &[Accepted], notified: &[Notified]) -> Self {
        let mut verdict = Self { sent, accepted: accepted.len(), ..Self::default() };
        let mut payments = numbered(accepted);
        let mut latest: HashMap<u32, usize> = HashMap::new();
        let mut latencies = Vec::with_capacity(payments.len());
        for notification in notified {
            let Some(payment) = payments.get_mut(&notification.payment_id) else {
                verdict.unexpected += 1;
                continue;
            };
            if payment.is_notified {
                verdict.duplicates += 1;
                continue;
            }
            payment.is_notified = true;
            latencies.push(notification.at.saturating_sub(payment.sent_at));
            let latest = latest.entry(payment.user).or_default();
            if payment.number < *latest {
                verdict.order_violations += 1;
            }
            *latest = payment.number.max(*latest);
        }

        verdict.notified = latencies.len();
        // Counted by answers, not by ids: two answers with one id are one payment lost.
        verdict.lost = accepted.len() - latencies.len();
        latencies.sort_unstable();
        verdict.p50 = percentile(&latencies, 50);
        verdict.p99 = percentile(&latencies, 99);
        let began = accepted.iter().map(|payment| payment.sent_at).min();
        let ended = notified.last().map(|notification| notification.at);
        verdict.elapsed = ended.unwrap_or_default().saturating_sub(began.unwrap_or_default());
        verdict
    }

    /// Every request was sent and accepted, and every accepted payment notified once and in order.
    pub(super) const fn is_good(&self) -> bool {
        self.accepted == self.sent
            && self.lost == 0
            && self.duplicates == 0
            && self.order_violations == 0
            && self.unexpected == 0
            && self.gave_up == 0
    }

    /// Payments notified in a second.
    pub(super) fn rate(&self) -> f64 {
        if self.elapsed.is_zero() {
            return 0.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52, and for reading only")]
        let notified = self.notified as f64;
        notified / self.elapsed.as_secs_f64()
    }
}

struct Payment {
    user: u32,
    /// Which of its user's payments it is, from 1.
    number: usize,
    sent_at: Duration,
    is_notified: bool,
}

fn numbered(accepted: &[Accepted]) -> HashMap<PaymentId, Payment> {
    let mut numbers: HashMap<u32, usize> = HashMap::new();
    let payments = accepted.iter().map(|payment| {
        let number = numbers.entry(payment.user).or_default();
        *number += 1;
        let numbered =
            Payment { user: payment.user, number: *number, sent_at: payment.sent_at, is_notified: false };
        (payment.payment_id, numbered)
    });
    payments.collect()
}

/// The nearest rank: the smallest value that `percent` of a hundred do not exceed.
fn percentile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests;
