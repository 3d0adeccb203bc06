//! Payflow beside what its users would take instead: clients in Go and Java, built from `bench/peers`.

mod build;
mod contender;
mod measure;

pub(crate) use measure::{Plan, measure};
