use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use payflow_core::{Error, Message, Order, PipelineConfig};

use crate::rig::{Rig, Seen};

fn key(message: &Message<String>) -> String {
    let key = message.delivery().key().unwrap_or(b"-");
    String::from_utf8(key.to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn records_of_a_key_are_handled_in_order_and_one_at_a_time() {
    let rig = Rig::new(4);
    for number in 0..400 {
        rig.send(&format!("u{}", number % 7), &number.to_string()).await;
    }
    let (seen, running) = (Seen::default(), Arc::new(Mutex::new(BTreeSet::new())));
    let handler = {
        let seen = seen.clone();
        move |message: Message<String>| {
            let (seen, running) = (seen.clone(), Arc::clone(&running));
            async move {
                let key = key(&message);
                assert!(running.lock().unwrap().insert(key.clone()), "two of {key} at once");
                seen.note(&key, message.body());
                tokio::time::sleep(Duration::from_millis(message.body().len() as u64)).await;
                running.lock().unwrap().remove(&key);
                Ok(())
            }
        }
    };
    let pipeline = rig.start(PipelineConfig::new(), handler);
    rig.settled().await;
    pipeline.stop().await.unwrap();

    assert_eq!(seen.count(), 400);
    for user in 0..7 {
        let expected: Vec<String> = (0..400).filter(|n| n % 7 == user).map(|n| n.to_string()).collect();
        assert_eq!(seen.of(&format!("u{user}")), expected);
    }
    assert!(rig.dead_letters().is_empty());
}

/// Runs `keys` at once, and gives the largest number of handlers that ran together.
async fn together(order: Order, concurrency: usize, keys: &[&str]) -> usize {
    let rig = Rig::new(1);
    for key in keys {
        rig.send(key, "x").await;
    }
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let handler = {
        let most = Arc::clone(&most);
        move |_: Message<String>| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(10)).await;
                now.fetch_sub(1, Ordering::SeqCst);
                Ok::<(), Error>(())
            }
        }
    };
    let pipeline = rig.start(PipelineConfig::new().with_order(order).with_concurrency(concurrency), handler);
    rig.settled().await;
    pipeline.stop().await.unwrap();
    most.load(Ordering::SeqCst)
}

#[tokio::test(start_paused = true)]
async fn different_keys_run_together_up_to_the_one_limit_of_all_shards() {
    let keys = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    assert_eq!(together(Order::ByKey, 256, &keys).await, 10);
    assert_eq!(together(Order::ByKey, 3, &keys).await, 3);
}

#[tokio::test(start_paused = true)]
async fn order_decides_what_waits_for_what() {
    assert_eq!(together(Order::ByKey, 256, &["a", "a", "a", "-", "-"]).await, 3);
    assert_eq!(together(Order::ByPartition, 256, &["a", "b", "-", "-"]).await, 1);
    assert_eq!(together(Order::None, 256, &["a", "a", "a", "-"]).await, 4);
}
