//! A storm keeps what it stops, and lets it go on.

use super::*;
use crate::pipeline::events::PipelineEvent;

/// Two shards with one watch over their destination, in which ten records of ten keys have just failed.
fn storm(delays: &[Duration]) -> (Shard, Shard, Instant) {
    let config = PipelineConfig::new().with_retry(RetryPolicy::new(delays.to_vec()));
    let storms = StormWatch::new(config.storm.clone());
    storms.destination("handler");
    let mut shard = Shard::new(&config, storms.clone(), 1);
    let other = Shard::new(&config, storms.of_shard(1), 2);
    let now = Instant::now();
    for (key, offset) in KEYS.into_iter().zip(0..) {
        deliver(&mut shard, routed(key, offset));
    }
    let running: Vec<_> = KEYS.iter().map(|_| attempt(&mut shard).0).collect();
    for id in running {
        shard.ended(id, failure(TRANSIENT), now);
    }
    (shard, other, now)
}

const KEYS: [&str; 10] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];

fn probe(shard: &mut Shard, now: Instant) -> EntryId {
    match start(shard, now) {
        Some((id, Work::Handle { .. }, _)) => id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_new_starts_and_nothing_is_dead_lettered() {
    let (mut shard, mut other, now) = storm(&[]);
    // Nine had used up their only attempt when the tenth told the outage.
    assert!(start(&mut shard, now).is_none());
    deliver(&mut other, routed("new", 10));
    assert!(start(&mut other, now).is_none());
    assert!(shard.settled().finished.is_empty());
    assert_eq!(shard.wake_at(now), Some(now + SECOND));
}

#[test]
fn one_probe_at_a_time_over_all_shards_and_what_was_never_tried_first() {
    let (mut shard, mut other, now) = storm(&[SECOND]);
    shard.deliver(routed("new", 10), Destination::default(), now);
    assert!(start(&mut shard, now).is_none());
    deliver(&mut other, routed("newer", 11));
    assert!(start(&mut other, now).is_none());

    let at = now + SECOND;
    let id = probe(&mut shard, at);
    assert_eq!(shard.lanes.get(id).unwrap().delivery().offset, 10);
    assert!(start(&mut shard, at).is_none());
    assert!(start(&mut other, at).is_none());
    assert_eq!(other.wake_at(at), None, "it is told when the probe has ended");

    shard.ended(id, failure(Fault::Unknown), at);
    assert!(shard.take_weather_changed());
    assert_eq!(other.wake_at(at), Some(at + 2 * SECOND));
    assert!(start(&mut other, at).is_none());
}

#[test]
fn a_probe_that_succeeds_lets_all_go_on_with_their_attempts_unspent() {
    let (mut shard, mut other, now) = storm(&[SECOND]);
    deliver(&mut other, routed("new", 10));
    assert!(start(&mut other, now).is_none());
    let at = now + SECOND;
    let id = probe(&mut other, at);
    assert!(matches!(other.storms.take_news()[..], [PipelineEvent::StormBegan { destination: "handler" }]));
    other.ended(id, Outcome::Handled, at);
    assert_eq!(sequences(&other.settled().finished), [10]);
    let news = other.storms.take_news();
    assert!(matches!(news[..], [PipelineEvent::StormEnded { lasted: SECOND, .. }]), "{news:?}");

    shard.unpark(at + SECOND);
    let attempts: Vec<_> = KEYS.iter().map(|_| attempt(&mut shard).1).collect();
    // That of the failure by which the storm began did not count.
    assert_eq!(attempts.iter().filter(|attempt| **attempt == 2).count(), 9);
    assert_eq!(attempts.iter().filter(|attempt| **attempt == 1).count(), 1);
}

#[test]
fn a_probe_that_fails_for_good_is_dead_lettered_and_another_key_probes_at_once() {
    let (mut shard, _, now) = storm(&[SECOND]);
    let at = now + 2 * SECOND;
    shard.unpark(at);
    let first = probe(&mut shard, at);
    shard.ended(first, failure(Fault::Permanent), at);
    let (dead, verdict) = dead_letter(&mut shard);
    // A little later: another shard would go before it.
    assert_ne!(probe(&mut shard, at + SECOND / 100), first);
    assert_eq!((dead, verdict.failure.fault), (first, Fault::Permanent));
}

#[test]
fn a_probe_that_is_cut_off_or_only_waits_for_a_claim_is_followed_by_another() {
    let (mut shard, mut other, now) = storm(&[SECOND]);
    deliver(&mut other, routed("new", 10));
    assert!(start(&mut other, now).is_none());
    let at = now + SECOND;
    probe(&mut other, at);
    other.cut(None, at, &mut Vec::new());
    assert!(other.take_weather_changed());

    shard.unpark(now + 2 * SECOND);
    let id = probe(&mut shard, now + 2 * SECOND);
    let fault = Fault::Transient { retry_after: Some(7 * SECOND) };
    let held = Failure { fault, counts_attempt: false, stage: "handler", reason: "held".into() };
    shard.ended(id, Outcome::Failed(Box::new(held)), now + 2 * SECOND);
    assert_ne!(probe(&mut shard, now + 3 * SECOND), id);
}

#[test]
fn a_full_lane_is_left_alone_in_a_storm() {
    let config = PipelineConfig::new().with_records_max(256).with_retry(RetryPolicy::new([60 * SECOND]));
    let (mut shard, now) = (configured(config), Instant::now());
    for (key, offset) in KEYS.into_iter().zip(0..) {
        deliver(&mut shard, routed(key, offset));
    }
    let running: Vec<_> = KEYS.iter().map(|_| attempt(&mut shard).0).collect();
    for id in running {
        shard.ended(id, failure(TRANSIENT), now);
    }
    for offset in 10..100 {
        deliver(&mut shard, routed("a", offset));
    }
    assert!(start(&mut shard, now).is_none());
}

#[test]
fn paused_it_starts_nothing_and_asks_for_no_timer() {
    let (mut shard, _, now) = storm(&[]);
    shard.pause();
    assert_eq!(shard.wake_at(now), None);
    assert!(start(&mut shard, now + SECOND).is_none());
    assert!(shard.deliver_or_start(routed("new", 10), Destination::default(), &now).is_none());
    shard.resume();
    assert!(start(&mut shard, now + SECOND).is_some());
}
