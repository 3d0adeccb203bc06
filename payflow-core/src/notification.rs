//! What a payer is told.

use std::fmt;

use uuid::Uuid;

use crate::payment::{Fingerprint, InvalidId, PaymentId, UserId};
use crate::payment::{Purpose, derive, hyphenated};

/// A message to a payer, composed and ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    id: NotificationId,
    payment_id: PaymentId,
    user_id: UserId,
    message: String,
    fingerprint: Option<Fingerprint>,
}

impl Notification {
    /// Tells `user_id` of `event` of a payment through `channel`.
    ///
    /// The id follows from payment, event and channel, so composing it again gives the same notification.
    #[must_use]
    pub fn new(
        payment_id: PaymentId,
        event: &str,
        channel: &str,
        user_id: UserId,
        message: impl Into<String>,
    ) -> Self {
        let id = NotificationId::of(payment_id, event, channel);
        Self::composed(id, payment_id, user_id, message)
    }

    /// A notification that was composed elsewhere and came over a wire, under the id that it was given there.
    #[must_use]
    pub fn composed(
        id: NotificationId,
        payment_id: PaymentId,
        user_id: UserId,
        message: impl Into<String>,
    ) -> Self {
        Self { id, payment_id, user_id, message: message.into(), fingerprint: None }
    }

    /// The same notification, of a request with this fingerprint: [`Once`](crate::Once) tells by it a repeat from
    /// another request under the same idempotency key.
    #[must_use]
    pub fn with_fingerprint(self, fingerprint: Option<Fingerprint>) -> Self {
        Self { fingerprint, ..self }
    }

    /// What inbox and provider know it by.
    #[must_use]
    pub const fn id(&self) -> NotificationId {
        self.id
    }

    /// The payment it is about.
    #[must_use]
    pub const fn payment_id(&self) -> PaymentId {
        self.payment_id
    }

    /// Who is told.
    #[must_use]
    pub const fn user_id(&self) -> &UserId {
        &self.user_id
    }

    /// What they are told.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The fingerprint of the request, if it came with an idempotency key.
    #[must_use]
    pub const fn fingerprint(&self) -> Option<Fingerprint> {
        self.fingerprint
    }
}

/// UUIDv5 of payment id, event and channel: the inbox's key, the webhook id, the Message-ID, the provider's
/// idempotency key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NotificationId(Uuid);

impl NotificationId {
    /// The id of the notification of `event` of a payment through `channel`.
    #[must_use]
    pub fn of(payment_id: PaymentId, event: &str, channel: &str) -> Self {
        let payment = payment_id.as_uuid().as_bytes();
        Self(derive(Purpose::Notification, &[payment, event.as_bytes(), channel.as_bytes()]))
    }

    /// Reads the hyphenated form.
    ///
    /// # Errors
    /// The text is no UUID.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        hyphenated(text.as_bytes()).map(Self)
    }

    /// The id as a UUID.
    #[must_use]
    pub const fn as_uuid(&self) -> &Uuid {
        &self.0
    }
}

impl fmt::Display for NotificationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for NotificationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NotificationId({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_follows_from_payment_event_and_channel() {
        let (payment, other) = (PaymentId::random(), PaymentId::random());
        let id = NotificationId::of(payment, "paid", "email");
        assert_eq!(id, NotificationId::of(payment, "paid", "email"));
        for different in [
            NotificationId::of(other, "paid", "email"),
            NotificationId::of(payment, "refunded", "email"),
            NotificationId::of(payment, "paid", "sms"),
            NotificationId::of(payment, "paide", "mail"),
        ] {
            assert_ne!(id, different);
        }
    }

    #[test]
    fn an_id_is_read_back_and_garbage_is_refused() {
        let id = NotificationId::of(PaymentId::random(), "paid", "email");
        assert_eq!(NotificationId::parse(&id.to_string()), Ok(id));
        assert_eq!(NotificationId::parse("paid"), Err(InvalidId));
    }
}
