//! What is done with a record by where it lies.

use rdkafka::consumer::ConsumerContext;
use tracing::error;

use super::holdings::Holdings;
use super::reading::{Anew, Place, Reading};
use crate::native::{DataConsumer, Read};

/// Takes a record in, or finds out why it does not lie where it was expected.
#[inline]
pub(super) fn place<C: ConsumerContext>(
    client: &DataConsumer<C>,
    reading: &mut Reading,
    index: usize,
    message: &Read<'_>,
) {
    match reading.place(index, message.offset()) {
        Place::Next => reading.take(index, message),
        Place::Behind { expected } => {
            look_behind(client, message, expected);
            reading.take(index, message);
        }
        Place::Before => look_before(client, reading, index, message),
        Place::Unsettled => {}
    }
}

/// The record was handed out before, or the log was cut off or begun anew below the offset expected.
fn look_before<C: ConsumerContext>(
    client: &DataConsumer<C>,
    reading: &mut Reading,
    index: usize,
    message: &Read<'_>,
) {
    let (topic, partition, offset) = (message.topic(), message.partition(), message.offset());
    let known = client.watermarks(topic, partition);
    if reading.is_of_another_log(index, offset, message.leader_epoch(), known) {
        error!(
            topic,
            partition, offset, "the partition begins anew at a lower offset: it is read from there"
        );
        reading.note_anew(index, offset);
    }
}

/// What lies between the record and the one expected was never handed out.
fn look_behind<C: ConsumerContext>(client: &DataConsumer<C>, message: &Read<'_>, expected: i64) {
    // -1: that is not known.
    let low = client.watermarks(message.topic(), message.partition()).map_or(-1, |(low, _)| low);
    // Beyond the record it says nothing of what lay before: that was compacted, or is a marker.
    if (expected + 1..=message.offset()).contains(&low) {
        tell_deleted(message.topic(), message.partition(), expected, low);
    }
}

/// Retention was faster than the group.
pub(super) fn tell_deleted(topic: &str, partition: i32, from: i64, to: i64) {
    error!(
        topic,
        partition, from, to, "records were deleted before they were handled: raise the topic's retention"
    );
}

/// Carries out what was found to begin anew, once all was taken in that was read before: what is out of an old log is no
/// longer ours.
pub(super) fn begin_anew(reading: &mut Reading, holdings: &mut Holdings) {
    for Anew { slot, offset } in reading.take_anew() {
        let Some(anew) = holdings.begin_anew(slot, offset) else {
            continue;
        };
        reading.remove(&[slot]);
        // librdkafka's position never goes back by itself.
        reading.add_unsettled(anew, offset);
    }
}
