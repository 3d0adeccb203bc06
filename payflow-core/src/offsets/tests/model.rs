//! The tracker against the same by its definition.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Default)]
struct Model {
    unfinished: BTreeSet<i64>,
    /// By this assignment, of what it was handed over.
    finished: BTreeSet<i64>,
    resumed: Vec<Range<i64>>,
    position: i64,
    youngest: i64,
}

impl Model {
    fn watermark(&self) -> i64 {
        let next = self.resumed.iter().find(|range| range.contains(&self.position));
        let position = next.map_or(self.position, |next| next.end);
        self.unfinished.first().copied().unwrap_or(position)
    }

    fn receive(&mut self, offset: i64) -> Received {
        if offset < self.position {
            return Received::Repeated;
        }
        self.position = offset + 1;
        if self.resumed.iter().any(|range| range.contains(&offset)) {
            return Received::Finished;
        }
        self.unfinished.insert(offset);
        self.youngest = offset;
        Received::New
    }

    fn finish(&mut self, offset: i64) -> bool {
        self.unfinished.remove(&offset) && self.finished.insert(offset)
    }

    /// All that is finished is in it, and nothing that is not.
    fn check(&self, beyond: &FinishedBeyond) -> Result<(), TestCaseError> {
        let watermark = self.watermark();
        let told = |offset: &i64| beyond.ranges().iter().any(|range| range.contains(offset));
        prop_assert!(beyond.ranges().first().is_none_or(|first| first.start > watermark));
        prop_assert!(!self.unfinished.iter().any(told));
        prop_assert!(self.finished.range(watermark..).all(told));
        for range in self.resumed.iter().filter(|range| range.end > watermark) {
            let kept = range.start.max(watermark)..range.end;
            prop_assert!(beyond.ranges().iter().any(|told| told.start <= kept.start && kept.end <= told.end));
        }
        for range in beyond.ranges().iter().filter(|range| range.end > self.position) {
            let unknown = range.start.max(self.position)..range.end;
            let told = |told: &Range<i64>| told.start <= unknown.start && unknown.end <= told.end;
            prop_assert!(self.resumed.iter().any(told), "{unknown:?} was never finished");
        }
        Ok(())
    }
}

#[derive(Debug, Clone)]
enum Event {
    Receive {
        gap: i64,
    },
    ReceiveRun {
        gap: i64,
        count: i64,
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
    /// All that is there but so many, the oldest first.
    FinishAllBut {
        kept: usize,
    },
    /// As it happens by itself once there is much.
    Compact,
    /// The next owner goes on from a commit.
    Restart,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let gap = prop_oneof![20 => Just(0_i64), 3 => 1..200_i64, 1 => 1..20_000_i64, 1 => 1..=(1_i64 << 40), 1 => -5..0_i64];
    let event = prop_oneof![
        60 => gap.clone().prop_map(|gap| Event::Receive { gap }),
        10 => (gap.clone(), prop_oneof![12 => -1..200_i64, 1 => 1..30_000_i64]).prop_map(|(gap, count)| Event::ReceiveRun { gap, count }),
        10 => gap.prop_map(|gap| Event::End { gap }),
        20 => (-3..200_i64).prop_map(|at| Event::Finish { at }),
        50 => (0..100_usize).prop_map(|rank| Event::FinishRanked { rank }),
        3 => (0..9_usize).prop_map(|kept| Event::FinishAllBut { kept }),
        8 => Just(Event::Compact),
        3 => Just(Event::Restart),
    ];
    prop::collection::vec(event, 0..600)
}

fn state(tracker: &OffsetTracker) -> (i64, i64, u64, FinishedBeyond) {
    (tracker.watermark(), tracker.position(), tracker.metadata_bytes_max(), tracker.finished_beyond())
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
                    prop_assert_eq!(tracker.receive(offset), model.receive(offset));
                }
                Event::ReceiveRun { gap, count } => {
                    let offsets = model.position + gap..model.position + gap + count;
                    let before = state(&tracker);
                    if tracker.receive_run(offsets.start..=offsets.end - 1) {
                        prop_assert!(offsets.into_iter().all(|offset| model.receive(offset) == Received::New));
                        prop_assert!(tracker.metadata_bytes_max() <= OffsetTracker::METADATA_BYTES_MAX);
                    } else {
                        prop_assert_eq!(state(&tracker), before);
                        for offset in offsets {
                            prop_assert_eq!(tracker.receive(offset), model.receive(offset));
                        }
                    }
                }
                Event::End { gap } => {
                    let end = model.position + gap;
                    model.position = model.position.max(end);
                    tracker.end(end);
                }
                Event::Finish { at } => {
                    let offset = model.watermark() + at;
                    prop_assert_eq!(tracker.is_unfinished(offset), model.unfinished.contains(&offset));
                    prop_assert_eq!(tracker.finish(offset), model.finish(offset));
                }
                Event::FinishRanked { rank } => {
                    if let Some(offset) = model.unfinished.iter().nth(rank).copied() {
                        prop_assert!(model.finish(offset) && tracker.finish(offset));
                    }
                }
                Event::FinishAllBut { kept } => {
                    // Each of them somewhere else.
                    let keeps = |at: usize| (0..kept).any(|one| at == one * one * 300);
                    let offsets: Vec<i64> = model.unfinished.iter().copied().collect();
                    for (at, offset) in offsets.into_iter().enumerate() {
                        prop_assert!(keeps(at) || model.finish(offset) && tracker.finish(offset));
                    }
                }
                Event::Compact => {
                    let before = state(&tracker);
                    tracker.compact();
                    prop_assert_eq!(state(&tracker), before);
                }
                Event::Restart => {
                    let position = tracker.watermark();
                    let metadata = tracker.finished_beyond().encode(position);
                    prop_assert_eq!(metadata.left_out, 0);
                    let finished = FinishedBeyond::decode(position, &metadata.text).unwrap();
                    prop_assert_eq!(&finished, &tracker.finished_beyond());
                    model = Model { position, resumed: finished.ranges().to_vec(), ..Model::default() };
                    tracker = OffsetTracker::resume(position, finished);
                }
            }
            prop_assert_eq!(tracker.watermark(), model.watermark());
            prop_assert_eq!(tracker.unfinished(), model.unfinished.len() as u64);
            prop_assert_eq!(tracker.position(), model.position);
            prop_assert!(tracker.watermark() >= watermark);
            watermark = tracker.watermark();
            model.check(&tracker.finished_beyond())?;

            let old = |offset: &&i64| model.youngest - **offset >= encoding::WINDOW as i64;
            let old = model.unfinished.iter().filter(old).count() as u64;
            prop_assert_eq!(tracker.metadata_bytes_max(), 2_048 + 6 * old);
        }
    }
}

/// Ten million, in random order, over a log with gaps. The model is a flag for each offset.
#[test]
fn ten_million_completions_never_commit_past_the_contiguous_point() {
    const COMPLETIONS: u32 = 10_000_000;
    const IN_FLIGHT: usize = 4_096;
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut roll = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let mut tracker = OffsetTracker::new(0);
    // Of the offsets modulo its length, which is more than are ever between watermark and position.
    let mut is_out = vec![false; 1 << 20];
    let place = |offset: i64| (offset as usize) % (1 << 20);
    let (mut out, mut oldest, mut position) = (Vec::with_capacity(IN_FLIGHT), 0_i64, 0_i64);
    for _ in 0..COMPLETIONS {
        while out.len() < IN_FLIGHT && position - oldest < 1 << 19 {
            let rolled = roll();
            position += if rolled % 8 == 0 { (rolled >> 8) as i64 % 9 } else { 0 };
            position += if rolled % 65_536 == 1 { 3_000 } else { 0 };
            assert_eq!(tracker.receive(position), Received::New);
            is_out[place(position)] = true;
            out.push(position);
            position += 1;
        }
        let finished = out.swap_remove(roll() as usize % out.len());
        is_out[place(finished)] = false;
        assert!(tracker.finish(finished));
        while oldest < position && !is_out[place(oldest)] {
            oldest += 1;
        }
        assert_eq!(tracker.watermark(), oldest);
    }
}
