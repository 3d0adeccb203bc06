use payflow_core::{Content, Headers};

use super::*;

const ROOM: Room = Room { records: 10, bytes: 1_000, first_may_exceed: false };

fn delivery(offset: i64) -> Step {
    Step::Delivery(Delivery {
        token: AckToken::new(0, 0, offset),
        topic: Topic::parse("topic").unwrap(),
        partition: 0,
        offset,
        timestamp_ms: None,
        content: Content::new(None, Some(b"value"), &Headers::new()),
    })
}

/// A reader whose thread has read this, and ended.
fn reader(read: Vec<Step>) -> KafkaReader {
    let (into, steps) = mpsc::channel(READ_AHEAD);
    for step in read {
        assert!(into.try_send(step).is_ok());
    }
    let topic = Topic::parse("topic").unwrap();
    KafkaReader {
        topic,
        records: 0,
        assignments: Vec::new(),
        told: true,
        steps,
        next: None,
        ended: Ended::No,
    }
}

async fn error_of(reader: &mut KafkaReader) -> String {
    reader.receive(&mut Inbound::default(), ROOM).await.unwrap_err().chain().to_string()
}

#[tokio::test]
async fn why_reading_failed_is_told_behind_what_came_before_it() {
    let failed = || Step::Failed(Error::fatal(OPERATION).because("a partition cannot be read"));
    for records in 0..3_i64 {
        let mut reader = reader((0..records).map(delivery).chain([failed()]).collect());
        let mut inbound = Inbound::default();
        if records > 0 {
            reader.receive(&mut inbound, ROOM).await.unwrap();
        }
        assert_eq!(inbound.deliveries.len() as i64, records);
        let cause = error_of(&mut reader).await;
        assert!(cause.contains("a partition cannot be read"), "{cause}");
        let after = error_of(&mut reader).await;
        assert!(after.contains("reading failed before"), "{after}");
    }
}
