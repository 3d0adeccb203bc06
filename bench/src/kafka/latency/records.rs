//! The payments of a run: each tells by its amount which it is.

use super::super::payment::user_id;
use super::sender::FIRST_AMOUNT;

/// Makes payments of 10,000 users.
#[derive(Debug)]
pub(super) struct Records {
    users: Vec<String>,
}

impl Records {
    pub(super) fn new() -> Self {
        Self { users: (0..KEYS).map(user_id).collect() }
    }

    /// The user, who is the record's key, and the value of the payment of so much in minor units.
    pub(super) fn record(&self, amount: u64) -> (&str, String) {
        // Neighbours are of other users, and all get their turn: the step has no divisor in common with their number.
        let user = &self.users[(amount.wrapping_mul(STEP) % self.users.len() as u64) as usize];
        let (units, cents) = (amount / FIRST_AMOUNT, amount % FIRST_AMOUNT);
        let value = format!(r#"{{"userId":"{user}","amount":{units}.{cents:02},"method":"credit_card"}}"#);
        (user, value)
    }
}

const KEYS: u64 = 10_000;
const STEP: u64 = 7_919;

/// The amount in minor units, from an `f64` that has two decimals.
pub(super) fn minor(amount: f64) -> u64 {
    (amount * 100.0).round() as u64
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use payflow_core::{Codec as _, HeadersRef, JsonCodec, PaymentRequest};

    use super::*;
    use crate::kafka::payment::{Borrowed, currency};

    #[test]
    fn both_sides_read_which_it_is() {
        let records = Records::new();
        let codec = JsonCodec::new().with_default_currency(currency().unwrap());
        for amount in [1, 64, 100, 101, 12_345, 99_999_999] {
            let (user, value) = records.record(amount);
            let exact: PaymentRequest = codec.decode(value.as_bytes(), HeadersRef::default()).unwrap();
            assert_eq!(exact.amount().minor(), i64::try_from(amount).unwrap());
            assert_eq!(exact.user_id().as_str(), user);
            assert_eq!(minor(Borrowed::read(value.as_bytes()).unwrap().amount), amount);
        }
    }

    #[test]
    fn they_are_of_all_users_in_turn() {
        let records = Records::new();
        let users: HashSet<_> = (0..KEYS).map(|amount| records.record(amount).0).collect();
        assert_eq!(users.len() as u64, KEYS);
    }
}
