//! What a consumer tells of how far it is.

use payflow_core::PartitionProgress;

use crate::conformance::harness::Harness;
use crate::conformance::stage::{Stage, fresh_group};
use crate::conformance::violation::Violation;

use super::acknowledging::slice;

/// How far a partition is, is told: the watermark passes nothing unfinished, and comes to the end when all is finished.
///
/// # Errors
/// The adapter broke that promise.
pub async fn progress_tells_watermark_and_end(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let (topic, group) = (stage.topic(1).await?, fresh_group());
    stage.sender().await?.send_numbers(&topic, 0..10, 3).await?;
    let mut member = stage.member("only", &group, &topic).await?;
    let delivered = member.take(10).await?;
    let offset = |index: usize| delivered.get(index).map_or(-1, |delivery| delivery.offset);

    member.finish(slice(&delivered, 0, 3));
    member.finish(slice(&delivered, 5, 10));
    let unfinished = offset(3);
    let expected = format!("a watermark at {unfinished}, the first of two unfinished, and an end beyond it");
    let is_there = |told: &PartitionProgress| told.watermark == unfinished && told.end > Some(offset(9));
    member.until_progress(&expected, |told| matches!(told, [only] if is_there(only))).await?;

    member.finish(slice(&delivered, 3, 5));
    let is_done = |told: &PartitionProgress| told.watermark > offset(9) && told.lag() == Some(0);
    let expected = "a watermark behind the last record, and no lag, when all is finished";
    member.until_progress(expected, |told| matches!(told, [only] if is_done(only))).await
}
