//! Shows a transport of one's own, against the port `Consumer`: each line of standard input is a record.
//! Run: `echo '{"userId":"u001","amount":49.99,"method":"paypal"}' | cargo run -p own-transport`
//!
//! It keeps the contract of `receive` and no more: it has no producer, no groups, and nowhere to commit to, so that it could
//! not run the suite of `payflow-testkit`. Start an adapter from that crate's `MemoryHarness`, which runs all of it.

use std::future::pending;
use std::sync::Arc;

use async_trait::async_trait;
use futures_core::future::BoxFuture;
use payflow_core::{
    AckToken, Assignment, Change, Consumer, Content, Currency, DeadLetters, Delivery, Error, Headers,
    Inbound, JsonCodec, MemoryCluster, Message, PaymentRequest, Pipeline, PipelineConfig, Room, Topic,
};
use tokio::io::{AsyncBufReadExt, BufReader, Split, Stdin};

/// Owns one partition from the start, and remembers nothing: there is nowhere to commit to.
struct StdinConsumer {
    lines: Split<BufReader<Stdin>>,
    topic: Topic,
    change: Option<Change>,
    offset: i64,
    /// Was read, and there was no room for it.
    held: Option<Delivery>,
    has_ended: bool,
}

#[async_trait]
impl Consumer for StdinConsumer {
    async fn receive(&mut self, into: &mut Inbound, room: Room) -> Result<(), Error> {
        if let Some(change) = self.change.take() {
            into.changes.push(change);
            return Ok(());
        }
        if self.has_ended || room.records == 0 {
            pending::<()>().await; // No more is to be told; or not until there is room, and then this is called anew.
        }
        if self.held.is_none() {
            // What a dropped `next_segment` had read stays with the lines, so that this is cancel-safe.
            let line = self.lines.next_segment().await;
            let line = line.map_err(|error| Error::fatal("read standard input").because(error))?;
            self.held = line.map(|line| self.delivery(&line));
        }
        match self.held.take() {
            None => (into.ended, self.has_ended) = (true, true),
            Some(delivery) if room.fits(0, 0, delivery.size_bytes()) => into.deliveries.extend([delivery]),
            Some(delivery) => {
                self.held = Some(delivery);
                pending::<()>().await;
            }
        }
        Ok(())
    }

    fn acknowledge(&mut self, _finished: &[AckToken], _given_up: &[AckToken]) {}
    fn commit(&mut self) -> BoxFuture<'static, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }
}

impl StdinConsumer {
    /// Whatever the bytes are: the codec decides, and what it refuses is dead-lettered as it is.
    fn delivery(&mut self, line: &[u8]) -> Delivery {
        let offset = self.offset;
        self.offset += 1;
        Delivery {
            token: AckToken::new(0, 0, offset),
            topic: self.topic.clone(),
            partition: 0,
            offset,
            timestamp_ms: None,
            content: Content::new(None, Some(line), &Headers::new()),
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (topic, dead) = (Topic::parse("stdin")?, Topic::parse("stdin.dead-letters")?);
    let cluster = MemoryCluster::new();
    cluster.create_topic(&dead, 1)?;
    let letters = DeadLetters::new(Arc::new(cluster.producer()), dead.clone());
    let partition = Assignment { slot: 0, generation: 0, topic: topic.clone(), partition: 0 };
    let change = Some(Change::Assigned(vec![partition]));
    let lines = BufReader::new(tokio::io::stdin()).split(b'\n');
    let consumer = StdinConsumer { lines, topic, change, offset: 0, held: None, has_ended: false };
    let codec = JsonCodec::new().with_default_currency(Currency::parse("EUR")?);
    let handler = async |message: Message<PaymentRequest>| {
        println!("{} pays {}", message.body().user_id(), message.body().amount());
        Ok(())
    };
    let ctrl_c = async { tokio::signal::ctrl_c().await.unwrap_or(()) };
    Pipeline::new(consumer, codec, handler, letters, PipelineConfig::new())?.run(ctrl_c).await?;
    println!("{} lines could not be handled", cluster.records(&dead).len());
    std::process::exit(0) // At once: the thread that reads standard input would wait for one more line.
}
