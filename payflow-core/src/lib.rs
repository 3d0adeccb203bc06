//! Payment requests in, notifications out: the types, the ports and the engine of payflow. Knows no transport.
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

pub use codec::{Codec, DecodeError, Encoded};
pub use consumer::{AckToken, Assignment, Change, Consumer, Delivery, Inbound, PartitionEnd, Room};
pub use error::{Error, Fault};
pub use handler::{Handler, Message, NotifyPayer};
pub use inbox::{Claim, Hold, Inbox, MemoryInbox, Once};
pub use intake::{Acceptance, DirectIntake, IdempotencyKey, Intake, IntakeError, InvalidIdempotencyKey};
#[cfg(feature = "json")]
pub use json::{JsonCodec, JsonError, JsonPayment};
#[cfg(feature = "memory")]
pub use memory::{
    MemberId, MemoryCluster, MemoryConfig, MemoryConsumer, MemoryNotifier, MemoryProducer, RebalanceProtocol,
    StoredRecord,
};
pub use money::{Currency, InvalidAmount, InvalidCurrency, Money};
pub use notification::{Notification, NotificationId};
pub use notifier::{Notifier, Sent};
pub use offsets::OffsetTracker;
pub use payment::{
    Field, Fingerprint, InvalidId, InvalidPayment, PaymentHeaders, PaymentId, PaymentMethod, PaymentRequest,
    UserId,
};
pub use pipeline::{
    DeadLetters, InvalidConfig, Order, Pipeline, PipelineConfig, PipelineHandle, PipelineSnapshot,
    RetryPolicy,
};
pub use principal::Principal;
pub use producer::Producer;
pub use record::{Header, HeaderName, Headers, InvalidTopic, Receipt, Record, Topic};
