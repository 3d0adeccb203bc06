//! Flaws in the ends of partitions of which nothing, or nothing more, is to be delivered.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use payflow_core::{Assignment, Change, Consumer, Error, Inbound, PartitionEnd, Room, Topic};

use super::flaw::{ConsumerFlaw, consumer};
use super::harness::BrokenHarness;
use super::{BrokenAdapter, Failing};

pub(super) const ADAPTERS: &[BrokenAdapter<BrokenHarness>] = &[
    BrokenAdapter::new(
        "it tells the end of no partition of which it has delivered nothing",
        &[
            Failing::new("an_empty_partition_tells_its_end", "with nothing in it"),
            Failing::new("a_committed_partition_tells_its_end", "of which all is committed"),
        ],
        || BrokenHarness::new().consumer(|sound| consumer(sound, SilentUntilDelivered::default())),
    ),
    BrokenAdapter::new(
        "it tells the end of an empty partition where its second record would stand",
        &[Failing::new("an_empty_partition_tells_its_end", "1 was told, and the first record stands at 0")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, TellsOneTooMany)),
    ),
    BrokenAdapter::new(
        "it tells no end of a partition that it has held before",
        &[Failing::new("a_partition_that_comes_back_tells_its_end", "with nothing in them")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, SilentOnceHeld::default())),
    ),
    BrokenAdapter::new(
        "it takes the end of when it last held a partition for today's",
        &[Failing::new(
            "a_partition_that_comes_back_tells_its_end",
            "it was told at offset 0 after 0 of them",
        )],
        || BrokenHarness::new().consumer(|sound| consumer(sound, TellsOfLastTime::default())),
    ),
];

/// The slots and generations of which it has delivered something.
#[derive(Default)]
struct SilentUntilDelivered(HashSet<(u32, u32)>);

#[async_trait]
impl ConsumerFlaw for SilentUntilDelivered {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        while into.is_empty() {
            sound.receive(into, room).await?;
            let tokens = into.deliveries.iter().map(|delivery| delivery.token);
            self.0.extend(tokens.map(|token| (token.slot(), token.generation())));
            into.ends.retain(|end| self.0.contains(&(end.slot, end.generation)));
        }
        Ok(())
    }
}

struct TellsOneTooMany;

#[async_trait]
impl ConsumerFlaw for TellsOneTooMany {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        sound.receive(into, room).await?;
        for end in into.ends.iter_mut().filter(|end| end.offset == 0) {
            end.offset = 1;
        }
        Ok(())
    }
}

/// Every partition that it has held, and the slots and generations of those that it holds again.
#[derive(Default)]
struct SilentOnceHeld(HashSet<(Topic, i32)>, HashSet<(u32, u32)>);

#[async_trait]
impl ConsumerFlaw for SilentOnceHeld {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        while into.is_empty() {
            sound.receive(into, room).await?;
            for assignment in assigned(into) {
                if !self.0.insert((assignment.topic.clone(), assignment.partition)) {
                    self.1.insert((assignment.slot, assignment.generation));
                }
            }
            into.ends.retain(|end| !self.1.contains(&(end.slot, end.generation)));
        }
        Ok(())
    }
}

#[derive(Default)]
struct TellsOfLastTime {
    /// By slot and generation.
    places: HashMap<(u32, u32), (Topic, i32)>,
    last: HashMap<(Topic, i32), i64>,
    /// What came with an assignment whose end it had told already.
    later: Inbound,
}

#[async_trait]
impl ConsumerFlaw for TellsOfLastTime {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        if !self.later.is_empty() {
            into.deliveries.append(&mut self.later.deliveries);
            into.ends.append(&mut self.later.ends);
            return Ok(());
        }
        sound.receive(into, room).await?;
        let mut stale = Vec::new();
        for &Assignment { slot, generation, ref topic, partition } in assigned(into) {
            let place = (topic.clone(), partition);
            stale.extend(self.last.get(&place).map(|offset| PartitionEnd {
                slot,
                generation,
                offset: *offset,
            }));
            self.places.insert((slot, generation), place);
        }
        for end in &into.ends {
            if let Some(place) = self.places.get(&(end.slot, end.generation)) {
                self.last.insert(place.clone(), end.offset);
            }
        }
        if !stale.is_empty() {
            self.later.deliveries.append(&mut into.deliveries);
            self.later.ends.append(&mut into.ends);
            into.ends = stale;
        }
        Ok(())
    }
}

fn assigned(into: &Inbound) -> impl Iterator<Item = &Assignment> {
    let assigned = into.changes.iter().filter_map(|change| match change {
        Change::Assigned(assignments) => Some(assignments),
        Change::Revoking { .. } | Change::Lost(_) => None,
    });
    assigned.flatten()
}
