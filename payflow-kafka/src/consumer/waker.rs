//! Wakes the poll thread.

use std::sync::OnceLock;
use std::thread::Thread;

/// Ends the poll thread's wait, now or the next one. May be called from any thread, librdkafka's included.
#[derive(Debug, Default)]
pub(super) struct Waker {
    thread: OnceLock<Thread>,
}

impl Waker {
    pub(super) const fn new() -> Self {
        Self { thread: OnceLock::new() }
    }

    /// To be called by the poll thread, before it first waits.
    pub(super) fn set_thread(&self, thread: Thread) {
        // Nobody else sets it.
        let _ = self.thread.set(thread);
    }

    pub(super) fn wake(&self) {
        // Before the thread runs there is no wait to end, and it looks at everything before its first.
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }
}
