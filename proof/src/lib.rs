//! Judges what payflow did: from a [`History`] of what clients were told, what the topic holds, which handlers ran, which
//! notifications went out, what was committed, its metadata included, and what was set aside, to a [`Verdict`] on what was promised.
//!
//! The judge is pure and knows nothing of payflow's own parts, so that none of them vouches for itself. It judges one topic
//! and one group. Everything that happened to handlers stands in one order: the order of the lines in an [`EventLog`],
//! which any number of processes append to, and which survives their end.
//!
//! ```
//! use std::time::Duration;
//!
//! use payflow_proof::{Ending, Event, History, Place, Written};
//!
//! let place = Place { partition: 0, offset: 0 };
//! let at = Duration::from_secs(1);
//! let (key, value) = (Some("u001".into()), Some("{}".into()));
//! let written = Written { place, key, value, payment: None, mark: None, at };
//! let started = Event::Started {
//!     process: "first".into(),
//!     assignment: 1,
//!     at,
//!     place,
//!     key: Some("u001".into()),
//!     payment: "p1".into(),
//!     attempt: 1,
//! };
//! let mut history = History { written: vec![written], events: vec![started], ..History::default() };
//! assert!(!history.verdict().is_good(), "started, and never finished");
//!
//! history.events.push(Event::Ended { process: "first".into(), at, place, how: Ending::Done });
//! assert!(history.verdict().is_good());
//! ```
#![forbid(unsafe_code)]

mod check;
mod event;
mod event_log;
mod history;
mod verdict;

pub use event::{Commit, Counts, Ending, Event, InvalidEvent};
pub use event_log::EventLog;
pub use history::{Answer, DeadLetter, History, Place, Told, Written};
pub use verdict::{Breach, Repeats, Verdict, Zombies};
