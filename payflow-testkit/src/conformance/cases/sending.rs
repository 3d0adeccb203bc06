//! What the outcome of a send means.

use futures_util::future::{Either, join_all, maybe_done, select};
use futures_util::poll;
use payflow_core::{Error, Fault, Receipt, Record, Topic};

use crate::conformance::chance::{Dice, cut_off};
use crate::conformance::harness::{Harness, fresh_name};
use crate::conformance::numbered::{each_once, in_order, number, numbered};
use crate::conformance::stage::{Stage, fresh_group};
use crate::conformance::violation::Violation;

/// `send_all` gives one result a record, in their order.
///
/// # Errors
/// The adapter broke that promise.
pub async fn results_stand_in_the_order_of_their_records(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let topic = stage.wide_topic().await?;
    let sender = stage.sender().await?;
    let receipts = sender.send_numbers(&topic, 0..50, 10).await?;

    let mut member = stage.member("only", &fresh_group(), &topic).await?;
    let delivered = member.take(50).await?;

    each_once(&delivered, 0..50)?;
    for delivery in &delivered {
        let number = number(delivery)?;
        let stands =
            |receipt: &Receipt| (receipt.partition, receipt.offset) == (delivery.partition, delivery.offset);
        if !receipts.get(number).is_some_and(stands) {
            let expected = format!("result {number} of send_all to be about record {number}");
            let happened = format!("it says {:?}", receipts.get(number));
            return Err(Violation::new(expected, happened).of(delivery));
        }
    }
    Ok(())
}

/// A send has resolved once the record is durable: it arrives even if the producer is dropped at once.
///
/// # Errors
/// The adapter broke that promise.
pub async fn a_resolved_send_is_durable(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let topic = stage.topic(1).await?;
    for number in 0..5 {
        let sender = stage.sender().await?;
        sender.send(numbered(&topic, number, 1)).await?;
        drop(sender);
    }
    let sender = stage.sender().await?;
    sender.send_numbers(&topic, 5..10, 1).await?;
    drop(sender);

    let mut member = stage.member("only", &fresh_group(), &topic).await?;
    let delivered = member.take(10).await?;

    in_order(&delivered, 0..10)
}

/// `flush` resolves when every send that began before it is decided: on a sound transport they are durable by then,
/// even if their futures and the producer are dropped at once.
///
/// # Errors
/// The adapter broke that promise.
pub async fn flush_waits_for_every_send(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let topic = stage.topic(1).await?;
    let sender = stage.sender().await?;
    sender.flush().await?;

    let begin = |number| Box::pin(maybe_done(sender.producer().send(numbered(&topic, number, 1))));
    let mut sends: Vec<_> = (0..20).map(begin).collect();
    for send in &mut sends {
        // Polled once, a send has begun.
        let _ = poll!(send.as_mut());
    }
    let flush = Box::pin(sender.flush());
    match select(flush, join_all(sends)).await {
        Either::Left((flushed, _undecided)) => flushed?,
        Either::Right((_, flush)) => flush.await?,
    }
    drop(sender);

    let mut member = stage.member("only", &fresh_group(), &topic).await?;
    let delivered = member.take(20).await?;

    each_once(&delivered, 0..20)
}

/// A dropped send may or may not be written, at most once; the producer goes on as if nothing had been.
///
/// # Errors
/// The adapter broke that promise.
pub async fn a_cancelled_send_does_no_harm(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let topic = stage.topic(1).await?;
    let sender = stage.sender().await?;
    let mut dice = Dice::new(1);
    let mut resolved = Vec::new();
    for number in 0..40 {
        let send = sender.producer().send(numbered(&topic, number, 1));
        if let Some(outcome) = cut_off(send, dice.below(3)).await {
            let _receipt = outcome.map_err(|error| {
                Violation::failed(format!("a send of record {number} that succeeds"), &error)
            })?;
            resolved.push(number);
        }
    }
    for number in 40..50 {
        sender.send(numbered(&topic, number, 1)).await?;
        resolved.push(number);
    }
    sender.flush().await?;
    sender.send(numbered(&topic, 50, 1)).await?;

    let mut member = stage.member("only", &fresh_group(), &topic).await?;
    let is_last = |delivery: &payflow_core::Delivery| number(delivery).is_ok_and(|number| number == 50);
    let delivered = member.take_until("everything up to the last send, record 50", is_last).await?;

    resolved.push(50);
    let owed = |one: &payflow_core::Delivery| number(one).is_ok_and(|number| resolved.contains(&number));
    let (sure, unsure): (Vec<_>, Vec<_>) = delivered.into_iter().partition(owed);
    each_once(&sure, resolved.iter().copied())?;
    let cancelled: Vec<usize> = unsure.iter().map(number).collect::<Result<_, _>>()?;
    each_once(&unsure, cancelled)
}

/// In a `send_all` a record for a topic that does not exist fails as permanent, and alone.
///
/// # Errors
/// The adapter broke that promise.
pub async fn an_unknown_topic_fails_alone(harness: &dyn Harness) -> Result<(), Violation> {
    let unknown = |_: &Topic| {
        let topic = Topic::parse(&fresh_name("no-such-topic"));
        let topic = topic.map_err(|error| Violation::new("a topic's name", error.to_string()))?;
        Ok(Record::new(topic, "lost").with_key("key-0"))
    };
    one_fails_alone(harness, "for a topic that does not exist", unknown).await
}

/// In a `send_all` a record that is too large fails as permanent, and alone.
///
/// # Errors
/// The adapter broke that promise.
pub async fn an_oversized_record_fails_alone(harness: &dyn Harness) -> Result<(), Violation> {
    let bytes = harness.limits().oversized_bytes;
    let oversized = |topic: &Topic| Ok(Record::new(topic.clone(), vec![0; bytes]).with_key("key-0"));
    one_fails_alone(harness, &format!("of {bytes} bytes"), oversized).await
}

/// Sends ten good records around a bad one, by `send_all` and by `send`.
async fn one_fails_alone(
    harness: &dyn Harness,
    what: &str,
    bad: impl Fn(&Topic) -> Result<Record, Violation> + Send + Sync,
) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let topic = stage.topic(1).await?;
    let sender = stage.sender().await?;
    let mut records: Vec<Record> = (0..10).map(|number| numbered(&topic, number, 3)).collect();
    records.insert(4, bad(&topic)?);

    let sending = sender.producer().send_all(records);
    let results = stage.clock().within("send_all to resolve", sending).await?;
    if results.len() != 11 {
        let happened = format!("there were {}", results.len());
        return Err(Violation::new("11 results for 11 records", happened));
    }
    for (at, result) in results.into_iter().enumerate() {
        match (at, result) {
            (4, result) => refused(what, result)?,
            (_, Ok(_)) => {}
            (_, Err(error)) => {
                let expected =
                    format!("result {at} of send_all to succeed; only the record {what}, 4, is bad");
                return Err(Violation::failed(expected, &error));
            }
        }
    }
    let alone = stage.clock().within("send to resolve", sender.producer().send(bad(&topic)?)).await?;
    refused(what, alone)?;
    sender.send(numbered(&topic, 10, 3)).await?;

    let mut member = stage.member("only", &fresh_group(), &topic).await?;
    let delivered = member.take(11).await?;
    each_once(&delivered, 0..=10)
}

fn refused(what: &str, result: Result<Receipt, Error>) -> Result<(), Violation> {
    let expected = format!("a record {what} to be refused as permanent");
    match result {
        Err(error) if error.fault() == Fault::Permanent => Ok(()),
        Err(error) => Err(Violation::failed(expected, &error)),
        Ok(receipt) => Err(Violation::new(expected, format!("it succeeded: {receipt:?}"))),
    }
}
