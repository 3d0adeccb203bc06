//! Members of the group, each a real pipeline.

use std::sync::Arc;
use std::time::Duration;

use payflow_core::{
    DeadLetters, Error, InvalidConfig, MemberId, MemoryCluster, Pipeline, PipelineConfig, PipelineHandle,
    Topic,
};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::GROUP;
use crate::ledger::Ledger;
use crate::watched::{Stall, WatchedConsumer, WatchedHandler, WatchedProducer};
use crate::weather::Weather;
use crate::work::WorkCodec;

/// What members have in common.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) cluster: MemoryCluster,
    pub(crate) topic: Topic,
    pub(crate) dead: Topic,
    pub(crate) ledger: Ledger,
    pub(crate) weather: Weather,
}

/// A pipeline that runs.
pub(crate) struct Running {
    pub(crate) member: usize,
    pub(crate) id: MemberId,
    pub(crate) handle: PipelineHandle,
    pub(crate) paused: bool,
    stall: Stall,
    stop: Option<oneshot::Sender<()>>,
    done: JoinHandle<Result<(), Error>>,
}

impl Running {
    pub(crate) fn start(
        around: &Surroundings,
        member: usize,
        config: PipelineConfig,
    ) -> Result<Self, InvalidConfig> {
        let ledger = around.ledger.clone();
        ledger.write().join(member);
        let inner =
            around.cluster.consumer(GROUP, std::slice::from_ref(&around.topic)).expect("the topic exists");
        let (id, stall) = (inner.member(), Stall::default());
        let consumer = WatchedConsumer { member, ledger: ledger.clone(), stall: Arc::clone(&stall), inner };
        let producer = WatchedProducer { member, ledger: ledger.clone(), inner: around.cluster.producer() };
        let letters = DeadLetters::new(Arc::new(producer), around.dead.clone());
        let handler = WatchedHandler { member, ledger: ledger.clone(), weather: around.weather.clone() };
        let pipeline = Pipeline::new(consumer, WorkCodec, handler, letters, config)?;
        let handle = pipeline.handle();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async move {
            let _ = stopped.await;
            ledger.write().stopping(member);
        };
        let done = tokio::spawn(pipeline.run(shutdown));
        Ok(Self { member, id, handle, paused: false, stall, stop: Some(stop), done })
    }

    /// Asks it to stop.
    pub(crate) fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It may have ended by itself.
            let _ = stop.send(());
        }
    }

    /// Ends it at once, as a killed process does.
    pub(crate) fn kill(&self) {
        self.done.abort();
    }

    /// It does not receive for so long, though it runs on.
    pub(crate) fn stall(&self, time: Duration) {
        *self.stall.lock().unwrap() = Some(Instant::now() + time);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.done.is_finished()
    }

    /// Resolves when it has ended.
    pub(crate) async fn over(&self) {
        while !self.is_over() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// How it ended; `None` if it was killed.
    pub(crate) async fn ended(self) -> Option<Result<(), Error>> {
        match self.done.await {
            Ok(result) => Some(result),
            Err(error) if error.is_cancelled() => None,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}
