//! What is done about a record that is undecided for too long.

/// What a client does when a turn of its clock is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing: no record is late.
    GoOn,
    /// Another client takes over.
    Succeed,
    /// What waits to be sent is given up.
    GiveUpWhatWaits,
    /// Everything is given up.
    GiveUpAll,
}

/// Chooses the step, and remembers what it needs for the next.
#[derive(Debug, Default)]
pub(super) struct Late {
    gave_up_what_waits: bool,
}

impl Late {
    /// A turn is over: the clock `passed` on, or it stands still before a record that is late.
    ///
    /// A client that failed for good has no successor: what is told of it holds for its producer. librdkafka throws out its
    /// queue then, but once only: a request that fails later puts its records back, where nothing decides them any more.
    pub(super) fn step(&mut self, passed: bool, fatal: bool) -> Step {
        let gave_up_what_waits = self.gave_up_what_waits;
        self.gave_up_what_waits = !passed && fatal;
        match (passed, fatal) {
            (true, _) => Step::GoOn,
            (false, false) => Step::Succeed,
            // The order matters, as `Client::give_up_all` says.
            (false, true) if gave_up_what_waits => Step::GiveUpAll,
            (false, true) => Step::GiveUpWhatWaits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_with_a_late_record_is_succeeded_until_one_can_be() {
        let mut late = Late::default();
        assert_eq!(late.step(true, false), Step::GoOn);
        assert_eq!(late.step(false, false), Step::Succeed);
        assert_eq!(late.step(false, false), Step::Succeed);
    }

    #[test]
    fn one_that_failed_for_good_has_no_successor_and_decides_what_it_holds() {
        let mut late = Late::default();
        assert_eq!(late.step(true, true), Step::GoOn);
        for _ in 0..2 {
            assert_eq!(late.step(false, true), Step::GiveUpWhatWaits);
            assert_eq!(late.step(false, true), Step::GiveUpAll);
            assert_eq!(late.step(false, true), Step::GiveUpAll);
            // What was under way when the first were given up is late in its turn, and may wait by then.
            assert_eq!(late.step(true, true), Step::GoOn);
        }
    }

    #[test]
    fn what_it_fails_of_while_none_can_succeed_it_is_not_given_up_under_way_first() {
        let mut late = Late::default();
        assert_eq!(late.step(false, false), Step::Succeed);
        assert_eq!(late.step(false, true), Step::GiveUpWhatWaits);
    }
}
