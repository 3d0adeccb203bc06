use payflow_core::{Fault, MemoryNotifier, Notification, Notifier, PaymentId, Sent, UserId};

fn notification(message: &str) -> Notification {
    let user = UserId::parse("u001").unwrap();
    Notification::new(PaymentId::random(), "paid", "log", user, message)
}

#[tokio::test]
async fn it_counts_all_and_remembers_the_last() {
    let notifier = MemoryNotifier::with_notifications_max(2);
    let waiting = notifier.clone();
    let waiting = tokio::spawn(async move { waiting.wait_for(3).await });
    notifier.fail_next([Fault::Unknown]);
    let failed = notifier.notify(&notification("never")).await;
    assert_eq!(failed.unwrap_err().fault(), Fault::Unknown);
    for message in ["a", "b", "c"] {
        assert_eq!(notifier.notify(&notification(message)).await.unwrap(), Sent::Delivered);
        tokio::task::yield_now().await;
    }
    let remembered = waiting.await.unwrap();
    let messages: Vec<&str> = remembered.iter().map(Notification::message).collect();
    assert_eq!(messages, ["b", "c"]);
    assert_eq!(notifier.count(), 3);
}
