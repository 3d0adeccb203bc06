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
mod tests;
