//! Flaws in how a consumer is closed.

use std::future::pending;
use std::time::Duration;

use async_trait::async_trait;
use payflow_core::{AckToken, Consumer, Error, Inbound, MemoryConfig, Room};

use super::flaw::{ConsumerFlaw, consumer};
use super::harness::BrokenHarness;
use super::{BrokenAdapter, Failing};

pub(super) const ADAPTERS: &[BrokenAdapter<BrokenHarness>] = &[
    BrokenAdapter::new(
        "it commits what it has delivered when it is closed",
        &[Failing::new(
            "closing_loses_nothing_and_leaves_the_group",
            "record 5, which was not finished and committed",
        )],
        || BrokenHarness::new().consumer(|sound| consumer(sound, CommitsWhenClosed::default())),
    ),
    BrokenAdapter::new(
        "its close never resolves",
        &[Failing::new("closing_loses_nothing_and_leaves_the_group", "close to resolve")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, NeverCloses)),
    ),
    BrokenAdapter::new(
        "it does not leave its group when it is closed, and waits to be missed",
        &[
            Failing::new("closing_loses_nothing_and_leaves_the_group", "whose group need not miss it"),
            Failing::new("closing_while_receiving_leaves_the_group", "whose group need not miss it"),
        ],
        || {
            let missing = MemoryConfig::new().with_session_timeout(Some(Duration::from_secs(3)));
            BrokenHarness::with_config(missing).consumer(|sound| consumer(sound, IsMissed))
        },
    ),
];

#[derive(Default)]
struct CommitsWhenClosed(Vec<AckToken>);

#[async_trait]
impl ConsumerFlaw for CommitsWhenClosed {
    async fn receive(
        &mut self,
        sound: &mut dyn Consumer,
        into: &mut Inbound,
        room: Room,
    ) -> Result<(), Error> {
        sound.receive(into, room).await?;
        self.0.extend(into.deliveries.iter().map(|delivery| delivery.token));
        Ok(())
    }

    async fn close(&mut self, sound: &mut dyn Consumer) {
        sound.acknowledge(&self.0, &[]);
        // A close tells of no error.
        let _ = sound.commit().await;
        sound.close().await;
    }
}

struct NeverCloses;

#[async_trait]
impl ConsumerFlaw for NeverCloses {
    async fn close(&mut self, _sound: &mut dyn Consumer) {
        pending().await
    }
}

struct IsMissed;

#[async_trait]
impl ConsumerFlaw for IsMissed {
    async fn close(&mut self, _sound: &mut dyn Consumer) {}

    fn dropped(&mut self, sound: Box<dyn Consumer>) {
        std::mem::forget(sound);
    }
}
