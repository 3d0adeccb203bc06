//! Payment requests in, notifications out: the types, the ports and the engine of payflow. Knows no transport.
//!
//! The smallest program: a payment goes in, and its payer is told.
//!
//! ```
//! use std::sync::Arc;
//!
//! use payflow_core::{
//!     Currency, DeadLetters, DirectIntake, Intake, JsonCodec, MemoryCluster, MemoryInbox, MemoryNotifier, Money,
//!     NotifyPayer, Once, PaymentMethod, PaymentRequest, Pipeline, PipelineConfig, Principal, Topic, UserId,
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (topic, dead) = (Topic::parse("payment-topic")?, Topic::parse("payment-topic.dead-letters")?);
//! let cluster = MemoryCluster::new();
//! cluster.create_topic(&topic, 4)?;
//! cluster.create_topic(&dead, 1)?;
//!
//! let intake = DirectIntake::new(cluster.producer(), JsonCodec::new(), topic.clone());
//! let amount = Money::from_decimal("49.99", Currency::parse("EUR")?)?;
//! let request = PaymentRequest::new(UserId::parse("u001")?, amount, PaymentMethod::parse("paypal")?)?;
//! let accepted = intake.accept(&Principal::anonymous(), request, None).await?;
//!
//! let notifier = Arc::new(MemoryNotifier::new());
//! let handler = NotifyPayer::new(Once::new(Arc::clone(&notifier), MemoryInbox::new()), "log");
//! let letters = DeadLetters::new(Arc::new(cluster.producer()), dead);
//! let consumer = cluster.consumer("notification-service", &[topic])?;
//! let pipeline = Pipeline::new(consumer, JsonCodec::new(), handler, letters, PipelineConfig::new())?;
//! pipeline.run(async { drop(notifier.wait_for(1).await) }).await?;
//! assert_eq!(notifier.notifications()[0].payment_id(), accepted.payment_id);
//! # Ok(())
//! # }
//! ```
//!
//! # What is where
//! - Values: [`PaymentRequest`], [`Money`], [`Notification`], [`Record`]. Constructors parse; no half-valid value exists.
//! - Ports: [`Producer`], [`Consumer`], [`Handler`], [`Notifier`], [`Intake`], [`Inbox`], [`Codec`]. Each method says when it
//!   resolves, what its errors mean, and what a dropped future leaves behind.
//! - The engine: [`Pipeline`], which handles in order per key, within bounds, and acknowledges what is finished.
//! - What every program can use: [`DirectIntake`], [`NotifyPayer`], [`Once`], [`MemoryInbox`], [`MemoryCluster`].
//!
//! # Features
//! - `json` (default): [`JsonCodec`] and [`JsonPayment`], the exact reader of the JSON form.
//! - `memory` (default): [`MemoryCluster`], the in-process transport for tests and demos.
//! - `simulation`: runs the engine's own modules against a model of a cluster and its faults, from one seed.
#![forbid(unsafe_code)]

mod codec;
mod consumer;
mod error;
mod handler;
mod inbox;
mod intake;
#[cfg(feature = "json")]
mod json;
#[cfg(feature = "memory")]
mod memory;
mod money;
mod notification;
mod notifier;
mod offsets;
mod payment;
mod pipeline;
mod principal;
mod producer;
mod record;
mod redrive;
#[cfg(feature = "simulation")]
pub mod simulation;

pub use codec::{Codec, DecodeError, Encoded};
pub use consumer::{
    AckToken, Assignment, Change, Consumer, ConsumerLimits, Deliveries, Delivery, Inbound, PartitionEnd,
    PartitionProgress, RebalanceProtocol, Room,
};
pub use error::{Error, Fault};
pub use handler::{Handler, Message, NotifyPayer};
pub use inbox::{Claim, Hold, Inbox, MemoryInbox, Once};
pub use intake::{
    Acceptance, DirectIntake, IdempotencyKey, Intake, IntakeError, IntakeFailure, IntakeReport,
    InvalidIdempotencyKey,
};
#[cfg(feature = "json")]
pub use json::{JsonCodec, JsonError, JsonPayment};
#[cfg(feature = "memory")]
pub use memory::{
    MemberId, MemoryCluster, MemoryConfig, MemoryConsumer, MemoryNotifier, MemoryProducer, StoredRecord,
};
pub use money::{Currency, InvalidAmount, InvalidCurrency, Money};
pub use notification::{Notification, NotificationId};
pub use notifier::{Notifier, Sent};
pub use offsets::{CommitMetadata, FinishedBeyond, InvalidMetadata, OffsetTracker, Received};
pub use payment::{
    Field, Fingerprint, InvalidId, InvalidPayment, PaymentHeaders, PaymentId, PaymentMethod, PaymentRequest,
    UserId,
};
pub use pipeline::{
    DeadLetters, InvalidConfig, OldestUnfinished, Order, Pipeline, PipelineConfig, PipelineEvent,
    PipelineHandle, PipelineHealth, PipelineSnapshot, PipelineState, RetryPolicy, Storm, StormPolicy,
    UnfinishedStage,
};
pub use principal::Principal;
pub use producer::Producer;
pub use record::{
    Content, Header, HeaderName, Headers, HeadersIter, HeadersRef, InvalidTopic, Receipt, Record, Topic,
};
pub use redrive::{
    DeadLetter, InvalidDeadLetter, LeftOut, Redrive, RedriveConfig, RedriveCounts, RedriveEnd, RedriveFilter,
    RedriveHandle, RedriveNote, RedriveReport,
};
