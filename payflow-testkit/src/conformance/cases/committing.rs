//! What a commit makes durable, and what goes on beside it.

use crate::conformance::harness::Harness;
use crate::conformance::numbered::in_order;
use crate::conformance::stage::{Stage, fresh_group};
use crate::conformance::violation::Violation;

use super::acknowledging::{begins_within, slice, up_to};

/// A commit with nothing new succeeds: before the first assignment, with everything still out, and twice in a row.
///
/// # Errors
/// The adapter broke that promise.
pub async fn an_idle_commit_succeeds(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let (topic, group) = (stage.topic(1).await?, fresh_group());
    let sender = stage.sender().await?;
    sender.send_numbers(&topic, 0..3, 1).await?;

    let mut first = stage.member("first", &group, &topic).await?;
    first.commit_at_once("before anything was received").await?;
    first.join().await?;
    first.commit_at_once("with nothing delivered").await?;
    let delivered = first.take(3).await?;
    first.commit_at_once("with nothing acknowledged").await?;
    first.finish(&delivered);
    first.commit_at_once("with three to commit").await?;
    first.commit_at_once("with nothing since the last").await?;
    drop(first);

    sender.send_numbers(&topic, 3..4, 1).await?;
    let mut second = stage.member("second", &group, &topic).await?;
    in_order(&second.take(1).await?, [3])
}

/// Each commit adds what was finished since the one before.
///
/// # Errors
/// The adapter broke that promise.
pub async fn a_later_commit_adds_to_the_first(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let (topic, group) = (stage.topic(1).await?, fresh_group());
    stage.sender().await?.send_numbers(&topic, 0..10, 3).await?;

    let mut first = stage.member("first", &group, &topic).await?;
    let delivered = first.take(10).await?;
    first.finish(slice(&delivered, 0, 3));
    first.commit().await?;
    first.finish(slice(&delivered, 3, 6));
    first.commit().await?;
    drop(first);

    let mut second = stage.member("second", &group, &topic).await?;
    in_order(&second.take(4).await?, 6..10)
}

/// Receiving and acknowledging go on while a commit runs; it makes durable what was acknowledged before it began.
///
/// # Errors
/// The adapter broke that promise.
pub async fn receiving_goes_on_while_a_commit_runs(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let (topic, group) = (stage.topic(1).await?, fresh_group());
    let sender = stage.sender().await?;
    sender.send_numbers(&topic, 0..10, 3).await?;

    let mut first = stage.member("first", &group, &topic).await?;
    let delivered = first.take(3).await?;
    first.finish(&delivered);
    // Not polled before the others were received: a consumer may not wait for it.
    let commit = first.start_commit();
    let more = first
        .take(3)
        .await
        .map_err(|missing| Violation::new("deliveries to go on while a commit runs", missing.happened()))?;
    first.finish(&more);
    let committed = stage.clock().within("commit to resolve", commit).await?;
    committed.map_err(|error| Violation::failed("a commit that succeeds", &error))?;
    drop(first);

    let mut second = stage.member("second", &group, &topic).await?;
    let delivered = up_to(&mut second, 9).await?;
    begins_within(&delivered, 3, 6)
}
