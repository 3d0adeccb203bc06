//! Proptest strategies for the domain types: every value they make is one the type takes, edges and oddities first.
//!
//! ```
//! use payflow_core::Fingerprint;
//! use payflow_testkit::strategies::payment_request;
//! use proptest::prelude::*;
//!
//! proptest!(|(request in payment_request())| {
//!     let print = request.fingerprint();
//!     prop_assert_eq!(Fingerprint::parse(&print.to_string()), Ok(print));
//! });
//! ```

use std::sync::LazyLock;

use bytes::Bytes;
use jiff::Timestamp;
use payflow_core::{
    Currency, Header, Headers, IdempotencyKey, Money, Notification, PaymentId, PaymentMethod, PaymentRequest,
    Record, Topic, UserId,
};
use proptest::char;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// User ids: plain ones, the longest, and every kind of Unicode that is not a control character: marks that combine,
/// turn the direction, join or show nothing, quotes and markup, letters whose upper case is longer.
pub fn user_id() -> impl Strategy<Value = UserId> {
    let letters = prop_oneof![
        4 => char::range('a', 'z'),
        2 => select(ODD_LETTERS),
        1 => any::<char>().prop_filter("control characters are refused", |letter| !letter.is_control()),
    ];
    let mixed = vec(letters, 1..=UserId::BYTES_MAX).prop_map(|letters| within(letters, UserId::BYTES_MAX));
    let longest = select(vec!["x".repeat(128), "\u{e9}".repeat(64), "\u{1f600}".repeat(32)]);
    let text = prop_oneof![
        3 => "u[0-9]{1,6}",
        3 => mixed,
        2 => select(ODD_TEXTS).prop_map(str::to_owned),
        1 => longest,
    ];
    text.prop_filter_map("a user id", |text| UserId::parse(&text).ok())
}

/// Payment methods: the usual ones, and any other of the alphabet.
pub fn payment_method() -> impl Strategy<Value = PaymentMethod> {
    let text =
        prop_oneof![select(vec!["paypal", "card", "sepa"]).prop_map(str::to_owned), "[A-Za-z0-9._-]{1,64}"];
    text.prop_filter_map("a payment method", |text| PaymentMethod::parse(&text).ok())
}

/// Every currency in use, in the order of its code.
#[must_use]
pub fn currencies() -> &'static [Currency] {
    static ALL: LazyLock<Vec<Currency>> = LazyLock::new(|| {
        let letters = || 'A'..='Z';
        let codes = letters().flat_map(move |first| {
            letters()
                .flat_map(move |second| letters().map(move |third| String::from_iter([first, second, third])))
        });
        codes.filter_map(|code| Currency::parse(&code).ok()).collect()
    });
    &ALL
}

/// Currencies: each exponent as often as any other, though most currencies have two digits.
pub fn currency() -> impl Strategy<Value = Currency> {
    let mut exponents: Vec<u8> = currencies().iter().map(|currency| currency.exponent()).collect();
    exponents.sort_unstable();
    exponents.dedup();
    select(exponents).prop_flat_map(currency_with_exponent)
}

/// Currencies whose minor unit stands `exponent` digits behind the point. There are some for 0, 2, 3 and 4.
///
/// # Panics
/// No currency in use has this exponent.
pub fn currency_with_exponent(exponent: u8) -> impl Strategy<Value = Currency> {
    let fitting = currencies().iter().copied().filter(|currency| currency.exponent() == exponent);
    select(fitting.collect::<Vec<_>>())
}

/// Any amount in any currency, negative ones and the limits of 64 bits included.
pub fn money() -> impl Strategy<Value = Money> {
    let minor = prop_oneof![any::<i64>(), -1_000_i64..1_000, select(vec![i64::MIN, i64::MAX, 0])];
    (minor, currency()).prop_map(|(minor, currency)| Money::new(minor, currency))
}

/// Amounts that can be paid: above zero and up to [`PaymentRequest::MINOR_MAX`], both ends often.
pub fn payable_money() -> impl Strategy<Value = Money> {
    let most = PaymentRequest::MINOR_MAX;
    let minor = prop_oneof![1..=most, 1_i64..100_000, select(vec![1, most - 1, most])];
    (minor, currency()).prop_map(|(minor, currency)| Money::new(minor, currency))
}

/// Ways to write an amount as a JSON number: with more zeros than needed, and with exponents. Each means `money`, save
/// that no reader takes `i64::MIN`.
pub fn amount_token(money: Money) -> impl Strategy<Value = String> {
    let shortest = money.shortest_decimal();
    let exponent = money.currency().exponent();
    let point = if shortest.contains('.') { "" } else { "." };
    let zeros = {
        let shortest = shortest.clone();
        (1_usize..8).prop_map(move |count| format!("{shortest}{point}{}", "0".repeat(count)))
    };
    let scientific =
        select(vec!["e-", "E-", "e-0"]).prop_map(move |e| format!("{}{e}{exponent}", money.minor()));
    let small = format!("{}e-{}", money.minor(), exponent);
    let scaled = (0_u8..3).prop_map(move |by| match money.minor().checked_mul(10_i64.pow(u32::from(by))) {
        Some(minor) => format!("{minor}e-{}", exponent + by),
        None => small.clone(),
    });
    prop_oneof![Just(shortest), zeros, scientific, scaled]
}

/// Payment ids: of version 7 as the intake gives them, and of version 5 as they follow from a key.
pub fn payment_id() -> impl Strategy<Value = PaymentId> {
    (any::<u128>(), select(vec![5_u128, 7])).prop_filter_map("a payment id", |(bits, version)| {
        let versioned = bits & !(0xf << 76) | (version << 76);
        let variant = versioned & !(0b11 << 62) | (0b10 << 62);
        PaymentId::parse(&uuid::Uuid::from_u128(variant).to_string()).ok()
    })
}

/// Times between 1970 and 2100, to the millisecond, as records carry them.
pub fn timestamp() -> impl Strategy<Value = Timestamp> {
    (0_i64..4_102_444_800_000).prop_filter_map("a time", |ms| Timestamp::from_millisecond(ms).ok())
}

/// Requests as a client means them, without identity.
pub fn payment_request() -> impl Strategy<Value = PaymentRequest> {
    (user_id(), payable_money(), payment_method())
        .prop_filter_map("a payment request", |(user, amount, method)| {
            PaymentRequest::new(user, amount, method).ok()
        })
}

/// Requests as the intake sends them on: with an id and a time.
pub fn identified_payment_request() -> impl Strategy<Value = PaymentRequest> {
    (payment_request(), payment_id(), timestamp()).prop_map(|(request, id, at)| request.identified(id, at))
}

/// Notifications, in any script, some without a word.
pub fn notification() -> impl Strategy<Value = Notification> {
    let channel = select(vec!["email", "sms", "webhook", "grpc"]);
    (payment_id(), "[a-z]{1,12}", channel, user_id(), "\\PC{0,200}").prop_map(
        |(payment, event, channel, user, message)| Notification::new(payment, &event, channel, user, message),
    )
}

/// Idempotency keys: UUIDs as most clients send them, and any other visible characters.
pub fn idempotency_key() -> impl Strategy<Value = IdempotencyKey> {
    let uuid = any::<u128>().prop_map(|bits| uuid::Uuid::from_u128(bits).to_string());
    let text = prop_oneof![uuid, "[!-~]{1,255}"];
    text.prop_filter_map("an idempotency key", |text| IdempotencyKey::parse(&text).ok())
}

/// Topic names.
pub fn topic() -> impl Strategy<Value = Topic> {
    let text = prop_oneof![Just("payment-topic".to_owned()), "[A-Za-z0-9._-]{1,249}"];
    text.prop_filter_map("a topic's name, not . or ..", |text| Topic::parse(&text).ok())
}

/// Record keys: user ids, any bytes, empty ones, and none.
pub fn record_key() -> impl Strategy<Value = Option<Bytes>> {
    let user = user_id().prop_map(|user| Some(Bytes::copy_from_slice(user.as_str().as_bytes())));
    prop_oneof![3 => user, 1 => some_bytes(64).prop_map(Some), 1 => Just(None)]
}

/// Record values: JSON that holds a payment, any bytes, empty ones, and tombstones.
pub fn record_value() -> impl Strategy<Value = Option<Bytes>> {
    let payment = r#"\{"userId":"u[0-9]{1,3}","amount":[1-9][0-9]{0,3}\.[0-9][1-9],"method":"paypal"\}"#;
    prop_oneof![
        3 => payment.prop_map(|json| Some(Bytes::from(json))),
        2 => some_bytes(512).prop_map(Some),
        1 => Just(Some(Bytes::new())),
        1 => Just(None),
    ]
}

/// Headers: up to eight, names of payflow's own and others, repeated ones, values of any bytes, empty and absent.
pub fn headers() -> impl Strategy<Value = Headers> {
    let known = select(vec!["payflow-payment-id", "payflow-currency", "content-type", "traceparent", "x"]);
    let name = prop_oneof![known.prop_map(str::to_owned), "\\PC{1,16}"];
    vec((name, option::of(some_bytes(32))), 0..=8).prop_map(|headers| {
        headers.iter().map(|(name, value)| Header { name, value: value.as_deref() }).collect()
    })
}

/// Records for `topic`.
pub fn record(topic: Topic) -> impl Strategy<Value = Record> {
    (record_key(), record_value(), headers(), option::of(timestamp())).prop_map(
        move |(key, value, headers, timestamp)| Record {
            topic: topic.clone(),
            key,
            value,
            headers,
            timestamp,
        },
    )
}

fn some_bytes(most: usize) -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..=most).prop_map(Bytes::from)
}

/// The letters up to the last that fits into `bytes`.
fn within(letters: Vec<char>, bytes: usize) -> String {
    let mut text = String::new();
    for letter in letters {
        if text.len() + letter.len_utf8() > bytes {
            break;
        }
        text.push(letter);
    }
    text
}

const ODD_LETTERS: &[char] = &[
    '\u{202e}',
    '\u{200d}',
    '\u{200b}',
    '\u{feff}',
    '\u{301}',
    '\u{ad}',
    '\u{a0}',
    '\u{2028}',
    '\u{fffd}',
    '\u{10ffff}',
    '\u{e000}',
    '\u{1f468}',
    '\u{130}',
    '\u{df}',
    ' ',
    '"',
    '\'',
    '\\',
    '/',
    '<',
    '&',
    '%',
    '$',
    '{',
    '+',
    ';',
    '.',
];

const ODD_TEXTS: &[&str] = &[
    "null",
    "0",
    "-1",
    "NaN",
    " ",
    " spaces around ",
    "../../etc/passwd",
    "'; DROP TABLE payments; --",
    "<script>alert(1)</script>",
    "{\"userId\":\"other\"}",
    "%00",
    "\u{e9}",
    "e\u{301}",
    "\u{5c71}\u{7530}",
    "\u{645}\u{631}\u{62d}\u{628}\u{627}",
    "\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467}",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn currencies_of_every_exponent_are_there() {
        let exponents: BTreeSet<u8> = currencies().iter().map(|currency| currency.exponent()).collect();
        assert_eq!(exponents, BTreeSet::from([0, 2, 3, 4]));
        assert!(currencies().len() > 150, "{}", currencies().len());
    }

    proptest! {
        #[test]
        fn every_spelling_of_an_amount_means_it(
            (money, token) in money().prop_flat_map(|money| (Just(money), amount_token(money))),
        ) {
            // The lowest of 64 bits can be held and printed, but is not read: no amount is written so.
            prop_assume!(money.minor() != i64::MIN);
            prop_assert_eq!(Money::from_decimal(&token, money.currency()), Ok(money), "{}", token);
        }

        #[test]
        fn no_spelling_means_another_amount(
            (money, token) in payable_money().prop_flat_map(|money| (Just(money), amount_token(money))),
        ) {
            let other = Money::new(money.minor() + 1, money.currency());
            prop_assert_ne!(Money::from_decimal(&token, money.currency()), Ok(other));
        }

        #[test]
        fn payment_ids_keep_their_version(id in payment_id()) {
            prop_assert!([5, 7].contains(&id.as_uuid().get_version_num()));
        }

        #[test]
        fn whatever_is_made_can_be_used(
            request in identified_payment_request(),
            record in topic().prop_flat_map(record),
            _key in idempotency_key(),
            notification in notification(),
        ) {
            prop_assert!(request.id().is_some() && request.amount().minor() > 0);
            prop_assert!(record.headers.len() <= 8);
            prop_assert!(!notification.user_id().as_str().is_empty());
        }
    }
}
