use proptest::prelude::*;

use super::*;
use crate::consumer::AckToken;
use crate::pipeline::DeadLetters;
use crate::record::{Content, HeaderName, Headers, Topic};
use crate::redrive::{InvalidDeadLetter, RedriveFilter};

const GOOD: [(&str, &str); 8] = [
    (DeadLetters::TOPIC, "payments"),
    (DeadLetters::PARTITION, "3"),
    (DeadLetters::OFFSET, "41"),
    (DeadLetters::TIMESTAMP, "1700000000000"),
    (DeadLetters::FAULT, "permanent"),
    (DeadLetters::STAGE, "handler"),
    (DeadLetters::REASON, "refused"),
    (DeadLetters::ATTEMPTS, "6"),
];

fn topic(name: &str) -> Topic {
    Topic::parse(name).unwrap()
}

fn delivery(headers: &[(&str, &str)]) -> Delivery {
    let mut all = Headers::new();
    for (name, value) in headers {
        all.append(name, *value);
    }
    Delivery {
        token: AckToken::new(0, 0, 7),
        topic: topic("dead"),
        partition: 0,
        offset: 7,
        timestamp_ms: Some(1_800_000_000_000),
        content: Content::new(Some(b"u1"), Some(b"value"), &all),
    }
}

/// The good headers, one of them as given.
fn with(name: &str, value: &str) -> Delivery {
    let mut headers: Vec<_> = GOOD.into_iter().filter(|(other, _)| *other != name).collect();
    headers.push((name, value));
    delivery(&headers)
}

fn keeps(filter: RedriveFilter) -> bool {
    choose(&delivery(&GOOD), &RedriveConfig::new().with_filter(filter)).is_ok()
}

#[test]
fn what_goes_back_is_what_came_with_its_id_and_one_redrive_more() {
    let mut headers = vec![("traceparent", "00-1"), (HeaderName::PAYMENT_ID, "the-id")];
    headers.extend(GOOD);
    headers.push((DeadLetter::REDRIVES, "1"));
    headers.push(("payflow-dead-letter-of-a-later-payflow", "x"));

    let record = choose(&delivery(&headers), &RedriveConfig::new()).unwrap();

    assert_eq!(record.topic, topic("payments"));
    assert_eq!((record.key.as_deref(), record.value.as_deref()), (Some(&b"u1"[..]), Some(&b"value"[..])));
    assert_eq!(record.timestamp, None, "with its first time it could be older than what the topic keeps");
    let left: Vec<_> = record.headers.iter().map(|header| (header.name, header.value)).collect();
    assert_eq!(
        left,
        [
            ("traceparent", Some(&b"00-1"[..])),
            (HeaderName::PAYMENT_ID, Some(&b"the-id"[..])),
            (DeadLetter::REDRIVES, Some(&b"2"[..])),
        ]
    );
}

#[test]
fn a_letter_without_an_id_gets_that_of_the_record_where_it_first_stood() {
    let first = Delivery {
        topic: topic("payments"),
        partition: 3,
        offset: 41,
        timestamp_ms: Some(1_700_000_000_000),
        ..delivery(&[])
    };
    let record = choose(&delivery(&GOOD), &RedriveConfig::new()).unwrap();
    let expected = crate::handler::foreign_id(&first).to_string();
    assert_eq!(record.headers.text(HeaderName::PAYMENT_ID), Some(expected.as_str()));
}

#[test]
fn each_condition_of_a_filter_leaves_out_what_does_not_fulfil_it() {
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    let any = RedriveFilter::new;
    // The letter's own time is 2027-01-15T08:00:00Z.
    for (kept, left_out) in [
        (any().with_topic(topic("payments")), any().with_topic(topic("other"))),
        (any().with_topic(topic("other")).with_topic(topic("payments")), any().with_topic(topic("dead"))),
        (any().with_since(at("2027-01-15T08:00:00Z")), any().with_since(at("2027-01-15T08:00:01Z"))),
        (any().with_until(at("2027-01-15T08:00:01Z")), any().with_until(at("2027-01-15T08:00:00Z"))),
        (any().with_fault(Fault::Permanent), any().with_fault(Fault::Fatal)),
        (any().with_stage("handler"), any().with_stage("decode")),
        (any().with_key("u1"), any().with_key("u")),
    ] {
        assert!(keeps(kept.clone()), "{kept:?}");
        assert!(!keeps(left_out.clone()), "{left_out:?}");
    }
}

#[test]
fn a_fault_is_the_same_whatever_pause_it_asked_for() {
    let pause = Some(std::time::Duration::from_secs(1));
    let filter = RedriveFilter::new().with_fault(Fault::Transient { retry_after: pause });
    let config = RedriveConfig::new().with_filter(filter);
    assert!(choose(&with(DeadLetters::FAULT, "transient"), &config).is_ok());
}

#[test]
fn a_letter_without_a_time_is_in_no_range_of_time() {
    let timeless = Delivery { timestamp_ms: None, ..delivery(&GOOD) };
    let filter = RedriveFilter::new().with_until("9999-01-01T00:00:00Z".parse().unwrap());
    let config = RedriveConfig::new().with_filter(filter);
    assert_eq!(choose(&timeless, &config), Err(LeftOut::Unmatched));
}

#[test]
fn unknown_goes_back_only_when_it_is_asked_for_even_if_the_filter_names_it() {
    let unknown = with(DeadLetters::FAULT, "unknown");
    let config = RedriveConfig::new().with_filter(RedriveFilter::new().with_fault(Fault::Unknown));
    assert_eq!(choose(&unknown, &config), Err(LeftOut::Unknown));
    assert!(choose(&unknown, &config.with_unknown(true)).is_ok());
}

#[test]
fn round_trips_end_at_their_limit() {
    let config = RedriveConfig::new().with_round_trips_max(2);
    assert!(choose(&with(DeadLetter::REDRIVES, "1"), &config).is_ok());
    assert_eq!(choose(&with(DeadLetter::REDRIVES, "2"), &config), Err(LeftOut::RoundTrips));
}

#[test]
fn nothing_is_sent_to_the_topic_that_it_is_read_from() {
    assert_eq!(choose(&with(DeadLetters::TOPIC, "dead"), &RedriveConfig::new()), Err(LeftOut::OwnTopic));
    let to_itself = RedriveConfig::new().with_to(topic("dead"));
    assert_eq!(choose(&delivery(&GOOD), &to_itself), Err(LeftOut::OwnTopic));
    let elsewhere = RedriveConfig::new().with_to(topic("elsewhere"));
    assert_eq!(choose(&delivery(&GOOD), &elsewhere).unwrap().topic, topic("elsewhere"));
}

#[test]
fn a_header_that_is_missing_or_makes_no_sense_makes_it_no_dead_letter() {
    for (missing, _) in GOOD.iter().filter(|(name, _)| *name != DeadLetters::TIMESTAMP) {
        let headers: Vec<_> = GOOD.into_iter().filter(|(name, _)| name != missing).collect();
        let error = DeadLetter::read(&delivery(&headers)).unwrap_err();
        assert_eq!(error.header(), *missing);
        assert_eq!(choose(&delivery(&headers), &RedriveConfig::new()), Err(LeftOut::NotADeadLetter));
    }
    for (name, nonsense) in [
        (DeadLetters::TOPIC, "no topic"),
        (DeadLetters::PARTITION, "-1"),
        (DeadLetters::PARTITION, "99999999999"),
        (DeadLetters::OFFSET, "-1"),
        (DeadLetters::TIMESTAMP, "yesterday"),
        (DeadLetters::FAULT, "Permanent"),
        (DeadLetters::ATTEMPTS, "many"),
        (DeadLetter::REDRIVES, "-1"),
        (DeadLetter::REDRIVES, ""),
    ] {
        let read = DeadLetter::read(&with(name, nonsense));
        assert_eq!(read.map_err(|error: InvalidDeadLetter| error.header()), Err(name), "{nonsense}");
    }
}

#[test]
fn debug_shows_neither_key_nor_reason() {
    let letter = DeadLetter::read(&with(DeadLetters::REASON, "secret")).unwrap();
    let shown = format!("{letter:?} {:?}", RedriveFilter::new().with_key("secret"));
    assert!(!shown.contains("u1") && !shown.contains("secret"), "{shown}");
}

proptest! {
    #[test]
    fn whatever_stands_on_the_topic_is_sent_whole_or_left_out(
        headers in proptest::collection::vec(
            (
                prop_oneof![
                    proptest::sample::select(GOOD.map(|(name, _)| name).to_vec()).prop_map(str::to_owned),
                    Just(DeadLetter::REDRIVES.to_owned()),
                    ".{0,12}"
                ],
                proptest::option::of(prop_oneof![
                    proptest::collection::vec(any::<u8>(), 0..12),
                    proptest::sample::select(GOOD.map(|(_, value)| value.as_bytes().to_vec()).to_vec()),
                ]),
            ),
            0..16,
        ),
        value in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..12)),
    ) {
        let mut headers: Vec<_> = headers;
        headers.extend(GOOD.map(|(name, value)| (name.to_owned(), Some(value.as_bytes().to_vec()))));
        for cut in 0..headers.len() {
            let headers: Headers = headers[cut..]
                .iter()
                .map(|(name, value)| crate::record::Header { name, value: value.as_deref() })
                .collect();
            let content = Content::new(Some(b"u1"), value.as_deref(), &headers);
            let letter = Delivery { content, ..delivery(&[]) };
            if let Ok(record) = choose(&letter, &RedriveConfig::new()) {
                prop_assert_eq!((record.key.as_deref(), record.value.as_deref()), (letter.key(), letter.value()));
                prop_assert!(record.headers.get(HeaderName::PAYMENT_ID).is_some());
                let redrives: u32 = record.headers.text(DeadLetter::REDRIVES).unwrap().parse().unwrap();
                prop_assert!((1..=RedriveConfig::ROUND_TRIPS_MAX).contains(&redrives));
                prop_assert!(!record.headers.iter().any(|header| header.name.starts_with("payflow-dead-letter-")));
            }
        }
    }
}
