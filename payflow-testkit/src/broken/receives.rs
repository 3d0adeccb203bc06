//! Flaws in what a receive hands over, and when.

use std::time::Duration;

use async_trait::async_trait;
use payflow_core::{Change, Consumer, Error, Fault, Inbound, Room};
use tokio::time::timeout;

use super::flaw::{ConsumerFlaw, consumer};
use super::harness::BrokenHarness;
use super::{BrokenAdapter, Failing};

pub(super) const ADAPTERS: &[BrokenAdapter<BrokenHarness>] = &[
    BrokenAdapter::new(
        "it takes no notice of the room in records",
        &[Failing::new("room_bounds_records", "at most 1 records")],
        || roomy(|room| Room { records: usize::MAX, ..room }),
    ),
    BrokenAdapter::new(
        "it always has a record to hand over, room or not",
        &[Failing::new("changes_need_no_room", "at most 0 records")],
        || roomy(|room| Room { records: room.records.max(1), first_may_exceed: true, ..room }),
    ),
    BrokenAdapter::new(
        "it takes no notice of the room in bytes",
        &[Failing::new("room_bounds_bytes", "records of 27 bytes together")],
        || roomy(|room| Room { bytes: usize::MAX, ..room }),
    ),
    BrokenAdapter::new(
        "it hands over a record that is too large unasked",
        &[Failing::new("a_giant_passes_alone", "at most 10 records of 1000 bytes")],
        || roomy(|room| Room { first_may_exceed: true, ..room }),
    ),
    BrokenAdapter::new(
        "it never hands over a record that is too large",
        &[Failing::new("a_giant_passes_alone", "10 kB alone")],
        || roomy(|room| Room { first_may_exceed: false, ..room }),
    ),
    BrokenAdapter::new(
        "it does nothing without room",
        &[Failing::new("changes_need_no_room", "told to a receive without room")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, WaitsForRoom)),
    ),
    BrokenAdapter::new(
        "it falls asleep at the end of a partition",
        &[Failing::new("a_waiting_consumer_gets_new_records", "deliveries")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, SleepsAtTheEnd(false))),
    ),
    BrokenAdapter::new(
        "its receive resolves with nothing after a while",
        &[Failing::new("an_idle_receive_waits", "it resolved with nothing")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, ResolvesWithNothing)),
    ),
    BrokenAdapter::new(
        "it empties what it is given",
        &[Failing::new("receive_only_adds", "to stay in front")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, EmptiesFirst)),
    ),
    BrokenAdapter::new(
        "a dropped receive loses the deliveries it had fetched",
        &[Failing::new("a_cancelled_receive_loses_nothing", "did not come")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, LosesDeliveriesWhenDropped)),
    ),
    BrokenAdapter::new(
        "a dropped receive loses the changes it was about to tell",
        &[Failing::new("a_cancelled_receive_loses_nothing", "only of partitions that were assigned before")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, LosesChangesWhenDropped)),
    ),
    BrokenAdapter::new(
        "it tells changes one receive too late",
        &[Failing::new("changes_come_before_deliveries", "that were assigned before")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, ChangesLate::default())),
    ),
    BrokenAdapter::new(
        "it never tells the end of a partition",
        &[Failing::new("the_end_of_a_partition_is_told", "behind 10 deliveries")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, NoEnds)),
    ),
    BrokenAdapter::new(
        "it tells the end of a partition with the first deliveries",
        &[Failing::new("the_end_of_a_partition_is_told", "after 3 deliveries")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, EndsEarly)),
    ),
    BrokenAdapter::new(
        "it never tells the end of the source",
        &[Failing::new("a_finite_source_ends", "the end of the source")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, NeverEnds)),
    ),
    BrokenAdapter::new(
        "it tells the end of the source with the first deliveries",
        &[Failing::new("a_finite_source_ends", "after 4 of 10 deliveries")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, EndsAtOnce)),
    ),
    BrokenAdapter::new(
        "its consumer does not recover from an interruption",
        &[Failing::new("clients_outlive_an_interruption", "a receive that succeeds")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, FailsForGood)),
    ),
    BrokenAdapter::new(
        "after an interruption it goes on behind what was sent meanwhile",
        &[Failing::new("clients_outlive_an_interruption", "sent after the interruption")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, SkipsAfterFailure::default())),
    ),
];

fn roomy(change: fn(Room) -> Room) -> BrokenHarness {
    BrokenHarness::new().consumer(move |sound| consumer(sound, OtherRoom(change)))
}

struct OtherRoom(fn(Room) -> Room);

#[async_trait]
impl ConsumerFlaw for OtherRoom {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        sound.receive(into, (self.0)(room)).await
    }
}

struct WaitsForRoom;

#[async_trait]
impl ConsumerFlaw for WaitsForRoom {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        if room.records == 0 {
            std::future::pending::<()>().await;
        }
        sound.receive(into, room).await
    }
}

/// Whether an end was told.
struct SleepsAtTheEnd(bool);

#[async_trait]
impl ConsumerFlaw for SleepsAtTheEnd {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        if self.0 {
            std::future::pending::<()>().await;
        }
        sound.receive(into, room).await?;
        self.0 = !into.ends.is_empty();
        Ok(())
    }
}

struct ResolvesWithNothing;

#[async_trait]
impl ConsumerFlaw for ResolvesWithNothing {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        let received = timeout(Duration::from_millis(5), sound.receive(into, room)).await;
        received.unwrap_or(Ok(()))
    }
}

struct EmptiesFirst;

#[async_trait]
impl ConsumerFlaw for EmptiesFirst {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        into.clear();
        sound.receive(into, room).await
    }
}

struct LosesDeliveriesWhenDropped;

#[async_trait]
impl ConsumerFlaw for LosesDeliveriesWhenDropped {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        sound.receive(into, room).await?;
        let deliveries = std::mem::take(&mut into.deliveries);
        tokio::task::yield_now().await;
        into.deliveries = deliveries;
        Ok(())
    }
}

struct LosesChangesWhenDropped;

#[async_trait]
impl ConsumerFlaw for LosesChangesWhenDropped {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        sound.receive(into, room).await?;
        let changes = std::mem::take(&mut into.changes);
        if !changes.is_empty() {
            // It takes its time for changes, so that a caller may well be gone.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        into.changes = changes;
        Ok(())
    }
}

#[derive(Default)]
struct ChangesLate(Vec<Change>);

#[async_trait]
impl ConsumerFlaw for ChangesLate {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        if !self.0.is_empty() {
            into.changes.append(&mut self.0);
            return Ok(());
        }
        sound.receive(into, room).await?;
        if into.deliveries.is_empty() {
            return Ok(());
        }
        self.0.append(&mut into.changes);
        Ok(())
    }
}

struct NoEnds;

#[async_trait]
impl ConsumerFlaw for NoEnds {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        while into.is_empty() {
            sound.receive(into, room).await?;
            into.ends.clear();
        }
        Ok(())
    }
}

struct EndsEarly;

#[async_trait]
impl ConsumerFlaw for EndsEarly {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        sound.receive(into, room).await?;
        let last = into.deliveries.last().map(|delivery| payflow_core::PartitionEnd {
            slot: delivery.token.slot(),
            generation: delivery.token.generation(),
            offset: delivery.offset + 1,
        });
        into.ends.extend(last);
        Ok(())
    }
}

struct NeverEnds;

#[async_trait]
impl ConsumerFlaw for NeverEnds {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        while into.is_empty() {
            sound.receive(into, room).await?;
            into.ended = false;
        }
        Ok(())
    }
}

struct EndsAtOnce;

#[async_trait]
impl ConsumerFlaw for EndsAtOnce {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        sound.receive(into, room).await?;
        into.ended |= !into.deliveries.is_empty();
        Ok(())
    }
}

struct FailsForGood;

#[async_trait]
impl ConsumerFlaw for FailsForGood {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        let received = sound.receive(into, room).await;
        received.map_err(|error| Error::fatal("receive").because(error))
    }
}

/// Whether a receive has failed; it then finishes for itself what is there, up to the next end.
#[derive(Default)]
struct SkipsAfterFailure(bool);

#[async_trait]
impl ConsumerFlaw for SkipsAfterFailure {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        loop {
            let received = sound.receive(into, room).await;
            let Err(error) = received else { break };
            if !matches!(error.fault(), Fault::Transient { .. }) {
                return Err(error);
            }
            self.0 = true;
        }
        if self.0 {
            let skipped: Vec<_> = into.deliveries.drain().map(|delivery| delivery.token).collect();
            sound.acknowledge(&skipped, &[]);
            self.0 = into.ends.is_empty();
        }
        if into.is_empty() {
            return self.receive(sound, into, room).await;
        }
        Ok(())
    }
}
