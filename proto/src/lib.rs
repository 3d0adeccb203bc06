//! The protobuf form of payflow's contract: the messages of `payment.proto`, and a codec for records that hold them.
//!
//! ```
//! use payflow_core::{Codec, Currency, HeadersRef};
//! use payflow_proto::ProtobufCodec;
//!
//! // What a service writes that knows the first three fields only: userId, amount, method.
//! let value = b"\x0a\x04u001\x11\x1f\x85\xeb\x51\xb8\xfe\x48\x40\x1a\x06paypal";
//!
//! let codec = ProtobufCodec::new().with_default_currency(Currency::parse("EUR")?);
//! let request = codec.decode(value, HeadersRef::default())?;
//! assert_eq!(request.amount().minor(), 4_999);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The messages here are what stands on the wire: every field may hold anything. The types of `payflow_core` hold only
//! what is valid, and the conversions between the two are where a field is refused by name.
//!
//! `payment.proto` describes the gRPC services too. Here are their messages; the services are no part of this crate.
#![forbid(unsafe_code)]

mod additions;
mod codec;
mod debug;
mod notification;
mod payment;

/// What the compiler made of `payment.proto`; `tests/generated.rs` makes it again and compares.
mod generated {
    // Included and not a module file, so that rustfmt leaves it as it was generated.
    include!("generated/payment.rs");
}

pub use codec::ProtobufCodec;
pub use generated::{Acknowledgement, Notification, PaymentAccepted, PaymentRequest, acknowledgement};
pub use notification::InvalidNotification;
