//! The whole way round: a service sets payments aside, is mended, and is sent them again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use payflow_core::{
    Codec, DeadLetter, DeadLetters, DecodeError, Encoded, Error, HeaderName, Headers, HeadersRef, Message,
    Pipeline, PipelineConfig, Producer, Record, RetryPolicy,
};
use payflow_kafka::{KafkaConfig, KafkaConsumer, KafkaConsumerConfig};
use tokio::sync::oneshot;

use crate::harness::Stage;

const PAYMENTS: usize = 50;
/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Texts in UTF-8.
struct Text;

impl Codec<String> for Text {
    fn encode(&self, body: &String) -> Encoded {
        Encoded { value: body.clone().into(), headers: Headers::new() }
    }

    fn decode(&self, value: &[u8], _headers: HeadersRef<'_>) -> Result<String, DecodeError> {
        String::from_utf8(value.to_vec()).map_err(|_| DecodeError::Malformed("not UTF-8".into()))
    }
}

/// What the service handled: the text, the payment's id, and how often it was sent back.
type Handled = Arc<Mutex<Vec<(String, Option<String>, Option<String>)>>>;

async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("waited in vain for {what}"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn what_a_broken_service_set_aside_is_handled_once_it_is_mended_and_poison_stays() {
    let stage = Stage::new(2).await;
    let (mended, handled) = (Arc::new(AtomicBool::new(false)), Handled::default());
    let handler = {
        let (mended, handled) = (Arc::clone(&mended), Arc::clone(&handled));
        move |message: Message<String>| {
            let works = mended.load(Ordering::SeqCst) && message.body() != "poison";
            if works {
                let header = |name| message.delivery().headers().text(name).map(str::to_owned);
                let seen =
                    (message.body().clone(), header(HeaderName::PAYMENT_ID), header(DeadLetter::REDRIVES));
                handled.lock().expect("no panic").push(seen);
            }
            async move { if works { Ok(()) } else { Err(Error::permanent("handle")) } }
        }
    };
    let group = KafkaConsumerConfig::new(stage.topic.as_str());
    let topics = std::slice::from_ref(&stage.topic);
    let consumer = KafkaConsumer::new(&KafkaConfig::new(&stage.brokers), &group, topics).expect("settings");
    let letters = DeadLetters::new(Arc::clone(&stage.producer) as Arc<dyn Producer>, stage.dead.clone());
    let config = PipelineConfig::new().with_retry(RetryPolicy::never());
    let pipeline = Pipeline::new(consumer, Text, handler, letters, config).expect("settings");
    let (stop, stopped) = oneshot::channel::<()>();
    let service = tokio::spawn(pipeline.run(async { drop(stopped.await) }));

    for number in 0..PAYMENTS {
        let text = if number == 7 { "poison".to_owned() } else { number.to_string() };
        let record = Record::new(stage.topic.clone(), text).with_key(format!("u{}", number % 5));
        let _receipt = stage.producer.send(record).await.expect("a broker");
    }
    until("the dead letters", async || stage.read(&stage.dead).await.len() == PAYMENTS).await;
    let ids = |letters: Vec<payflow_core::Delivery>| {
        let id = |letter: &payflow_core::Delivery| {
            letter.headers().text(HeaderName::PAYMENT_ID).expect("an id").to_owned()
        };
        letters.iter().map(id).collect::<std::collections::BTreeSet<String>>()
    };
    let set_aside = ids(stage.read(&stage.dead).await);
    assert_eq!(set_aside.len(), PAYMENTS);

    mended.store(true, Ordering::SeqCst);
    // Once each is handled; poison comes back three times.
    for round in 1..=3 {
        let again = ["dead-letters", "redrive", "--yes", "--json", "--rate", "10000"];
        let redriven =
            if round == 1 { stage.run(&[&again[..], &["--first"]].concat()) } else { stage.run(&again) };
        let sent = if round == 1 { PAYMENTS } else { 1 };
        assert_eq!(
            (redriven.code, redriven.json()[0]["sent"].as_u64()),
            (Some(0), Some(sent as u64)),
            "{redriven:?}"
        );
        until("poison", async || stage.read(&stage.dead).await.len() == PAYMENTS + round).await;
    }
    let last = stage.run(&["dead-letters", "redrive", "--yes"]);
    assert!(last.out.starts_with("0 sent, of 1 looked at\n"), "{last:?}");
    assert!(last.out.contains("--max-round-trips"), "{last:?}");
    let poison = stage.run(&["dead-letters", "list", "--json"]).json();
    assert_eq!((poison.len(), poison[0]["redrives"].as_u64()), (1, Some(3)), "{poison:?}");

    drop(stop);
    service.await.expect("no panic").expect("a clean end");
    let handled = handled.lock().expect("no panic").clone();
    assert_eq!(handled.len(), PAYMENTS - 1, "each once");
    assert!(handled.iter().all(|(_, _, redrives)| redrives.as_deref() == Some("1")));
    assert!(handled.iter().all(|(_, id, _)| set_aside.contains(id.as_deref().expect("an id"))));
    let mut texts: Vec<&String> = handled.iter().map(|(text, _, _)| text).collect();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), PAYMENTS - 1);
}
