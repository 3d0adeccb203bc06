use std::collections::BTreeSet;

use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;

/// Beside bits and runs: how many runs there are, of which an old unfinished offset makes two at the most.
const COUNT_BYTES_MAX: usize = 3;

/// From a watermark on, runs that are unfinished and finished in turn.
fn of_runs(watermark: i64, runs: &[u64]) -> FinishedBeyond {
    let mut finished = FinishedBeyond::none();
    let mut at = watermark;
    for (run, length) in runs.iter().enumerate() {
        let until = at.checked_add_unsigned(*length).unwrap();
        if run % 2 == 1 {
            finished.push(at..until);
        }
        at = until;
    }
    finished
}

/// Unfinished ones that are older than the last `window` offsets of these runs.
fn old_unfinished(runs: &[u64], window: u64) -> u64 {
    let runs = &runs[..runs.len() / 2 * 2];
    let split = runs.iter().sum::<u64>().saturating_sub(window);
    let (mut old, mut at) = (0, 0);
    for (run, length) in runs.iter().enumerate() {
        if run % 2 == 0 {
            old += (at + length).min(split) - at.min(split);
        }
        at += length;
    }
    old
}

/// What the bound leaves: how far above "6 for each old one, and a bit for each young one" it comes.
fn above_the_bound(runs: &[u64], window: u64) -> i64 {
    let body = body(of_runs(0, runs).ranges(), 0, window);
    let bound = OLD_BYTES * old_unfinished(runs, window) + window.div_ceil(8);
    body.len() as i64 - bound as i64
}

fn a_run() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 1..4_u64, 4 => 1..200_u64, 2 => 1..20_000_u64, 1 => 1..=(1_u64 << 40)]
}

fn some_finished() -> impl Strategy<Value = (i64, FinishedBeyond)> {
    let watermark = prop_oneof![0..100_i64, any::<i64>().prop_map(|any| any / 2)];
    (watermark, prop::collection::vec(a_run(), 0..600)).prop_map(|(at, runs)| (at, of_runs(at, &runs)))
}

fn text(watermark: i64, runs: &[u64]) -> String {
    let metadata = of_runs(watermark, runs).encode(watermark);
    assert_eq!(metadata.left_out, 0);
    metadata.text
}

#[test]
fn the_text_is_of_this_form() {
    assert_eq!(text(10, &[]), "");
    assert_eq!(text(10, &[1, 1, 2, 1]), "payflow.Ab3_mKcAEg");
    let every_second = text(0, &[1; 40]);
    assert_eq!(every_second, "payflow.Ac8ulusAqqqqqqo");
    assert_eq!(FinishedBeyond::decode(0, &every_second).unwrap().ranges().len(), 20);
}

proptest! {
    #[test]
    fn what_is_encoded_is_read_again((watermark, finished) in some_finished()) {
        let CommitMetadata { text, left_out } = finished.encode(watermark);
        prop_assert!(text.len() <= TEXT_MAX && text.is_ascii());
        let read = FinishedBeyond::decode(watermark, &text).unwrap();
        let kept = &finished.ranges()[..read.ranges().len()];
        prop_assert_eq!(read.ranges(), kept);
        let missing = finished.ranges()[kept.len()..].iter().map(|range| range.end.abs_diff(range.start));
        prop_assert_eq!(left_out, missing.sum::<u64>());
    }

    /// Without it, the search for what finds room could stop too early.
    #[test]
    fn more_ranges_are_never_fewer_bytes(runs in prop::collection::vec(a_run(), 0..120)) {
        let finished = of_runs(0, &runs);
        let lengths = (0..finished.ranges().len()).map(|kept| body(&finished.ranges()[..kept], 0, WINDOW).len());
        prop_assert!(lengths.is_sorted());
    }

    #[test]
    fn what_lies_below_the_watermark_is_not_told_of((watermark, finished) in some_finished(), by in 0..1_000_i64) {
        let later = watermark + by;
        let read = FinishedBeyond::decode(later, &finished.encode(later).text).unwrap();
        let told = finished.ranges().iter().map(|range| range.start.max(later)..range.end);
        let told: Vec<_> = told.filter(|range| !range.is_empty()).collect();
        prop_assert!(told.starts_with(read.ranges()));
    }

    #[test]
    fn any_text_is_read_without_a_panic(watermark in any::<i64>(), text in "(payflow\\.)?[A-Za-z0-9_+/=-]{0,60}|.{0,40}") {
        let _ = FinishedBeyond::decode(watermark, &text);
    }

    /// As if somebody had forged the checksum.
    #[test]
    fn any_body_is_read_without_a_panic(watermark in any::<i64>(), body in prop::collection::vec(any::<u8>(), 0..80)) {
        if let Some(finished) = read(&body, watermark) {
            let ranges = finished.ranges();
            prop_assert!(ranges.iter().all(|range| range.start < range.end && range.start >= watermark));
            prop_assert!(ranges.windows(2).all(|two| two[0].end < two[1].start));
        }
    }

    /// As a later payflow, or a forger, could write it: in the right frame, with the right checksum.
    #[test]
    fn no_version_but_ours_is_read_whatever_is_in_it(
        watermark in any::<i64>(),
        version in prop_oneof![Just(VERSION), any::<u8>()],
        rest in prop::collection::vec(any::<u8>(), 0..80),
        is_summed in any::<bool>(),
    ) {
        let sum = checksum(watermark, &rest).to_le_bytes();
        let sum = if is_summed { &sum[..] } else { &[] };
        let bytes = [&[version], sum, &rest].concat();
        let read = FinishedBeyond::decode(watermark, &format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)));
        if version != VERSION {
            prop_assert_eq!(read, Err(InvalidMetadata::Version(version)));
        } else if let Ok(finished) = read {
            // A mirror of the group would commit it on.
            let _ = finished.encode(watermark);
        }
    }
}

/// Every set there is, with a window of a byte: each subset of 17 offsets, and each young part behind old runs of
/// all the lengths at which a run's bytes change.
#[test]
fn no_set_passes_the_bound_with_a_small_window() {
    const SMALL: u64 = 8;
    const LENGTHS: [u64; 9] = [1, 2, 127, 128, (1 << 14) - 1, 1 << 14, (1 << 21) - 1, 1 << 21, (1 << 35) - 1];
    let runs_of = |set: u32| {
        let mut runs = Vec::new();
        let mut bits = set;
        while bits != 0 {
            for run in [bits.trailing_zeros(), (bits >> bits.trailing_zeros()).trailing_ones()] {
                runs.push(u64::from(run));
                bits >>= run;
            }
        }
        runs
    };
    let mut most = i64::MIN;
    for set in 0..1 << 17 {
        // The watermark itself is unfinished.
        most = most.max(above_the_bound(&runs_of(set << 1), SMALL));
    }
    for young in (1 << 7)..1 << 8 {
        let young = runs_of(young);
        for old in 0..LENGTHS.len().pow(4) {
            let lengths = (0..4).map(|place| LENGTHS[old / LENGTHS.len().pow(place) % LENGTHS.len()]);
            let mut runs: Vec<u64> = lengths.collect();
            // It may begin with what continues the last old run.
            if young[0] == 0 {
                runs[3] += young[1];
                runs.extend(&young[2..]);
            } else {
                runs.extend(&young);
            }
            if runs.iter().all(|run| *run < 1 << 35) {
                most = most.max(above_the_bound(&runs, SMALL));
            }
        }
    }
    assert_eq!(most, 1, "it is reached, by the one byte that counts the runs");
}

#[test]
fn no_climb_passes_the_bound_with_the_real_window() {
    let mut random = Random(5);
    let mut most = i64::MIN;
    for _ in 0..3 {
        // Old ones, and young ones for which bits are shorter than runs.
        let height =
            |old: &[[u64; 2]]| above_the_bound(&[old.as_flattened(), &[1; WINDOW as usize]].concat(), WINDOW);
        let mut old: Vec<[u64; 2]> = (0..=random.below(200)).map(|_| random.runs()).collect();
        let mut reached = height(&old);
        for _ in 0..1_500 {
            let mut other = old.clone();
            for _ in 0..=random.below(4) {
                let at = random.below(other.len() as u64) as usize;
                match random.below(8) {
                    0 => other.insert(at, random.runs()),
                    1 if other.len() > 1 => drop(other.remove(at)),
                    _ => other[at] = random.runs(),
                }
            }
            let higher = height(&other);
            assert!(higher <= COUNT_BYTES_MAX as i64, "{higher} by {other:?}");
            if higher >= reached {
                (old, reached) = (other, higher);
            }
        }
        most = most.max(reached);
    }
    assert!(most >= 1, "a climb that reaches only {most} has not searched");
}

/// A third of what there is room for is old, as runs that cost six bytes each.
#[test]
fn the_most_that_a_partition_may_come_to_need_finds_room() {
    let old = (3_000 - WINDOW / 8).div_ceil(OLD_BYTES);
    let mut runs: Vec<u64> = (0..old).flat_map(|_| [1, (1 << 35) - 1]).collect();
    runs.extend([1; WINDOW as usize]);
    let CommitMetadata { text, left_out } = of_runs(0, &runs).encode(0);
    assert_eq!(left_out, 0);
    assert!((4_000..=TEXT_MAX).contains(&text.len()), "{}", text.len());
}

#[test]
fn what_finds_no_room_is_left_out_from_the_far_end() {
    let finished = of_runs(0, &[1; 1_000_000]);
    let CommitMetadata { text, left_out } = finished.encode(0);
    assert!((4_000..=TEXT_MAX).contains(&text.len()), "{}", text.len());
    let read = FinishedBeyond::decode(0, &text).unwrap();
    assert_eq!(read.ranges().len() as u64 + left_out, 500_000);
    assert_eq!(read.ranges(), &finished.ranges()[..read.ranges().len()]);
    assert!(left_out < 500_000 - WINDOW / 2, "{left_out}");

    let far_apart = of_runs(0, &[u64::MAX >> 3, 1, u64::MAX >> 3, 1]);
    assert_eq!(far_apart.encode(0).left_out, 0);
}

/// Texts of each kind: runs alone, bits alone, both.
fn texts() -> Vec<(i64, String)> {
    let both: Vec<u64> = [[1, 90_000], [40_000, 3]].concat().into_iter().chain([1; 10_000]).collect();
    let texts = [vec![1, 1], vec![1, 1_000_000], vec![3, 5, 200, 70_000, 1, 1], vec![1; 300], both];
    texts.into_iter().map(|runs| (77, text(77, &runs))).collect()
}

#[test]
fn a_part_of_a_text_is_damaged() {
    for (watermark, text) in texts() {
        for length in 0..text.len() {
            let expected = match length {
                0 => Ok(FinishedBeyond::none()),
                _ if length < PREFIX.len() => Err(InvalidMetadata::Foreign),
                _ => Err(InvalidMetadata::Damaged),
            };
            assert_eq!(FinishedBeyond::decode(watermark, &text[..length]), expected, "{length} of {text}");
        }
        for more in ["A", "AA", "AAA", "AAAA", "=", " ", "\0"] {
            assert!(FinishedBeyond::decode(watermark, &format!("{text}{more}")).is_err());
        }
    }
}

#[test]
fn a_text_with_any_bit_or_character_changed_is_refused() {
    for (watermark, text) in texts() {
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            let others: BTreeSet<u8> = if text.len() < 500 {
                b"-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz.+/= "
                    .iter()
                    .copied()
                    .collect()
            } else {
                (0..7).map(|bit| bytes[at] ^ (1 << bit)).collect()
            };
            for other in others.into_iter().filter(|other| *other != text.as_bytes()[at]) {
                bytes[at] = other;
                let changed = std::str::from_utf8(&bytes).unwrap();
                let read = FinishedBeyond::decode(watermark, changed);
                assert!(read.is_err(), "{at} of {text} as {}: {read:?}", char::from(other));
            }
        }
    }
}

#[test]
fn a_text_that_was_copied_to_another_offset_is_refused() {
    for (watermark, text) in texts() {
        for other in (0..500).chain([i64::MIN, i64::MAX, -77]).filter(|other| *other != watermark) {
            assert_eq!(FinishedBeyond::decode(other, &text), Err(InvalidMetadata::Damaged));
        }
    }
}

#[test]
fn texts_of_other_programs_are_foreign() {
    // As parallel-consumer writes runs and bits, and Kafka Streams a version and a time.
    let runs = STANDARD.encode([&b"e"[..], &[0, 0, 0, 1, 0, 0, 0, 5]].concat());
    let bits = STANDARD.encode([&b"o"[..], &[0, 0, 0, 16, 0xaa, 0x55]].concat());
    let streams = STANDARD.encode([&[2][..], &1_700_000_000_000_u64.to_be_bytes()].concat());
    for foreign in
        [&*runs, &bits, &streams, "consumer-1@host", "{}", "payflow", "Payflow.AQ", " payflow.AQ", "ä"]
    {
        assert_eq!(FinishedBeyond::decode(0, foreign), Err(InvalidMetadata::Foreign), "{foreign}");
    }
    let long = format!("{PREFIX}{}", "A".repeat(1 << 20));
    assert_eq!(FinishedBeyond::decode(0, &long), Err(InvalidMetadata::Damaged));
}

#[test]
fn a_later_version_is_named_and_not_read() {
    for (watermark, text) in texts() {
        let mut bytes = URL_SAFE_NO_PAD.decode(&text[PREFIX.len()..]).unwrap();
        for version in (0..=u8::MAX).filter(|version| *version != VERSION) {
            bytes[0] = version;
            let later = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&bytes));
            let refused = FinishedBeyond::decode(watermark, &later).unwrap_err();
            assert_eq!(refused, InvalidMetadata::Version(version));
            assert!(!refused.to_string().contains("payflow."), "{refused}");
        }
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    /// One that is unfinished and one that is finished, of any length below 2³⁵, short ones and full bytes rather often.
    fn runs(&mut self) -> [u64; 2] {
        let mut run = || {
            let bits = self.below(35);
            (1 << bits) + self.below(1 << bits)
        };
        let any = [run(), run()];
        let unfinished = if self.below(8) == 0 { any[0] } else { 1 + self.below(3) };
        let finished = if self.below(2) == 0 { any[1] } else { u64::MAX >> (64 - 7 * (1 + self.below(5))) };
        [unfinished, finished]
    }
}
