//! The one module with unsafe code: what librdkafka can do and its wrapper does not offer.
//!
//! Each block says why it is sound. Nothing outside sees a pointer.
#![allow(unsafe_code)]

mod metadata;
mod queue;
mod status;

pub(crate) use metadata::commit_metadata;
pub(crate) use queue::{Batch, DataConsumer, Read};
pub(crate) use status::{Persisted, message_status, reach_broker};
