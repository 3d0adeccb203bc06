//! Runs many futures of one type in one task, each in a place that is used again.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// Places for futures. One that is ready when it is first polled never allocates; a place allocates once.
#[derive(Debug)]
pub(super) struct Seats<F, L> {
    seats: Vec<Seat<F, L>>,
    free: Vec<usize>,
    woken: Arc<Woken>,
    taken: Vec<usize>,
}

#[derive(Debug)]
struct Seat<F, L> {
    future: Pin<Box<Option<F>>>,
    /// What its owner knows the future by; present as long as the future is.
    label: Option<L>,
    wake: Arc<SeatWake>,
    waker: Waker,
}

/// What a future that panicked is said to have returned: the panic's message, if it has one.
#[derive(Debug)]
pub(super) struct Panicked(pub(super) String);

impl Panicked {
    fn new(payload: &(dyn Any + Send)) -> Self {
        let text = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        Self(text.unwrap_or("no message").to_owned())
    }
}

/// What became of a future at its first poll.
#[derive(Debug)]
pub(super) enum Begun<T> {
    Ended(Result<T, Panicked>),
    Seated(usize),
}

impl<F: Future, L: Copy> Seats<F, L> {
    pub(super) fn new() -> Self {
        Self { seats: Vec::new(), free: Vec::new(), woken: Arc::default(), taken: Vec::new() }
    }

    /// Makes a future, polls it once, and keeps it if it is not ready; it is polled again once it has a label. To panic while it is
    /// made is the same as at its first poll.
    #[inline]
    pub(super) fn begin(&mut self, make: impl FnOnce() -> F) -> Begun<F::Output> {
        let index = self.free.last().copied().unwrap_or_else(|| self.add());
        // The free list names seats only.
        let seat = &mut self.seats[index];
        match seat.poll(|mut place| place.set(Some(make()))) {
            Poll::Ready(output) => Begun::Ended(output),
            Poll::Pending => {
                self.free.pop();
                Begun::Seated(index)
            }
        }
    }

    /// What the future in a seat is known by from now on.
    pub(super) fn label(&mut self, index: usize, label: L) {
        if let Some(seat) = self.seats.get_mut(index) {
            seat.label = Some(label);
        }
    }

    /// Polls the futures that were woken, and hands on what ended. The task of `cx` is woken when one is.
    pub(super) fn poll_woken(
        &mut self,
        cx: &Context<'_>,
        mut ended: impl FnMut(L, Result<F::Output, Panicked>),
    ) {
        self.woken.task.register(cx.waker());
        // What is left of the last time comes first: there was no budget left to poll it in earnest.
        self.woken.take(&mut self.taken);
        let mut polled = 0;
        while let Some(index) = self.taken.get(polled).copied() {
            if !tokio::task::coop::has_budget_remaining() {
                cx.waker().wake_by_ref();
                break;
            }
            polled += 1;
            let Some(seat) = self.seats.get_mut(index) else {
                continue;
            };
            // Before the poll: a wake during it must come again. A swap, since a store could be delayed into the poll,
            // and the wake of what the poll had not seen would then find the seat queued.
            seat.wake.queued.swap(false, Ordering::AcqRel);
            let Some(label) = seat.label else { continue };
            if let Poll::Ready(output) = seat.poll(|_| ()) {
                seat.label = None;
                self.free.push(index);
                ended(label, output);
            }
        }
        self.taken.drain(..polled);
    }

    /// Drops the future in a seat.
    pub(super) fn vacate(&mut self, index: usize) {
        if let Some(seat) = self.seats.get_mut(index) {
            seat.label = None;
            seat.clear();
            self.free.push(index);
        }
    }

    /// A new seat, which is free.
    fn add(&mut self) -> usize {
        let index = self.seats.len();
        let wake =
            Arc::new(SeatWake { index, queued: AtomicBool::new(false), woken: Arc::clone(&self.woken) });
        let waker = Waker::from(Arc::clone(&wake));
        self.seats.push(Seat { future: Box::pin(None), label: None, wake, waker });
        self.free.push(index);
        index
    }
}

impl<F: Future, L> Seat<F, L> {
    /// Polls the future, once it is prepared, and drops it if it ended. A panic ends it, and nothing else.
    #[inline]
    fn poll(&mut self, prepare: impl FnOnce(Pin<&mut Option<F>>)) -> Poll<Result<F::Output, Panicked>> {
        let mut ended = None;
        let guarded = std::panic::catch_unwind(AssertUnwindSafe(|| {
            prepare(self.future.as_mut());
            let Some(future) = self.future.as_mut().as_pin_mut() else {
                return;
            };
            if let Poll::Ready(output) = future.poll(&mut Context::from_waker(&self.waker)) {
                ended = Some(output);
                self.future.set(None);
            }
        }));
        match (ended, guarded) {
            // Also if it panicked while it was dropped: it had ended.
            (Some(output), _) => Poll::Ready(Ok(output)),
            (None, Ok(())) => Poll::Pending,
            (None, Err(payload)) => Poll::Ready(Err(self.give_way(payload))),
        }
    }

    #[cold]
    fn give_way(&mut self, payload: Box<dyn Any + Send>) -> Panicked {
        let panicked = Panicked::new(&*payload);
        discard(payload);
        self.clear();
        panicked
    }

    /// Drops the future. One that panics while it is dropped is gone all the same.
    fn clear(&mut self) {
        if let Err(payload) = std::panic::catch_unwind(AssertUnwindSafe(|| self.future.set(None))) {
            discard(payload);
        }
    }
}

/// Drops what a panic carried. If that panics too, what the second one carries is left alone.
fn discard(payload: Box<dyn Any + Send>) {
    if let Err(again) = std::panic::catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(again);
    }
}

/// The seats that were woken since they were last polled, each once.
#[derive(Debug, Default)]
struct Woken {
    indices: Mutex<Vec<usize>>,
    task: AtomicWaker,
}

impl Woken {
    /// Whether it is the first since they were taken: whoever adds the first wakes the task, and that takes all.
    fn add(&self, index: usize) -> bool {
        let mut indices = self.indices.lock().unwrap_or_else(PoisonError::into_inner);
        indices.push(index);
        indices.len() == 1
    }

    fn take(&self, into: &mut Vec<usize>) {
        into.append(&mut self.indices.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

#[derive(Debug)]
struct SeatWake {
    index: usize,
    queued: AtomicBool,
    woken: Arc<Woken>,
}

impl Wake for SeatWake {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::AcqRel) && self.woken.add(self.index) {
            self.woken.task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::AtomicU64;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn only_what_was_woken_is_polled_and_each_seat_is_used_again() {
        let mut seats = Seats::new();
        let (sender, receiver) = oneshot::channel::<u32>();
        let (_never, silent) = oneshot::channel::<u32>();
        let polls = Arc::new(Mutex::new([0, 0]));
        let counted = |index: usize, mut receiver: oneshot::Receiver<u32>| {
            let polls = Arc::clone(&polls);
            poll_fn(move |cx| {
                polls.lock().unwrap()[index] += 1;
                Pin::new(&mut receiver).poll(cx)
            })
        };
        assert!(matches!(seats.begin(|| counted(0, receiver)), Begun::Seated(0)));
        seats.label(0, 'a');
        assert!(matches!(seats.begin(|| counted(1, silent)), Begun::Seated(1)));
        seats.label(1, 'b');

        sender.send(7).unwrap();
        let ended = poll_fn(|cx| {
            let mut ended = None;
            seats.poll_woken(cx, |label, output| ended = Some((label, output.unwrap().unwrap())));
            ended.map_or(Poll::Pending, Poll::Ready)
        })
        .await;
        assert_eq!(ended, ('a', 7));
        assert_eq!(*polls.lock().unwrap(), [2, 1]);

        let (sender, receiver) = oneshot::channel();
        sender.send(8).unwrap();
        assert!(matches!(seats.begin(|| counted(0, receiver)), Begun::Ended(Ok(Ok(8)))));
        assert_eq!(seats.seats.len(), 2);
    }

    #[test]
    fn a_panic_at_first_poll_is_an_outcome() {
        let mut seats = Seats::<_, ()>::new();
        let begun = seats.begin(|| async {
            if std::hint::black_box(true) {
                panic!("on purpose")
            }
        });
        assert!(matches!(begun, Begun::Ended(Err(Panicked(message))) if message == "on purpose"));
    }

    #[test]
    fn a_panic_before_there_is_a_future_is_an_outcome() {
        let mut seats = Seats::<std::future::Ready<u32>, ()>::new();
        let begun = seats.begin(|| panic!("on purpose"));
        assert!(matches!(begun, Begun::Ended(Err(Panicked(message))) if message == "on purpose"));
        assert!(matches!(seats.begin(|| std::future::ready(7)), Begun::Ended(Ok(7))));
        assert_eq!(seats.seats.len(), 1);
    }

    struct PanicsWhenDropped;

    impl Drop for PanicsWhenDropped {
        fn drop(&mut self) {
            if std::hint::black_box(true) {
                panic!("on purpose");
            }
        }
    }

    #[test]
    fn a_panic_while_an_ended_future_is_dropped_changes_no_outcome() {
        let mut seats = Seats::<_, ()>::new();
        for _ in 0..2 {
            let held = PanicsWhenDropped;
            let begun = seats.begin(|| {
                poll_fn(move |_| {
                    let _held = &held;
                    Poll::Ready(7)
                })
            });
            assert!(matches!(begun, Begun::Ended(Ok(7))));
        }
        assert_eq!(seats.seats.len(), 1);
    }

    #[test]
    fn a_wake_that_races_with_a_poll_is_not_lost() {
        const ROUNDS: u64 = 100_000;
        // Spins, since the race is within a few nanoseconds; yields in between, for machines with other work.
        let spin = |until: &dyn Fn() -> bool| {
            for turn in 1_u32.. {
                if until() {
                    break;
                }
                if turn.is_multiple_of(1_000) { std::thread::yield_now() } else { std::hint::spin_loop() }
            }
        };
        let [round, told, seen, done] = [(); 4].map(|()| Arc::new(AtomicU64::new(0)));
        let mut seats = Seats::new();
        let (from, into) = (Arc::clone(&told), Arc::clone(&seen));
        let future = poll_fn(move |_| {
            into.store(from.load(Ordering::Acquire), Ordering::Relaxed);
            Poll::<()>::Pending
        });
        assert!(matches!(seats.begin(|| future), Begun::Seated(0)));
        seats.label(0, 'a');
        let waker = seats.seats[0].waker.clone();
        let mut lost = 0;

        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 1..=ROUNDS {
                    spin(&|| round.load(Ordering::Acquire) >= number);
                    (0..number % 40).for_each(|_| std::hint::spin_loop());
                    told.store(number, Ordering::SeqCst);
                    waker.wake_by_ref();
                    done.store(number, Ordering::Release);
                }
            });
            let cx = Context::from_waker(Waker::noop());
            for number in 1..=ROUNDS {
                waker.wake_by_ref();
                round.store(number, Ordering::Release);
                seats.poll_woken(&cx, |_, _| ());
                spin(&|| done.load(Ordering::Acquire) >= number);
                seats.poll_woken(&cx, |_, _| ());
                lost += u64::from(seen.load(Ordering::Relaxed) != number);
            }
        });
        assert_eq!(lost, 0, "wakes were lost in {ROUNDS} rounds");
    }
}
