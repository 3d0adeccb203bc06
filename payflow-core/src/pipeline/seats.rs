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

    /// Polls a new future once, and keeps it if it is not ready.
    pub(super) fn begin(&mut self, future: F, label: L) -> Begun<F::Output> {
        let index = self.free.pop().unwrap_or_else(|| self.add());
        // The free list names seats only.
        let seat = &mut self.seats[index];
        seat.future.set(Some(future));
        match seat.poll() {
            Poll::Ready(output) => {
                self.vacate(index);
                Begun::Ended(output)
            }
            Poll::Pending => {
                seat.label = Some(label);
                Begun::Seated(index)
            }
        }
    }

    /// Polls the futures that were woken, and hands on what ended. The task of `cx` is woken when one is.
    pub(super) fn poll_woken(
        &mut self,
        cx: &Context<'_>,
        mut ended: impl FnMut(L, Result<F::Output, Panicked>),
    ) {
        self.woken.task.register(cx.waker());
        let mut taken = std::mem::take(&mut self.taken);
        self.woken.take(&mut taken);
        for index in taken.drain(..) {
            let Some(seat) = self.seats.get_mut(index) else {
                continue;
            };
            // Before the poll: a wake during it must come again.
            seat.wake.queued.store(false, Ordering::Release);
            let Some(label) = seat.label else { continue };
            if let Poll::Ready(output) = seat.poll() {
                self.vacate(index);
                ended(label, output);
            }
        }
        self.taken = taken;
    }

    /// Drops the future in a seat. One that panics while it is dropped is gone all the same.
    pub(super) fn vacate(&mut self, index: usize) {
        if let Some(seat) = self.seats.get_mut(index) {
            seat.label = None;
            let _ = std::panic::catch_unwind(AssertUnwindSafe(|| seat.future.set(None)));
            self.free.push(index);
        }
    }

    fn add(&mut self) -> usize {
        let index = self.seats.len();
        let wake =
            Arc::new(SeatWake { index, queued: AtomicBool::new(false), woken: Arc::clone(&self.woken) });
        let waker = Waker::from(Arc::clone(&wake));
        self.seats.push(Seat { future: Box::pin(None), label: None, wake, waker });
        index
    }
}

impl<F: Future, L> Seat<F, L> {
    /// A panic ends the future, and nothing else.
    fn poll(&mut self) -> Poll<Result<F::Output, Panicked>> {
        let mut cx = Context::from_waker(&self.waker);
        let Some(future) = self.future.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        match std::panic::catch_unwind(AssertUnwindSafe(|| future.poll(&mut cx))) {
            Ok(poll) => poll.map(Ok),
            Err(payload) => Poll::Ready(Err(Panicked::new(&*payload))),
        }
    }
}

/// The seats that were woken since they were last polled, each once.
#[derive(Debug, Default)]
struct Woken {
    indices: Mutex<Vec<usize>>,
    task: AtomicWaker,
}

impl Woken {
    fn take(&self, into: &mut Vec<usize>) {
        std::mem::swap(&mut *self.indices.lock().unwrap_or_else(PoisonError::into_inner), into);
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
        if !self.queued.swap(true, Ordering::AcqRel) {
            self.woken.indices.lock().unwrap_or_else(PoisonError::into_inner).push(self.index);
            self.woken.task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

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
        assert!(matches!(seats.begin(counted(0, receiver), 'a'), Begun::Seated(0)));
        assert!(matches!(seats.begin(counted(1, silent), 'b'), Begun::Seated(1)));

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
        assert!(matches!(seats.begin(counted(0, receiver), 'c'), Begun::Ended(Ok(Ok(8)))));
        assert_eq!(seats.seats.len(), 2);
    }

    #[test]
    fn a_panic_at_first_poll_is_an_outcome() {
        let mut seats = Seats::new();
        let begun = seats.begin(
            async {
                if std::hint::black_box(true) {
                    panic!("on purpose")
                }
            },
            (),
        );
        assert!(matches!(begun, Begun::Ended(Err(Panicked(message))) if message == "on purpose"));
    }
}
