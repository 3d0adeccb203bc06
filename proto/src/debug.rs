//! `Debug` without personal data: user ids and messages show their length only, as in core.

use std::fmt;

use crate::generated::{Notification, PaymentRequest};

impl fmt::Debug for PaymentRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PaymentRequest")
            .field("user_id_bytes", &self.user_id.len())
            .field("amount", &self.amount)
            .field("method", &self.method)
            .field("payment_id", &self.payment_id)
            .field("currency", &self.currency)
            .field("amount_minor", &self.amount_minor)
            .field("created_at", &self.created_at)
            .finish()
    }
}

impl fmt::Debug for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notification")
            .field("user_id_bytes", &self.user_id.len())
            .field("message_bytes", &self.message.len())
            .field("notification_id", &self.notification_id)
            .field("payment_id", &self.payment_id)
            .field("fingerprint", &self.fingerprint)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_neither_payer_nor_text() {
        let request = PaymentRequest { user_id: "alice".into(), ..PaymentRequest::default() };
        let notification =
            Notification { user_id: "alice".into(), message: "secret".into(), ..Notification::default() };
        let shown = format!("{request:?} {notification:?}");
        assert!(!shown.contains("alice") && !shown.contains("secret"), "{shown}");
    }
}
