//! What is finished beyond the watermark: what it costs, and what the next owner knows of it.

use super::*;

fn metadata(tracker: &OffsetTracker) -> CommitMetadata {
    tracker.finished_beyond().encode(tracker.watermark())
}

/// The next owner of the partition, after a commit.
fn resumed(tracker: &OffsetTracker) -> OffsetTracker {
    let (position, CommitMetadata { text, left_out }) = (tracker.watermark(), metadata(tracker));
    assert_eq!(left_out, 0);
    OffsetTracker::resume(position, FinishedBeyond::decode(position, &text).unwrap())
}

fn new_of(tracker: &mut OffsetTracker, offsets: impl IntoIterator<Item = i64>) -> Vec<i64> {
    offsets.into_iter().filter(|offset| tracker.receive(*offset) == Received::New).collect()
}

#[test]
fn what_was_finished_is_not_handed_over_again() {
    let mut first = tracker(5, 5..12);
    for offset in [6, 7, 10] {
        assert!(first.finish(offset));
    }
    let mut next = resumed(&first);
    assert_eq!(next.receive(4), Received::Repeated);
    assert_eq!(new_of(&mut next, 5..13), [5, 8, 9, 11, 12]);
    assert_eq!(next.receive(6), Received::Repeated);
    assert!(!next.finish(6) && !next.is_unfinished(7));
    for (offset, watermark) in [(5, 8), (9, 8), (8, 11), (12, 11), (11, 13)] {
        assert!(next.finish(offset));
        assert_eq!(next.watermark(), watermark);
    }
}

#[test]
fn what_has_not_come_again_survives_further_commits() {
    let mut first = tracker(0, 0..30);
    for offset in [3, 4, 9, 20, 21, 22, 29] {
        first.finish(offset);
    }
    let mut next = resumed(&first);
    assert_eq!(next.finished_beyond(), first.finished_beyond());
    for received in 0..30 {
        let _ = next.receive(received);
        assert_eq!(next.finished_beyond(), first.finished_beyond(), "{received}");
        let mut third = resumed(&next);
        assert_eq!(new_of(&mut third, 0..30).len(), 23);
    }
}

#[test]
fn the_watermark_passes_what_was_finished_before() {
    let mut next = OffsetTracker::resume(5, FinishedBeyond::decode(0, "").unwrap());
    assert_eq!(next.watermark(), 5);
    let mut first = tracker(5, 5..20);
    (6..20).for_each(|offset| assert!(first.finish(offset)));
    next = resumed(&first);
    assert_eq!(next.receive(5), Received::New);
    assert!(next.finish(5));
    assert_eq!((next.watermark(), next.position()), (20, 6), "nothing unfinished is below");
    assert_eq!(next.finished_beyond(), FinishedBeyond::none());
    assert_eq!(next.receive(19), Received::Finished);
    assert_eq!(next.receive(20), Received::New);
    assert_eq!(next.watermark(), 20);

    // Where the log begins later than the commit, what lies below is nobody's concern.
    let mut late = OffsetTracker::resume(12, first.finished_beyond());
    assert_eq!((late.watermark(), late.receive(11)), (20, Received::Repeated));
    late.end(30);
    assert_eq!((late.watermark(), late.finished_beyond()), (30, FinishedBeyond::none()));
}

#[test]
fn gaps_count_as_finished_and_shorten_runs() {
    let mut gapped = tracker(0, [0, 1, 3, 4, 1_000_000, 1_000_001]);
    for offset in [1, 3, 1_000_000] {
        gapped.finish(offset);
    }
    // 2 is a narrow gap, and what lies behind 4 a wide one.
    assert_eq!(gapped.finished_beyond().ranges(), [1..4, 5..1_000_001]);
    assert!(metadata(&gapped).text.len() < 30);
}

#[test]
fn a_million_finished_behind_a_stuck_head_are_a_few_bytes() {
    let mut stuck = tracker(0, 0..1_000_000);
    let mut costs = Vec::new();
    for offset in 1..1_000_000 {
        let before = stuck.bits.touched();
        assert!(stuck.finish(offset));
        costs.push(stuck.bits.touched() - before);
    }
    let tenth = |from: usize| costs[from..from + 100_000].iter().sum::<u64>();
    let (first, last) = (tenth(0), tenth(costs.len() - 100_000));
    assert!(
        first > 0 && first.abs_diff(last) * 10 <= first,
        "{first} words touched at first, {last} at last"
    );
    assert!(metadata(&stuck).text.len() < 40, "{}", metadata(&stuck).text);
    assert!(stuck.held_bytes() <= 160 << 10, "{}", stuck.held_bytes());
    assert_eq!(stuck.metadata_bytes_max(), 2_048 + 6, "only the head is old");

    // For the next owner they are as good as a gap.
    let mut next = resumed(&stuck);
    assert_eq!(new_of(&mut next, 0..1_000_001), [0, 1_000_000]);
    assert!(next.held_bytes() < 1_024, "{}", next.held_bytes());
}

#[test]
fn receiving_costs_the_same_behind_a_stuck_head() {
    let mut stuck = tracker(0, [0]);
    let mut cost = |offsets: Range<i64>| {
        let before = stuck.bits.touched();
        for offset in offsets {
            assert!(stuck.receive(offset) == Received::New && stuck.finish(offset));
        }
        stuck.bits.touched() - before
    };
    let (_, first, last) = (cost(1..100_000), cost(100_000..200_000), cost(900_000..1_000_000));
    assert!(
        first > 0 && first.abs_diff(last) * 10 <= first,
        "{first} words touched at first, {last} at last"
    );
}

#[test]
fn every_second_one_of_ten_thousand_in_flight_finds_room() {
    let mut flight = tracker(0, 0..10_000);
    for offset in (1..10_000).step_by(2) {
        flight.finish(offset);
    }
    assert!(flight.metadata_bytes_max() < OffsetTracker::METADATA_BYTES_MAX);
    assert_eq!(new_of(&mut resumed(&flight), 0..10_000).len(), 5_000);
    let text = metadata(&flight).text;
    assert!(text.len() < 1_700, "{}", text.len());

    // Behind a million that finished before them, too.
    let mut stuck = tracker(0, 0..1_010_000);
    (1..1_000_000).for_each(|offset| assert!(stuck.finish(offset)));
    (1_000_000..1_010_000).step_by(2).for_each(|offset| assert!(stuck.finish(offset)));
    assert_eq!(new_of(&mut resumed(&stuck), 0..1_010_000).len(), 5_001);
    assert!(metadata(&stuck).text.len() < 2_800);
}

#[test]
fn the_budget_counts_what_is_unfinished_and_old() {
    let window = encoding::WINDOW as i64;
    let mut stuck = tracker(0, 0..window);
    assert_eq!(stuck.metadata_bytes_max(), 2_048);
    for old in 1..=10 {
        assert_eq!(stuck.receive(window + old - 1), Received::New);
        assert_eq!(stuck.metadata_bytes_max(), 2_048 + 6 * old as u64);
    }
    assert!(stuck.finish(9) && stuck.finish(10));
    assert_eq!(stuck.metadata_bytes_max(), 2_048 + 6 * 9, "10 is young");
    for offset in 0..9 {
        assert!(stuck.finish(offset));
    }
    assert_eq!(stuck.metadata_bytes_max(), 2_048);

    // A wide gap makes all before it old, and nothing is left of it once they are finished.
    assert_eq!(stuck.receive(1 << 40), Received::New);
    let old = stuck.unfinished() - 1;
    assert_eq!(stuck.metadata_bytes_max(), 2_048 + 6 * old);
    for offset in 11..window + 10 {
        assert!(stuck.finish(offset));
    }
    assert_eq!((stuck.unfinished(), stuck.metadata_bytes_max()), (1, 2_048));
}

/// With the gap all before it is old at once. No more than the one record behind it may be forgotten.
#[test]
fn a_wide_gap_lets_nothing_before_it_be_forgotten() {
    for (received, gap) in [(8_192, 18_000), (16_000, 30_000), (16_000, 1 << 40)] {
        let mut flight = tracker(0, 0..received);
        (0..received).filter(|offset| *offset >= 4_000 || offset % 2 == 1).for_each(|offset| {
            flight.finish(offset);
        });
        assert_eq!(metadata(&flight).left_out, 0);
        assert!(flight.receive(gap) == Received::New && flight.finish(gap));
        assert!(flight.metadata_headroom_bytes() == 0, "nothing more is received");

        let text = metadata(&flight).text;
        let mut next = OffsetTracker::resume(0, FinishedBeyond::decode(0, &text).unwrap());
        let again = new_of(&mut next, 0..received);
        assert!(again.iter().copied().eq((0..4_000).step_by(2)), "{} come again", again.len());
        assert_eq!(new_of(&mut next, [gap, gap + 1]).len(), 2, "the one behind comes again");
    }
}

#[test]
fn so_many_are_unfinished_when_the_budget_is_used_up_and_no_more() {
    let mut full = OffsetTracker::new(0);
    while full.metadata_bytes_max() < OffsetTracker::METADATA_BYTES_MAX {
        let _ = full.receive(full.position());
    }
    assert_eq!(full.unfinished(), OffsetTracker::UNFINISHED_MAX as u64);
    assert_eq!(OffsetTracker::UNFINISHED_MAX, 16_384 + 159);
}

/// How far apart the old ones lie is climbed for: whoever stops at the budget never leaves anything out.
#[test]
fn what_stops_at_the_budget_never_leaves_anything_out() {
    let mut random = 1_u64;
    let mut roll = move |bound: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % bound
    };
    let length = |gaps: &[u32], shift: usize| {
        let mut full = OffsetTracker::new(0);
        let (mut offset, mut received) = (0_i64, Vec::new());
        while full.metadata_bytes_max() < OffsetTracker::METADATA_BYTES_MAX && received.len() < 40_000 {
            assert_eq!(full.receive(offset), Received::New);
            received.push(offset);
            // Wide apart while they will be old, then one behind the other.
            offset += gaps.get(received.len()).map_or(1, |bits| 1 << bits);
        }
        // Of what is young, every second one has finished.
        let young = received.iter().skip(gaps.len() + shift).step_by(2);
        young.for_each(|offset| assert!(full.finish(*offset)));
        let CommitMetadata { text, left_out } = metadata(&full);
        assert!(left_out == 0 && text.len() <= 4_096, "{left_out} left out of {}", text.len());
        text.len()
    };
    let mut gaps = vec![1_u32; 150];
    let mut longest = length(&gaps, 0);
    for _ in 0..150 {
        let mut other = gaps.clone();
        for _ in 0..20 {
            let at = roll(other.len() as u64) as usize;
            other[at] = roll(35) as u32;
        }
        if roll(4) == 0 {
            other.resize(100 + roll(62) as usize, 34);
        }
        let reached = length(&other, roll(2) as usize);
        if reached >= longest {
            (gaps, longest) = (other, reached);
        }
    }
    assert!(longest > 3_500, "a climb that reaches only {longest} has not searched");
}
