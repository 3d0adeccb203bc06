use payflow_core::{Assignment, Content, Delivery, FinishedBeyond, Headers, Topic};
use rdkafka::ClientConfig;
use rdkafka::consumer::BaseConsumer;

use super::super::reading::Place;
use super::super::waker::Waker;
use super::*;

/// A thread of a group whose broker is nowhere. It has not asked to join.
fn poll_thread() -> PollThread {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", "127.0.0.1:1").set("group.id", "group");
    // Closing waits so long for a commit that no broker answers.
    config.set("session.timeout.ms", "500").set("heartbeat.interval.ms", "100");
    let base: BaseConsumer<Context> = config.create_with_context(Context::default()).unwrap();
    let waker = Arc::new(Waker::new());
    let shared = Arc::new(Shared::new(Arc::clone(&waker)));
    let client = DataConsumer::new(base, move || waker.wake()).unwrap();
    PollThread::new(client, shared, KafkaHealth::new(), Duration::from_secs(5), 1 << 20)
}

/// Reads partitions 0 and on, each from its offset.
fn assign(thread: &mut PollThread, offsets: &[i64]) -> Vec<Assignment> {
    let topic = Topic::parse("topic").unwrap();
    let partitions = (0..).zip(offsets);
    let named =
        partitions.map(|(partition, offset)| (topic.clone(), partition, *offset, FinishedBeyond::none()));
    let assignments = thread.shared.lock().holdings.assign(named);
    let from = offsets.iter().map(|offset| Offset::Offset(*offset));
    thread.reading.add(assignments.clone().into_iter().zip(from), |_, _| None);
    assignments
}

fn delivery(of: &Assignment, offset: i64) -> Delivery {
    Delivery {
        token: AckToken::new(of.slot, of.generation, offset),
        topic: of.topic.clone(),
        partition: of.partition,
        offset,
        timestamp_ms: None,
        content: Content::new(None, Some(b"value"), &Headers::new()),
    }
}

/// Where librdkafka is told to read on.
fn sought(thread: &mut PollThread) -> Vec<(i32, Offset)> {
    let mut sought = Vec::new();
    thread.reading.settle(|_, partition, offset| {
        sought.push((partition, offset));
        true
    });
    sought
}

fn close(thread: PollThread) {
    thread.shared.lock().closing = true;
    thread.run();
}

#[test]
fn a_panic_is_told_and_the_client_is_closed() {
    let mut thread = poll_thread();
    thread.client.consumer().subscribe(&["topic"]).unwrap();
    // Divided by at each turn.
    thread.record_bytes = 0;
    let (shared, health) = (Arc::clone(&thread.shared), thread.health.clone());
    thread.run();
    assert!(shared.lock().broken.is_some() && shared.lock().ended);
    assert!(*shared.closed.borrow());
    assert!(health.has_ended());
}

#[test]
fn a_full_partition_is_held_back_where_it_stopped_though_another_begins_anew_in_the_same_batch() {
    let mut thread = poll_thread();
    let assignments = assign(&mut thread, &[0, 50]);
    let full = &assignments[0];
    thread.reading.deliveries().extend((0..20_000).map(|offset| delivery(full, offset)));
    thread.reading.note_anew(1, 0);
    thread.hand_on(20_001);

    let taken = i64::try_from(thread.shared.lock().holdings.ready()).unwrap();
    assert!((16_384..17_000).contains(&taken), "{taken}");
    assert_eq!(sought(&mut thread), [(1, Offset::Offset(0))]);
    assert_eq!(thread.reading.place(0, 20_000), Place::Unsettled, "what comes behind is not taken");

    thread.reading.release(full.slot);
    assert_eq!(sought(&mut thread), [(0, Offset::Offset(taken))]);
    close(thread);
}

#[test]
fn what_is_too_much_of_an_old_log_holds_back_nothing_of_the_new_one() {
    let mut thread = poll_thread();
    let assignments = assign(&mut thread, &[0]);
    thread.reading.deliveries().extend((0..20_000).map(|offset| delivery(&assignments[0], offset)));
    thread.reading.note_anew(0, 3);
    thread.hand_on(20_001);

    assert!(!thread.shared.lock().holdings.is_holding_back());
    assert_eq!(sought(&mut thread), [(0, Offset::Offset(3))]);
    assert_eq!(thread.reading.place(0, 3), Place::Next);
    close(thread);
}

#[test]
fn where_a_log_begins_anew_is_told_until_the_group_knows() {
    let mut thread = poll_thread();
    assign(&mut thread, &[50]);
    thread.reading.note_anew(0, 3);
    thread.hand_on(1);
    for _ in 0..3 {
        let late = Instant::now() + Duration::from_secs(600);
        let told = thread.commits.expire(late).expect("a commit is under way");
        assert!(matches!(told.reply, Reply::Nobody) && thread.commits.expire(late).is_none());
        thread.decided(told);
        thread.tell_places_again();
        assert!(thread.commits.expire(late).is_none(), "not at once");
        thread.tell_places_at = Some(Instant::now());
        thread.tell_places_again();
    }

    let durable = thread.shared.lock().holdings.untold_places();
    thread.decided(Decided { durable, outcome: Ok(()), reply: Reply::Nobody });
    while thread.commits.expire(Instant::now() + Duration::from_secs(600)).is_some() {}
    thread.tell_places_at = Some(Instant::now());
    thread.tell_places_again();
    assert!(thread.commits.expire(Instant::now() + Duration::from_secs(600)).is_none());
    close(thread);
}
