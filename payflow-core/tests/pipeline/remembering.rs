//! What finished behind a record that is stuck.

use std::sync::Arc;
use std::time::Duration;

use payflow_core::{OffsetTracker, PipelineConfig};
use tokio::sync::Semaphore;

use crate::rig::{GROUP, Rig, Seen};
use crate::stops::{gated, until};

const SECOND: Duration = Duration::from_secs(1);

/// A record that is stuck, hundreds of other keys finished behind it, and a commit of them. Gives back what has ended.
async fn hundreds_behind_a_stuck_head(
    rig: &Rig,
    seen: &Seen,
    gate: &Arc<Semaphore>,
    end: End,
) -> Vec<String> {
    rig.send("stuck", "slow").await;
    for number in 0..500 {
        rig.send(&format!("u{number}"), &number.to_string()).await;
    }
    let pipeline = rig.start(PipelineConfig::new().with_handler_timeout(3_600 * SECOND), gated(seen, gate));
    until(|| seen.of("ended").len() == 500).await;
    match end {
        End::Stop => pipeline.stop().await.unwrap(),
        End::Kill => {
            // A commit interval later all of it is durable.
            tokio::time::sleep(10 * SECOND).await;
            pipeline.kill().await;
        }
    }
    assert_eq!(rig.cluster.committed(GROUP, &rig.topic, 0), Some(0), "the head holds the watermark");
    seen.of("ended")
}

enum End {
    Stop,
    Kill,
}

#[tokio::test(start_paused = true)]
async fn neither_a_stop_nor_a_kill_repeats_what_finished_behind_a_stuck_record() {
    for end in [End::Stop, End::Kill] {
        let rig = Rig::new(1);
        let (seen, gate) = (Seen::default(), Arc::new(Semaphore::new(0)));
        let before = hundreds_behind_a_stuck_head(&rig, &seen, &gate, end).await;

        gate.add_permits(1);
        rig.send("u0", "after").await;
        let again = rig.start(PipelineConfig::new(), gated(&seen, &gate));
        rig.settled().await;
        again.stop().await.unwrap();
        let mut ended = seen.of("ended").split_off(before.len());
        ended.sort_unstable();
        assert_eq!(ended, ["after", "slow"]);
        assert_eq!(seen.of("started").len(), 1 + 500 + 2);
    }
}

#[tokio::test(start_paused = true)]
async fn stuck_records_stop_the_intake_of_their_partition_before_anything_would_be_forgotten() {
    const STUCK: usize = 200;
    const OTHERS: usize = 20_000;
    let rig = Rig::new(1);
    for number in 0..STUCK {
        rig.send(&format!("stuck{number}"), "slow").await;
    }
    for number in 0..OTHERS {
        rig.send(&format!("u{}", number % 100), &number.to_string()).await;
    }
    let (seen, gate) = (Seen::default(), Arc::new(Semaphore::new(0)));
    let config = PipelineConfig::new().with_concurrency(1_000).with_handler_timeout(36_000 * SECOND);
    let first = rig.start(config.clone(), gated(&seen, &gate));
    tokio::time::sleep(60 * SECOND).await;
    let old = (OffsetTracker::METADATA_BYTES_MAX as usize - 2_048).div_ceil(6);
    assert_eq!(seen.of("started").len(), 16_384 + old, "none taken in beyond what a commit can tell of");
    assert_eq!(seen.of("ended").len(), 16_384 + old - STUCK);

    // A few of them end, and the intake goes on.
    gate.add_permits(50);
    until(|| seen.of("ended").len() == OTHERS + 50).await;
    tokio::time::sleep(10 * SECOND).await;
    first.kill().await;

    let second = rig.start(config, gated(&seen, &gate));
    gate.add_permits(STUCK);
    rig.settled().await;
    second.stop().await.unwrap();
    assert_eq!(seen.of("ended").len(), OTHERS + STUCK, "each once");
}
