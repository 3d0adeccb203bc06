//! What a pipeline is refused for beside its consumer and its handler.

use std::sync::Arc;
use std::time::Duration;

use payflow_core::{
    Consumer, DeadLetters, InvalidConfig, JsonCodec, MemoryInbox, MemoryNotifier, Notifier, NotifyPayer,
    OffsetTracker, Once, Pipeline, PipelineConfig,
};

use crate::rig::{GROUP, Rig};

const SECOND: Duration = Duration::from_secs(1);

/// As a service has it that picks its parts at run time.
fn build(config: PipelineConfig, lease: Duration) -> Result<(), InvalidConfig> {
    let rig = Rig::new(1);
    let consumer = rig.cluster.consumer(GROUP, std::slice::from_ref(&rig.topic)).unwrap();
    let consumer: Box<dyn Consumer> = Box::new(consumer);
    let once = Once::new(MemoryNotifier::new(), MemoryInbox::new()).with_lease(lease);
    let notifier: Arc<dyn Notifier> = Arc::new(once);
    let letters = DeadLetters::new(Arc::new(rig.cluster.producer()), rig.dead);
    Pipeline::new(consumer, JsonCodec::new(), NotifyPayer::new(notifier, "log"), letters, config).map(drop)
}

#[test]
fn an_inbox_lease_not_above_the_handler_timeout_is_refused() {
    let config = PipelineConfig::new().with_handler_timeout(60 * SECOND);
    let refused = build(config.clone(), 60 * SECOND).unwrap_err();
    assert_eq!(refused.setting(), "handler_timeout");
    assert!(refused.to_string().contains("Once::with_lease"), "{refused}");
    assert_eq!(build(config, 61 * SECOND), Ok(()));
    assert_eq!(build(PipelineConfig::new(), Once::<MemoryNotifier, MemoryInbox>::LEASE), Ok(()));
}

#[test]
fn more_in_flight_than_a_commit_can_tell_of_is_refused() {
    let most = 8 * OffsetTracker::UNFINISHED_MAX;
    let refused = build(PipelineConfig::new().with_records_max(most + 8), 60 * SECOND).unwrap_err();
    assert_eq!(refused.setting(), "records_max");
    assert!(refused.to_string().contains(&format!("lower it to {most}")), "{refused}");
    assert_eq!(build(PipelineConfig::new().with_records_max(most), 60 * SECOND), Ok(()));
}
