//! What becomes of a delivery that is finished, given up, or neither.

use payflow_core::Delivery;

use crate::conformance::harness::Harness;
use crate::conformance::member::{AMPLE, Member};
use crate::conformance::numbered::{each_once, in_order, number, numbers};
use crate::conformance::stage::{Stage, fresh_group};
use crate::conformance::violation::Violation;

/// What was not acknowledged is delivered again to the next owner, in order, even if a commit ran meanwhile.
///
/// # Errors
/// The adapter broke that promise.
pub async fn unacknowledged_comes_again(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let (topic, group) = (stage.topic(1).await?, fresh_group());
    stage.sender().await?.send_numbers(&topic, 0..10, 3).await?;

    let mut first = stage.member("first", &group, &topic).await?;
    in_order(&first.take(10).await?, 0..10)?;
    first.commit().await?;
    drop(first);

    let mut second = stage.member("second", &group, &topic).await?;
    in_order(&second.take(10).await?, 0..10)
}

/// What was finished and committed is not delivered again.
///
/// # Errors
/// The adapter broke that promise.
pub async fn committed_does_not_come_again(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let (topic, group) = (stage.topic(1).await?, fresh_group());
    let sender = stage.sender().await?;
    sender.send_numbers(&topic, 0..10, 3).await?;

    let mut first = stage.member("first", &group, &topic).await?;
    let delivered = first.take(10).await?;
    first.finish(&delivered);
    first.commit().await?;
    drop(first);

    sender.send_numbers(&topic, 10..11, 1).await?;
    let mut second = stage.member("second", &group, &topic).await?;
    in_order(&second.take(1).await?, [10])
}

/// What was finished and not committed may be delivered again, and nothing is lost beside it: from some record on that
/// was not committed everything comes.
///
/// # Errors
/// The adapter broke that promise.
pub async fn uncommitted_is_not_lost(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let (topic, group) = (stage.topic(1).await?, fresh_group());
    stage.sender().await?.send_numbers(&topic, 0..10, 3).await?;

    let mut first = stage.member("first", &group, &topic).await?;
    let delivered = first.take(10).await?;
    first.finish(slice(&delivered, 0, 3));
    first.commit().await?;
    first.finish(slice(&delivered, 3, 6));
    drop(first);

    let mut second = stage.member("second", &group, &topic).await?;
    let delivered = up_to(&mut second, 9).await?;
    begins_within(&delivered, 3, 6)?;
    let first = numbers(&delivered)?.first().copied().unwrap_or(10);
    in_order(&delivered, first..10)
}

/// What was given up is delivered again once its partition is next assigned, and not before; no commit passes it.
///
/// # Errors
/// The adapter broke that promise.
pub async fn given_up_comes_again(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let (topic, group) = (stage.topic(1).await?, fresh_group());
    let sender = stage.sender().await?;
    sender.send_numbers(&topic, 0..10, 3).await?;

    let mut first = stage.member("first", &group, &topic).await?;
    let delivered = first.take(10).await?;
    first.acknowledge(slice(&delivered, 0, 4), slice(&delivered, 4, 5));
    first.finish(slice(&delivered, 5, 10));
    sender.send_numbers(&topic, 10..11, 1).await?;
    let next = first.take(1).await?;
    in_order(&next, [10])?;
    first.finish(&next);
    first.commit().await?;
    drop(first);

    sender.send_numbers(&topic, 11..12, 1).await?;
    let mut second = stage.member("second", &group, &topic).await?;
    let delivered = up_to(&mut second, 11).await?;
    begins_within(&delivered, 4, 4)?;
    second.finish(&delivered);
    second.commit().await?;
    drop(second);

    sender.send_numbers(&topic, 12..13, 1).await?;
    let mut third = stage.member("third", &group, &topic).await?;
    in_order(&third.take(1).await?, [12])
}

/// Finishing out of order keeps the gap: what is below the first delivery not finished is committed, and that delivery
/// comes again; once it too is finished, all of it is committed.
///
/// # Errors
/// The adapter broke that promise.
pub async fn finishing_out_of_order_keeps_the_gap(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let (topic, group) = (stage.topic(1).await?, fresh_group());
    let sender = stage.sender().await?;
    sender.send_numbers(&topic, 0..10, 3).await?;

    let mut first = stage.member("first", &group, &topic).await?;
    let delivered = first.take(10).await?;
    for at in [9, 1, 0, 7, 3, 2, 8, 5, 6] {
        first.finish(slice(&delivered, at, at + 1));
        first.commit().await?;
    }
    drop(first);

    sender.send_numbers(&topic, 10..11, 1).await?;
    let mut second = stage.member("second", &group, &topic).await?;
    let again = second.take(1).await?;
    in_order(&again, [4])?;
    second.finish(&again);
    let rest = up_to(&mut second, 10).await?;
    let reversed: Vec<Delivery> = rest.into_iter().rev().collect();
    second.finish(&reversed);
    second.commit().await?;
    drop(second);

    sender.send_numbers(&topic, 11..12, 1).await?;
    let mut third = stage.member("third", &group, &topic).await?;
    in_order(&third.take(1).await?, [11])
}

/// What is still out of one partition holds back no other: each has its own first delivery not finished.
///
/// # Errors
/// The adapter broke that promise.
pub async fn partitions_are_accounted_for_apart(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let (topic, group) = (stage.topic(4).await?, fresh_group());
    stage.sender().await?.send_numbers(&topic, 0..80, 40).await?;

    let mut first = stage.member("first", &group, &topic).await?;
    let delivered = first.take(80).await?;
    let held_back = delivered.first().map(|delivery| delivery.partition);
    let (kept, finished): (Vec<_>, Vec<_>) =
        delivered.into_iter().partition(|delivery| Some(delivery.partition) == held_back);
    first.finish(&finished);
    first.commit().await?;
    drop(first);

    let mut second = stage.member("second", &group, &topic).await?;
    let again = second.take(kept.len()).await?;
    each_once(&again, numbers(&kept)?)?;
    second.expect_silence(AMPLE, "nothing of the partitions that were finished and committed").await
}

/// Receives up to this number, that one included.
pub(super) async fn up_to(member: &mut Member, last: usize) -> Result<Vec<Delivery>, Violation> {
    let expected = format!("everything up to record {last}");
    member.take_until(&expected, |delivery| number(delivery).is_ok_and(|number| number == last)).await
}

/// The first number delivered lies between these two, inclusive.
pub(super) fn begins_within(delivered: &[Delivery], least: usize, most: usize) -> Result<(), Violation> {
    let Some(first) = delivered.first() else {
        return Err(Violation::new("a delivery", "there was none"));
    };
    let number = number(first)?;
    if number < least {
        let happened = format!("record {number} came, which was committed");
        return Err(Violation::new(format!("nothing below record {least} again"), happened).of(first));
    }
    if number > most {
        let happened = format!("the first to come was record {number}");
        let expected = format!("record {most}, which was not finished and committed, to come again");
        return Err(Violation::new(expected, happened).of(first));
    }
    Ok(())
}

/// A part of what was delivered; empty where there is less.
pub(super) fn slice(delivered: &[Delivery], from: usize, to: usize) -> &[Delivery] {
    delivered.get(from..to).unwrap_or_default()
}
