//! Wakes all workers of a pipeline.

use std::sync::Arc;
use std::task::Context;

use futures_util::task::AtomicWaker;

/// One worker's rope of the bell that all hear.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct Bell {
    ears: Arc<Vec<AtomicWaker>>,
    own: usize,
}

impl Bell {
    /// One for each worker.
    pub(in crate::pipeline) fn ropes(workers: usize) -> impl Iterator<Item = Self> {
        let ears = Arc::new((0..workers).map(|_| AtomicWaker::new()).collect::<Vec<_>>());
        (0..workers).map(move |own| Self { ears: Arc::clone(&ears), own })
    }

    /// The task of `cx` is woken when it rings next.
    pub(super) fn listen(&self, cx: &Context<'_>) {
        if let Some(ear) = self.ears.get(self.own) {
            ear.register(cx.waker());
        }
    }

    pub(super) fn ring(&self) {
        self.ears.iter().for_each(AtomicWaker::wake);
    }
}
