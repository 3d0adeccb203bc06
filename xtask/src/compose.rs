//! The compose file: checked as CI does, and run for real.

mod block;
mod check;
mod dockerfile;
mod settings;
mod stack;
mod story;
mod told;
mod tool;

pub(crate) use check::run as check;
pub(crate) use story::run;
pub(crate) use tool::Compose;
