//! Groups and topics: who sees what.

use futures_util::future::try_join_all;

use crate::conformance::harness::Harness;
use crate::conformance::numbered::{each_once, in_order};
use crate::conformance::stage::{Stage, fresh_group};
use crate::conformance::violation::Violation;

/// Two groups on one topic each see everything, whatever the other finished.
///
/// # Errors
/// The adapter broke that promise.
pub async fn groups_each_see_everything(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let topic = stage.wide_topic().await?;
    let mut one = stage.member("of one group", &fresh_group(), &topic).await?;
    let mut other = stage.member("of the other group", &fresh_group(), &topic).await?;
    one.join().await?;
    other.join().await?;
    stage.sender().await?.send_numbers(&topic, 0..50, 10).await?;

    let delivered = one.take(50).await?;
    each_once(&delivered, 0..50)?;
    one.finish(&delivered);
    one.commit().await?;
    each_once(&other.take(50).await?, 0..50)
}

/// A group that has never committed begins at the oldest record, though others are long done with it.
///
/// # Errors
/// The adapter broke that promise.
pub async fn a_new_group_sees_old_records(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let topic = stage.topic(1).await?;
    stage.sender().await?.send_numbers(&topic, 0..20, 4).await?;
    let mut early = stage.member("of the early group", &fresh_group(), &topic).await?;
    let delivered = early.take(20).await?;
    early.finish(&delivered);
    early.commit().await?;
    drop(early);

    let mut late = stage.member("of the late group", &fresh_group(), &topic).await?;
    in_order(&late.take(20).await?, 0..20)
}

/// Topics are apart: consumers of several, at the same time, each see their own records only.
///
/// # Errors
/// The adapter broke that promise.
pub async fn topics_are_apart(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let sender = stage.sender().await?;
    let reading = (0..5).map(|at| {
        let (stage, sender) = (&stage, &sender);
        async move {
            let topic = stage.topic(1).await?;
            let numbers = at * 20..(at + 1) * 20;
            let mut member = stage.member(&format!("of topic {at}"), &fresh_group(), &topic).await?;
            sender.send_numbers(&topic, numbers.clone(), 4).await?;
            in_order(&member.take(20).await?, numbers)?;
            member.expect_silence(crate::conformance::member::AMPLE, "no records of other topics").await
        }
    });
    try_join_all(reading).await.map(drop)
}
