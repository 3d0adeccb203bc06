//! What was finished while something before it was not.

use payflow_core::Delivery;

use crate::conformance::chance::Dice;
use crate::conformance::harness::Harness;
use crate::conformance::member::{AMPLE, drive};
use crate::conformance::numbered::{in_order, number, numbers};
use crate::conformance::stage::{Stage, fresh_group};
use crate::conformance::violation::Violation;

use super::acknowledging::{slice, up_to};
use super::handover::Handover;

/// What was finished and committed does not come to the next owner, in whatever order it was finished; the rest comes,
/// in order.
///
/// # Errors
/// The adapter broke that promise.
pub async fn what_finished_out_of_order_is_remembered(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let (topic, group) = (stage.topic(1).await?, fresh_group());
    let sender = stage.sender().await?;
    sender.send_numbers(&topic, 0..300, 20).await?;

    let mut first = stage.member("first", &group, &topic).await?;
    let mut out = first.take(300).await?;
    let mut dice = Dice::new(7);
    // The first of all is not finished, and so holds back every commit.
    let mut left = vec![out.swap_remove(0)];
    while !out.is_empty() {
        let one = out.swap_remove(dice.below(out.len()));
        if dice.below(4) == 0 {
            left.push(one);
        } else {
            first.finish(&[one]);
        }
        if dice.below(40) == 0 {
            first.commit().await?;
        }
    }
    first.commit().await?;
    drop(first);

    let mut owed = numbers(&left)?;
    owed.sort_unstable();
    sender.send_numbers(&topic, 300..301, 1).await?;
    owed.push(300);
    let mut second = stage.member("second", &group, &topic).await?;
    let delivered = up_to(&mut second, 300).await?;
    in_order(&delivered, owed)?;
    second.finish(&delivered);
    second.commit().await?;
    drop(second);

    sender.send_numbers(&topic, 301..302, 1).await?;
    let mut third = stage.member("third", &group, &topic).await?;
    in_order(&third.take(1).await?, [301])
}

/// What was finished is remembered by the owner after next too, though the one between committed before all of it would
/// have come to it.
///
/// # Errors
/// The adapter broke that promise.
pub async fn a_later_owner_remembers_too(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let (topic, group) = (stage.topic(1).await?, fresh_group());
    let sender = stage.sender().await?;
    sender.send_numbers(&topic, 0..40, 5).await?;

    let mut first = stage.member("first", &group, &topic).await?;
    let delivered = first.take(40).await?;
    let (even, odd): (Vec<Delivery>, Vec<Delivery>) =
        delivered.into_iter().partition(|one| number(one).is_ok_and(|number| number % 2 == 0));
    first.finish(&odd);
    first.commit().await?;
    drop(first);

    // Each takes two, finishes the second before the first, or not the first at all, and commits.
    let mut owed = numbers(&even)?;
    for (name, finishes_both) in [("second", true), ("third", false), ("fourth", true)] {
        let mut next = stage.member(name, &group, &topic).await?;
        let two = next.take(2).await?;
        in_order(&two, owed.iter().copied().take(2))?;
        next.finish(slice(&two, 1, 2));
        owed.remove(1);
        if finishes_both {
            next.finish(slice(&two, 0, 1));
            owed.remove(0);
        }
        next.commit().await?;
    }

    sender.send_numbers(&topic, 40..41, 1).await?;
    owed.push(40);
    let mut last = stage.member("last", &group, &topic).await?;
    in_order(&up_to(&mut last, 40).await?, owed)
}

/// What was given up comes again, though all around it was finished and committed; it alone does.
///
/// # Errors
/// The adapter broke that promise.
pub async fn giving_up_is_not_finishing(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let (topic, group) = (stage.topic(1).await?, fresh_group());
    stage.sender().await?.send_numbers(&topic, 0..20, 3).await?;

    let mut first = stage.member("first", &group, &topic).await?;
    let delivered = first.take(20).await?;
    let (given_up, finished): (Vec<Delivery>, Vec<Delivery>) =
        delivered.into_iter().partition(|one| number(one).is_ok_and(|number| number % 5 == 2));
    first.acknowledge(&finished, &given_up);
    first.commit().await?;
    drop(first);

    let mut second = stage.member("second", &group, &topic).await?;
    in_order(&second.take(4).await?, [2, 7, 12, 17])?;
    second.expect_silence(AMPLE, "nothing but what was given up").await
}

/// When a partition is let go at its deadline with a token out, what was finished of it is committed, and does not come
/// to the new owner; what is out does.
///
/// # Errors
/// The adapter broke that promise.
pub async fn what_finished_out_of_order_is_handed_over(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let mut handover = Handover::begin(&stage).await?;
    let before = handover.from.ledger().delivered().len();
    let out = handover.out_of_revoking();
    let finished: Vec<Delivery> = out.iter().flat_map(|out| slice(out, 1, out.len()).to_vec()).collect();
    handover.from.finish(&finished);
    let taken = handover.wait_for_deadline().await?;

    let stuck: Vec<Delivery> = out.iter().filter_map(|out| out.first().cloned()).collect();
    let owed = numbers(&stuck.into_iter().filter(|one| taken.contains(&one.partition)).collect::<Vec<_>>())?;
    stage.sender().await?.send_numbers(&handover.topic, 80..120, 40).await?;
    let expected = format!("records {owed:?} at the new owner, and 40 new ones");
    drive(&mut handover.from, &mut handover.to, AMPLE, &expected, |from, to| {
        let new = |one: &&Delivery| number(one).is_ok_and(|number| number >= 80);
        let came =
            |owed: &usize| to.delivered().iter().any(|one| number(one).is_ok_and(|number| number == *owed));
        let all = from.delivered().iter().chain(to.delivered());
        all.filter(new).count() >= 40 && owed.iter().all(came)
    })
    .await?;

    let finished = numbers(&finished)?;
    let since = [handover.from.since(before), handover.to.since(0)].concat();
    for delivery in since {
        if finished.contains(&number(&delivery)?) {
            let expected = "what was finished to be committed as its partition is let go";
            return Err(Violation::new(expected, "it came again").of(&delivery));
        }
    }
    Ok(())
}
