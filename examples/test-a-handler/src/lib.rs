//! Shows how a handler of one's own is tested on the in-process transport, with time that does not pass.
//!
//! Run: `cargo test -p test-a-handler`
#![forbid(unsafe_code)]

use payflow_core::{Error, Handler, Message, PaymentRequest};

/// Refuses what a bank would refuse.
#[derive(Debug)]
pub struct Bank {
    /// The largest amount that is paid, in minor units.
    pub limit_minor: i64,
}

impl Handler<PaymentRequest> for Bank {
    async fn handle(&self, message: Message<PaymentRequest>) -> Result<(), Error> {
        if message.attempt() == 1 {
            return Err(Error::transient("ask the bank").because("it never answers the first call"));
        }
        if message.body().amount().minor() > self.limit_minor {
            return Err(Error::permanent("ask the bank").because("above the limit"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use payflow_core::{
        Currency, DeadLetters, JsonCodec, MemoryCluster, Pipeline, PipelineConfig, Producer, Record, Topic,
    };

    use super::*;

    // Paused: the pause before the second attempt takes no time.
    #[tokio::test(start_paused = true)]
    async fn what_is_above_the_limit_is_set_aside_and_the_rest_is_paid() {
        let (topic, dead) = (Topic::parse("payments").unwrap(), Topic::parse("payments.dead").unwrap());
        let cluster = MemoryCluster::new();
        cluster.create_topic(&topic, 4).unwrap();
        cluster.create_topic(&dead, 1).unwrap();
        for amount in ["10", "99.99", "100.01"] {
            let value = format!(r#"{{"userId":"u001","amount":{amount},"method":"card"}}"#);
            let _receipt =
                cluster.producer().send(Record::new(topic.clone(), value).with_key("u001")).await.unwrap();
        }
        // A closed topic ends the pipeline once everything in it is handled.
        cluster.close_topic(&topic).unwrap();

        let codec = JsonCodec::new().with_default_currency(Currency::parse("EUR").unwrap());
        let letters = DeadLetters::new(Arc::new(cluster.producer()), dead.clone());
        let consumer = cluster.consumer("bank", std::slice::from_ref(&topic)).unwrap();
        let bank = Bank { limit_minor: 10_000 };
        let pipeline = Pipeline::new(consumer, codec, bank, letters, PipelineConfig::new()).unwrap();
        let handle = pipeline.handle();
        pipeline.run(std::future::pending()).await.unwrap();

        assert_eq!(handle.snapshot().handled, 2);
        let letters = cluster.records(&dead);
        assert_eq!(letters.len(), 1);
        assert_eq!(
            letters[0].headers().text(DeadLetters::REASON),
            Some("ask the bank: permanent: above the limit")
        );
    }
}
