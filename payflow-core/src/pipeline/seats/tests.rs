use std::future::poll_fn;
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

use proptest::prelude::*;
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

/// What is done with the seats of a model.
#[derive(Debug, Clone)]
enum Step {
    /// Something begins that ends at once, or panics while it is made, or when it is polled.
    EndsAtOnce,
    PanicsMade,
    PanicsPolled,
    /// Something begins that waits.
    Waits,
    /// What waits in that place of the list ends, or is dropped, or is dropped twice.
    Ends(usize),
    Dropped(usize),
    DroppedTwice(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => Just(Step::EndsAtOnce),
        1 => Just(Step::PanicsMade),
        1 => Just(Step::PanicsPolled),
        4 => Just(Step::Waits),
        2 => any::<usize>().prop_map(Step::Ends),
        1 => any::<usize>().prop_map(Step::Dropped),
        1 => any::<usize>().prop_map(Step::DroppedTwice),
    ]
}

/// Ready once its sender has sent, which wakes it.
async fn waiting(receiver: oneshot::Receiver<u32>, panics: bool) -> u32 {
    if panics {
        panic!("on purpose")
    }
    receiver.await.unwrap_or_default()
}

proptest! {
    #[test]
    fn no_seat_has_two_and_none_is_lost(steps in prop::collection::vec(step(), 1..200)) {
        let mut seats = Seats::new();
        let cx = Context::from_waker(Waker::noop());
        let mut held: Vec<(usize, u32, oneshot::Sender<u32>)> = Vec::new();
        let mut most = 0;
        for (number, step) in (0..).zip(steps) {
            let (sender, receiver) = oneshot::channel();
            match step {
                Step::EndsAtOnce => {
                    sender.send(number).unwrap();
                    let begun = seats.begin(|| waiting(receiver, false));
                    prop_assert!(matches!(begun, Begun::Ended(Ok(output)) if output == number));
                }
                Step::PanicsMade => {
                    let begun = seats.begin(|| if number < u32::MAX { panic!("on purpose") } else { waiting(receiver, false) });
                    prop_assert!(matches!(begun, Begun::Ended(Err(_))));
                }
                Step::PanicsPolled => {
                    let begun = seats.begin(|| waiting(receiver, true));
                    prop_assert!(matches!(begun, Begun::Ended(Err(_))));
                }
                Step::Waits => {
                    let seat = seated(&mut seats, || waiting(receiver, false), number);
                    prop_assert!(held.iter().all(|(other, ..)| *other != seat));
                    held.push((seat, number, sender));
                }
                Step::Ends(which) if !held.is_empty() => {
                    let (_, label, sender) = held.swap_remove(which % held.len());
                    sender.send(label).unwrap();
                    let mut ended = Vec::new();
                    seats.poll_woken(&cx, |label, output| ended.push((label, output.unwrap())));
                    prop_assert_eq!(ended, [(label, label)]);
                }
                Step::Dropped(which) | Step::DroppedTwice(which) if !held.is_empty() => {
                    let (seat, _, sender) = held.swap_remove(which % held.len());
                    seats.vacate(seat);
                    if matches!(step, Step::DroppedTwice(_)) {
                        seats.vacate(seat);
                    }
                    prop_assert!(sender.is_closed());
                    seats.poll_woken(&cx, |label, _| panic!("{label} ended"));
                }
                Step::Ends(_) | Step::Dropped(_) | Step::DroppedTwice(_) => {}
            }
            most = most.max(held.len());
            // One is always free.
            prop_assert_eq!(seats.seats.len(), most + 1);
        }
    }
}
