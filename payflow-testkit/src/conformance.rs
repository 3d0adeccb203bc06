//! The conformance suite: one case for each rule of the ports' contracts.
//!
//! An adapter's author implements [`Harness`] (or [`NotifierHarness`]), claims what the transport can do, and lets
//! [`conformance!`](crate::conformance!) (or [`notifier_conformance!`](crate::notifier_conformance!)) make one named
//! test of each case. [`CASES`] and [`NOTIFIER_CASES`] list them for tools; [`run_all`] runs them for a report.
//!
//! Each case has topics and groups of its own, and may run beside all others. It waits for events and never for time to
//! pass, save where it must see that nothing happens ([`Limits::quiet`]) or that a deadline is kept. Whatever it is
//! about, it checks every word of every consumer against what always holds: room, tokens, generations, order.
//!
//! # Compared with another suite
//!
//! The sixteen cases of Watermill's suite for Go, and where their rules are proved here:
//!
//! | Watermill | here |
//! |---|---|
//! | PublishSubscribe | [`round_trip`], [`a_waiting_consumer_gets_new_records`], [`headers_are_kept`] |
//! | ConcurrentSubscribe | [`members_share_the_partitions`] |
//! | ConcurrentSubscribeMultipleTopics | [`topics_are_apart`] |
//! | ResendOnError | [`given_up_comes_again`], [`every_token_comes_back_once`] |
//! | NoAck | [`unacknowledged_comes_again`], [`a_revoking_partition_waits_for_its_last_token`] |
//! | ContinueAfterSubscribeClose | [`reopening_goes_on_where_it_left_off`], [`closing_loses_nothing_and_leaves_the_group`] |
//! | ConcurrentClose | [`members_closing_together_lose_nothing`] |
//! | ContinueAfterErrors | [`giving_up_often_loses_nothing`], [`every_token_comes_back_once`] |
//! | PublishSubscribeInOrder | [`sends_of_a_key_keep_their_order`], [`send_all_keeps_the_order_of_a_key`] |
//! | PublisherClose | [`a_resolved_send_is_durable`], [`flush_waits_for_every_send`], [`concurrent_sends_all_arrive`] |
//! | Topic | [`topics_are_apart`] |
//! | MessageCtx | [`a_stale_token_is_ignored`], [`a_revoking_partition_goes_at_its_deadline`] |
//! | SubscribeCtx | [`a_cancelled_receive_loses_nothing`], [`closing_while_receiving_leaves_the_group`] |
//! | NewSubscriberReceivesOldMessages | [`a_new_group_sees_old_records`] |
//! | Reconnect | [`clients_outlive_an_interruption`] |
//! | ConsumerGroups | [`groups_each_see_everything`] |
//!
//! A nack there is a token given up here. A context there that ends with its message is here the token: a handler's time
//! is up when its partition is let go, and what it says afterwards is ignored.

mod capabilities;
mod case;
mod cases;
mod chance;
mod harness;
mod ledger;
#[macro_use]
mod list;
mod member;
mod numbered;
mod report;
mod sender;
mod stage;
mod tries;
mod violation;

pub use capabilities::{Capabilities, Capability};
pub use case::{AnyHarness, Case, Outcome, check};
pub use cases::*;
pub use harness::{Arrived, Harness, Limits, NotifierHarness, fresh_name};
pub use report::{Report, run_all};
pub use violation::Violation;

__transport_cases!(__case_list pub const CASES: dyn Harness, "The cases of `Producer` and `Consumer`.");
__notifier_cases!(__case_list pub const NOTIFIER_CASES: dyn NotifierHarness, "The cases of `Notifier`.");
