//! What the engine is told, and what it asks for.

use crate::consumer::{AckToken, Inbound};
use crate::error::Error;
use crate::pipeline::events::PipelineEvent;
use crate::pipeline::lanes::Routed;
use crate::pipeline::shard::Settled;

/// What happened.
#[derive(Debug)]
pub(in crate::pipeline) enum Event<'a> {
    /// The consumer handed over what is in the inbound, which is emptied.
    Received(&'a mut Inbound),
    /// A receive failed.
    ReceiveFailed(Error),
    /// Deliveries have left the shards; what is in it is taken.
    Settled(&'a mut Settled),
    /// A shard met an error after which nothing can go on.
    Broken(Error),
    /// The commit that was asked for ended.
    Committed(Result<(), Error>),
    /// The caller asks to pause (true) or to go on.
    Pause(bool),
    /// The caller asks to stop.
    ShutDown,
    /// [`Engine::wake_at`] has come.
    Tick,
}

/// What is to be done about it. Reused, so nothing is allocated once it has grown.
#[derive(Debug)]
pub(in crate::pipeline) struct Actions {
    /// For each shard, in order.
    pub(in crate::pipeline) to_shards: Vec<Parcel>,
    /// Tokens to acknowledge as finished.
    pub(in crate::pipeline) finished: Vec<AckToken>,
    /// Tokens to acknowledge as given up.
    pub(in crate::pipeline) given_up: Vec<AckToken>,
    /// Start a commit, after acknowledging.
    pub(in crate::pipeline) commit: bool,
    /// For the log, and for a listener.
    pub(in crate::pipeline) events: Vec<PipelineEvent>,
}

impl Actions {
    pub(in crate::pipeline) fn new(shards: usize) -> Self {
        Self {
            to_shards: std::iter::repeat_with(Parcel::default).take(shards).collect(),
            finished: Vec::new(),
            given_up: Vec::new(),
            commit: false,
            events: Vec::new(),
        }
    }

    pub(super) fn tell_all(&mut self, order: ToShard) {
        self.to_shards.iter_mut().for_each(|parcel| parcel.orders.push(order));
    }
}

/// What a shard is sent at once. The orders come first. They are about what was sent before, and nothing is delivered of what they stop
/// or drop; [`ToShard::Newest`] alone may tell of a delivery that comes with it.
#[derive(Debug, Default)]
pub(in crate::pipeline) struct Parcel {
    pub(in crate::pipeline) orders: Vec<ToShard>,
    pub(in crate::pipeline) deliveries: Vec<Routed>,
}

impl Parcel {
    pub(in crate::pipeline) const fn is_empty(&self) -> bool {
        self.orders.is_empty() && self.deliveries.is_empty()
    }

    /// Whether what was delivered before is to be sorted into lanes first, since an order is about it.
    pub(in crate::pipeline) fn is_about_earlier(&self) -> bool {
        self.orders.iter().any(|order| !matches!(order, ToShard::Newest { .. }))
    }
}

/// An order to a shard. What is said first is done first.
#[derive(Debug, Clone, Copy)]
pub(in crate::pipeline) enum ToShard {
    /// Start nothing more of this partition (`None`: of any).
    Stop(Option<u32>),
    /// Drop what runs of this partition (`None`: of any).
    Cut(Option<u32>),
    /// A partition has come to this offset.
    Newest {
        slot: u32,
        offset: i64,
    },
    /// Start nothing more until resumed.
    Pause,
    Resume,
}
