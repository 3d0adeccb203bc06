//! Between the message `payment.Notification` and a valid notification.

use payflow_core::{Fingerprint, InvalidId, Notification, NotificationId, PaymentId, UserId};

use crate::generated;

/// Reads a notification that another composed. Every field but `fingerprint` must be given: without the ids, a repeat
/// of the call could not be told from a second notification.
impl TryFrom<&generated::Notification> for Notification {
    type Error = InvalidNotification;

    fn try_from(message: &generated::Notification) -> Result<Self, InvalidNotification> {
        let user_id = UserId::parse(&message.user_id)
            .map_err(|refused| InvalidNotification::new("userId", refused.reason()))?;
        if message.message.is_empty() {
            return Err(InvalidNotification::new("message", "must not be empty"));
        }
        let id = read("notificationId", &message.notification_id, NotificationId::parse)?;
        let payment_id = read("paymentId", &message.payment_id, PaymentId::parse)?;
        let fingerprint = Some(message.fingerprint.as_str())
            .filter(|print| !print.is_empty())
            .map(Fingerprint::parse)
            .transpose()
            .map_err(|_| InvalidNotification::new("fingerprint", "must be 32 hexadecimal digits"))?;
        Ok(Self::composed(id, payment_id, user_id, &message.message).with_fingerprint(fingerprint))
    }
}

impl From<&Notification> for generated::Notification {
    fn from(notification: &Notification) -> Self {
        Self {
            user_id: notification.user_id().as_str().to_owned(),
            message: notification.message().to_owned(),
            notification_id: notification.id().to_string(),
            payment_id: notification.payment_id().to_string(),
            fingerprint: notification.fingerprint().map(|print| print.to_string()).unwrap_or_default(),
        }
    }
}

/// A field of a notification whose value is refused, and why. Never holds the value itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {reason}")]
pub struct InvalidNotification {
    field: &'static str,
    reason: String,
}

impl InvalidNotification {
    fn new(field: &'static str, reason: &str) -> Self {
        let reason = reason.to_owned();
        Self { field, reason }
    }

    /// The name on the wire of the field that is wrong.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        self.field
    }

    /// Why, as the rest of a sentence that begins with the field's name.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

fn read<V>(
    field: &'static str,
    text: &str,
    parse: fn(&str) -> Result<V, InvalidId>,
) -> Result<V, InvalidNotification> {
    if text.is_empty() {
        return Err(InvalidNotification::new(field, "is missing"));
    }
    parse(text).map_err(|refused| InvalidNotification::new(field, &refused.to_string()))
}

#[cfg(test)]
mod tests {
    use payflow_core::{Currency, Money, PaymentMethod, PaymentRequest};

    use super::*;

    fn notification() -> Notification {
        let user_id = UserId::parse("u001").unwrap();
        Notification::new(PaymentId::random(), "paid", "email", user_id, "Paid")
    }

    fn fingerprint() -> Fingerprint {
        let amount = Money::new(1, Currency::parse("EUR").unwrap());
        let (user_id, method) = (UserId::parse("u001"), PaymentMethod::parse("card"));
        let request = PaymentRequest::new(user_id.unwrap(), amount, method.unwrap());
        request.unwrap().fingerprint()
    }

    #[test]
    fn every_part_of_a_notification_survives_the_wire() {
        let plain = notification();
        let keyed = plain.clone().with_fingerprint(Some(fingerprint()));
        for notification in [plain, keyed] {
            let message = generated::Notification::from(&notification);
            assert_eq!(message.user_id, "u001");
            assert_eq!(Notification::try_from(&message), Ok(notification));
        }
    }

    #[test]
    fn refused_fields_are_named() {
        type Change = fn(&mut generated::Notification);
        let cases: [(Change, &str); 8] = [
            (|m| m.user_id.clear(), "userId must not be empty"),
            (|m| m.user_id = "a\n".into(), "userId must not contain control characters"),
            (|m| m.message.clear(), "message must not be empty"),
            (|m| m.notification_id.clear(), "notificationId is missing"),
            (|m| m.notification_id = "42".into(), "notificationId is not a UUID in its hyphenated form"),
            (|m| m.payment_id.clear(), "paymentId is missing"),
            (|m| m.payment_id = "42".into(), "paymentId is not a UUID in its hyphenated form"),
            (|m| m.fingerprint = "42".into(), "fingerprint must be 32 hexadecimal digits"),
        ];
        for (change, reason) in cases {
            let mut message = generated::Notification::from(&notification());
            change(&mut message);
            let refused = Notification::try_from(&message).unwrap_err();
            assert_eq!(refused.to_string(), reason);
        }
    }
}
