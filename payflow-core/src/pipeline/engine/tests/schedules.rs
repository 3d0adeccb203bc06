//! Random schedules of everything that can happen; the rig checks each step.

use proptest::prelude::*;

use super::*;
use crate::pipeline::retry::RetryPolicy;
use crate::pipeline::shard::Outcome;

#[derive(Debug, Clone)]
enum Step {
    Assign(u32),
    Revoke(u32, u64),
    Lose(u32),
    Receive(u32, Vec<&'static str>),
    Handle(usize),
    Fail(usize, Fault),
    Advance(u64),
    Commit(bool),
    ReceiveFails,
    ShutDown,
}

fn step() -> impl Strategy<Value = Step> {
    let slot = 0..3_u32;
    let key = prop::sample::select(vec!["a", "b", "c", "d", "", "-"]);
    let fault = prop::sample::select(vec![
        Fault::Transient { retry_after: None },
        Fault::Transient { retry_after: Some(Duration::from_millis(700)) },
        Fault::Permanent,
        Fault::Unknown,
        Fault::Fatal,
    ]);
    prop_oneof![
        3 => slot.clone().prop_map(Step::Assign),
        1 => (slot.clone(), 1..6_000_u64).prop_map(|(slot, ms)| Step::Revoke(slot, ms)),
        1 => slot.clone().prop_map(Step::Lose),
        8 => (slot, prop::collection::vec(key, 1..12)).prop_map(|(slot, keys)| Step::Receive(slot, keys)),
        12 => any::<usize>().prop_map(Step::Handle),
        5 => (any::<usize>(), fault).prop_map(|(index, fault)| Step::Fail(index, fault)),
        5 => (0..3_000_u64).prop_map(Step::Advance),
        1 => Just(Step::Advance(31_000)),
        3 => any::<bool>().prop_map(Step::Commit),
        1 => Just(Step::ReceiveFails),
        1 => Just(Step::ShutDown),
    ]
}

fn order() -> impl Strategy<Value = Order> {
    prop::sample::select(vec![Order::ByKey, Order::ByPartition, Order::None])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn any_schedule_keeps_order_bounds_and_tokens(
        order in order(),
        concurrency in 1..6_usize,
        records_max in 6..20_usize,
        retries in 0..3_usize,
        steps in prop::collection::vec(step(), 1..150),
    ) {
        let config = PipelineConfig::new()
            .with_order(order)
            .with_concurrency(concurrency)
            .with_records_max(records_max)
            .with_bytes_max(64 * 1024)
            .with_retry(RetryPolicy::new(vec![Duration::from_millis(500); retries]));
        let mut rig = Rig::new(config);
        rig.some_end_at_once = true;
        for step in steps {
            match step {
                Step::Assign(slot) => rig.assign(slot),
                Step::Revoke(slot, ms) => rig.revoke(slot, Duration::from_millis(ms)),
                Step::Lose(slot) => rig.lose(slot),
                Step::Receive(slot, keys) => rig.receive(slot, &keys),
                Step::Handle(index) => rig.end(index, Outcome::Handled),
                Step::Fail(index, fault) => rig.fail(index, fault),
                Step::Advance(ms) => rig.advance(Duration::from_millis(ms)),
                Step::Commit(true) => rig.committed(Ok(())),
                Step::Commit(false) => rig.committed(Err(Error::transient("commit"))),
                Step::ReceiveFails => rig.on(Event::ReceiveFailed(Error::transient("receive"))),
                Step::ShutDown => rig.on(Event::ShutDown),
            }
        }
        rig.shut_down_and_check();
    }
}
