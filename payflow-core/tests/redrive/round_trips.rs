//! Poison: what fails again each time it is sent back.

use std::sync::Arc;
use std::time::Duration;

use payflow_core::{
    Codec, DeadLetter, DeadLetters, DecodeError, Encoded, Error, HeaderName, Headers, HeadersRef, LeftOut,
    Message, Pipeline, PipelineConfig, Producer, Record, RedriveConfig, RedriveEnd, RetryPolicy,
};
use tokio::time::sleep;

use crate::rig::Rig;

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

#[tokio::test(start_paused = true)]
async fn poison_comes_back_as_often_as_it_may_and_then_stays() {
    let rig = Rig::new(1);
    let consumer = rig.cluster.consumer("service", std::slice::from_ref(&rig.topic)).unwrap();
    let letters = DeadLetters::new(Arc::new(rig.cluster.producer()), rig.dead.clone());
    let handler = |message: Message<String>| async move {
        if message.body() == "poison" { Err(Error::permanent("handle")) } else { Ok(()) }
    };
    let config = PipelineConfig::new().with_retry(RetryPolicy::never()).with_seed(7);
    let pipeline = Pipeline::new(consumer, Text, handler, letters, config).unwrap();
    let service = tokio::spawn(pipeline.run(std::future::pending()));
    for text in ["good", "poison", "good"] {
        let record = Record::new(rig.topic.clone(), text).with_key("a");
        let _receipt = rig.cluster.producer().send(record).await.unwrap();
    }
    rig.cluster.wait_until(|cluster| cluster.records(&rig.dead).len() == 1).await;

    let mut sent = 0;
    let last = loop {
        let report = rig.run(RedriveConfig::new()).await.unwrap();
        assert_eq!(report.end, RedriveEnd::Complete);
        sent += report.counts.sent;
        // The service sets it aside again.
        sleep(Duration::from_secs(1)).await;
        if report.counts.selected == 0 {
            break report;
        }
    };

    assert_eq!(sent, u64::from(RedriveConfig::ROUND_TRIPS_MAX));
    assert_eq!((last.counts.left_out(LeftOut::RoundTrips), last.notes.len()), (1, 1));
    let deaths = rig.cluster.records(&rig.dead);
    assert_eq!(deaths.len() as u64, sent + 1);
    let first = deaths[0].headers().text(HeaderName::PAYMENT_ID).unwrap();
    for (number, death) in deaths.iter().enumerate() {
        assert_eq!(
            death.headers().text(HeaderName::PAYMENT_ID),
            Some(first),
            "it is one payment all the time"
        );
        let redrives = (number > 0).then(|| number.to_string());
        assert_eq!(death.headers().text(DeadLetter::REDRIVES), redrives.as_deref());
    }
    service.abort();
}
