//! Consumers that are closed, dropped, opened again, or cut off.

use std::collections::BTreeSet;
use std::task::Poll;

use futures_util::poll;
use payflow_core::Fault;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout_at};

use crate::conformance::harness::Harness;
use crate::conformance::member::AMPLE;
use crate::conformance::numbered::{each_once, in_order, listed, number, numbered, numbers};
use crate::conformance::sender::Sender;
use crate::conformance::stage::{Stage, fresh_group};
use crate::conformance::tries::in_three_tries;
use crate::conformance::violation::Violation;

use super::acknowledging::{begins_within, slice, up_to};

/// Dropping a consumer leaves the group at once, even while its receive waits in another task: what comes is with the next
/// member without waiting until the group misses the dropped one.
///
/// # Errors
/// The adapter broke that promise.
pub async fn closing_while_receiving_leaves_the_group(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    // A slow machine, or a member that has to be missed.
    in_three_tries(|| dropped_in_time(&stage)).await
}

/// One try; a violation inside `Ok` may be the machine's fault.
async fn dropped_in_time(stage: &Stage<'_>) -> Result<Option<Violation>, Violation> {
    let (topic, group) = (stage.topic(1).await?, fresh_group());
    let sender = stage.sender().await?;
    sender.send_numbers(&topic, 0..3, 1).await?;
    let mut first = stage.member("first", &group, &topic).await?;
    let delivered = first.take(3).await?;
    first.finish(&delivered);
    first.commit().await?;

    first.expect_silence(AMPLE, "nothing more than three deliveries").await?;

    let (blocked, is_blocked) = oneshot::channel();
    let waiting = tokio::spawn(async move {
        let mut receive = Box::pin(first.step(AMPLE));
        if let Poll::Ready(stepped) = poll!(receive.as_mut()) {
            return stepped;
        }
        let _ = blocked.send(());
        receive.await
    });
    // An error says that it did not block, which leaves nothing to abort.
    let _ = stage.clock().within("a receive that was polled", is_blocked).await?;
    let (dropping, limit) = (Instant::now(), stage.limits().leaving());
    waiting.abort();
    if let Ok(Err(violation)) = waiting.await {
        return Err(violation);
    }

    sender.send_numbers(&topic, 3..4, 1).await?;
    let mut second = stage.member("second", &group, &topic).await?;
    let Ok(delivered) = timeout_at(dropping + limit, second.take(1)).await else {
        let expected =
            format!("what comes within {limit:?} of the drop of a member, whose group need not miss it");
        return Ok(Some(Violation::new(expected, format!("by then {}", second.ledger()))));
    };
    in_order(&delivered?, [3])?;
    Ok(None)
}

/// A closed consumer leaves its group and loses nothing: what was committed does not come again, what was finished since
/// may, all else does, and it comes to the next member without waiting until the group misses the closed one.
///
/// # Errors
/// The adapter broke that promise.
pub async fn closing_loses_nothing_and_leaves_the_group(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    // A slow machine, or a member that has to be missed.
    in_three_tries(|| left_in_time(&stage)).await
}

/// One try; a violation inside `Ok` may be the machine's fault.
async fn left_in_time(stage: &Stage<'_>) -> Result<Option<Violation>, Violation> {
    let (topic, group) = (stage.topic(1).await?, fresh_group());
    let sender = stage.sender().await?;
    sender.send_numbers(&topic, 0..10, 3).await?;

    let mut first = stage.member("first", &group, &topic).await?;
    let delivered = first.take(10).await?;
    first.finish(slice(&delivered, 0, 3));
    first.commit().await?;
    first.finish(slice(&delivered, 3, 5));
    // Never handed over, so that something comes to the next member even if all else was committed.
    sender.send_numbers(&topic, 10..11, 3).await?;
    let (closing, limit) = (Instant::now(), stage.limits().leaving());
    first.close().await?;

    let mut second = stage.member("second", &group, &topic).await?;
    let Ok(delivered) = timeout_at(closing + limit, up_to(&mut second, 10)).await else {
        let expected =
            format!("everything within {limit:?} of the close of a member, whose group need not miss it");
        return Ok(Some(Violation::new(expected, format!("by then {}", second.ledger()))));
    };
    let delivered = delivered?;
    begins_within(&delivered, 3, 5)?;
    let first = numbers(&delivered)?.first().copied().unwrap_or(11);
    in_order(&delivered, first..11)?;
    Ok(None)
}

/// Consumers one after another go on where the last one left off: each record is handled once.
///
/// # Errors
/// The adapter broke that promise.
pub async fn reopening_goes_on_where_it_left_off(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let (topic, group) = (stage.wide_topic().await?, fresh_group());
    let sender = stage.sender().await?;
    let mut handled = Vec::new();
    for opening in 0..5 {
        sender.send_numbers(&topic, opening * 100..(opening + 1) * 100, 50).await?;
        let mut member = stage.member(&format!("opening {opening}"), &group, &topic).await?;
        // Some are left for the next, save at the last opening.
        let count = if opening == 4 { 500 - handled.len() } else { 90 };
        let delivered = member.take(count).await?;
        member.finish(&delivered);
        member.commit().await?;
        handled.extend(delivered);
    }
    each_once(&handled, 0..500)
}

/// Giving up everything, over and over, loses nothing.
///
/// # Errors
/// The adapter broke that promise.
pub async fn giving_up_often_loses_nothing(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let (topic, group) = (stage.wide_topic().await?, fresh_group());
    stage.sender().await?.send_numbers(&topic, 0..50, 10).await?;
    for opening in 0..5 {
        let mut member = stage.member(&format!("opening {opening}"), &group, &topic).await?;
        let delivered = member.take(50).await?;
        each_once(&delivered, 0..50)?;
        member.give_up(&delivered);
        member.commit().await?;
    }
    Ok(())
}

/// After an interruption open clients go on by themselves: a send that failed can be made again, what was committed
/// stays so, and nothing is lost.
///
/// # Errors
/// The adapter broke that promise.
pub async fn clients_outlive_an_interruption(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let (topic, group) = (stage.topic(1).await?, fresh_group());
    let sender = stage.sender().await?;
    sender.send_numbers(&topic, 0..10, 3).await?;
    let mut first = stage.member("first", &group, &topic).await?;
    let delivered = first.take(10).await?;
    first.finish(slice(&delivered, 0, 5));
    first.commit().await?;

    stage.interrupt().await?;
    for number in 10..20 {
        send_again_and_again(&stage, &sender, &topic, number).await?;
    }
    let seen = first.ledger().delivered().len();
    let came = |ledger: &crate::conformance::ledger::Ledger| -> BTreeSet<usize> {
        ledger.delivered().iter().skip(seen).filter_map(|one| number(one).ok()).collect()
    };
    let owed: BTreeSet<usize> = (10..20).collect();
    let expected =
        format!("records {}, sent after the interruption, at the consumer that outlived it", listed(&owed));
    first.until(AMPLE, &expected, |ledger| owed.is_subset(&came(ledger))).await?;
    if let Some(again) = came(first.ledger()).first().filter(|number| **number < 5) {
        let expected = "nothing again that was committed before the interruption";
        return Err(Violation::new(expected, format!("record {again} came again")));
    }
    drop(first);

    let mut second = stage.member("second", &group, &topic).await?;
    let delivered = up_to(&mut second, 19).await?;
    begins_within(&delivered, 5, 5)?;
    let came: BTreeSet<usize> = delivered.iter().filter_map(|one| number(one).ok()).collect();
    let missing: BTreeSet<usize> = (5..20).filter(|number| !came.contains(number)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let happened = format!("these did not come: {}", listed(&missing));
    Err(Violation::new("records 5..=19, none of which was committed", happened))
}

/// Sends until it succeeds; a failure must allow that.
async fn send_again_and_again(
    stage: &Stage<'_>,
    sender: &Sender,
    topic: &payflow_core::Topic,
    number: usize,
) -> Result<(), Violation> {
    loop {
        let send = sender.producer().send(numbered(topic, number, 1));
        let Err(error) = stage.clock().within("send to resolve after an interruption", send).await? else {
            return Ok(());
        };
        let expected = format!("a send of record {number} to succeed in the end, after an interruption");
        match error.fault() {
            Fault::Transient { .. } | Fault::Unknown if Instant::now() < stage.clock().deadline() => {
                sleep(std::time::Duration::from_millis(20)).await;
            }
            _ => return Err(Violation::failed(expected, &error)),
        }
    }
}
