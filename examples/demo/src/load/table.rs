//! The verdict for people and for programs.

use std::fmt::Display;
use std::time::Duration;

use serde_json::{Value, json};

use super::verdict::Verdict;
use crate::settings::Load;

/// A table, and what it means.
pub(super) fn text(verdict: &Verdict) -> String {
    let mut rows = vec![
        ("sent", grouped(verdict.sent)),
        ("accepted", grouped(verdict.accepted)),
        ("notified", grouped(verdict.notified)),
        ("lost", grouped(verdict.lost)),
        ("duplicates", grouped(verdict.duplicates)),
        ("order violations", grouped(verdict.order_violations)),
        ("p50", latency(verdict.p50)),
        ("p99", latency(verdict.p99)),
        ("rate", format!("{} /s", grouped(whole(verdict.rate())))),
    ];
    if verdict.unexpected > 0 {
        rows.insert(6, ("unexpected", grouped(verdict.unexpected)));
    }
    if verdict.gave_up > 0 {
        rows.push(("senders gave up", grouped(verdict.gave_up)));
    }
    let width = rows.iter().map(|(_, figure)| figure.len()).max().unwrap_or_default();
    let rows: String = rows.iter().map(|(name, figure)| format!("{name:<16}  {figure:>width$}\n")).collect();
    format!("{rows}\n{}", conclusion(verdict))
}

/// One object. Latencies are in milliseconds, from the start of a request to its notification.
pub(super) fn json(verdict: &Verdict, load: Load) -> Value {
    json!({
        "payments": load.payments,
        "users": load.users,
        "concurrency": load.concurrency,
        "sent": verdict.sent,
        "accepted": verdict.accepted,
        "notified": verdict.notified,
        "lost": verdict.lost,
        "duplicates": verdict.duplicates,
        "order_violations": verdict.order_violations,
        "unexpected": verdict.unexpected,
        "gave_up": verdict.gave_up,
        "stopped_early": verdict.sent < load.payments as usize,
        "p50_ms": verdict.p50.map(millis),
        "p99_ms": verdict.p99.map(millis),
        "rate_per_second": thousandths(verdict.rate()),
        "seconds": thousandths(verdict.elapsed.as_secs_f64()),
        "good": verdict.is_good(),
    })
}

/// `20,000`
pub(super) fn grouped(number: impl Display) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn conclusion(verdict: &Verdict) -> &'static str {
    if verdict.is_good() {
        "Good: every payment was accepted, and notified once and in order."
    } else if verdict.accepted < verdict.sent || verdict.gave_up > 0 {
        "BAD: not every payment was sent and accepted."
    } else {
        "BAD: not every accepted payment was notified once and in order."
    }
}

fn latency(latency: Option<Duration>) -> String {
    latency.map_or_else(|| "-".to_owned(), |latency| format!("{:.2} ms", millis(latency)))
}

fn millis(latency: Duration) -> f64 {
    thousandths(latency.as_secs_f64() * 1_000.0)
}

fn thousandths(figure: f64) -> f64 {
    (figure * 1_000.0).round() / 1_000.0
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate, rounded for reading")]
fn whole(rate: f64) -> usize {
    rate.round() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_from_the_right() {
        let cases = [(0, "0"), (999, "999"), (1_000, "1,000"), (20_000, "20,000"), (1_234_567, "1,234,567")];
        for (number, text) in cases {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn a_bad_run_is_called_bad() {
        let good = Verdict { sent: 1, accepted: 1, notified: 1, ..Verdict::default() };
        let lost = Verdict { notified: 0, lost: 1, ..good.clone() };
        let refused = Verdict { sent: 2, ..good.clone() };
        let gave_up = Verdict { gave_up: 1, ..good.clone() };
        assert!(!gave_up.is_good());
        assert!(text(&gave_up).contains("BAD: not every payment was sent"), "{}", text(&gave_up));

        assert!(text(&good).contains("\nGood: "));
        assert!(text(&lost).contains("\nBAD: not every accepted payment"));
        assert!(text(&refused).contains("\nBAD: not every payment"));
    }

    #[test]
    fn unexpected_notifications_stand_in_the_table_only_if_there_are_any() {
        assert!(!text(&Verdict::default()).contains("unexpected"));
        let unexpected = Verdict { unexpected: 3, ..Verdict::default() };
        assert!(
            text(&unexpected).lines().any(|line| line.starts_with("unexpected ") && line.ends_with(" 3"))
        );
    }
}
