//! Takes in what was read, as far as a commit can say what of it is finished.

use payflow_core::{AckToken, Assignment, Deliveries, Delivery, OffsetTracker, Received};

use super::{Holding, Holdings};

impl Holdings {
    /// Takes in what was read, in the order of each log. Gives the tokens of what is held back: of each partition that
    /// takes in nothing more for now, the first.
    pub(in crate::consumer) fn read(&mut self, deliveries: &mut Deliveries) -> Vec<AckToken> {
        let (in_runs, mut bytes) = self.read_runs(deliveries);
        let mut held_back = Vec::new();
        if in_runs < deliveries.len() {
            let mut index = 0;
            deliveries.retain(|delivery| {
                index += 1;
                index <= in_runs || self.read_one(delivery, &mut bytes, &mut held_back)
            });
        }
        self.ready.push(deliveries, bytes);
        held_back
    }

    /// Takes in runs of offsets that follow one another, up to the first of which something is to be looked at by itself: mostly there is
    /// none. Says how many deliveries those are, and how large.
    fn read_runs(&mut self, deliveries: &Deliveries) -> (usize, usize) {
        let mut deliveries = deliveries.iter().peekable();
        let (mut count, mut bytes) = (0, 0);
        while let Some(first) = deliveries.next() {
            let (mut last, mut run, mut run_bytes) = (first.token, 1, first.size_bytes());
            while let Some(next) = deliveries.next_if(|next| follows(last, next.token)) {
                (last, run, run_bytes) = (next.token, run + 1, run_bytes + next.size_bytes());
            }
            let Some(holding) = self.current(last).filter(|holding| holding.takes_in()) else {
                break;
            };
            if !holding.tracker.receive_run(first.offset..=last.sequence()) {
                break;
            }
            self.ends -= holding.make_ready(run);
            (count, bytes) = (count + run, bytes + run_bytes);
        }
        (count, bytes)
    }

    /// Takes a delivery in, if it is to be handed over, and counts its bytes.
    fn read_one(&mut self, delivery: &Delivery, bytes: &mut usize, held_back: &mut Vec<AckToken>) -> bool {
        let Some(holding) = self.current(delivery.token).filter(|holding| holding.takes_in()) else {
            return false;
        };
        if holding.tracker.metadata_bytes_max() >= OffsetTracker::METADATA_BYTES_MAX {
            holding.held_back = true;
            held_back.push(delivery.token);
            return false;
        }
        match holding.tracker.receive(delivery.offset) {
            Received::New => {
                self.ends -= holding.make_ready(1);
                *bytes += delivery.size_bytes();
                return true;
            }
            // It moves the watermark without a token.
            Received::Finished => holding.changes += 1,
            Received::Repeated => {}
        }
        false
    }

    /// The partitions that were held back, and take in more again.
    pub(in crate::consumer) fn released(&mut self) -> Vec<Assignment> {
        let mut released = Vec::new();
        for holding in self.slots.iter_mut().flatten().filter(|holding| holding.held_back) {
            // Not at the very bound: to go on costs a pause's worth of fetching anew.
            let goes_on = OffsetTracker::METADATA_BYTES_MAX - GOES_ON_BELOW;
            if holding.tracker.metadata_bytes_max() < goes_on {
                holding.held_back = false;
                released.push(holding.assignment.clone());
            }
        }
        released
    }

    /// Whether a partition is held back.
    pub(in crate::consumer) fn is_holding_back(&self) -> bool {
        self.held().any(|holding| holding.held_back)
    }
}

impl Holding {
    /// Whether anything more of it is taken in.
    pub(super) const fn takes_in(&self) -> bool {
        !self.revoking && !self.held_back
    }

    /// So many more are ready. Gives how many ends that were not told yet are none: the log has grown behind them.
    fn make_ready(&mut self, count: usize) -> usize {
        self.ready += count;
        usize::from(self.end.take().is_some())
    }
}

/// Whether a token is of the same assignment as another, and of the offset behind.
fn follows(token: AckToken, next: AckToken) -> bool {
    next.is_of_same_assignment(token) && next.sequence().checked_sub(1) == Some(token.sequence())
}

/// A hundred offsets' worth of metadata.
const GOES_ON_BELOW: u64 = 600;
