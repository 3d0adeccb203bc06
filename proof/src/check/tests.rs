//! Doctored histories: each breach is caught, and nothing else is taken for it.

mod front_door;
mod handlers;
mod losses;
mod sends;
mod story;
