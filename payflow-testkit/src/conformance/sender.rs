//! A producer in a case: every send must succeed, and in time.

use std::ops::Range;
use std::sync::Arc;

use payflow_core::{Producer, Receipt, Record, Topic};

use super::numbered::numbered;
use super::stage::Clock;
use super::violation::Violation;

/// A producer with the case's clock.
#[derive(Clone)]
pub(crate) struct Sender {
    producer: Arc<dyn Producer>,
    clock: Clock,
}

impl Sender {
    pub(crate) const fn new(producer: Arc<dyn Producer>, clock: Clock) -> Self {
        Self { producer, clock }
    }

    /// The producer itself, for what should not succeed.
    pub(crate) fn producer(&self) -> &dyn Producer {
        self.producer.as_ref()
    }

    pub(crate) async fn send(&self, record: Record) -> Result<(), Violation> {
        let _where_it_stands = self.receipt_of(record).await?;
        Ok(())
    }

    /// Sends, and tells where the record stands.
    pub(crate) async fn receipt_of(&self, record: Record) -> Result<Receipt, Violation> {
        let shown = shown(&record);
        let sent = self.clock.within("send to resolve", self.producer.send(record)).await;
        let sent = sent.map_err(|late| late.at(shown.clone()))?;
        sent.map_err(|error| Violation::failed("a send that succeeds", &error).at(shown))
    }

    /// One `send_all`; the receipts in the order of the records.
    pub(crate) async fn send_all(&self, records: Vec<Record>) -> Result<Vec<Receipt>, Violation> {
        let shown: Vec<String> = records.iter().map(shown).collect();
        let sending = self.producer.send_all(records);
        let results = self.clock.within("send_all to resolve", sending).await?;
        if results.len() != shown.len() {
            let expected = format!("{} results, one a record", shown.len());
            return Err(Violation::new(expected, format!("there were {}", results.len())));
        }
        let each = results.into_iter().zip(shown);
        each.map(|(result, record)| {
            result.map_err(|error| Violation::failed("a send_all of which all succeed", &error).at(record))
        })
        .collect()
    }

    /// Records of these numbers, spread over `keys` keys, in one `send_all`.
    pub(crate) async fn send_numbers(
        &self,
        topic: &Topic,
        numbers: Range<usize>,
        keys: usize,
    ) -> Result<Vec<Receipt>, Violation> {
        let records = numbers.map(|number| numbered(topic, number, keys)).collect();
        self.send_all(records).await
    }

    pub(crate) async fn flush(&self) -> Result<(), Violation> {
        let flushed = self.clock.within("flush to resolve", self.producer.flush()).await?;
        flushed.map_err(|error| Violation::failed("a flush that succeeds", &error))
    }
}

fn shown(record: &Record) -> String {
    let value = record.value.as_deref().unwrap_or_default();
    match value.len() {
        0..=40 => format!("\"{}\", bound for {}", value.escape_ascii(), record.topic),
        length => format!("{length} bytes, bound for {}", record.topic),
    }
}
