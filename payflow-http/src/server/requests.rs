//! The requests of a connection that are under way.

use tokio::{sync::OwnedSemaphorePermit, time::Instant};

/// The requests of a connection that are under way, each in a place that is used again: there are never more places than
/// there were requests at once. A value: it takes `now` and owns no clock.
#[derive(Debug)]
pub(super) struct Requests {
    places: Vec<Option<Request>>,
    free: Vec<usize>,
}

/// From its head until the last piece of its answer has left.
#[derive(Debug)]
pub(super) struct Request {
    /// One of the server's places for requests, unless it was refused.
    _permit: Option<OwnedSemaphorePermit>,
    /// The body of its answer, or what will become it, and pieces of that body.
    holders: usize,
    /// Pieces that were handed over and have not left.
    untaken: usize,
    /// Since when such a piece waits without that another one has left.
    untaken_since: Option<Instant>,
}

impl Requests {
    pub(super) const fn new() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.places.len() == self.free.len()
    }

    /// Takes a place for a request, with one holder and a permit to keep until the end, and returns its number.
    pub(super) fn begin(&mut self, permit: Option<OwnedSemaphorePermit>) -> usize {
        let request = Some(Request { _permit: permit, holders: 1, untaken: 0, untaken_since: None });
        let number = self.free.pop().unwrap_or(self.places.len());
        match self.places.get_mut(number) {
            Some(place) => *place = request,
            None => self.places.push(request),
        }
        number
    }

    /// Notes that a piece was handed over, which holds the request as well unless it takes over from the body.
    pub(super) fn piece_handed(&mut self, number: usize, takes_over: bool, now: Instant) {
        if let Some(request) = self.request(number) {
            request.holders += usize::from(!takes_over);
            request.untaken += 1;
            request.untaken_since.get_or_insert(now);
        }
    }

    /// Notes that a holder is gone: a piece that has left, or the body. Returns the request if that was its end.
    pub(super) fn let_go(&mut self, number: usize, is_piece: bool, now: Instant) -> Option<Request> {
        let request = self.request(number)?;
        if is_piece {
            request.untaken -= 1;
            request.untaken_since = (request.untaken > 0).then_some(now);
        }
        request.holders -= 1;
        if request.holders > 0 {
            return None;
        }
        let ended = self.places.get_mut(number)?.take()?;
        self.free.push(number);
        Some(ended)
    }

    /// Since when the answer waits whose client has taken nothing of it for the longest time.
    pub(super) fn untaken_since(&self) -> Option<Instant> {
        self.places.iter().flatten().filter_map(|request| request.untaken_since).min()
    }

    fn request(&mut self, number: usize) -> Option<&mut Request> {
        self.places.get_mut(number)?.as_mut()
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use tokio::sync::Semaphore;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn places_are_used_again() {
        let (mut requests, now) = (Requests::new(), Instant::now());
        for _ in 0..10 {
            let [one, other] = [requests.begin(None), requests.begin(None)];
            assert_ne!(one, other);
            assert!(requests.let_go(one, false, now).is_some());
            assert!(!requests.is_empty());
            assert!(requests.let_go(other, false, now).is_some());
            assert!(requests.is_empty());
        }
        assert_eq!(requests.places.len(), 2);
    }

    #[test]
    fn permit_is_kept_until_the_last_piece_has_left() {
        let (mut requests, now) = (Requests::new(), Instant::now());
        let permits = Arc::new(Semaphore::new(1));
        for last_piece_takes_over in [true, false] {
            let number = requests.begin(Arc::clone(&permits).try_acquire_owned().ok());
            requests.piece_handed(number, false, now);
            requests.piece_handed(number, last_piece_takes_over, now);
            if !last_piece_takes_over {
                assert!(requests.let_go(number, false, now).is_none(), "the body is gone before its pieces");
            }
            assert!(requests.let_go(number, true, now).is_none());
            assert_eq!(permits.available_permits(), 0);

            drop(requests.let_go(number, true, now));
            assert_eq!(permits.available_permits(), 1);
        }
    }

    #[test]
    fn oldest_of_what_waits_counts_and_each_answer_has_its_own_time() {
        let (mut requests, start) = (Requests::new(), Instant::now());
        let [first, second] = [requests.begin(None), requests.begin(None)];
        assert_eq!(requests.untaken_since(), None);

        requests.piece_handed(first, false, start);
        requests.piece_handed(second, false, start + SECOND);
        requests.piece_handed(first, false, start + 2 * SECOND);
        assert_eq!(requests.untaken_since(), Some(start));

        requests.let_go(first, true, start + 3 * SECOND);
        assert_eq!(requests.untaken_since(), Some(start + SECOND), "the other one has not moved");
        requests.let_go(second, true, start + 4 * SECOND);
        assert_eq!(
            requests.untaken_since(),
            Some(start + 3 * SECOND),
            "one piece is left, which moves by itself"
        );
        requests.let_go(first, true, start + 5 * SECOND);
        assert_eq!(requests.untaken_since(), None);
    }
}
