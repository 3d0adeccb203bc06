//! Flaws in what is remembered of deliveries that were finished out of order.

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures_core::future::BoxFuture;
use payflow_core::{AckToken, Change, Consumer, Error, Inbound, Room};

use super::flaw::{ConsumerFlaw, consumer};
use super::harness::BrokenHarness;
use super::{BrokenAdapter, Failing};

pub(super) const ADAPTERS: &[BrokenAdapter<BrokenHarness>] = &[
    BrokenAdapter::new(
        "it remembers nothing beyond the first that is not finished",
        &[
            Failing::new("what_finished_out_of_order_is_remembered", "which was not owed"),
            Failing::new("a_later_owner_remembers_too", "which was not owed"),
            Failing::new("what_finished_out_of_order_is_handed_over", "it came again"),
        ],
        || BrokenHarness::new().consumer(|sound| consumer(sound, RemembersTheWatermark::default())),
    ),
    BrokenAdapter::new(
        "it forgets what finished out of order when it lets a partition go at the deadline",
        &[Failing::new("what_finished_out_of_order_is_handed_over", "it came again")],
        || {
            let forgetful = RemembersTheWatermark { until_committed: true, ..Default::default() };
            BrokenHarness::new().consumer(move |sound| consumer(sound, forgetful.clone()))
        },
    ),
];

/// Keeps to itself what is finished until all before it is, or, if it remembers that much, until it commits.
#[derive(Default, Clone)]
struct RemembersTheWatermark {
    /// By slot and generation, in the order of their delivery: whether they are finished.
    out: BTreeMap<(u32, u32), BTreeMap<AckToken, bool>>,
    until_committed: bool,
}

impl RemembersTheWatermark {
    fn pass_on(&mut self, sound: &mut dyn Consumer, committing: bool) {
        let mut finished = Vec::new();
        for out in self.out.values_mut() {
            if committing && self.until_committed {
                finished.extend(out.extract_if(.., |_, finished| *finished).map(|(token, _)| token));
            }
            while let Some(first) = out.first_entry().filter(|first| *first.get()) {
                finished.push(first.remove_entry().0);
            }
        }
        sound.acknowledge(&finished, &[]);
    }
}

#[async_trait]
impl ConsumerFlaw for RemembersTheWatermark {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        sound.receive(into, room).await?;
        for change in &into.changes {
            if let Change::Assigned(assignments) = change {
                self.out.extend(assignments.iter().map(|one| ((one.slot, one.generation), BTreeMap::new())));
            }
        }
        for token in into.deliveries.iter().map(|delivery| delivery.token) {
            self.out.entry((token.slot(), token.generation())).or_default().insert(token, false);
        }
        Ok(())
    }

    fn acknowledge(&mut self, sound: &mut dyn Consumer, finished: &[AckToken], given_up: &[AckToken]) {
        for token in finished {
            let out = self.out.entry((token.slot(), token.generation())).or_default();
            if let Some(is_finished) = out.get_mut(token) {
                *is_finished = true;
            }
        }
        self.pass_on(sound, false);
        sound.acknowledge(&[], given_up);
    }

    fn commit(&mut self, sound: &mut dyn Consumer) -> BoxFuture<'static, Result<(), Error>> {
        self.pass_on(sound, true);
        sound.commit()
    }
}
