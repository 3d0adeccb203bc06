//! The checks, each of which adds to the verdict.

mod answers;
mod dead_letters;
mod handling;
mod order;
mod records;
mod sends;
mod stalls;
#[cfg(test)]
mod tests;

pub(crate) use answers::answers;
pub(crate) use dead_letters::dead_letters;
pub(crate) use handling::handling;
