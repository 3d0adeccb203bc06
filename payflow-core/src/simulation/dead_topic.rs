//! The dead-letter topic, which fails in its own ways.

use std::time::Duration;

use super::faults::Fault;
use super::scene::Scene;
use crate::error;
use crate::pipeline::Ending;

/// How the topic behaves.
#[derive(Debug, Default)]
pub(super) struct DeadTopic {
    mode: Mode,
    pub(super) letters: u64,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Mode {
    #[default]
    Works,
    Refuses,
    /// Writes, and never says so.
    Ambiguous,
    /// Neither writes nor answers.
    Stuck,
    Fatal,
}

/// What comes of a publication, and when; `None`: nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Publication {
    pub(super) written: bool,
    pub(super) ending: Option<(Duration, Ending)>,
}

impl Scene {
    /// A dead letter is sent.
    pub(super) fn publish_dead_letter(&mut self) -> Publication {
        let latency = self.dice.millis(0, 20);
        let failed = |fault| Some((latency, Ending::NotDeadLettered(fault)));
        let (written, ending, fault) = match self.dead_topic.mode {
            Mode::Works => (true, Some((latency, Ending::DeadLettered)), None),
            Mode::Refuses => {
                let fault = error::Fault::Transient { retry_after: None };
                (false, failed(fault), Some(Fault::DeadLetterRefused))
            }
            Mode::Ambiguous => (true, failed(error::Fault::Unknown), Some(Fault::DeadLetterUnknown)),
            Mode::Stuck => (false, None, Some(Fault::DeadLetterStuck)),
            Mode::Fatal => (false, failed(error::Fault::Fatal), Some(Fault::DeadLetterFatal)),
        };
        if let Some(fault) = fault {
            self.hit(fault);
        }
        self.dead_topic.letters += u64::from(written);
        Publication { written, ending }
    }

    /// From now on it fails in some way.
    pub(super) fn trouble_dead_topic(&mut self) {
        let mode = self.dice.pick([Mode::Refuses, Mode::Ambiguous, Mode::Stuck, Mode::Fatal]);
        self.say(format_args!("dead-letter topic: {mode:?}"));
        self.dead_topic.mode = mode;
    }

    pub(super) fn repair_dead_topic(&mut self) {
        if self.dead_topic.mode != Mode::Works {
            self.say(format_args!("dead-letter topic works again"));
            self.dead_topic.mode = Mode::Works;
        }
    }
}
