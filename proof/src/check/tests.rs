//! Doctored histories: each breach is caught, and nothing else is taken for it.

mod dead_letters;
mod front_door;
mod handlers;
mod losses;
mod order;
mod sends;
mod story;
