//! When a receive resolves, with what, and what a dropped one leaves.

use payflow_core::{AckToken, Assignment, Change, Content, Delivery, Inbound, PartitionEnd, Room, Topic};

use crate::conformance::chance::{Dice, cut_off};
use crate::conformance::harness::Harness;
use crate::conformance::member::AMPLE;
use crate::conformance::numbered::{each_once, in_order, keys_in_order};
use crate::conformance::stage::{Stage, fresh_group};
use crate::conformance::violation::Violation;

/// What is sent while a consumer waits is delivered to it.
///
/// # Errors
/// The adapter broke that promise.
pub async fn a_waiting_consumer_gets_new_records(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let topic = stage.topic(1).await?;
    let sender = stage.sender().await?;

    let mut member = stage.member("only", &fresh_group(), &topic).await?;
    member.join().await?;
    for number in 0..5 {
        let receive = member.take(1);
        let send = sender.send_numbers(&topic, number..number + 1, 1);
        let (delivered, _receipts) = futures_util::future::try_join(receive, send).await?;
        in_order(&delivered, [number])?;
    }
    Ok(())
}

/// A receive resolves when there is something to tell, and waits while there is not.
///
/// # Errors
/// The adapter broke that promise.
pub async fn an_idle_receive_waits(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let topic = stage.topic(1).await?;
    stage.sender().await?.send_numbers(&topic, 0..3, 1).await?;

    let mut member = stage.member("only", &fresh_group(), &topic).await?;
    let delivered = member.take(3).await?;
    member.finish(&delivered);
    member.commit().await?;
    // An empty `into` after a receive that resolved is a violation that every step looks for.
    member.expect_silence(AMPLE, "a receive to wait when everything was delivered").await
}

/// `receive` adds to `into`, and takes nothing out of it.
///
/// # Errors
/// The adapter broke that promise.
pub async fn receive_only_adds(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let topic = stage.topic(1).await?;
    let sender = stage.sender().await?;
    sender.send_numbers(&topic, 0..3, 1).await?;

    let mut member = stage.member("only", &fresh_group(), &topic).await?;
    member.step_behind(&bystanders(&topic), AMPLE).await?;
    member.join().await?;
    while member.ledger().delivered().len() < 3 {
        let room = Room { records: 1, ..AMPLE };
        member.step_behind(&bystanders(&topic), room).await?;
    }
    in_order(member.ledger().delivered(), 0..3)
}

/// A dropped receive loses nothing: what it had not added is handed over by a later one, changes included.
///
/// # Errors
/// The adapter broke that promise.
pub async fn a_cancelled_receive_loses_nothing(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let topic = stage.wide_topic().await?;
    let sender = stage.sender().await?;
    sender.send_numbers(&topic, 0..50, 10).await?;

    let mut member = stage.member("only", &fresh_group(), &topic).await?;
    let mut dice = Dice::new(3);
    let mut sent = 50;
    while member.ledger().delivered().len() < 200 {
        if sent < 200 && (dice.below(3) == 0 || member.ledger().delivered().len() == sent) {
            sender.send_numbers(&topic, sent..sent + 10, 10).await?;
            sent += 10;
        }
        let room = Room { records: 1 + dice.below(7), ..AMPLE };
        let receive = member.step(room);
        if let Some(received) = cut_off(receive, dice.below(4)).await {
            received?;
        }
        member.settle()?;
        // Where nothing but dropped receives were made for long, something is missing.
        if tokio::time::Instant::now() > stage.clock().deadline() {
            break;
        }
    }

    each_once(member.ledger().delivered(), 0..200)?;
    keys_in_order(member.ledger().delivered())
}

/// The change that assigns a partition comes before its first delivery, in the same receive at the latest.
///
/// # Errors
/// The adapter broke that promise.
pub async fn changes_come_before_deliveries(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let (topic, group) = (stage.wide_topic().await?, fresh_group());
    stage.sender().await?.send_numbers(&topic, 0..40, 20).await?;

    for name in ["first", "second"] {
        let mut member = stage.member(name, &group, &topic).await?;
        // That each delivery's partition was assigned before is what every step looks at.
        each_once(&member.take(40).await?, 0..40)?;
    }
    Ok(())
}

/// The end of a partition is told once everything in it was delivered, with the offset behind it, and again after more
/// was.
///
/// # Errors
/// The adapter broke that promise.
pub async fn the_end_of_a_partition_is_told(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let topic = stage.topic(1).await?;
    let sender = stage.sender().await?;
    let mut receipts = sender.send_numbers(&topic, 0..10, 3).await?;

    let mut member = stage.member("only", &fresh_group(), &topic).await?;
    let room = Room { records: 3, ..AMPLE };
    for all in [10, 13] {
        let last = receipts.last().map_or(-1, |receipt| receipt.offset);
        let expected = format!("the end of the partition behind {all} deliveries, at an offset above {last}");
        member.until(room, &expected, |ledger| ledger.ends().iter().any(|end| end.offset > last)).await?;
        let early = member.ledger().ends().iter().find(|end| {
            // The first ten were there before the consumer was.
            let there = receipts.iter().filter(|receipt| receipt.offset < end.offset).count();
            end.delivered_before < there.max(10)
        });
        if let Some(early) = early {
            let happened =
                format!("it was told at offset {} after {} deliveries", early.offset, early.delivered_before);
            return Err(Violation::new(expected, happened));
        }
        if all == 10 {
            receipts.extend(sender.send_numbers(&topic, 10..13, 3).await?);
        }
    }
    in_order(member.ledger().delivered(), 0..13)
}

/// A source that has ended says so, once everything was delivered.
///
/// # Errors
/// The adapter broke that promise.
pub async fn a_finite_source_ends(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let topic = stage.wide_topic().await?;
    stage.sender().await?.send_numbers(&topic, 0..10, 10).await?;

    let mut member = stage.member("only", &fresh_group(), &topic).await?;
    let first = member.take(4).await?;
    if member.ledger().ended() {
        let expected = "no end of a source that may still be sent to";
        return Err(Violation::new(expected, "`ended` was set after 4 of 10 deliveries"));
    }
    stage.end(&topic).await?;
    let expected = "the end of the source, `ended`";
    member.until(AMPLE, expected, |ledger| ledger.ended()).await?;

    let delivered = member.since(0);
    each_once(&delivered, 0..10)?;
    member.finish(&first);
    member.finish(&member.since(4));
    member.commit().await
}

/// One of each, as an earlier receive may have left them.
fn bystanders(topic: &Topic) -> Inbound {
    let assignment =
        Assignment { slot: u32::MAX, generation: u32::MAX, topic: topic.clone(), partition: i32::MAX };
    let delivery = Delivery {
        token: AckToken::new(u32::MAX, u32::MAX, i64::MAX),
        topic: topic.clone(),
        partition: i32::MAX,
        offset: i64::MAX,
        timestamp_ms: None,
        content: Content::EMPTY,
    };
    let end = PartitionEnd { slot: u32::MAX, generation: u32::MAX, offset: i64::MAX };
    Inbound {
        changes: vec![Change::Assigned(vec![assignment])],
        deliveries: [delivery].into_iter().collect(),
        ends: vec![end],
        ended: false,
    }
}
