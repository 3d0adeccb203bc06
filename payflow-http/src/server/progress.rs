//! Which deadline of a connection runs, and when it is over.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::OwnedSemaphorePermit, time::Instant};

use super::{
    ServerConfig,
    requests::{Request, Requests},
};

/// What a connection does and since when. A value: it owns no clock, takes `now`, and returns what to do.
#[derive(Debug)]
pub(super) struct Progress {
    deadlines: Deadlines,
    opened_at: Instant,
    under_way: Requests,
    requests: u64,
    idle_since: Instant,
    head_since: Option<Instant>,
    write_blocked_since: Option<Instant>,
    closing_since: Option<Instant>,
}

/// The deadlines that are told by looking at a connection from time to time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadlines {
    pub(super) header: Duration,
    pub(super) idle: Duration,
    pub(super) write: Duration,
    pub(super) linger: Duration,
    /// How long the connection is used; `None` for as long as it has requests.
    pub(super) age: Option<Duration>,
}

/// What to do with the connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// Nothing; look again then.
    At(Instant),
    /// Close it as soon as it has nothing under way.
    Close,
    /// Drop it.
    Drop(Overdue),
}

/// The deadline that a connection did not meet.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    Header,
    Write,
    Linger,
}

impl Progress {
    pub(super) const fn new(deadlines: Deadlines, now: Instant) -> Self {
        Self {
            deadlines,
            opened_at: now,
            under_way: Requests::new(),
            requests: 0,
            idle_since: now,
            head_since: None,
            write_blocked_since: None,
            closing_since: None,
        }
    }

    /// Says what to do at `now`. Every deadline that starts later ends after the returned time.
    pub(super) fn check(&self, now: Instant) -> Check {
        let Deadlines { header, idle, write, linger, age } = self.deadlines;
        let is_idle = self.under_way.is_empty();
        // While a request is under way, the head behind it cannot be read on, and nobody is late with it.
        let head = self.head_since.filter(|_| is_idle).map(|since| since.max(self.idle_since) + header);
        let blocked = self.write_blocked_since.map(|since| since + write);
        let untaken = self.under_way.untaken_since().map(|since| since + write);
        let lingering = self
            .closing_since
            .filter(|_| is_idle && self.write_blocked_since.is_none())
            .map(|since| since.max(self.idle_since) + linger);
        let unused = (is_idle && self.head_since.is_none() && self.closing_since.is_none())
            .then(|| self.idle_since + idle);
        let aged = age.filter(|_| self.closing_since.is_none()).map(|age| self.opened_at + age);

        let mut next = now + header.min(idle).min(write).min(linger);
        for (end, then) in [
            (head, Check::Drop(Overdue::Header)),
            (blocked, Check::Drop(Overdue::Write)),
            (untaken, Check::Drop(Overdue::Write)),
            (lingering, Check::Drop(Overdue::Linger)),
            (unused, Check::Close),
            (aged, Check::Close),
        ] {
            match end {
                Some(end) if end <= now => return then,
                Some(end) => next = next.min(end),
                None => {}
            }
        }
        Check::At(next)
    }

    pub(super) const fn requests(&self) -> u64 {
        self.requests
    }

    /// The same head may be told again: it began when it was told first.
    pub(super) fn head_began(&mut self, now: Instant) {
        self.head_since.get_or_insert(now);
    }

    pub(super) const fn head_ended(&mut self, now: Instant) {
        self.head_since = None;
        self.idle_since = now;
    }

    /// Returns the number by which the request is named until it ends.
    pub(super) fn request_began(&mut self, permit: Option<OwnedSemaphorePermit>) -> usize {
        self.requests += 1;
        self.under_way.begin(permit)
    }

    pub(super) fn piece_handed(&mut self, number: usize, takes_over: bool, now: Instant) {
        self.under_way.piece_handed(number, takes_over, now);
    }

    pub(super) fn let_go(&mut self, number: usize, is_piece: bool, now: Instant) -> Option<Request> {
        let ended = self.under_way.let_go(number, is_piece, now)?;
        self.idle_since = now;
        Some(ended)
    }

    pub(super) fn write_blocked(&mut self, now: Instant) {
        self.write_blocked_since.get_or_insert(now);
    }

    /// The clock is read only if it matters: nearly every write moves at once.
    pub(super) fn write_moved(&mut self, now: impl FnOnce() -> Instant) {
        // Who takes a last answer slowly is not yet expected to hang up.
        if self.write_blocked_since.take().is_some() && self.closing_since.is_some() {
            self.closing_since = Some(now());
        }
    }

    pub(super) fn closing(&mut self, now: Instant) {
        self.closing_since.get_or_insert(now);
    }
}

impl Deadlines {
    /// The same for the `number`th connection, whose age is bounded: eight that come together go one after another.
    pub(super) fn with_age_max(mut self, age: Duration, number: u64) -> Self {
        let earlier = age / 80 * u32::try_from(number % 8).unwrap_or(0);
        self.age = Some(age - earlier);
        self
    }

    pub(super) const fn of(config: &ServerConfig) -> Self {
        Self {
            header: config.header_deadline,
            idle: config.idle_deadline,
            write: config.write_deadline,
            linger: config.linger_deadline,
            age: None,
        }
    }
}

/// The [`Progress`] of one connection, in the hands of all who take part in it. The lock is held for a few
/// instructions and never across an await.
#[derive(Clone, Debug)]
pub(super) struct SharedProgress(Arc<Mutex<Progress>>);

impl SharedProgress {
    pub(super) fn new(progress: Progress) -> Self {
        Self(Arc::new(Mutex::new(progress)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Progress> {
        // Its methods only set fields and call nobody, so a panic leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const DEADLINES: Deadlines = Deadlines {
        header: Duration::from_secs(10),
        idle: Duration::from_secs(60),
        write: Duration::from_secs(20),
        linger: Duration::from_secs(2),
        age: None,
    };

    fn connection() -> (Progress, Instant) {
        let start = Instant::now();
        (Progress::new(DEADLINES, start), start)
    }

    /// Looks as often as it is told to, until it is told something else, and returns that with the time it took.
    fn run(progress: &Progress, start: Instant) -> (Check, Duration) {
        let mut now = start;
        loop {
            match progress.check(now) {
                Check::At(next) => {
                    assert!(next > now, "it would spin");
                    assert!(next < start + Duration::from_secs(1000), "it never ends");
                    now = next;
                }
                verdict => return (verdict, now - start),
            }
        }
    }

    #[test]
    fn idle_connection_is_closed_at_its_deadline() {
        let (progress, start) = connection();
        assert_eq!(run(&progress, start), (Check::Close, DEADLINES.idle));
    }

    #[test]
    fn idle_time_counts_from_the_end_of_the_last_request() {
        let (mut progress, start) = connection();
        let request = progress.request_began(None);
        progress.let_go(request, false, start + 50 * SECOND);
        assert_eq!(run(&progress, start), (Check::Close, 50 * SECOND + DEADLINES.idle));
    }

    #[test]
    fn head_that_is_never_complete_drops_the_connection() {
        let (mut progress, start) = connection();
        progress.head_began(start + SECOND);
        assert_eq!(run(&progress, start), (Check::Drop(Overdue::Header), SECOND + DEADLINES.header));
    }

    #[test]
    fn head_has_no_more_time_because_it_is_told_again() {
        let (mut progress, start) = connection();
        progress.head_began(start);
        progress.head_began(start + 9 * SECOND);
        assert_eq!(run(&progress, start), (Check::Drop(Overdue::Header), DEADLINES.header));

        progress.head_ended(start + 9 * SECOND);
        progress.head_began(start + 9 * SECOND);
        assert_eq!(run(&progress, start), (Check::Drop(Overdue::Header), 9 * SECOND + DEADLINES.header));
    }

    #[test]
    fn head_behind_a_request_under_way_is_not_late() {
        let (mut progress, start) = connection();
        let request = progress.request_began(None);
        progress.head_began(start);
        assert!(matches!(progress.check(start + 500 * SECOND), Check::At(_)));

        progress.let_go(request, false, start + 500 * SECOND);
        assert_eq!(run(&progress, start + 500 * SECOND), (Check::Drop(Overdue::Header), DEADLINES.header));
    }

    #[test]
    fn slow_service_is_nobody_elses_fault() {
        let (mut progress, start) = connection();
        let request = progress.request_began(None);
        progress.piece_handed(request, false, start);
        progress.let_go(request, true, start);
        assert!(matches!(progress.check(start + 500 * SECOND), Check::At(_)));
    }

    #[test]
    fn answer_that_is_not_taken_drops_the_connection_whatever_the_others_do() {
        let (mut progress, start) = connection();
        let [first, second] = [progress.request_began(None), progress.request_began(None)];
        progress.piece_handed(first, true, start);
        progress.piece_handed(second, true, start + 15 * SECOND);
        progress.let_go(first, true, start + 19 * SECOND);
        assert_eq!(
            run(&progress, start + 19 * SECOND),
            (Check::Drop(Overdue::Write), 15 * SECOND + DEADLINES.write - 19 * SECOND),
            "one of two moved, which gives the other no more time"
        );
    }

    #[test]
    fn answer_of_which_a_piece_was_taken_has_the_full_time_again() {
        let (mut progress, start) = connection();
        let request = progress.request_began(None);
        progress.piece_handed(request, false, start);
        progress.piece_handed(request, true, start);
        progress.let_go(request, true, start + 19 * SECOND);
        assert_eq!(run(&progress, start + 19 * SECOND), (Check::Drop(Overdue::Write), DEADLINES.write));
    }

    #[test]
    fn connection_is_not_idle_while_the_end_of_an_answer_waits() {
        let (mut progress, start) = connection();
        progress.closing(start);
        let request = progress.request_began(None);
        progress.piece_handed(request, true, start);
        assert!(matches!(progress.check(start + 15 * SECOND), Check::At(_)));

        progress.let_go(request, true, start + 15 * SECOND);
        assert_eq!(run(&progress, start + 15 * SECOND), (Check::Drop(Overdue::Linger), DEADLINES.linger));
    }

    #[test]
    fn blocked_socket_drops_the_connection_unless_it_moves() {
        let (mut progress, start) = connection();
        progress.write_blocked(start);
        progress.write_blocked(start + SECOND);
        assert_eq!(run(&progress, start), (Check::Drop(Overdue::Write), DEADLINES.write));

        progress.write_moved(|| start);
        assert_eq!(run(&progress, start), (Check::Close, DEADLINES.idle));
    }

    #[test]
    fn closing_connection_is_dropped_after_it_lingered() {
        let (mut progress, start) = connection();
        progress.closing(start);
        progress.closing(start + SECOND);
        assert_eq!(run(&progress, start), (Check::Drop(Overdue::Linger), DEADLINES.linger));
    }

    #[test]
    fn closing_connection_may_take_its_last_answer_slowly() {
        let (mut progress, start) = connection();
        progress.closing(start);
        progress.write_blocked(start);
        assert!(matches!(progress.check(start + 15 * SECOND), Check::At(_)));

        progress.write_moved(|| start + 15 * SECOND);
        assert_eq!(run(&progress, start + 15 * SECOND), (Check::Drop(Overdue::Linger), DEADLINES.linger));
    }

    #[test]
    fn old_connection_is_closed_whatever_it_does_and_its_request_is_let_finish() {
        let start = Instant::now();
        let mut progress = Progress::new(DEADLINES.with_age_max(40 * SECOND, 0), start);
        progress.request_began(None);
        assert_eq!(run(&progress, start), (Check::Close, 40 * SECOND));

        progress.closing(start + 40 * SECOND);
        assert!(matches!(progress.check(start + 500 * SECOND), Check::At(_)));
    }

    #[test]
    fn ages_of_connections_lie_apart_by_a_tenth_at_most() {
        let age = |number| DEADLINES.with_age_max(80 * SECOND, number).age.unwrap();
        assert_eq!((age(0), age(1), age(7), age(8)), (80 * SECOND, 79 * SECOND, 73 * SECOND, 80 * SECOND));
    }

    #[test]
    fn request_that_came_while_closing_is_let_finish() {
        let (mut progress, start) = connection();
        progress.closing(start);
        progress.request_began(None);
        assert!(matches!(progress.check(start + 500 * SECOND), Check::At(_)));
    }
}
