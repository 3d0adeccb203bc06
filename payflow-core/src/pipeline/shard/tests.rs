use super::*;
use crate::consumer::AckToken;
use crate::error::{Error, Fault};
use crate::record::{Content, Headers, Topic};

const SECOND: Duration = Duration::from_secs(1);

fn routed(key: &'static str, offset: i64) -> Routed {
    let delivery = Delivery {
        token: AckToken::new(0, 0, offset),
        topic: Topic::parse("t").unwrap(),
        partition: 0,
        offset,
        timestamp_ms: None,
        content: Content::new(Some(key.as_bytes()), Some(b"12345"), &Headers::new()),
    };
    let delivery = Arc::new(delivery);
    // Another for each key of one letter.
    Routed { hash: key.bytes().map(u64::from).sum(), delivery }
}

fn shard(delays: &[Duration]) -> (Shard, Instant) {
    (configured(PipelineConfig::new().with_retry(RetryPolicy::new(delays.to_vec()))), Instant::now())
}

fn configured(config: PipelineConfig) -> Shard {
    let storms = StormWatch::new(config.storm.clone());
    storms.destination("handler");
    Shard::new(&config, storms, 1)
}

fn deliver(shard: &mut Shard, routed: Routed) {
    shard.deliver(routed, Destination::default(), Instant::now());
}

/// The next that starts: what is new first.
fn start(shard: &mut Shard, now: Instant) -> Option<(EntryId, Work, Arc<Delivery>)> {
    shard.start(Class::First, now).or_else(|| shard.start(Class::Again, now))
}

/// Started work did not end at once, and its time runs.
fn seat(shard: &mut Shard, id: EntryId, seat: usize, now: Instant) {
    shard.seated(id, seat);
    shard.times(now);
}

fn failure(fault: Fault) -> Outcome {
    Outcome::Failed(Box::new(Failure::new(fault, "handler", "no".into())))
}

const TRANSIENT: Fault = Fault::Transient { retry_after: None };

fn attempt(shard: &mut Shard) -> (EntryId, u32) {
    match start(shard, Instant::now()) {
        Some((id, Work::Handle { attempt }, _)) => (id, attempt),
        other => panic!("{other:?}"),
    }
}

fn dead_letter(shard: &mut Shard) -> (EntryId, Box<Verdict>) {
    match start(shard, Instant::now()) {
        Some((id, Work::DeadLetter(verdict), _)) => (id, verdict),
        other => panic!("{other:?}"),
    }
}

fn sequences(tokens: &[AckToken]) -> Vec<i64> {
    tokens.iter().map(|token| token.sequence()).collect()
}

#[test]
fn a_retry_holds_its_lane_only_and_comes_when_it_is_due() {
    let (mut shard, now) = shard(&[SECOND]);
    for (key, offset) in [("a", 0), ("a", 1), ("b", 2)] {
        deliver(&mut shard, routed(key, offset));
    }
    let (first, _) = attempt(&mut shard);
    shard.ended(first, failure(TRANSIENT), now);
    let (other, _) = attempt(&mut shard);
    assert_eq!(shard.lanes.get(other).unwrap().delivery().offset, 2);
    assert!(start(&mut shard, now).is_none());

    let due = shard.wake_at(now).unwrap();
    shard.unpark(due - Duration::from_millis(1));
    assert!(start(&mut shard, now).is_none());
    shard.unpark(due);
    assert_eq!(attempt(&mut shard), (first, 2));
    shard.ended(first, Outcome::Handled, due);
    assert_eq!(sequences(&shard.settled().finished), [0]);
}

#[test]
fn attempts_used_up_lead_to_a_dead_letter_that_is_awaited() {
    let (mut shard, now) = shard(&[]);
    deliver(&mut shard, routed("a", 0));
    deliver(&mut shard, routed("a", 1));
    let (first, _) = attempt(&mut shard);
    shard.ended(first, failure(Fault::Unknown), now);
    let (same, verdict) = dead_letter(&mut shard);
    assert_eq!((same, verdict.failure.fault, verdict.attempts), (first, Fault::Unknown, 1));
    assert!(start(&mut shard, now).is_none(), "the next of the key waits for the dead letter");
    assert!(shard.settled().finished.is_empty());
    shard.ended(first, Outcome::DeadLettered, now);
    assert_eq!(sequences(&shard.settled().finished), [0]);
    attempt(&mut shard);
}

#[test]
fn an_outcome_that_was_once_unknown_stays_so_in_the_dead_letter() {
    let (mut shard, now) = shard(&[SECOND]);
    deliver(&mut shard, routed("a", 0));
    let (id, _) = attempt(&mut shard);
    shard.ended(id, failure(Fault::Unknown), now);
    shard.unpark(now + 2 * SECOND);
    let (id, _) = attempt(&mut shard);
    shard.ended(id, failure(Fault::Permanent), now + 2 * SECOND);
    assert_eq!(dead_letter(&mut shard).1.failure.fault, Fault::Unknown);
}

#[test]
fn a_dead_letter_that_fails_is_published_again_without_end() {
    let (mut shard, mut now) = shard(&[]);
    deliver(&mut shard, routed("a", 0));
    let (id, _) = attempt(&mut shard);
    shard.ended(id, failure(Fault::Permanent), now);
    for failures in 0..40 {
        let (id, verdict) = dead_letter(&mut shard);
        assert_eq!(verdict.failures, failures);
        shard.ended(id, Outcome::NotDeadLettered(Box::new(Error::permanent("publish"))), now);
        let due = shard.wake_at(now).unwrap();
        assert!(due - now <= Duration::from_secs(36));
        now = due;
        shard.unpark(now);
    }
    assert!(shard.settled().finished.is_empty());
}

#[test]
fn waiting_for_a_holder_uses_up_no_attempt() {
    let (mut shard, mut now) = shard(&[]);
    deliver(&mut shard, routed("a", 0));
    for _ in 0..10 {
        let (id, number) = attempt(&mut shard);
        assert_eq!(number, 1);
        let fault = Fault::Transient { retry_after: Some(7 * SECOND) };
        let held = Failure { fault, counts_attempt: false, stage: "handler", reason: "held".into() };
        shard.ended(id, Outcome::Failed(Box::new(held)), now);
        assert_eq!(shard.wake_at(now).unwrap() - now, 7 * SECOND);
        now += 7 * SECOND;
        shard.unpark(now);
    }
}

#[test]
fn an_attempt_without_outcome_times_out_as_unknown_and_its_future_is_dropped() {
    let (mut shard, now) = shard(&[]);
    deliver(&mut shard, routed("a", 0));
    let (id, _) = attempt(&mut shard);
    seat(&mut shard, id, 5, now);
    let mut vacated = Vec::new();
    shard.expire(now + 29 * SECOND, &mut vacated);
    assert!(vacated.is_empty());
    shard.expire(now + 30 * SECOND, &mut vacated);
    assert_eq!(vacated, [(5, Class::First)]);
    let (_, verdict) = dead_letter(&mut shard);
    assert_eq!((verdict.failure.fault, verdict.failure.stage), (Fault::Unknown, "timeout"));
}

#[test]
fn a_deadline_of_an_earlier_attempt_does_not_end_a_later_one() {
    let (mut shard, now) = shard(&[SECOND]);
    deliver(&mut shard, routed("a", 0));
    let (id, _) = attempt(&mut shard);
    seat(&mut shard, id, 1, now);
    shard.ended(id, failure(TRANSIENT), now + 28 * SECOND);
    shard.unpark(now + 30 * SECOND);
    let (id, _) = attempt(&mut shard);
    seat(&mut shard, id, 2, now + 30 * SECOND);
    let mut vacated = Vec::new();
    shard.expire(now + 31 * SECOND, &mut vacated);
    assert!(vacated.is_empty());
    shard.expire(now + 60 * SECOND, &mut vacated);
    assert_eq!(vacated, [(2, Class::Again)]);
}

#[test]
fn stopping_gives_up_what_waits_and_lets_what_runs_finish() {
    let (mut shard, now) = shard(&[SECOND]);
    for (key, offset) in [("a", 0), ("a", 1), ("b", 2), ("c", 3), ("d", 4)] {
        deliver(&mut shard, routed(key, offset));
    }
    let running = [attempt(&mut shard).0, attempt(&mut shard).0, attempt(&mut shard).0];
    shard.ended(running[1], failure(TRANSIENT), now);
    shard.stop(Some(0));
    assert_eq!(sequences(&shard.settled().given_up), [1, 2, 4]);

    shard.ended(running[0], Outcome::Handled, now);
    assert_eq!(sequences(&shard.settled().finished), [0]);
    shard.ended(running[2], failure(Fault::Permanent), now);
    assert_eq!(
        sequences(&shard.settled().given_up),
        [1, 2, 4, 3],
        "failed while stopping: the next owner tries it"
    );
    assert!(shard.is_empty());
    assert_eq!(shard.settled().bytes, 5 * 6);
}

#[test]
fn cutting_gives_up_what_runs_and_ignores_its_late_end() {
    let (mut shard, now) = shard(&[]);
    deliver(&mut shard, routed("a", 0));
    let (id, _) = attempt(&mut shard);
    seat(&mut shard, id, 9, now);
    let mut vacated = Vec::new();
    shard.cut(None, now, &mut vacated);
    assert_eq!(vacated, [(9, Class::First)]);
    assert_eq!(sequences(&shard.settled().given_up), [0]);
    shard.ended(id, Outcome::Handled, now);
    assert!(shard.settled().finished.is_empty());
}

#[test]
fn deadlines_are_bounded_by_what_is_held() {
    let (mut shard, now) = shard(&[]);
    let mut vacated = Vec::new();
    let enter = |shard: &mut Shard, key, offset, now| {
        let direct = shard.deliver_or_start(routed(key, offset), Destination::default(), &now).unwrap();
        let id = shard.enter(direct, 0, now);
        shard.times(now);
        id
    };
    enter(&mut shard, "slow", 0, now);
    let second = enter(&mut shard, "second", 1, now + SECOND);
    for n in 2..100_000 {
        let id = enter(&mut shard, "quick", n, now);
        shard.ended(id, Outcome::Handled, now);
        shard.expire(now, &mut vacated);
    }
    assert!(shard.deadlines.len() < 1_000, "{} deadlines for 2 running", shard.deadlines.len());

    // Each still has its own.
    shard.expire(now + 30 * SECOND, &mut vacated);
    assert_eq!(vacated.len(), 1);
    assert!(shard.lanes.get(second).unwrap().is_running());
    shard.expire(now + 31 * SECOND, &mut vacated);
    assert_eq!(vacated.len(), 2);
}

#[test]
fn a_lane_that_fills_its_share_behind_a_retry_has_its_head_dead_lettered() {
    let config = PipelineConfig::new().with_records_max(256).with_retry(RetryPolicy::new([60 * SECOND; 5]));
    let (mut shard, now) = (configured(config), Instant::now());
    for offset in 0..31 {
        deliver(&mut shard, routed("a", offset));
    }
    let (first, _) = attempt(&mut shard);
    shard.ended(first, failure(TRANSIENT), now);
    assert!(start(&mut shard, now).is_none(), "31 of 32 leave it its time");
    deliver(&mut shard, routed("a", 31));
    let (same, verdict) = dead_letter(&mut shard);
    assert_eq!((same, verdict.failure.stage, verdict.attempts), (first, "lane full", 1));
    assert!(verdict.failure.reason.ends_with("last, handler: no"), "{}", verdict.failure.reason);
    shard.ended(first, Outcome::DeadLettered, now);

    let (second, _) = attempt(&mut shard);
    shard.ended(second, failure(TRANSIENT), now);
    assert!(start(&mut shard, now).is_none(), "with 31 there is time again");
    assert!(shard.wake_at(now).is_some_and(|at| at > now + 40 * SECOND));
}

#[test]
fn a_head_that_fails_in_a_full_lane_is_not_tried_again() {
    let config = PipelineConfig::new().with_records_max(256).with_retry(RetryPolicy::new([60 * SECOND; 5]));
    let (mut shard, now) = (configured(config), Instant::now());
    deliver(&mut shard, routed("a", 0));
    let (first, _) = attempt(&mut shard);
    for offset in 1..32 {
        deliver(&mut shard, routed("a", offset));
    }
    assert!(start(&mut shard, now).is_none(), "one that runs is let run");
    shard.ended(first, failure(TRANSIENT), now);
    assert_eq!(dead_letter(&mut shard).1.failure.stage, "lane full");
}

#[test]
fn what_is_parked_is_bounded_by_what_is_held() {
    let config =
        PipelineConfig::new().with_records_max(256).with_retry(RetryPolicy::new([3_600 * SECOND; 5]));
    let (mut shard, now) = (configured(config), Instant::now());
    for offset in 0..32 {
        deliver(&mut shard, routed("a", offset));
    }
    // The lane is full but for one: each that comes has the head set aside that waits.
    for offset in 32..20_000 {
        while let Some((id, work, _)) = start(&mut shard, now) {
            let outcome = match work {
                Work::Handle { .. } => failure(TRANSIENT),
                Work::DeadLetter(_) => Outcome::DeadLettered,
            };
            shard.ended(id, outcome, now);
            let _ = shard.settled().finished.drain(..);
        }
        deliver(&mut shard, routed("a", offset));
    }
    assert!(
        shard.parked.len() < 1_000,
        "{} times to wake for {} held",
        shard.parked.len(),
        shard.lanes.len()
    );
}

#[test]
fn a_lane_that_grows_old_by_what_others_bring_is_relieved_though_nothing_comes_for_it() {
    let config = PipelineConfig::new().with_retry(RetryPolicy::new([3_600 * SECOND; 5]));
    let (mut shard, now) = (configured(config), Instant::now());
    for offset in 0..30 {
        deliver(&mut shard, routed("a", offset));
    }
    let (head, _) = attempt(&mut shard);
    shard.ended(head, failure(TRANSIENT), now);
    shard.newest(0, 8_191);
    assert!(start(&mut shard, now).is_none());
    shard.newest(1, 100_000);
    assert!(start(&mut shard, now).is_none(), "that is of another partition");

    let mut set_aside = 0;
    shard.newest(0, 8_192 + 29);
    while let Some((id, work, _)) = start(&mut shard, now) {
        let outcome = match work {
            Work::Handle { .. } => failure(TRANSIENT),
            Work::DeadLetter(_) => {
                set_aside += 1;
                Outcome::DeadLettered
            }
        };
        shard.ended(id, outcome, now);
    }
    assert_eq!(set_aside, 11, "down to 19, which may be old");

    shard.stop(Some(0));
    shard.cut(Some(0), now, &mut Vec::new());
    for offset in 0..30 {
        deliver(&mut shard, routed("a", offset));
    }
    let (head, _) = attempt(&mut shard);
    shard.ended(head, failure(TRANSIENT), now);
    assert!(start(&mut shard, now).is_none(), "what was known is of the partition that went");
}

mod weather;
