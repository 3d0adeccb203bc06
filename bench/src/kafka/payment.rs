//! The payments that a topic is filled with: their bytes, and the least that reads them.

use anyhow::ensure;
use jiff::Timestamp;
use payflow_core::{
    Codec as _, Currency, JsonCodec, Money, PaymentId, PaymentMethod, PaymentRequest, Producer, Record,
    Topic, UserId,
};
use serde::Deserialize;

/// Payments of about 90 bytes, made the same way each time, as a service that knows no headers writes them.
#[derive(Debug, Clone)]
pub(crate) struct Payments {
    topic: Topic,
    keys: u32,
    headers: bool,
    currency: Currency,
    codec: JsonCodec,
}

impl Payments {
    /// Payments by so many users, in an order that has no pattern.
    pub(crate) fn new(topic: Topic, keys: u32) -> anyhow::Result<Self> {
        Ok(Self { topic, keys, headers: false, currency: currency()?, codec: JsonCodec::new() })
    }

    /// With the headers that payflow's front door writes.
    pub(crate) fn with_headers(self, headers: bool) -> Self {
        Self { headers, ..self }
    }

    /// The `number`th.
    pub(crate) fn record(&self, number: u64) -> anyhow::Result<Record> {
        let chance = mixed(number);
        let user = user_id(chance % u64::from(self.keys));
        // 1.00 to 10,000.99, with two, one or no digits behind the point.
        let minor = 100 + i64::try_from((chance >> 33) % 1_000_000)?;
        let amount = Money::new(minor, self.currency);
        let method = PaymentMethod::parse("credit_card")?;
        let request = PaymentRequest::new(UserId::parse(&user)?, amount, method)?;
        let encoded = self.codec.encode(&request.identified(PaymentId::random(), Timestamp::now()));
        let record = Record::new(self.topic.clone(), encoded.value).with_key(user);
        Ok(if self.headers { record.with_headers(encoded.headers) } else { record })
    }

    /// Sends the payments of `numbers`, many at once, and waits until all are durable.
    ///
    /// # Errors
    /// One was not taken: says why.
    pub(crate) async fn send(
        &self,
        producer: &impl Producer,
        numbers: std::ops::Range<u64>,
    ) -> anyhow::Result<()> {
        let records = numbers.map(|number| self.record(number)).collect::<anyhow::Result<Vec<_>>>()?;
        let sent = records.len();
        let receipts = producer.send_all(records).await;
        let receipts = receipts.into_iter().collect::<Result<Vec<_>, _>>()?;
        ensure!(receipts.len() == sent, "{} of {sent} records were answered", receipts.len());
        Ok(())
    }
}

/// What a payment on the topic is taken to mean, since it does not say so itself.
pub(crate) fn currency() -> anyhow::Result<Currency> {
    Ok(Currency::parse("EUR")?)
}

/// A payment as the floors read it: nothing copied, nothing checked, and money as a float.
#[derive(Debug, Deserialize)]
pub(crate) struct Borrowed<'a> {
    #[serde(rename = "userId")]
    pub(crate) user_id: &'a str,
    pub(crate) amount: f64,
    pub(crate) method: &'a str,
}

impl<'a> Borrowed<'a> {
    /// Reads a record's value.
    ///
    /// # Errors
    /// It is no such JSON.
    pub(crate) fn read(value: &'a [u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(value)
    }
}

/// 36 characters, as a UUID has.
pub(super) fn user_id(key: u64) -> String {
    let bits = mixed(!key);
    let (high, low) = (mixed(bits) >> 32, bits >> 16);
    format!("{high:08x}-{:04x}-4{:03x}-8{:03x}-{low:012x}", key >> 16 & 0xffff, key >> 8 & 0xfff, key & 0xfff)
}

/// Vigna's splitmix64: every number gives another, and neighbours look unrelated.
const fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use payflow_core::HeadersRef;

    use super::*;

    fn payments(keys: u32) -> Payments {
        Payments::new(Topic::parse("payments").unwrap(), keys).unwrap()
    }

    #[test]
    fn each_is_read_by_both_sides_and_has_about_90_bytes() {
        for number in 0..1_000 {
            let record = payments(100).record(number).unwrap();
            let value = record.value.as_deref().unwrap();
            assert!((85..=100).contains(&value.len()), "{}", String::from_utf8_lossy(value));
            let exact = JsonCodec::new().with_default_currency(currency().unwrap());
            let exact: PaymentRequest = exact.decode(value, HeadersRef::default()).unwrap();
            let borrowed = Borrowed::read(value).unwrap();
            assert_eq!(borrowed.user_id, exact.user_id().as_str());
            assert_eq!(borrowed.method, exact.method().as_str());
            assert_eq!((borrowed.amount * 100.0).round(), exact.amount().minor() as f64);
            assert_eq!(record.key.as_deref(), Some(borrowed.user_id.as_bytes()));
        }
    }

    #[test]
    fn with_headers_the_same_value_is_read_too() {
        let (plain, record) =
            (payments(100).record(7).unwrap(), payments(100).with_headers(true).record(7).unwrap());
        assert_eq!(record.value, plain.value);
        assert!(plain.headers.is_empty());
        let read: PaymentRequest =
            JsonCodec::new().decode(record.value.as_deref().unwrap(), record.headers.view()).unwrap();
        assert!(read.id().is_some());
    }

    #[test]
    fn they_are_by_as_many_users_as_told() {
        let payments = payments(50);
        let keys: HashSet<_> = (0..2_000).map(|number| payments.record(number).unwrap().key).collect();
        assert_eq!(keys.len(), 50);
    }

    #[test]
    fn what_is_no_payment_is_refused() {
        for value in ["", "{}", "{\"userId\":1,\"amount\":2,\"method\":\"card\"}"] {
            assert!(Borrowed::read(value.as_bytes()).is_err(), "{value}");
        }
    }
}
