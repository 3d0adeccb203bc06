//! Between the message `payment.PaymentRequest` and a valid request.

use payflow_core::{
    Currency, Field, InvalidPayment, Money, PaymentHeaders, PaymentMethod, PaymentRequest, UserId,
};

use crate::additions::{message_timestamp, stated_in};
use crate::generated;

impl generated::PaymentRequest {
    /// The request that the message stands for, with what identity it states. `default_currency` holds where the
    /// message names none.
    ///
    /// # Errors
    /// The first field that is missing or refused. `amountMinor` is refused under the name of `amount`, since both are
    /// the amount.
    pub fn to_request(&self, default_currency: Option<Currency>) -> Result<PaymentRequest, InvalidPayment> {
        self.with_additions(stated_in(self)?, default_currency)
    }

    /// The request, with additions that need not come from the message alone.
    pub(crate) fn with_additions(
        &self,
        additions: PaymentHeaders,
        default_currency: Option<Currency>,
    ) -> Result<PaymentRequest, InvalidPayment> {
        let user_id = UserId::parse(&self.user_id)?;
        let currency = additions.currency.or(default_currency);
        let currency = currency.ok_or_else(|| InvalidPayment::new(Field::Currency, "is missing"))?;
        let amount = self.money(currency)?;
        let request = PaymentRequest::new(user_id, amount, PaymentMethod::parse(&self.method)?)?;
        Ok(request.with_identity(additions.payment_id, additions.created_at))
    }

    /// The exact minor units where they were stated, else the double. Zero is how proto3 writes an absent number.
    fn money(&self, currency: Currency) -> Result<Money, InvalidPayment> {
        let exact = (self.amount_minor != 0).then(|| Money::new(self.amount_minor, currency));
        // By its bits: a negative zero was stated.
        let double = (self.amount.to_bits() != 0).then_some(self.amount);
        let double =
            double.map(|double| Money::from_double(double, currency).map_err(InvalidPayment::amount));
        match (exact, double.transpose()?) {
            (Some(exact), Some(double)) if exact != double => {
                Err(InvalidPayment::new(Field::Amount, "differs from amountMinor"))
            }
            (Some(money), _) | (None, Some(money)) => Ok(money),
            (None, None) => Err(InvalidPayment::new(Field::Amount, "is missing or zero")),
        }
    }
}

/// Fills every field that is known: the double is the shortest decimal of the exact minor units beside it.
impl From<&PaymentRequest> for generated::PaymentRequest {
    fn from(request: &PaymentRequest) -> Self {
        let amount = request.amount();
        Self {
            user_id: request.user_id().as_str().to_owned(),
            amount: amount.to_double(),
            method: request.method().as_str().to_owned(),
            payment_id: request.id().map(|id| id.to_string()).unwrap_or_default(),
            currency: amount.currency().code().to_owned(),
            amount_minor: amount.minor(),
            created_at: request.created_at().and_then(message_timestamp),
        }
    }
}
