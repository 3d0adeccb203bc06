//! The room of a receive: in records, in bytes, and none at all.

use bytes::Bytes;
use payflow_core::{Record, Room};

use crate::conformance::harness::Harness;
use crate::conformance::member::AMPLE;
use crate::conformance::numbered::{each_once, in_order};
use crate::conformance::stage::{Stage, fresh_group};
use crate::conformance::violation::Violation;

/// A receive hands over no more records than there is room for, and what found none comes later.
///
/// # Errors
/// The adapter broke that promise.
pub async fn room_bounds_records(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let topic = stage.wide_topic().await?;
    stage.sender().await?.send_numbers(&topic, 0..60, 12).await?;

    let mut member = stage.member("only", &fresh_group(), &topic).await?;
    for records in [1, 2, 3, 5].into_iter().cycle() {
        let room = Room { records, ..AMPLE };
        let before = member.ledger().delivered().len();
        if before >= 60 {
            break;
        }
        member.until(room, "the rest of 60 deliveries", |ledger| ledger.delivered().len() > before).await?;
    }

    each_once(member.ledger().delivered(), 0..60)
}

/// A receive hands over no more bytes than there is room for (key, value and headers), and what found none comes later.
///
/// # Errors
/// The adapter broke that promise.
pub async fn room_bounds_bytes(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let topic = stage.topic(1).await?;
    stage.sender().await?.send_numbers(&topic, 0..60, 3).await?;

    let mut member = stage.member("only", &fresh_group(), &topic).await?;
    for records in [1, 2, 4].into_iter().cycle() {
        // "record 10" under "key-1" has 14 bytes.
        let room = Room { records: 1_000, bytes: 14 * records + 13, first_may_exceed: false };
        let before = member.ledger().delivered().len();
        if before >= 60 {
            break;
        }
        member.until(room, "the rest of 60 deliveries", |ledger| ledger.delivered().len() > before).await?;
    }

    in_order(member.ledger().delivered(), 0..60)
}

/// A record larger than the whole room waits while anything is held, and passes alone once `first_may_exceed`.
///
/// # Errors
/// The adapter broke that promise.
pub async fn a_giant_passes_alone(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let topic = stage.topic(1).await?;
    let sender = stage.sender().await?;
    let send = |value: Bytes| sender.send(Record::new(topic.clone(), value).with_key("k"));
    send(Bytes::from_static(b"before")).await?;
    send(Bytes::from(vec![0; 10_000])).await?;
    send(Bytes::from_static(b"after")).await?;
    let small = Room { records: 10, bytes: 1_000, first_may_exceed: false };

    let mut member = stage.member("only", &fresh_group(), &topic).await?;
    member.until(small, "the small record", |ledger| !ledger.delivered().is_empty()).await?;
    member.expect_silence(small, "a record of 10 kB to wait for a room of 1 kB that it may exceed").await?;
    let alone = Room { first_may_exceed: true, ..small };
    let expected = "the record of 10 kB alone, in a room of 1 kB that the first may exceed";
    member.until(alone, expected, |ledger| ledger.delivered().len() > 1).await?;
    member.until(small, "the small record behind it", |ledger| ledger.delivered().len() > 2).await?;

    let sizes: Vec<usize> =
        member.ledger().delivered().iter().map(payflow_core::Delivery::size_bytes).collect();
    if sizes == [7, 10_001, 6] {
        return Ok(());
    }
    Err(Violation::new("deliveries of 7, 10001 and 6 bytes", format!("they had {sizes:?}")))
}

/// Without room nothing is delivered, and changes are told all the same; what waited comes once there is room.
///
/// # Errors
/// The adapter broke that promise.
pub async fn changes_need_no_room(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let topic = stage.topic(1).await?;
    stage.sender().await?.send_numbers(&topic, 0..10, 3).await?;

    let mut member = stage.member("only", &fresh_group(), &topic).await?;
    let expected = "an assignment, told to a receive without room";
    member.until(Room::NONE, expected, |ledger| ledger.was_assigned()).await?;
    member.expect_silence(Room::NONE, "no delivery without room").await?;

    in_order(&member.take(10).await?, 0..10)
}
