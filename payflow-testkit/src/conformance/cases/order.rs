//! What the key decides: order and partition.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use payflow_core::Record;

use crate::conformance::harness::Harness;
use crate::conformance::numbered::{each_once, keys_in_order, number, numbered};
use crate::conformance::stage::{Stage, fresh_group};
use crate::conformance::violation::Violation;

/// Two sends of one key keep their order if the second starts after the first has resolved.
///
/// # Errors
/// The adapter broke that promise.
pub async fn sends_of_a_key_keep_their_order(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let topic = stage.wide_topic().await?;
    let sender = stage.sender().await?;
    for number in 0..60 {
        // Neighbours share a key, three by three, so that even two of them swapped show.
        let key = format!("key-{}", number / 3 % 5);
        sender.send(numbered(&topic, number, 1).with_key(key)).await?;
    }

    let mut member = stage.member("only", &fresh_group(), &topic).await?;
    let delivered = member.take(60).await?;

    each_once(&delivered, 0..60)?;
    keys_in_order(&delivered)
}

/// The records of one `send_all` that share a key keep their order.
///
/// # Errors
/// The adapter broke that promise.
pub async fn send_all_keeps_the_order_of_a_key(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let topic = stage.wide_topic().await?;
    let sender = stage.sender().await?;
    sender.send_numbers(&topic, 0..300, 5).await?;

    let mut member = stage.member("only", &fresh_group(), &topic).await?;
    let delivered = member.take(300).await?;

    each_once(&delivered, 0..300)?;
    keys_in_order(&delivered)
}

/// Records with equal keys go to the same partition, whichever producer sends them and whatever else they hold.
///
/// # Errors
/// The adapter broke that promise.
pub async fn a_key_has_one_partition(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let topic = stage.topic(4).await?;
    let mut partitions: BTreeMap<usize, i32> = BTreeMap::new();
    for round in 0..4 {
        let sender = stage.sender().await?;
        // Not a multiple of the partitions, so that taking turns does not look like keeping to one.
        for key in 0..15 {
            let record = Record::new(topic.clone(), format!("round {round}")).with_key(format!("key-{key}"));
            let receipt = sender.receipt_of(record).await?;
            let first = *partitions.entry(key).or_insert(receipt.partition);
            if first != receipt.partition {
                let expected = format!("every record of key-{key} in partition {first}");
                let happened = format!("the receipt says partition {}", receipt.partition);
                return Err(Violation::new(expected, happened).at(format!("round {round}, key-{key}")));
            }
        }
    }

    let mut member = stage.member("only", &fresh_group(), &topic).await?;
    let delivered = member.take(4 * 15).await?;

    for delivery in &delivered {
        let key = delivery.key().unwrap_or_default();
        let owed = partitions.iter().find(|(number, _)| format!("key-{number}").as_bytes() == key);
        if owed.map(|(_, partition)| *partition) != Some(delivery.partition) {
            let expected = format!("its key in partition {:?}, as the receipts said", owed.map(|(_, at)| at));
            return Err(Violation::new(expected, "it was delivered from another").of(delivery));
        }
    }
    Ok(())
}

/// Many may send through one producer at the same time: each record arrives once, under a receipt of its own.
///
/// # Errors
/// The adapter broke that promise.
pub async fn concurrent_sends_all_arrive(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let topic = stage.wide_topic().await?;
    let sender = stage.sender().await?;
    let senders = (0..20).map(|who| {
        let (sender, topic) = (sender.clone(), topic.clone());
        tokio::spawn(async move {
            let mut receipts = Vec::new();
            for number in (who * 25)..((who + 1) * 25) {
                receipts.push((number, sender.receipt_of(numbered(&topic, number, 500)).await?));
            }
            Ok::<_, Violation>(receipts)
        })
    });
    let sent = try_join_all(senders).await;
    let sent = sent.map_err(|panic| Violation::new("sends that do not panic", panic.to_string()))?;
    let mut places = BTreeMap::new();
    for one in sent {
        for (number, receipt) in one? {
            if let Some(other) = places.insert((receipt.partition, receipt.offset), number) {
                let expected = "a receipt of its own for each record";
                let happened = format!("records {other} and {number} have the same: {receipt:?}");
                return Err(Violation::new(expected, happened));
            }
        }
    }

    let mut member = stage.member("only", &fresh_group(), &topic).await?;
    let delivered = member.take(500).await?;

    each_once(&delivered, 0..500)?;
    for delivery in &delivered {
        let owed = places.get(&(delivery.partition, delivery.offset)).copied();
        let came = number(delivery)?;
        if owed != Some(came) {
            let expected = format!("record {owed:?} here, by the receipts");
            return Err(Violation::new(expected, format!("record {came} stood here")).of(delivery));
        }
    }
    Ok(())
}
