//! What is done with a record by where it lies.

use payflow_core::FinishedBeyond;
use rdkafka::consumer::ConsumerContext;
use tracing::error;

use super::reading::{Place, Reading};
use super::shared::Shared;
use crate::native::{DataConsumer, Read};

/// Takes a record in, or finds out why it does not lie where it was expected.
#[inline]
pub(super) fn place<C: ConsumerContext>(
    client: &DataConsumer<C>,
    reading: &mut Reading,
    shared: &Shared,
    index: usize,
    message: &Read<'_>,
) {
    match reading.place(index, message.offset()) {
        Place::Next => reading.take(index, message),
        Place::Behind { expected } => {
            look_behind(client, message, expected);
            reading.take(index, message);
        }
        // Rarely, librdkafka hands out once more what it has handed out before a pause: that lies above the oldest
        // record, and is of no later leader.
        Place::Before
            if low(client, message) == message.offset() || reading.is_of_later_leader(index, message) =>
        {
            begin_anew(reading, shared, index, message);
        }
        Place::Before | Place::Unsettled => {}
    }
}

/// What lies between the record and the one expected was never handed out.
fn look_behind<C: ConsumerContext>(client: &DataConsumer<C>, message: &Read<'_>, expected: i64) {
    let low = low(client, message);
    // Beyond the record it says nothing of what lay before: that was compacted, or is a marker.
    if (expected + 1..=message.offset()).contains(&low) {
        tell_deleted(message.topic(), message.partition(), expected, low);
    }
}

/// The oldest offset of the record's partition, -1 if that is not known.
fn low<C: ConsumerContext>(client: &DataConsumer<C>, message: &Read<'_>) -> i64 {
    client.watermarks(message.topic(), message.partition()).map_or(-1, |(low, _)| low)
}

/// Retention was faster than the group.
pub(super) fn tell_deleted(topic: &str, partition: i32, from: i64, to: i64) {
    error!(
        topic,
        partition, from, to, "records were deleted before they were handled: raise the topic's retention"
    );
}

/// The log was cut off or begun anew below the offset expected: what is out of the old one is no longer ours.
fn begin_anew(reading: &mut Reading, shared: &Shared, index: usize, message: &Read<'_>) {
    let Some(old) = reading.assignment(index).cloned() else {
        return;
    };
    let offset = message.offset();
    error!(
        topic = message.topic(),
        partition = message.partition(),
        offset,
        "the partition begins anew at a lower offset: it is read from there"
    );
    let mut state = shared.lock();
    // What is held back of the old log is gone with it.
    let _ = state.holdings.read(reading.deliveries());
    state.holdings.lose(&[old.slot]);
    let anew = state.holdings.assign([(old.topic, old.partition, offset, FinishedBeyond::none())]);
    drop(state);
    shared.changed.notify_one();
    reading.remove(&[old.slot]);
    // librdkafka's position never goes back by itself.
    reading.add_unsettled(anew, offset);
}
