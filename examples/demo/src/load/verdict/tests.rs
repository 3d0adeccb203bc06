use super::*;

/// A run of payments, each with its user; payment `n` was sent in millisecond `n`.
struct Run {
    accepted: Vec<Accepted>,
}

impl Run {
    fn of_users(users: &[u32]) -> Self {
        let payment = |(number, user): (u64, &u32)| Accepted {
            payment_id: PaymentId::random(),
            user: *user,
            sent_at: Duration::from_millis(number),
        };
        Self { accepted: (0..).zip(users).map(payment).collect() }
    }

    /// The verdict if payments are notified in this order, one a millisecond, from the second 1 on.
    fn notified(&self, order: &[usize]) -> Verdict {
        let notification = |(millis, payment): (u64, &usize)| Notified {
            payment_id: self.accepted[*payment].payment_id,
            at: Duration::from_millis(millis),
        };
        let notified: Vec<Notified> = (1_000..).zip(order).map(notification).collect();
        Verdict::new(self.accepted.len(), &self.accepted, &notified)
    }
}

#[test]
fn each_once_and_in_order_is_good() {
    let verdict = Run::of_users(&[1, 2, 1, 2]).notified(&[0, 1, 2, 3]);

    assert!(verdict.is_good(), "{verdict:?}");
    assert_eq!((verdict.sent, verdict.accepted, verdict.notified), (4, 4, 4));
}

#[test]
fn what_is_not_notified_is_lost() {
    let verdict = Run::of_users(&[1, 2, 1, 2]).notified(&[0, 3]);

    assert_eq!((verdict.notified, verdict.lost), (2, 2));
    assert_eq!((verdict.duplicates, verdict.order_violations), (0, 0));
    assert!(!verdict.is_good());
}

#[test]
fn everything_can_be_lost() {
    let verdict = Run::of_users(&[1, 2]).notified(&[]);

    assert_eq!((verdict.lost, verdict.p50, verdict.rate()), (2, None, 0.0));
    assert!(!verdict.is_good());
}

#[test]
fn each_notification_beyond_the_first_is_a_duplicate_and_breaks_no_order() {
    let verdict = Run::of_users(&[1, 1]).notified(&[0, 1, 0, 0]);

    assert_eq!((verdict.notified, verdict.duplicates), (2, 2));
    assert_eq!((verdict.lost, verdict.order_violations), (0, 0));
    assert!(!verdict.is_good());
}

#[test]
fn order_counts_within_a_user_only() {
    let users = [1, 2, 1, 2];
    let other_users_first = Run::of_users(&users).notified(&[1, 3, 0, 2]);
    let swapped = Run::of_users(&users).notified(&[2, 1, 0, 3]);

    assert!(other_users_first.is_good(), "{other_users_first:?}");
    assert_eq!(swapped.order_violations, 1);
    assert!(!swapped.is_good());
}

#[test]
fn every_payment_behind_a_later_one_is_out_of_order() {
    let verdict = Run::of_users(&[1, 1, 1]).notified(&[2, 0, 1]);

    assert_eq!(verdict.order_violations, 2);
}

#[test]
fn notification_of_an_unknown_payment_is_unexpected() {
    let run = Run::of_users(&[1]);
    let stranger = Notified { payment_id: PaymentId::random(), at: Duration::from_secs(1) };
    let known = Notified { payment_id: run.accepted[0].payment_id, at: Duration::from_secs(1) };
    let verdict = Verdict::new(1, &run.accepted, &[known, stranger]);

    assert_eq!((verdict.unexpected, verdict.notified, verdict.lost), (1, 1, 0));
    assert!(!verdict.is_good());
}

#[test]
fn two_answers_with_one_id_are_one_payment_lost() {
    let mut run = Run::of_users(&[1, 2]);
    run.accepted[1].payment_id = run.accepted[0].payment_id;

    assert_eq!(run.notified(&[0]).lost, 1);
}

#[test]
fn request_that_was_not_accepted_is_bad() {
    let run = Run::of_users(&[1]);
    let mut verdict = run.notified(&[0]);
    assert!(verdict.is_good());

    verdict.sent += 1;
    assert!(!verdict.is_good());
}

#[test]
fn percentiles_are_of_the_nearest_rank() {
    let of = |count| (1..=count).map(Duration::from_millis).collect::<Vec<_>>();
    let cases = [(1, 1, 1), (2, 1, 2), (100, 50, 99), (101, 51, 100), (1_000, 500, 990)];
    for (count, p50, p99) in cases {
        assert_eq!(percentile(&of(count), 50), Some(Duration::from_millis(p50)), "{count}");
        assert_eq!(percentile(&of(count), 99), Some(Duration::from_millis(p99)), "{count}");
    }
    assert_eq!(percentile(&[], 50), None);
}

#[test]
fn latency_is_from_request_to_notification_and_the_rate_over_all() {
    let verdict = Run::of_users(&[1, 2, 3]).notified(&[2, 1, 0]);

    // Sent at 0, 1, 2 ms; notified at 1002, 1001, 1000 ms.
    assert_eq!(verdict.p50, Some(Duration::from_millis(1_000)));
    assert_eq!(verdict.p99, Some(Duration::from_millis(1_002)));
    assert_eq!(verdict.elapsed, Duration::from_millis(1_002));
    assert!((verdict.rate() - 3.0 / 1.002).abs() < 1e-9);
}
