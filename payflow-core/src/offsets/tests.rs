use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

impl OffsetTracker {
    fn held_bytes(&self) -> usize {
        self.words.capacity() * size_of::<u64>() + self.segments.capacity() * size_of::<Segment>()
    }
}

fn tracker(position: i64, received: impl IntoIterator<Item = i64>) -> OffsetTracker {
    let mut tracker = OffsetTracker::new(position);
    for offset in received {
        assert!(tracker.receive(offset), "{offset}");
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
    assert!(tracker.receive(7));
    assert_eq!(tracker.watermark(), 7);
    assert!(!tracker.finish(4), "never received");
    assert!(tracker.receive(9) && tracker.finish(7));
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
    assert!(!tracker.receive(2), "below the end that was told");
    assert!(tracker.receive(3));
}

#[test]
fn what_comes_twice_changes_nothing() {
    let mut tracker = tracker(10, [10, 11]);
    assert!(!tracker.receive(11) && !tracker.receive(10) && !tracker.receive(9));
    assert!(tracker.finish(11) && !tracker.finish(11));
    assert!(tracker.finish(10) && !tracker.finish(10) && !tracker.finish(11));
    assert!(!tracker.finish(9) && !tracker.finish(12));
    assert_eq!((tracker.watermark(), tracker.unfinished()), (12, 0));
}

#[test]
fn far_off_offsets_take_no_room() {
    let far = 1_000_000_000_000;
    let mut tracker = tracker(i64::MIN, [i64::MIN, -far, 0, 1, far, far + 1, i64::MAX - 1]);
    assert!(!tracker.receive(i64::MAX));
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
fn a_moving_window_allocates_no_more() {
    let mut tracker = tracker(0, 0..1_000);
    let held = tracker.held_bytes();
    for offset in 1_000..1_000_000 {
        assert!(tracker.finish(offset - 1_000) && tracker.receive(offset));
        assert_eq!(tracker.watermark(), offset - 999);
    }
    assert!(tracker.held_bytes() <= held + 64, "{}", tracker.held_bytes());
}

/// The same by the definition.
#[derive(Debug, Default)]
struct Model {
    unfinished: BTreeSet<i64>,
    position: i64,
}

impl Model {
    fn watermark(&self) -> i64 {
        self.unfinished.first().copied().unwrap_or(self.position)
    }
}

#[derive(Debug, Clone)]
enum Event {
    Receive {
        gap: i64,
    },
    End {
        gap: i64,
    },
    /// Of the offsets around the watermark, or the unfinished one of this rank.
    Finish {
        at: i64,
    },
    FinishRanked {
        rank: usize,
    },
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let gap = prop_oneof![8 => Just(0_i64), 3 => 1..200_i64, 1 => 1..=(1_i64 << 40), 1 => -5..0_i64];
    let event = prop_oneof![
        6 => gap.clone().prop_map(|gap| Event::Receive { gap }),
        1 => gap.prop_map(|gap| Event::End { gap }),
        2 => (-3..200_i64).prop_map(|at| Event::Finish { at }),
        5 => (0..100_usize).prop_map(|rank| Event::FinishRanked { rank }),
    ];
    prop::collection::vec(event, 0..600)
}

proptest! {
    #[test]
    fn it_equals_the_model_and_never_goes_back(position in prop_oneof![Just(0_i64), any::<i32>().prop_map(i64::from)], events in events()) {
        let mut tracker = OffsetTracker::new(position);
        let mut model = Model { position, ..Model::default() };
        let mut watermark = position;
        for event in events {
            match event {
                Event::Receive { gap } => {
                    let offset = model.position + gap;
                    let fresh = gap >= 0;
                    if fresh {
                        model.unfinished.insert(offset);
                        model.position = offset + 1;
                    }
                    prop_assert_eq!(tracker.receive(offset), fresh);
                }
                Event::End { gap } => {
                    let end = model.position + gap;
                    model.position = model.position.max(end);
                    tracker.end(end);
                }
                Event::Finish { at } => {
                    let offset = model.watermark() + at;
                    prop_assert_eq!(tracker.is_unfinished(offset), model.unfinished.contains(&offset));
                    prop_assert_eq!(tracker.finish(offset), model.unfinished.remove(&offset));
                }
                Event::FinishRanked { rank } => {
                    if let Some(offset) = model.unfinished.iter().nth(rank).copied() {
                        model.unfinished.remove(&offset);
                        prop_assert!(tracker.finish(offset));
                    }
                }
            }
            prop_assert_eq!(tracker.watermark(), model.watermark());
            prop_assert_eq!(tracker.unfinished(), model.unfinished.len() as u64);
            prop_assert_eq!(tracker.position(), model.position);
            prop_assert!(tracker.watermark() >= watermark);
            watermark = tracker.watermark();
        }
    }
}
