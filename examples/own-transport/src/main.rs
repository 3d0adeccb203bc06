//! Shows a transport of one's own, against the port `Consumer`: each line of standard input is a record.
//! Run: `echo '{"userId":"u001","amount":49.99,"method":"paypal"}' | cargo run -p own-transport`

use std::sync::Arc;

use async_trait::async_trait;
use futures_core::future::BoxFuture;
use payflow_core::{
    AckToken, Assignment, Change, Consumer, Content, Currency, DeadLetters, Delivery, Error, Headers,
    Inbound, JsonCodec, MemoryCluster, Message, PaymentRequest, Pipeline, PipelineConfig, Room, Topic,
};
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin};

/// Owns one partition from the start, and remembers nothing: there is nowhere to commit to.
struct StdinConsumer {
    lines: Lines<BufReader<Stdin>>,
    topic: Topic,
    change: Option<Change>,
    offset: i64,
}

#[async_trait]
impl Consumer for StdinConsumer {
    async fn receive(&mut self, into: &mut Inbound, room: Room) -> Result<(), Error> {
        if let Some(change) = self.change.take() {
            into.changes.push(change);
            return Ok(());
        }
        if room.records == 0 {
            std::future::pending::<()>().await; // A transport with larger records keeps to `room.bytes` too.
        }
        // `next_line` is cancel-safe, and so is this.
        let line = self
            .lines
            .next_line()
            .await
            .map_err(|error| Error::fatal("read standard input").because(error))?;
        into.ended = line.is_none();
        into.deliveries.extend(line.map(|line| Delivery {
            token: AckToken::new(0, 0, self.offset),
            topic: self.topic.clone(),
            partition: 0,
            offset: self.offset,
            timestamp_ms: None,
            content: Content::new(None, Some(line.as_bytes()), &Headers::new()),
        }));
        self.offset += 1;
        Ok(())
    }

    fn acknowledge(&mut self, _finished: &[AckToken], _given_up: &[AckToken]) {}
    fn commit(&mut self) -> BoxFuture<'static, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (topic, dead) = (Topic::parse("stdin")?, Topic::parse("stdin.dead-letters")?);
    let cluster = MemoryCluster::new();
    cluster.create_topic(&dead, 1)?;
    let letters = DeadLetters::new(Arc::new(cluster.producer()), dead.clone());
    let partition = Assignment { slot: 0, generation: 0, topic: topic.clone(), partition: 0 };
    let (lines, change) =
        (BufReader::new(tokio::io::stdin()).lines(), Some(Change::Assigned(vec![partition])));
    let consumer = StdinConsumer { lines, topic, change, offset: 0 };
    let codec = JsonCodec::new().with_default_currency(Currency::parse("EUR")?);
    let handler = async |message: Message<PaymentRequest>| {
        println!("{} pays {}", message.body().user_id(), message.body().amount());
        Ok(())
    };
    Pipeline::new(consumer, codec, handler, letters, PipelineConfig::new())?
        .run(std::future::pending())
        .await?;
    println!("{} lines could not be handled", cluster.records(&dead).len());
    Ok(())
}
