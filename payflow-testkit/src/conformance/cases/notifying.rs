//! What a notifier owes.

use futures_util::future::try_join_all;
use payflow_core::{Error, Fault, Notification, NotificationId, Notifier, PaymentId, Sent, UserId};

use crate::conformance::chance::{Dice, cut_off};
use crate::conformance::harness::{Arrived, NotifierHarness};
use crate::conformance::stage::Clock;
use crate::conformance::violation::Violation;

/// A notification reaches the other side with its payer and its message as they are, in any script.
///
/// # Errors
/// The notifier broke that promise.
pub async fn a_notification_arrives_intact(harness: &dyn NotifierHarness) -> Result<(), Violation> {
    let desk = Desk::open(harness).await?;
    let messages = [
        "Payment of 49.99 EUR received",
        "\u{652f}\u{6255}\u{3044} 5000 JPY \u{2713}",
        "\u{645}\u{631}\u{62d}\u{628}\u{627} \u{1f469}\u{200d}\u{1f4bb} e\u{301}",
        "quotes ' \" and <b>marks</b> & \\ {braces} %s",
    ];
    for (number, message) in messages.into_iter().enumerate() {
        let user = if number % 2 == 0 { "u001" } else { "\u{5c71}\u{7530} \u{1f600}" };
        let notification = compose(user, number, message)?;
        desk.notify(&notification).await?;
        let arrived = desk.arrived().await?;
        let intact = |one: &Arrived| one.user_id == user && one.message == message;
        if !arrived.iter().any(intact) {
            let expected = format!("\"{message}\" for \"{user}\" at the other side");
            return Err(Violation::new(expected, format!("it has {arrived:?}")));
        }
    }
    Ok(())
}

/// The other side sees the notification's id.
///
/// # Errors
/// The notifier broke that promise.
pub async fn the_id_travels_with_it(harness: &dyn NotifierHarness) -> Result<(), Violation> {
    let desk = Desk::open(harness).await?;
    let notification = compose("u001", 1, "paid")?;
    desk.notify(&notification).await?;
    let ids: Vec<Option<NotificationId>> = desk.arrived().await?.into_iter().map(|one| one.id).collect();
    if ids == [Some(notification.id())] {
        return Ok(());
    }
    let expected = format!("one notification with the id {}", notification.id());
    Err(Violation::new(expected, format!("the other side has {ids:?}")))
}

/// `notify` resolves when the other side has taken the notification, and not before.
///
/// # Errors
/// The notifier broke that promise.
pub async fn sent_means_taken(harness: &dyn NotifierHarness) -> Result<(), Violation> {
    let desk = Desk::open(harness).await?;
    for number in 0..10 {
        desk.notify(&compose("u001", number, &text(number))?).await?;
        // Asked at once: what comes later was not taken when the notifier said so.
        let arrived = desk.arrived().await?;
        if !arrived.iter().any(|one| one.message == text(number)) {
            let expected = format!("\"{}\" at the other side as soon as notify has resolved", text(number));
            return Err(Violation::new(expected, format!("it had {} others", arrived.len())));
        }
    }
    Ok(())
}

/// A notifier may be called concurrently: each notification arrives once.
///
/// # Errors
/// The notifier broke that promise.
pub async fn concurrent_notifications_all_arrive(harness: &dyn NotifierHarness) -> Result<(), Violation> {
    let desk = Desk::open(harness).await?;
    let composed = (0..50).map(|number| compose(&format!("u{number}"), number, &text(number)));
    let composed = composed.collect::<Result<Vec<_>, _>>()?;
    try_join_all(composed.iter().map(|notification| desk.notify(notification))).await?;
    desk.each_arrived(0..50, 1).await
}

/// The same notification may come again, with the same id: it is taken, not refused.
///
/// # Errors
/// The notifier broke that promise.
pub async fn a_repeat_is_taken(harness: &dyn NotifierHarness) -> Result<(), Violation> {
    let desk = Desk::open(harness).await?;
    let notification = compose("u001", 0, &text(0))?;
    for _ in 0..3 {
        desk.notify(&notification).await?;
    }
    desk.notify(&compose("u001", 1, &text(1))?).await?;
    desk.each_arrived(0..2, 3).await
}

/// A repeat reaches nobody twice where the other side drops repeats; another notification of the same words does.
///
/// # Errors
/// The notifier broke that promise.
pub async fn a_repeat_arrives_once(harness: &dyn NotifierHarness) -> Result<(), Violation> {
    let desk = Desk::open(harness).await?;
    let notification = compose("u001", 0, "the same words")?;
    for _ in 0..3 {
        desk.notify(&notification).await?;
    }
    desk.notify(&compose("u001", 1, "the same words")?).await?;
    let arrived = desk.arrived().await?;
    if arrived.len() == 2 {
        return Ok(());
    }
    let expected = "one arrival of a notification sent three times, and one of another with the same words";
    Err(Violation::new(expected, format!("there were {} arrivals", arrived.len())))
}

/// A refusal is reported as a failure, nothing has arrived if it is transient, and the same notification can be sent
/// again.
///
/// # Errors
/// The notifier broke that promise.
pub async fn a_failed_notification_can_be_sent_again(harness: &dyn NotifierHarness) -> Result<(), Violation> {
    let desk = Desk::open(harness).await?;
    let notification = compose("u001", 0, &text(0))?;
    desk.clock.within("a refusal to be set up", harness.refuse_next(1)).await?;
    match desk.try_notify(&notification).await? {
        Ok(sent) => {
            let expected = "a notification that the other side refuses to be reported as failed";
            return Err(Violation::new(expected, format!("it was reported as {sent:?}")));
        }
        Err(error) if matches!(error.fault(), Fault::Transient { .. }) => {
            let arrived = desk.arrived().await?;
            if !arrived.is_empty() {
                let happened = format!("the other side has {arrived:?}");
                return Err(Violation::new("nothing sent by a notify that failed as transient", happened));
            }
        }
        Err(error) => {
            return Err(Violation::failed("a passing refusal to be reported as transient", &error));
        }
    }
    desk.notify(&notification).await?;
    desk.each_arrived(0..1, 1).await
}

/// A dropped `notify` may have sent; the notifier goes on as if nothing had been.
///
/// # Errors
/// The notifier broke that promise.
pub async fn a_cancelled_notify_does_no_harm(harness: &dyn NotifierHarness) -> Result<(), Violation> {
    let desk = Desk::open(harness).await?;
    let mut dice = Dice::new(4);
    for number in 0..20 {
        let notification = compose("u001", number, &text(number))?;
        let notify = desk.notifier.notify(&notification);
        if let Some(outcome) = cut_off(notify, dice.below(3)).await {
            let _sent = outcome.map_err(|error| Violation::failed("a notify that succeeds", &error))?;
        }
    }
    for number in 20..30 {
        desk.notify(&compose("u001", number, &text(number))?).await?;
    }
    desk.each_arrived(20..30, 1).await
}

/// A notifier, its other side, and the case's clock.
struct Desk<'h> {
    harness: &'h dyn NotifierHarness,
    notifier: std::sync::Arc<dyn Notifier>,
    clock: Clock,
}

impl<'h> Desk<'h> {
    async fn open(harness: &'h dyn NotifierHarness) -> Result<Self, Violation> {
        let clock = Clock::start(harness.limits());
        let notifier = clock.within("a new notifier", harness.notifier()).await?;
        Ok(Self { harness, notifier, clock })
    }

    async fn try_notify(&self, notification: &Notification) -> Result<Result<Sent, Error>, Violation> {
        let notify = self.notifier.notify(notification);
        let resolved = self.clock.within("notify to resolve", notify).await;
        resolved.map_err(|late| late.at(format!("\"{}\"", notification.message())))
    }

    async fn notify(&self, notification: &Notification) -> Result<(), Violation> {
        match self.try_notify(notification).await? {
            Ok(Sent::Accepted | Sent::Delivered) => Ok(()),
            Err(error) => {
                let about = format!("\"{}\" for \"{}\"", notification.message(), notification.user_id());
                Err(Violation::failed("a notify that succeeds", &error).at(about))
            }
        }
    }

    async fn arrived(&self) -> Result<Vec<Arrived>, Violation> {
        self.clock.within("the other side to answer", self.harness.arrived()).await
    }

    /// Each of these has arrived, at least once and at most `most` times.
    async fn each_arrived(&self, numbers: std::ops::Range<usize>, most: usize) -> Result<(), Violation> {
        let arrived = self.arrived().await?;
        for number in numbers {
            let times = arrived.iter().filter(|one| one.message == text(number)).count();
            if !(1..=most).contains(&times) {
                let expected = format!("\"{}\" at the other side, 1 to {most} times", text(number));
                return Err(Violation::new(expected, format!("it arrived {times} times")));
            }
        }
        Ok(())
    }
}

fn text(number: usize) -> String {
    format!("notification {number}")
}

/// Notification `number` of a payment of its own.
fn compose(user: &str, number: usize, message: &str) -> Result<Notification, Violation> {
    let user = UserId::parse(user).map_err(|error| Violation::new("a user id", error.to_string()))?;
    Ok(Notification::new(PaymentId::random(), &format!("event {number}"), "conformance", user, message))
}
