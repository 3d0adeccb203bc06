//! Who holds which partition, and what may therefore come again.

use std::time::Duration;

use payflow_core::{Assignment, Change};
use tokio::time::Instant;

use super::{Book, Member, Owner, Place, View, ViewState};

/// A member that learned of a revoke so late may be cut off by the cluster rather than by itself.
const NOTICE_LEAST: Duration = Duration::from_millis(500);

impl Book {
    /// A receive begins to wait for the cluster.
    pub(crate) fn receive_begins(&mut self, member: usize) {
        self.notice_silence(member);
        if let Some(state) = self.members.get_mut(&member) {
            state.receiving = true;
        }
    }

    /// A receive returned, or was dropped.
    pub(crate) fn receive_ended(&mut self, member: usize, failed: bool) {
        if let Some(state) = self.members.get_mut(&member) {
            state.receiving = false;
            if !failed {
                state.heard_at = Instant::now();
            }
        }
    }

    /// A member was told of changes; it knows where it stands.
    pub(crate) fn told(&mut self, member: usize, changes: &[Change]) {
        for (index, change) in changes.iter().enumerate() {
            match change {
                Change::Assigned(assignments) => {
                    for assignment in assignments {
                        // Who has not received for long is told what is past already.
                        let past = changes[index..].iter().any(|later| takes_back(later, assignment));
                        self.assigned(member, assignment, past);
                    }
                }
                Change::Revoking { assignments, until } => {
                    let notice = Instant::from_std(*until).saturating_duration_since(Instant::now());
                    for assignment in assignments {
                        self.say(format_args!("m{member} is asked back {}", assignment.partition));
                        self.set_view(member, assignment, ViewState::Revoking { notice });
                    }
                    self.hit("revoke");
                }
                Change::Lost(assignments) => {
                    for assignment in assignments {
                        self.lost(member, assignment);
                    }
                    self.hit("loss");
                }
            }
        }
        if let Some(state) = self.members.get_mut(&member) {
            state.unaware = false;
        }
    }

    /// The member was thrown out, and does not know yet.
    pub(crate) fn expelled(&mut self, member: usize) {
        if let Some(state) = self.members.get_mut(&member) {
            state.unaware = true;
        }
        self.excuse(member, None);
    }

    /// Its run is told to stop.
    pub(crate) fn stopping(&mut self, member: usize) {
        self.say(format_args!("m{member} stops"));
        if let Some(state) = self.members.get_mut(&member) {
            state.stopping = true;
        }
    }

    pub(crate) fn paused(&mut self, member: usize, paused: bool) {
        self.say(format_args!("m{member} {}", if paused { "pauses" } else { "resumes" }));
        if let Some(state) = self.members.get_mut(&member) {
            state.paused_at = paused.then(Instant::now);
        }
    }

    /// The run is over, and about to leave the group.
    pub(crate) fn closing(&mut self, member: usize) {
        self.notice_silence(member);
        let runs = self.members.get(&member).and_then(|state| Some(state.running.values().next()?.place));
        if let Some((partition, offset)) = runs {
            self.violated(format!("m{member} leaves, and still runs {partition}@{offset}"));
        }
        let covered = self.covered();
        let late: Vec<i32> = self.members.get(&member).map(Member::let_go_late).unwrap_or_default();
        let open = |(place, entry): (&Place, &super::Entry)| {
            let open = entry.settled == Some(member) && !entry.may_repeat && !covered.has(*place);
            (open && !late.contains(&place.0)).then_some(*place)
        };
        let deaf = self.members.get(&member).is_some_and(|state| state.heard_at.elapsed() >= NOTICE_LEAST);
        let unsaved = if deaf { Vec::new() } else { self.records.iter().filter_map(open).collect() };
        if let Some(state) = self.members.get_mut(&member) {
            state.unsaved = unsaved;
        }
    }

    /// The consumer is dropped, after a close or by a kill.
    pub(crate) fn dropped(&mut self, member: usize) {
        self.excuse(member, None);
        self.owners.retain(|_, owner| owner.member != member);
        if let Some(state) = self.members.get_mut(&member) {
            state.gone = true;
            state.running.clear();
        }
    }

    /// The run ended without an error: what it finished is durable, and all it was handed has come back.
    pub(crate) fn ended_well(&mut self, member: usize) {
        let Some(state) = self.members.get(&member) else { return };
        let held = state.held.len();
        if let Some((partition, offset)) = state.unsaved.first().copied() {
            self.violated(format!(
                "m{member} stopped cleanly, and {partition}@{offset}, which it finished, is not durable"
            ));
        }
        if held > 0 {
            self.violated(format!("m{member} stopped cleanly, and {held} tokens have not come back"));
        }
    }

    fn assigned(&mut self, member: usize, assignment: &Assignment, past: bool) {
        let Assignment { slot, generation, partition, .. } = *assignment;
        if let Some(state) = self.members.get_mut(&member) {
            state.views.insert((slot, generation), View { partition, state: ViewState::Ours });
        }
        if past {
            return;
        }
        self.say(format_args!("m{member} is given {partition}"));
        if let Some(before) = self.owners.get(&partition).copied() {
            self.notice_silence(before.member);
            if self.lets_go_in_time(before) {
                self.check_left_in_order(before, partition, member);
            } else {
                self.excuse(before.member, Some(partition));
                if let Some(view) = self.view_mut(before) {
                    view.state = ViewState::Taken;
                }
            }
        }
        self.owners.insert(partition, Owner { member, slot, generation });
    }

    /// What was let go before its deadline has nothing running, and nothing finished that is not durable.
    fn check_left_in_order(&mut self, before: Owner, partition: i32, next: usize) {
        let covered = self.covered();
        let unsaved = self.records.iter().find(|(place, entry)| {
            let open = entry.settled == Some(before.member) && !entry.may_repeat;
            place.0 == partition && open && !covered.has(**place)
        });
        let unsaved = unsaved.map(|(place, _)| *place);
        let m = before.member;
        if let Some((_, offset)) = unsaved {
            self.violated(format!(
                "m{m} let {partition} go, and {partition}@{offset}, which it finished, is not durable"
            ));
        }
        let running = self.members.get(&m).and_then(|state| {
            let of = |token: &&payflow_core::AckToken| {
                (token.slot(), token.generation()) == (before.slot, before.generation)
            };
            state.running.keys().find(of).map(|token| token.sequence())
        });
        if let Some(offset) = running {
            self.violated(format!(
                "{partition} is given to m{next}, and m{m} still runs {partition}@{offset}"
            ));
        }
    }

    fn lost(&mut self, member: usize, assignment: &Assignment) {
        let Assignment { slot, generation, partition, .. } = *assignment;
        self.say(format_args!("m{member} has lost {partition}"));
        self.set_view(member, assignment, ViewState::Lost);
        self.excuse(member, Some(partition));
        if self.owners.get(&partition) == Some(&Owner { member, slot, generation }) {
            self.owners.remove(&partition);
        }
    }

    /// What it finished and what is not durable now may come again.
    fn excuse(&mut self, member: usize, partition: Option<i32>) {
        let covered = self.covered();
        for (place, entry) in &mut self.records {
            let concerned = entry.settled == Some(member) && partition.is_none_or(|number| number == place.0);
            entry.may_repeat |= concerned && !covered.has(*place);
        }
    }

    /// Whether the partition that it is asked back goes in order: it knows in time, and is still in the group.
    fn lets_go_in_time(&self, owner: Owner) -> bool {
        self.members.get(&owner.member).is_some_and(|state| {
            let view = state.views.get(&(owner.slot, owner.generation));
            let told = view.map(|view| view.state);
            !state.unaware && matches!(told, Some(ViewState::Revoking { notice }) if notice >= NOTICE_LEAST)
        })
    }

    /// A member that was not heard of for half of the session timeout may have been thrown out.
    fn notice_silence(&mut self, member: usize) {
        let timeout = self.session_timeout;
        let Some(state) = self.members.get_mut(&member) else { return };
        if !state.unaware && state.may_have_expired(timeout) {
            state.unaware = true;
            self.hit("silent member");
            self.say(format_args!("m{member} was silent"));
            self.excuse(member, None);
        }
    }

    fn set_view(&mut self, member: usize, assignment: &Assignment, state: ViewState) {
        let Assignment { slot, generation, .. } = *assignment;
        if let Some(view) = self.view_mut(Owner { member, slot, generation }) {
            view.state = state;
        }
    }

    fn view_mut(&mut self, owner: Owner) -> Option<&mut View> {
        self.members.get_mut(&owner.member)?.views.get_mut(&(owner.slot, owner.generation))
    }
}

/// Whether a change says that an assignment is over, or will be.
fn takes_back(change: &Change, assignment: &Assignment) -> bool {
    match change {
        Change::Assigned(_) => false,
        Change::Revoking { assignments, .. } | Change::Lost(assignments) => assignments.contains(assignment),
    }
}

impl Member {
    /// Partitions of which it learned too late that they are asked back.
    fn let_go_late(&self) -> Vec<i32> {
        let late =
            |view: &&View| matches!(view.state, ViewState::Revoking { notice } if notice < NOTICE_LEAST);
        self.views.values().filter(late).map(|view| view.partition).collect()
    }

    fn may_have_expired(&self, timeout: Option<Duration>) -> bool {
        timeout.is_some_and(|timeout| !self.receiving && self.heard_at.elapsed() >= timeout / 2)
    }
}
