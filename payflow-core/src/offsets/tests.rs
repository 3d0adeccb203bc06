mod beyond;
mod model;

use super::*;

impl OffsetTracker {
    fn held_bytes(&self) -> usize {
        self.bits.held_bytes()
            + self.segments.capacity() * size_of::<Segment>()
            + self.resumed.capacity() * size_of::<Range<i64>>()
    }
}

fn tracker(position: i64, received: impl IntoIterator<Item = i64>) -> OffsetTracker {
    let mut tracker = OffsetTracker::new(position);
    for offset in received {
        assert_eq!(tracker.receive(offset), Received::New, "{offset}");
    }
    tracker
}

#[test]
fn out_of_order_finish_keeps_the_gap() {
    let mut tracker = tracker(5, 5..9);
    assert!(tracker.finish(6) && tracker.finish(8));
    assert_eq!((tracker.watermark(), tracker.unfinished()), (5, 2));
    assert!(tracker.finish(5));
    assert_eq!(tracker.watermark(), 7);
    assert!(tracker.finish(7));
    assert_eq!((tracker.watermark(), tracker.unfinished()), (9, 0));
}

#[test]
fn a_gap_closes_by_the_next_offset_received() {
    let mut tracker = tracker(0, [0, 1]);
    tracker.finish(0);
    tracker.finish(1);
    assert_eq!(tracker.watermark(), 2);
    assert_eq!(tracker.receive(7), Received::New);
    assert_eq!(tracker.watermark(), 7);
    assert!(!tracker.finish(4), "never received");
    assert!(tracker.receive(9) == Received::New && tracker.finish(7));
    assert_eq!(tracker.watermark(), 9);
}

#[test]
fn a_gap_at_the_end_closes_by_the_position() {
    let mut tracker = tracker(0, [0]);
    tracker.end(3);
    assert_eq!(tracker.watermark(), 0, "an end passes nothing unfinished");
    tracker.finish(0);
    assert_eq!(tracker.watermark(), 3);
    tracker.end(2);
    assert_eq!(tracker.watermark(), 3);
    assert_eq!(tracker.receive(2), Received::Repeated, "below the end that was told");
    assert_eq!(tracker.receive(3), Received::New);
}

#[test]
fn what_comes_twice_changes_nothing() {
    let mut tracker = tracker(10, [10, 11]);
    for repeated in [11, 10, 9] {
        assert_eq!(tracker.receive(repeated), Received::Repeated);
    }
    assert!(tracker.finish(11) && !tracker.finish(11));
    assert!(tracker.finish(10) && !tracker.finish(10) && !tracker.finish(11));
    assert!(!tracker.finish(9) && !tracker.finish(12));
    assert_eq!((tracker.watermark(), tracker.unfinished()), (12, 0));
}

#[test]
fn far_off_offsets_take_no_room() {
    let far = 1_000_000_000_000;
    let mut tracker = tracker(i64::MIN, [i64::MIN, -far, 0, 1, far, far + 1, i64::MAX - 1]);
    assert_eq!(tracker.receive(i64::MAX), Received::Repeated);
    assert!(tracker.held_bytes() < 1_024, "{}", tracker.held_bytes());
    for finished in [1, far, i64::MAX - 1, i64::MIN, -far] {
        assert!(tracker.finish(finished), "{finished}");
        assert!(!tracker.finish(finished) && !tracker.finish(finished / 2 + 7));
    }
    assert_eq!(tracker.watermark(), 0);
    assert!(tracker.finish(0));
    assert_eq!(tracker.watermark(), far + 1);
    assert!(tracker.finish(far + 1));
    assert_eq!(tracker.watermark(), i64::MAX);
    tracker.end(i64::MAX);
    assert_eq!(tracker.watermark(), i64::MAX);
}

#[test]
fn a_million_finished_behind_a_stuck_head_take_bits_only() {
    let mut stuck = tracker(0, 0..1_000_000);
    for offset in 1..1_000_000 {
        assert!(stuck.finish(offset));
    }
    assert_eq!(stuck.watermark(), 0);
    assert!(stuck.held_bytes() <= 160 << 10, "{}", stuck.held_bytes());
    stuck.finish(0);
    assert_eq!(stuck.watermark(), 1_000_000);

    // A transaction marker behind each record: gaps of one must not cost a segment each.
    let mut marked = tracker(0, (0..1_000_000).step_by(2));
    for offset in (2..1_000_000).step_by(2) {
        assert!(marked.finish(offset));
    }
    assert!(marked.held_bytes() <= 160 << 10, "{}", marked.held_bytes());
}

#[test]
fn however_long_a_record_is_stuck_its_tracker_stays_small() {
    let mut stuck = tracker(0, [0]);
    let (mut held, mut slow) = (0, Vec::new());
    for run in 0..5_000_i64 {
        let (first, last) = (1 + run * 1_000, (run + 1) * 1_000);
        assert!((first..=last).all(|offset| stuck.receive(offset) == Received::New));
        (first..last).for_each(|offset| assert!(stuck.finish(offset)));
        // One of each thousand finishes a hundred thousand later.
        slow.push(last);
        if let Some(offset) = (run >= 100).then(|| slow[run as usize - 100]) {
            assert!(stuck.finish(offset) && !stuck.finish(offset));
        }
        held = held.max(stuck.held_bytes());
    }
    assert_eq!((stuck.watermark(), stuck.unfinished()), (0, 101));
    assert!(held <= 130 << 10, "{held}");
    let is_left = |offset: &i64| *offset == 0 || *offset % 1_000 == 0 && *offset > 4_900_000;
    assert!((0..5_000_001).filter(is_left).all(|offset| stuck.is_unfinished(offset)));
    assert_eq!(stuck.finished_beyond().ranges().len(), 100);

    assert!(stuck.finish(0));
    assert_eq!(stuck.watermark(), 4_901_000);
}

#[test]
fn a_moving_window_allocates_no_more() {
    let mut tracker = tracker(0, 0..1_000);
    let held = tracker.held_bytes();
    for offset in 1_000..1_000_000 {
        assert!(tracker.finish(offset - 1_000) && tracker.receive(offset) == Received::New);
        assert_eq!(tracker.watermark(), offset - 999);
    }
    assert!(tracker.held_bytes() <= held + 64, "{}", tracker.held_bytes());
}
