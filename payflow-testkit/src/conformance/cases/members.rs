//! Several members of a group: who holds what, and how it is handed over.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use futures_util::future::try_join_all;
use payflow_core::Delivery;
use tokio::time::Instant as TokioInstant;

use crate::conformance::harness::Harness;
use crate::conformance::member::{AMPLE, Member, drive, drive_for};
use crate::conformance::numbered::{each_once, number, numbers};
use crate::conformance::stage::{Clock, Stage, fresh_group};
use crate::conformance::tries::in_three_tries;
use crate::conformance::violation::Violation;

use super::handover::Handover;

/// Two members of a group share the partitions: each holds some, none holds another's, and each record goes to one.
///
/// # Errors
/// The adapter broke that promise.
pub async fn members_share_the_partitions(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let (topic, group) = (stage.topic(4).await?, fresh_group());
    let (mut first, mut second) = pair(&stage, &group, &topic).await?;

    stage.sender().await?.send_numbers(&topic, 0..80, 40).await?;
    let expected = "80 deliveries between the two members";
    drive(&mut first, &mut second, AMPLE, expected, |one, other| {
        one.delivered().len() + other.delivered().len() >= 80
    })
    .await?;
    let silence = stage.clock().quiet_until();
    let more = drive_for(&mut first, &mut second, AMPLE, silence, |one, other| {
        one.delivered().len() + other.delivered().len() > 80
    });
    more.await?;

    let (of_first, of_second) = (first.since(0), second.since(0));
    each_once(&[of_first.clone(), of_second.clone()].concat(), 0..80)?;
    first.finish(&of_first);
    second.finish(&of_second);
    first.commit().await?;
    second.commit().await
}

/// A member that waits for a partition takes it over when the member that holds it is dropped.
///
/// # Errors
/// The adapter broke that promise.
pub async fn a_standby_takes_over(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let (topic, group) = (stage.topic(1).await?, fresh_group());
    stage.sender().await?.send_numbers(&topic, 0..10, 3).await?;
    let mut first = stage.member("first", &group, &topic).await?;
    let (done, left) = first_half_of_each_partition(&first.take(10).await?);
    first.finish(&done);
    first.commit().await?;

    let mut standby = stage.member("standby", &group, &topic).await?;
    standby.linger(AMPLE, stage.clock().quiet_until()).await?;
    drop(first);

    let expected = "what the dropped member had not finished";
    standby.until(AMPLE, expected, |ledger| ledger.delivered().len() >= left.len()).await?;
    each_once(&standby.since(0), numbers(&left)?)
}

/// When a member is dropped, the others take over its partitions: what it had not committed comes to them, what it had
/// does not.
///
/// # Errors
/// The adapter broke that promise.
pub async fn a_survivor_takes_over(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let (topic, group) = (stage.topic(4).await?, fresh_group());
    let (mut first, mut second) = pair(&stage, &group, &topic).await?;
    stage.sender().await?.send_numbers(&topic, 0..80, 40).await?;
    let expected = "80 deliveries between the two members";
    drive(&mut first, &mut second, AMPLE, expected, |one, other| {
        one.delivered().len() + other.delivered().len() >= 80
    })
    .await?;

    let of_second = second.since(0);
    second.finish(&of_second);
    second.commit().await?;
    let (done, left) = first_half_of_each_partition(&first.since(0));
    first.finish(&done);
    first.commit().await?;
    drop(first);

    let owed = of_second.len() + left.len();
    let expected = format!("{} records that the dropped member had not finished", left.len());
    second.until(AMPLE, &expected, |ledger| ledger.delivered().len() >= owed).await?;
    each_once(&second.since(of_second.len()), numbers(&left)?)
}

/// A revoking partition is let go when its last token is back, and not before.
///
/// # Errors
/// The adapter broke that promise.
pub async fn a_revoking_partition_waits_for_its_last_token(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    // The deadline passed before the tokens were back: a slow machine, or an adapter that always waits for it.
    in_three_tries(|| last_token_in_time(&stage)).await
}

/// One try; a violation inside `Ok` may be the machine's fault.
async fn last_token_in_time(stage: &Stage<'_>) -> Result<Option<Violation>, Violation> {
    let mut handover = Handover::begin(stage).await?;
    let mut out = handover.out_of_revoking();
    let last: Vec<Delivery> = out.iter().filter_map(|one| one.last().cloned()).collect();

    for _ in 0..2 {
        if let Some(late) = handover.watch(stage).await? {
            return Ok(Some(late));
        }
        // Then all but the last token of each partition come back.
        let some: Vec<Delivery> =
            out.iter_mut().flat_map(|one| one.drain(..one.len().saturating_sub(1))).collect();
        handover.from.finish(&some);
    }
    handover.from.finish(&last);

    let revoking = handover.revoking.clone();
    let expected = "a revoking partition let go once its last token is back";
    drive(&mut handover.from, &mut handover.to, AMPLE, expected, |_, to| {
        to.partitions().iter().any(|partition| revoking.contains(partition))
    })
    .await?;
    if Instant::now() >= handover.until {
        let happened = "it was let go no sooner than at its deadline";
        return Ok(Some(Violation::new(expected, happened)));
    }

    // What was finished before it was let go was committed: nothing of it comes to the new owner.
    let finished = handover.finished_of_revoking();
    stage.sender().await?.send_numbers(&handover.topic, 80..120, 40).await?;
    drive(&mut handover.from, &mut handover.to, AMPLE, "40 more deliveries", |from, to| {
        let new = |one: &&Delivery| number(one).is_ok_and(|number| number >= 80);
        from.delivered().iter().filter(new).count() + to.delivered().iter().filter(new).count() >= 40
    })
    .await?;
    for delivery in handover.to.ledger().delivered() {
        if finished.contains(&number(delivery)?) {
            let expected = "what was finished to be committed before its partition is let go";
            return Err(Violation::new(expected, "it came again to the new owner").of(delivery));
        }
    }
    Ok(None)
}

/// A revoking partition is let go at its deadline, and not before, whatever tokens are out; what they stand for comes
/// to the new owner.
///
/// # Errors
/// The adapter broke that promise.
pub async fn a_revoking_partition_goes_at_its_deadline(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    // A slow machine, or an adapter that does not keep to its deadline.
    in_three_tries(|| let_go_in_time(&stage)).await
}

/// One try; a violation inside `Ok` may be the machine's fault.
async fn let_go_in_time(stage: &Stage<'_>) -> Result<Option<Violation>, Violation> {
    let mut handover = Handover::begin(stage).await?;
    match handover.let_go_within(stage.limits().handing_over()).await? {
        Ok(taken) => handover.redelivered_to_new_owner(&taken).await.map(|()| None),
        Err(violation) => Ok(Some(violation)),
    }
}

/// A token of a partition that was let go is stale, and ignored: while another holds the partition, and when it has
/// come back under a new generation.
///
/// # Errors
/// The adapter broke that promise.
pub async fn a_stale_token_is_ignored(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let mut handover = Handover::begin(&stage).await?;
    let taken = handover.wait_for_deadline().await?;
    handover.redelivered_to_new_owner(&taken).await?;
    let (group, topic) = (handover.group.clone(), handover.topic.clone());
    let stale = handover.out_of_revoking().concat();
    let (used_now, used_later): (Vec<_>, Vec<_>) =
        stale.into_iter().partition(|one| taken.len() > 1 && taken.first() == Some(&one.partition));

    // Another holds it. The commit may fail, being about nothing that is held.
    handover.from.finish(&used_now);
    let _may_fail = handover.from.try_commit().await?;

    // It comes back to its first owner, under a new generation.
    handover.from.give_up_held();
    let Handover { mut from, to, .. } = handover;
    drop(to);
    let returned = |one: &Delivery| taken.contains(&one.partition);
    let before = from.ledger().delivered().len();
    let owed = from.since(0).iter().filter(|one| returned(one)).count();
    from.until(AMPLE, "the partition's records again when it has come back", |ledger| {
        ledger.delivered().iter().skip(before).filter(|one| returned(one)).count() >= owed
    })
    .await?;
    from.finish(&used_later);
    let _may_fail = from.try_commit().await?;
    drop(from);

    let mut last = stage.member("last", &group, &topic).await?;
    let expected = "all 80 records again, since only stale tokens were finished";
    last.until(AMPLE, expected, |ledger| ledger.delivered().len() >= 80).await?;
    each_once(&last.since(0), 0..80)
}

/// A member that holds its deliveries for long keeps its membership, as long as receive is called, and can commit them
/// in the end.
///
/// # Errors
/// The adapter broke that promise.
pub async fn a_slow_handler_keeps_membership(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let (topic, group) = (stage.topic(1).await?, fresh_group());
    let sender = stage.sender().await?;
    sender.send_numbers(&topic, 0..5, 1).await?;

    let mut member = stage.member("only", &group, &topic).await?;
    let delivered = member.take(5).await?;
    let held_until = TokioInstant::now() + stage.limits().membership.mul_f32(1.5);
    member.linger(payflow_core::Room::NONE, held_until).await?;
    if member.ledger().partitions().len() != 1 {
        let happened = format!("it was lost: {}", member.ledger());
        return Err(Violation::new("the assignment kept while deliveries are held", happened));
    }
    member.finish(&delivered);
    member.commit_at_once("of what was held for long").await?;
    drop(member);

    sender.send_numbers(&topic, 5..6, 1).await?;
    let mut next = stage.member("next", &group, &topic).await?;
    each_once(&next.take(1).await?, [5])
}

/// Members that come and go at the same time lose nothing: what none of them committed comes to the next.
///
/// # Errors
/// The adapter broke that promise.
pub async fn members_closing_together_lose_nothing(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let (topic, group) = (stage.topic(4).await?, fresh_group());
    stage.sender().await?.send_numbers(&topic, 0..100, 40).await?;

    let mut members = Vec::new();
    for name in ["first", "second", "third", "fourth"] {
        members.push(stage.member(name, &group, &topic).await?);
    }
    let (clock, some_came) = (stage.clock(), &AtomicBool::new(false));
    let silence = clock.quiet_until();
    let closing = members.into_iter().map(|mut member| async move {
        linger_until_some_came(&mut member, silence, some_came, clock).await?;
        let (done, _) = first_half_of_each_partition(&member.since(0));
        member.finish(&done);
        // Where a rebalance came between, nothing was committed, and everything comes again.
        let committed = member.try_commit().await?.is_ok();
        Ok::<_, Violation>(if committed { numbers(&done)? } else { Vec::new() })
    });
    let committed: BTreeSet<usize> = try_join_all(closing).await?.concat().into_iter().collect();

    let mut last = stage.member("last", &group, &topic).await?;
    let expected = "every record that the closed members had not committed";
    last.until(AMPLE, expected, |ledger| {
        let came = ledger.delivered().iter().filter_map(|one| number(one).ok());
        let all: BTreeSet<usize> = came.chain(committed.iter().copied()).collect();
        all.len() == 100
    })
    .await
}

/// Goes on until `end`, and then until any of the members that share `some_came` has been handed something.
async fn linger_until_some_came(
    member: &mut Member,
    end: TokioInstant,
    some_came: &AtomicBool,
    clock: Clock,
) -> Result<(), Violation> {
    let mut end = end;
    loop {
        member.linger(AMPLE, end).await?;
        if !member.ledger().delivered().is_empty() {
            some_came.store(true, Ordering::Relaxed);
        }
        if some_came.load(Ordering::Relaxed) {
            return Ok(());
        }
        if TokioInstant::now() >= clock.deadline() {
            return Err(Violation::new("something handed over to one of the members", clock.timed_out()));
        }
        end = clock.quiet_until();
    }
}

/// Two members that hold all four partitions between them.
async fn pair(
    stage: &Stage<'_>,
    group: &str,
    topic: &payflow_core::Topic,
) -> Result<(Member, Member), Violation> {
    let mut first = stage.member("first", group, topic).await?;
    first.join().await?;
    let mut second = stage.member("second", group, topic).await?;
    let expected = "four partitions shared by two members";
    drive(&mut first, &mut second, AMPLE, expected, |one, other| {
        let (one, other) = (one.partitions(), other.partitions());
        let all: BTreeSet<i32> = one.iter().chain(&other).copied().collect();
        !one.is_empty() && !other.is_empty() && one.len() + other.len() == 4 && all.len() == 4
    })
    .await?;
    Ok((first, second))
}

/// In each partition what came first, and the rest.
fn first_half_of_each_partition(delivered: &[Delivery]) -> (Vec<Delivery>, Vec<Delivery>) {
    let (mut done, mut left) = (Vec::new(), Vec::new());
    let partitions: BTreeSet<i32> = delivered.iter().map(|one| one.partition).collect();
    for partition in partitions {
        let all: Vec<Delivery> = delivered.iter().filter(|one| one.partition == partition).cloned().collect();
        let (first, rest) = all.split_at(all.len() / 2);
        done.extend_from_slice(first);
        left.extend_from_slice(rest);
    }
    (done, left)
}
