use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn guard() -> (StormGuard, Instant) {
    (StormGuard::new(StormPolicy::new()), Instant::now())
}

/// Records of so many keys fail.
fn fail(guard: &mut StormGuard, keys: u64, now: Instant) {
    for key in 0..keys {
        guard.failed(key, now);
    }
}

#[test]
fn ten_keys_in_a_row_are_a_storm_and_nine_are_not() {
    let (mut guard, now) = guard();
    fail(&mut guard, 9, now);
    assert!(!guard.is_on());
    guard.succeeded(1);
    fail(&mut guard, 9, now);
    assert!(!guard.is_on(), "a success begins a new run");
    assert!(guard.failed(9, now));
    assert!(guard.is_on());
    assert!(!guard.failed(10, now), "it is on already");
}

#[test]
fn one_key_that_fails_for_ever_is_no_storm_whatever_succeeds_beside_it() {
    let (mut guard, now) = guard();
    for attempt in 0..10_000 {
        assert!(!guard.failed(7, now));
        guard.succeeded(attempt % 2);
    }
}

#[test]
fn half_of_the_last_hundred_attempts_are_a_storm_although_some_succeed() {
    let (mut guard, now) = guard();
    let mut pairs = 0;
    while !guard.is_on() {
        guard.succeeded(1);
        guard.failed(pairs, now);
        pairs += 1;
        assert!(pairs <= 50);
    }
    assert_eq!(pairs, 50);
}

/// As when one of two servers behind one address is down.
#[test]
fn however_long_all_was_well_an_outage_of_half_is_soon_a_storm() {
    for well in [0, 1, 99, 100, 199, 1_000, 1_000_000] {
        for pattern in ["SF", "FS", "SFSFF", "SSFFFFSFSFSFF"] {
            let (mut guard, now) = guard();
            (0..well).for_each(|_| guard.succeeded(1));
            guard.succeeded(well);
            let mut outcomes = pattern.chars().cycle().zip(0..);
            while !guard.is_on() {
                let (outcome, attempt) = outcomes.next().unwrap();
                assert!(attempt <= 202, "{pattern} after {well}");
                match outcome {
                    'S' => guard.succeeded(1),
                    _ => drop(guard.failed(attempt, now)),
                }
            }
        }
    }
}

#[test]
fn one_failure_in_three_is_no_storm() {
    let (mut guard, now) = guard();
    for key in 0..10_000 {
        guard.succeeded(2);
        guard.failed(key, now);
    }
    assert!(!guard.is_on());
}

#[test]
fn probes_come_one_at_a_time_and_their_pauses_double_up_to_30_s() {
    let (mut guard, start) = guard();
    fail(&mut guard, 10, start);
    let mut now = start;
    let mut pauses = Vec::new();
    for _ in 0..7 {
        let at = guard.probe_at(9).unwrap();
        assert!(!guard.take_probe(9, at - Duration::from_nanos(1)));
        let own = guard.probe_at(0).unwrap();
        assert!(own - at <= COURTESY);
        assert!(guard.take_probe(0, own));
        assert!(!guard.take_probe(9, at + 100 * SECOND), "one at a time");
        assert_eq!(guard.probe_at(9), None);
        pauses.push((at - now).as_secs());
        now = at;
        assert!(!guard.probed(Probed::Failed, now));
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
}

#[test]
fn a_probe_that_succeeds_ends_the_storm_and_all_counts_begin_anew() {
    let (mut guard, now) = guard();
    fail(&mut guard, 10, now);
    guard.succeeded(1_000);
    assert!(guard.is_on(), "what ran before the storm says nothing");
    assert!(guard.take_probe(0, now + SECOND));
    assert!(guard.probed(Probed::Succeeded, now + SECOND));
    assert!(!guard.is_on());
    fail(&mut guard, 9, now);
    assert!(!guard.is_on());
}

#[test]
fn a_probe_that_says_nothing_is_followed_by_another_at_once() {
    let (mut guard, now) = guard();
    fail(&mut guard, 10, now);
    assert!(guard.take_probe(0, now + SECOND));
    guard.probed(Probed::Inconclusive, now + SECOND);
    assert!(guard.take_probe(1, now + SECOND));
}

#[test]
fn each_shard_gets_its_turn_to_probe() {
    let (mut guard, mut now) = guard();
    fail(&mut guard, 10, now);
    let mut probes = [0; 3];
    for _ in 0..30 {
        // All three wait, and the first to be due takes it: the lowest number, were there no turns.
        let shard = (0..3).min_by_key(|shard| guard.probe_at(*shard)).unwrap();
        now = guard.probe_at(shard).unwrap();
        assert!(guard.take_probe(shard, now));
        probes[shard as usize] += 1;
        guard.probed(Probed::Failed, now);
    }
    assert_eq!(probes, [10, 10, 10]);
}

#[test]
fn keys_that_failed_before_a_storm_count_again_after_it() {
    let (mut guard, now) = guard();
    fail(&mut guard, 10, now);
    assert!(guard.take_probe(0, now + SECOND));
    guard.probed(Probed::Succeeded, now + SECOND);
    fail(&mut guard, 10, now);
    assert!(guard.is_on());
}

#[test]
fn off_is_never() {
    let mut guard = StormGuard::new(StormPolicy::off());
    fail(&mut guard, 10_000, Instant::now());
    assert!(!guard.is_on());
}

#[test]
fn what_cannot_work_is_refused() {
    let new = StormPolicy::new;
    assert_eq!(new().problem(), None);
    assert_eq!(StormPolicy::off().problem(), None);
    for wrong in [
        new().with_keys(0),
        new().with_keys(10_001),
        new().with_share(0, 100),
        new().with_share(101, 100),
        new().with_share(50, 9),
        new().with_probes(Duration::ZERO, SECOND),
        new().with_probes(2 * SECOND, SECOND),
        new().with_probes(SECOND, Duration::MAX),
    ] {
        assert!(wrong.problem().is_some(), "{wrong:?}");
    }
}

#[derive(Debug, Clone)]
enum Step {
    Succeed(u64),
    Fail(u64),
    Probe(Probed),
    Advance(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let probed = prop::sample::select(vec![Probed::Succeeded, Probed::Failed, Probed::Inconclusive]);
    prop_oneof![
        (1..5_u64).prop_map(Step::Succeed),
        (0..20_u64).prop_map(Step::Fail),
        probed.prop_map(Step::Probe),
        (0..40_000_u64).prop_map(Step::Advance),
    ]
}

proptest! {
    /// A storm begins only as the policy says, is never without a next probe, and ends only by one.
    #[test]
    fn a_storm_begins_for_a_reason_and_ends_by_a_probe(steps in prop::collection::vec(step(), 1..300)) {
        let (mut guard, mut now) = guard();
        let mut failing = BTreeSet::new();
        let (mut attempts, mut failures) = (0, 0_u64);
        let mut probes = 0;
        for step in steps {
            let was_on = guard.is_on();
            match step {
                Step::Succeed(count) => {
                    guard.succeeded(count);
                    if !was_on { failing.clear(); attempts += count; }
                }
                Step::Fail(record) => {
                    let begins = guard.failed(record, now);
                    if !was_on { failing.insert(record); attempts += 1; failures += 1; }
                    prop_assert_eq!(begins, !was_on && guard.is_on());
                    if failing.len() >= 10 { prop_assert!(guard.is_on()); }
                    if begins {
                        prop_assert!(failing.len() >= 10 || (attempts >= 100 && failures >= 10));
                    }
                }
                Step::Probe(probed) => if guard.take_probe(0, now) {
                    probes += 1;
                    let ends = guard.probed(probed, now);
                    prop_assert_eq!(ends, probed == Probed::Succeeded);
                    if ends { failing.clear(); attempts = 0; failures = 0; }
                }
                Step::Advance(ms) => now += Duration::from_millis(ms),
            }
            if was_on && !guard.is_on() { prop_assert!(probes > 0); }
            if guard.is_on() {
                let at = guard.probe_at(0);
                prop_assert!(at.is_some_and(|at| at <= now + 31 * SECOND), "{at:?}");
            }
        }
    }
}
