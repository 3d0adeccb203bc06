//! Adapters that are broken on purpose: each does one thing wrong, and must fail the cases about that thing.
//!
//! A case that no broken adapter fails proves nothing, so each has at least one here, and a test runs every pair. They
//! are sound adapters with a flaw in front; whoever adds a case adds the flaw that it is there to find.

mod acknowledgements;
mod assignments;
mod closes;
mod ends;
mod flaw;
mod harness;
mod notifiers;
mod payloads;
mod progress;
mod receives;
mod remembering;
mod sends;

pub use harness::{BrokenHarness, BrokenNotifierHarness};

/// An adapter with one flaw.
#[derive(Debug)]
#[non_exhaustive]
pub struct BrokenAdapter<H> {
    /// What it does wrong, as one sentence.
    pub flaw: &'static str,
    /// The cases it must fail, and what the violation must say: it is to fail for its flaw, and not by accident.
    pub fails: &'static [Failing],
    /// Opens it. Each call gives a harness of its own.
    pub harness: fn() -> H,
}

/// A case that a broken adapter must fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failing {
    /// The case's name.
    pub case: &'static str,
    /// A part of what the violation says.
    pub says: &'static str,
}

impl<H> BrokenAdapter<H> {
    const fn new(flaw: &'static str, fails: &'static [Failing], harness: fn() -> H) -> Self {
        Self { flaw, fails, harness }
    }
}

impl Failing {
    const fn new(case: &'static str, says: &'static str) -> Self {
        Self { case, says }
    }
}

/// The broken producers and consumers.
pub fn broken_transports() -> impl Iterator<Item = &'static BrokenAdapter<BrokenHarness>> {
    let kinds = [
        payloads::ADAPTERS,
        sends::ADAPTERS,
        acknowledgements::ADAPTERS,
        receives::ADAPTERS,
        ends::ADAPTERS,
        remembering::ADAPTERS,
        progress::ADAPTERS,
        assignments::ADAPTERS,
        closes::ADAPTERS,
    ];
    kinds.into_iter().flatten()
}

/// The broken notifiers.
pub fn broken_notifiers() -> impl Iterator<Item = &'static BrokenAdapter<BrokenNotifierHarness>> {
    notifiers::ADAPTERS.iter()
}
