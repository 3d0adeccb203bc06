//! Runs many futures of one type in one task, each in a place that is used again.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;
use pin_project_lite::pin_project;

/// Places for futures. One that is ready when it is first polled never allocates; a place allocates once.
#[derive(Debug)]
pub(super) struct Seats<F, L> {
    seats: Vec<Seat<F, L>>,
    /// The seat that is taken next: there always is one.
    free: usize,
    rows: Vec<Arc<Row>>,
    task: Arc<AtomicWaker>,
    /// The row that was looked at last.
    row: usize,
    /// The seats of it that were woken and not polled yet.
    woken: u64,
}

#[derive(Debug)]
struct Seat<F, L> {
    place: Pin<Box<Place<F>>>,
    holder: Holder<L>,
    waker: Waker,
}

/// What a seat is to its owner.
#[derive(Debug)]
enum Holder<L> {
    /// Nothing, or nothing yet. If it is free, the one that is taken after it.
    Nobody { next: usize },
    /// The place of a future, which is known by that.
    Labelled(L),
}

impl<L> Holder<L> {
    #[inline]
    const fn next(&self) -> usize {
        match self {
            Self::Nobody { next } => *next,
            Self::Labelled(_) => NONE,
        }
    }
}

/// No seat.
const NONE: usize = usize::MAX;

pin_project! {
    /// By hand, and not an `Option`: that a place is free is seen without a call.
    #[derive(Debug)]
    #[project = PlaceProjection]
    #[project_replace = PlaceReplaced]
    enum Place<F> {
        Free,
        Taken {
            #[pin]
            future: F,
        },
    }
}

/// What a future that panicked is said to have returned. Boxed: it is rare, and what ends well is moved often.
#[derive(Debug)]
pub(super) struct Panicked(Box<Said>);

#[derive(Debug)]
struct Said(String);

impl Panicked {
    fn new(payload: &(dyn Any + Send)) -> Self {
        let text = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        Self(Box::new(Said(text.unwrap_or("no message").to_owned())))
    }

    /// The panic's message, if it has one.
    pub(super) fn into_message(self) -> String {
        self.0.0
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
        let task = Arc::new(AtomicWaker::new());
        let mut seats = Self { seats: Vec::new(), free: NONE, rows: Vec::new(), task, row: 0, woken: 0 };
        seats.add();
        seats
    }

    /// Makes a future, polls it once, and keeps it if it is not ready; it is polled again once it has a label. To panic while it is
    /// made is the same as at its first poll.
    #[inline]
    pub(super) fn begin(&mut self, make: impl FnOnce() -> F) -> Begun<F::Output> {
        let index = self.free;
        // What is free is a seat.
        let seat = &mut self.seats[index];
        match seat.poll(|place| {
            place.project_replace(Place::Taken { future: make() });
        }) {
            Poll::Ready(output) => Begun::Ended(output),
            Poll::Pending => {
                self.free = seat.holder.next();
                if self.free == NONE {
                    self.add();
                }
                Begun::Seated(index)
            }
        }
    }

    /// What the future in a seat is known by from now on.
    #[inline]
    pub(super) fn label(&mut self, index: usize, label: L) {
        if let Some(seat) = self.seats.get_mut(index) {
            seat.holder = Holder::Labelled(label);
        }
    }

    /// Polls the futures that were woken, and hands on what ended. The task of `cx` is woken when one is.
    pub(super) fn poll_woken(
        &mut self,
        cx: &Context<'_>,
        mut ended: impl FnMut(L, Result<F::Output, Panicked>),
    ) {
        self.task.register(cx.waker());
        let mut rows_left = self.rows.len();
        let mut has_budget = tokio::task::coop::has_budget_remaining();
        loop {
            // What is left of the last time comes first: there was no budget left to poll it in earnest.
            if self.woken == 0 {
                if rows_left == 0 {
                    break;
                }
                rows_left -= 1;
                self.row = (self.row + 1) % self.rows.len();
                self.woken = self.rows[self.row].take();
                continue;
            }
            if !has_budget {
                cx.waker().wake_by_ref();
                break;
            }
            let index = self.row * ROW + self.woken.trailing_zeros() as usize;
            self.woken &= self.woken - 1;
            let Some(seat) = self.seats.get_mut(index) else {
                continue;
            };
            if !matches!(seat.holder, Holder::Labelled(_)) {
                continue;
            }
            match seat.poll(|_| ()) {
                Poll::Ready(output) => {
                    let nobody = Holder::Nobody { next: self.free };
                    if let Holder::Labelled(label) = std::mem::replace(&mut seat.holder, nobody) {
                        self.free = index;
                        ended(label, output);
                    }
                }
                // What is ready has not lacked it.
                Poll::Pending => has_budget = tokio::task::coop::has_budget_remaining(),
            }
        }
    }

    /// Drops the future in a seat.
    pub(super) fn vacate(&mut self, index: usize) {
        if let Some(seat) = self.seats.get_mut(index)
            && matches!(seat.holder, Holder::Labelled(_))
        {
            seat.holder = Holder::Nobody { next: self.free };
            self.free = index;
            seat.clear();
        }
    }

    /// Adds a seat where none is free.
    #[cold]
    fn add(&mut self) {
        let index = self.seats.len();
        self.free = index;
        if index.is_multiple_of(ROW) {
            self.rows.push(Arc::new(Row { woken: AtomicU64::new(0), task: Arc::clone(&self.task) }));
        }
        let wake = SeatWake { row: Arc::clone(&self.rows[index / ROW]), bit: 1 << (index % ROW) };
        self.seats.push(Seat {
            place: Box::pin(Place::Free),
            holder: Holder::Nobody { next: NONE },
            waker: Waker::from(Arc::new(wake)),
        });
    }
}

impl<F: Future, L> Seat<F, L> {
    /// Polls the future, once it is prepared, and drops it if it ended. A panic ends it, and nothing else.
    #[inline]
    fn poll(&mut self, prepare: impl FnOnce(Pin<&mut Place<F>>)) -> Poll<Result<F::Output, Panicked>> {
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| {
            prepare(self.place.as_mut());
            match self.place.as_mut().project() {
                PlaceProjection::Taken { future } => future.poll(&mut Context::from_waker(&self.waker)),
                PlaceProjection::Free => Poll::Pending,
            }
        }));
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => {
                // Even if it panics while it is dropped, it has ended.
                self.clear();
                Poll::Ready(Ok(output))
            }
            Err(payload) => Poll::Ready(Err(self.give_way(payload))),
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
    // Always: for each message.
    #[inline(always)]
    fn clear(&mut self) {
        if let Err(payload) =
            std::panic::catch_unwind(AssertUnwindSafe(|| self.place.as_mut().project_replace(Place::Free)))
        {
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

/// As many seats as a word has bits.
const ROW: usize = 64;

/// Which of some seats were woken since they were last polled.
#[derive(Debug)]
struct Row {
    /// A bit for each.
    woken: AtomicU64,
    task: Arc<AtomicWaker>,
}

impl Row {
    /// Before they are polled: a wake during a poll must come again.
    fn take(&self) -> u64 {
        self.woken.swap(0, Ordering::AcqRel)
    }
}

#[derive(Debug)]
struct SeatWake {
    row: Arc<Row>,
    bit: u64,
}

impl Wake for SeatWake {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Whoever wakes the first of a row wakes the task, and that takes all.
        if self.row.woken.fetch_or(self.bit, Ordering::AcqRel) == 0 {
            self.row.task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::Mutex;
    use std::sync::atomic::AtomicU64;

    use tokio::sync::oneshot;

    use super::*;

    /// The seat of a future that is not ready at once.
    fn seated<F: Future, L: Copy>(seats: &mut Seats<F, L>, make: impl FnOnce() -> F, label: L) -> usize {
        let Begun::Seated(seat) = seats.begin(make) else { panic!("it ended at once") };
        seats.label(seat, label);
        seat
    }

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
        assert_eq!(seated(&mut seats, || counted(0, receiver), 'a'), 0);
        assert_eq!(seated(&mut seats, || counted(1, silent), 'b'), 1);

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
        assert_eq!(seats.seats.len(), 3, "one was free");
    }

    #[tokio::test]
    async fn where_the_budget_ends_the_next_turn_goes_on() {
        const SEATS: usize = 200;
        let polls: Arc<Vec<_>> = Arc::new((0..SEATS).map(|_| AtomicU64::new(0)).collect());
        let mut seats = Seats::new();
        for index in 0..SEATS {
            let polls = Arc::clone(&polls);
            let greedy = poll_fn(move |cx| {
                cx.waker().wake_by_ref();
                if pin!(tokio::task::consume_budget()).poll(cx).is_ready() {
                    polls[index].fetch_add(1, Ordering::Relaxed);
                }
                Poll::<()>::Pending
            });
            assert_eq!(seated(&mut seats, || greedy, ()), index);
        }
        polls.iter().for_each(|polls| polls.store(0, Ordering::Relaxed));

        for _ in 0..20 {
            // Each time the task gets its turn it has a new budget, which is enough for some of them.
            tokio::task::yield_now().await;
            poll_fn(|cx| {
                seats.poll_woken(cx, |(), _| ());
                Poll::Ready(())
            })
            .await;
        }
        let polls: Vec<u64> = polls.iter().map(|polls| polls.load(Ordering::Relaxed)).collect();
        let (least, most) = (polls.iter().min().unwrap(), polls.iter().max().unwrap());
        assert!(*least > 10 && most - least <= 1, "{polls:?}");
    }

    #[test]
    fn a_panic_at_first_poll_is_an_outcome() {
        let mut seats = Seats::<_, ()>::new();
        let begun = seats.begin(|| async {
            if std::hint::black_box(true) {
                panic!("on purpose")
            }
        });
        let Begun::Ended(Err(panicked)) = begun else { panic!("it was kept, or returned") };
        assert_eq!(panicked.into_message(), "on purpose");
    }

    #[test]
    fn a_panic_before_there_is_a_future_is_an_outcome() {
        let mut seats = Seats::<std::future::Ready<u32>, ()>::new();
        let begun = seats.begin(|| panic!("on purpose"));
        let Begun::Ended(Err(panicked)) = begun else { panic!("it was kept, or returned") };
        assert_eq!(panicked.into_message(), "on purpose");
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
        assert_eq!(seated(&mut seats, || future, 'a'), 0);
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
