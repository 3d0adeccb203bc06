//! The ends of partitions of which nothing, or nothing more, is to be delivered.

use payflow_core::{Receipt, Topic};

use crate::conformance::harness::Harness;
use crate::conformance::ledger::{End, Ledger};
use crate::conformance::member::{AMPLE, Member, drive};
use crate::conformance::numbered::in_order;
use crate::conformance::stage::{Stage, fresh_group};
use crate::conformance::violation::Violation;

/// The end of a partition with nothing in it is told, and again behind its first record.
///
/// # Errors
/// The adapter broke that promise.
pub async fn an_empty_partition_tells_its_end(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let topic = stage.topic(1).await?;
    let sender = stage.sender().await?;

    let mut member = stage.member("only", &fresh_group(), &topic).await?;
    let expected = "the end of a partition with nothing in it";
    member.until(AMPLE, expected, |ledger| !ledger.ends().is_empty()).await?;
    let told = member.ledger().ends().first().map_or(-1, |end| end.offset);

    let first = sender.send_numbers(&topic, 0..1, 1).await?.first().map_or(-1, |receipt| receipt.offset);
    if told > first {
        let happened = format!("{told} was told, and the first record stands at {first}");
        return Err(Violation::new("an end that is not above the next record's offset", happened));
    }
    let expected = format!("the end of the partition behind its first record, above offset {first}");
    member.until(AMPLE, &expected, |ledger| ledger.ends().iter().any(|end| end.offset > first)).await?;
    in_order(member.ledger().delivered(), [0])
}

/// The end of a partition of which the group has committed everything is told.
///
/// # Errors
/// The adapter broke that promise.
pub async fn a_committed_partition_tells_its_end(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let (topic, group) = (stage.topic(1).await?, fresh_group());
    let receipts = stage.sender().await?.send_numbers(&topic, 0..3, 1).await?;
    let last = receipts.last().map_or(-1, |receipt| receipt.offset);
    let mut first = stage.member("first", &group, &topic).await?;
    let delivered = first.take(3).await?;
    first.finish(&delivered);
    first.commit().await?;
    drop(first);

    let mut second = stage.member("second", &group, &topic).await?;
    let expected = format!("the end of a partition of which all is committed, above offset {last}");
    second.until(AMPLE, &expected, |ledger| ledger.ends().iter().any(|end| end.offset > last)).await?;
    in_order(second.ledger().delivered(), [])
}

/// The end of a partition is told anew when it comes back: at once if nothing is left in it, else behind what is left.
///
/// # Errors
/// The adapter broke that promise.
pub async fn a_partition_that_comes_back_tells_its_end(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let (topic, group) = (stage.topic(4).await?, fresh_group());
    let mut first = stage.member("first", &group, &topic).await?;
    let expected = "the ends of four partitions with nothing in them";
    first.until(AMPLE, expected, |ledger| ends_since(ledger, 0, &[0, 1, 2, 3]).len() == 4).await?;

    let (_, lent) = lend(&stage, &group, &topic, &mut first).await?;
    take_back(&mut first, &lent, "with nothing in them").await?;

    let (mut second, lent) = lend(&stage, &group, &topic, &mut first).await?;
    let receipts = stage.sender().await?.send_numbers(&topic, 0..80, 40).await?;
    drive(&mut first, &mut second, AMPLE, "80 deliveries between the two members", |one, other| {
        one.delivered().len() + other.delivered().len() >= 80
    })
    .await?;
    let of_first = first.since(0);
    first.finish(&of_first);
    // What the second has received is not finished, and so comes again.
    drop(second);
    for end in take_back(&mut first, &lent, "behind what is left in them").await? {
        let left = |receipt: &&Receipt| receipt.partition == end.partition && receipt.offset < end.offset;
        let left = receipts.iter().filter(left).count();
        let before = first.ledger().delivered().iter().take(end.delivered_before);
        let came = before.filter(|one| one.partition == end.partition).count();
        let all = receipts.iter().filter(|receipt| receipt.partition == end.partition).count();
        if came < left || left < all {
            let expected = format!("the end of a partition that came back behind {all} deliveries of it");
            let happened = format!("it was told at offset {} after {came} of them", end.offset);
            return Err(Violation::new(expected, happened));
        }
    }
    Ok(())
}

/// A second member that holds some of the first one's partitions, and which.
async fn lend(
    stage: &Stage<'_>,
    group: &str,
    topic: &Topic,
    first: &mut Member,
) -> Result<(Member, Vec<i32>), Violation> {
    let mut second = stage.member("second", group, topic).await?;
    let expected = "four partitions shared by two members";
    drive(first, &mut second, AMPLE, expected, |one, other| {
        let (one, other) = (one.partitions().len(), other.partitions().len());
        one > 0 && other > 0 && one + other == 4
    })
    .await?;
    let lent = second.ledger().partitions();
    Ok((second, lent))
}

/// The first end that is told of each of these once they have come back.
async fn take_back(first: &mut Member, lent: &[i32], how: &str) -> Result<Vec<End>, Violation> {
    let told = first.ledger().ends().len();
    let expected = format!("the ends of partitions {lent:?} that came back, {how}");
    first.until(AMPLE, &expected, |ledger| ends_since(ledger, told, lent).len() == lent.len()).await?;
    Ok(ends_since(first.ledger(), told, lent))
}

/// Of each of these partitions the first of the ends from the `from`th on.
fn ends_since(ledger: &Ledger, from: usize, partitions: &[i32]) -> Vec<End> {
    let first = |partition: &i32| ledger.ends().iter().skip(from).find(|end| end.partition == *partition);
    partitions.iter().filter_map(first).copied().collect()
}
