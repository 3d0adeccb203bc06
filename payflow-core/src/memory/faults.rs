//! Faults that a test has asked for.

use std::collections::{BTreeMap, VecDeque};

use crate::error::Fault;
use crate::record::Topic;

/// What is to fail next, and how.
#[derive(Debug, Default)]
pub(super) struct Faults {
    sends: BTreeMap<Topic, Script>,
    commits: BTreeMap<String, Script>,
    receives: BTreeMap<String, Script>,
}

#[derive(Debug, Default)]
struct Script {
    next: VecDeque<Fault>,
    until_lifted: Option<Fault>,
}

impl Script {
    fn take(&mut self) -> Option<Fault> {
        self.next.pop_front().or(self.until_lifted)
    }
}

impl Faults {
    pub(super) fn line_up_sends(&mut self, topic: &Topic, faults: impl IntoIterator<Item = Fault>) {
        self.sends.entry(topic.clone()).or_default().next.extend(faults);
    }

    pub(super) fn refuse_sends(&mut self, topic: &Topic, fault: Option<Fault>) {
        self.sends.entry(topic.clone()).or_default().until_lifted = fault;
    }

    pub(super) fn line_up_commits(&mut self, group: &str, faults: impl IntoIterator<Item = Fault>) {
        self.commits.entry(group.to_owned()).or_default().next.extend(faults);
    }

    pub(super) fn line_up_receives(&mut self, group: &str, faults: impl IntoIterator<Item = Fault>) {
        self.receives.entry(group.to_owned()).or_default().next.extend(faults);
    }

    pub(super) fn next_send(&mut self, topic: &Topic) -> Option<Fault> {
        self.sends.get_mut(topic)?.take()
    }

    pub(super) fn next_commit(&mut self, group: &str) -> Option<Fault> {
        self.commits.get_mut(group)?.take()
    }

    pub(super) fn next_receive(&mut self, group: &str) -> Option<Fault> {
        self.receives.get_mut(group)?.take()
    }
}
