//! What is left of a handler's own pace when it only waits.

mod contender;
mod measure;
mod span;

pub(crate) use measure::{Plan, measure};
