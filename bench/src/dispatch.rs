//! What a message costs on its way through the pipeline, with nothing at either end.

mod feed;
mod load;
mod measure;
mod recorded;
mod run;

pub(crate) use feed::Feed;
pub(crate) use load::{Load, OrderKind, name};
pub(crate) use measure::{Plan, measure};
pub(crate) use run::{HandOn, nowhere, run};
