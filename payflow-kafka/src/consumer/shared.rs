//! What the poll thread and the consumer's owner share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use payflow_core::Error;
use tokio::sync::{Notify, oneshot};

use super::holdings::{Holdings, Watermark};
use super::waker::Waker;

/// Holdings, commands to the poll thread, and how each wakes the other.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// There is something to hand over.
    pub(super) changed: Notify,
    pub(super) waker: Arc<Waker>,
    /// The group was left, and the client closed.
    pub(super) closed: tokio::sync::watch::Sender<bool>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) holdings: Holdings,
    pub(super) commits: Vec<CommitRequest>,
    /// Why nothing more can be received.
    pub(super) broken: Option<Broken>,
    /// The poll thread serves no more.
    pub(super) ended: bool,
    /// The owner wants no more.
    pub(super) closing: bool,
    /// The poll thread stopped reading, until what it read is taken.
    pub(super) full: bool,
    /// Some of the tokens of a partition that is asked back may be back.
    pub(super) revoking: bool,
    /// A partition takes in nothing more until enough of it is finished.
    pub(super) holding_back: bool,
}

#[derive(Debug)]
pub(super) struct CommitRequest {
    pub(super) watermarks: Vec<Watermark>,
    pub(super) reply: oneshot::Sender<Result<(), Error>>,
}

/// Why a client is unusable.
#[derive(Debug, Clone)]
pub(super) struct Broken(pub(super) String);

impl Broken {
    pub(super) fn error(&self, operation: &'static str) -> Error {
        Error::fatal(operation).because(self.0.clone())
    }
}

impl Shared {
    pub(super) fn new(waker: Arc<Waker>) -> Self {
        Self {
            state: Mutex::default(),
            changed: Notify::new(),
            waker,
            closed: tokio::sync::watch::Sender::new(false),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // What panics under it is a bug; the others then see what it left.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
