//! The bound on what is queued or under way: by count and by bytes, first come, first served.
//!
//! librdkafka has a bound of its own, which is never reached: it tells of room only by refusing.

use std::sync::Arc;
use std::time::Duration;

use payflow_core::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::SEND;

pub(super) struct Queue {
    records: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    bytes_max: usize,
    timeout: Duration,
}

/// Room for one record, free again when dropped.
pub(super) struct Place {
    _record: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

impl Queue {
    pub(super) fn new(records: usize, bytes: usize, timeout: Duration) -> Self {
        Self {
            records: Arc::new(Semaphore::new(records)),
            bytes: Arc::new(Semaphore::new(bytes)),
            bytes_max: bytes,
            timeout,
        }
    }

    /// Waits for room, at most as long as was set; then fails as transient.
    pub(super) async fn enter(&self, bytes: usize) -> Result<Place, Error> {
        if let Ok(place) = self.try_enter(bytes) {
            return Ok(place);
        }
        // Boxed, or each send would keep room for a wait that hardly any has.
        Box::pin(timeout(self.timeout, self.wait(bytes))).await.unwrap_or_else(|_| Err(full()))
    }

    /// Room that is there now, with nobody waiting for it.
    pub(super) fn try_enter(&self, bytes: usize) -> Result<Place, Error> {
        let record = Arc::clone(&self.records).try_acquire_owned().map_err(|_| full())?;
        let bytes = Arc::clone(&self.bytes).try_acquire_many_owned(self.units(bytes)).map_err(|_| full())?;
        Ok(Place { _record: record, _bytes: bytes })
    }

    async fn wait(&self, bytes: usize) -> Result<Place, Error> {
        let record = Arc::clone(&self.records).acquire_owned().await.map_err(|_| full())?;
        let bytes =
            Arc::clone(&self.bytes).acquire_many_owned(self.units(bytes)).await.map_err(|_| full())?;
        Ok(Place { _record: record, _bytes: bytes })
    }

    /// A record larger than the queue takes all of it.
    fn units(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.min(self.bytes_max)).unwrap_or(u32::MAX)
    }
}

fn full() -> Error {
    Error::transient(SEND).because("the producer's queue is full")
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use payflow_core::Fault;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn room_is_waited_for_in_turn_and_not_for_ever() {
        let queue = Queue::new(2, 1_000, SECOND);
        let (first, _second) = (queue.enter(1).await.unwrap(), queue.enter(1).await.unwrap());
        let mut third = Box::pin(queue.enter(1));
        let mut fourth = Box::pin(queue.enter(1));
        assert!((&mut third).now_or_never().is_none() && (&mut fourth).now_or_never().is_none());

        drop(first);
        assert!((&mut fourth).now_or_never().is_none(), "the third came before");
        assert!(queue.try_enter(1).is_err(), "who comes now is behind both");
        let _third = third.await.unwrap();

        let refused = fourth.await.err().unwrap();
        assert_eq!(refused.fault(), Fault::Transient { retry_after: None });
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_count_too_and_the_largest_record_goes_alone() {
        let queue = Queue::new(10, 1_000, SECOND);
        let most = queue.enter(900).await.unwrap();
        assert!(queue.enter(101).await.is_err());
        let rest = queue.enter(100).await.unwrap();
        drop((most, rest));

        let huge = queue.enter(usize::MAX).await.unwrap();
        assert!(queue.enter(1).await.is_err());
        drop(huge);
        assert!(queue.enter(1).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_leaves_no_room_taken() {
        let queue = Queue::new(1, 1_000, SECOND);
        let place = queue.enter(1_000).await.unwrap();
        let mut waiting = Box::pin(queue.enter(1));
        assert!((&mut waiting).now_or_never().is_none());
        drop(waiting);
        drop(place);
        assert!(queue.try_enter(1_000).is_ok());
    }
}
