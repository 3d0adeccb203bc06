//! The terminal as a channel: prints each notification as it happens.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use payflow_core::{Error, Notification, Notifier, PaymentId, Sent};
use tokio::sync::watch;

/// [`Notifier`] that prints on standard output.
#[derive(Debug)]
pub(crate) struct Console {
    is_coloured: bool,
    notified: watch::Sender<u64>,
}

impl Console {
    /// In colour if somebody looks at it and does not mind (`NO_COLOR`).
    pub(crate) fn new() -> Self {
        let is_unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { is_coloured: io::stdout().is_terminal() && !is_unwanted, notified: watch::Sender::new(0) }
    }

    /// Prints a line, and everything before it.
    pub(crate) fn print(&self, line: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{line}")?;
        stdout.flush()
    }

    /// Resolves at the first notification after this call.
    pub(crate) fn next_notification(&self) -> impl Future<Output = ()> + use<> {
        let mut notified = self.notified.subscribe();
        async move {
            // An error says that the console is gone, and nothing is notified any more.
            let _ = notified.changed().await;
        }
    }
}

#[async_trait]
impl Notifier for Console {
    async fn notify(&self, notification: &Notification) -> Result<Sent, Error> {
        let line = Line {
            notification,
            took: age(notification.payment_id(), SystemTime::now()),
            is_coloured: self.is_coloured,
        };
        // An output that is closed never opens again.
        self.print(&line.to_string())
            .map_err(|error| Error::permanent("print notification").because(error))?;
        self.notified.send_modify(|count| *count += 1);
        Ok(Sent::Delivered)
    }
}

/// How long ago the payment was accepted, if its id says when: that of a repeatable request does not.
fn age(id: PaymentId, now: SystemTime) -> Option<Duration> {
    let (seconds, nanos) = id.as_uuid().get_timestamp()?.to_unix();
    let accepted_at = SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanos))?;
    now.duration_since(accepted_at).ok()
}

struct Line<'a> {
    notification: &'a Notification,
    took: Option<Duration>,
    is_coloured: bool,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (green, dim, plain) =
            if self.is_coloured { ("\x1b[32m", "\x1b[2m", "\x1b[0m") } else { ("", "", "") };
        let (user, message) = (self.notification.user_id().as_str(), self.notification.message());
        let id = self.notification.payment_id();
        write!(f, "{green}✓{plain} {user:<6} {message:<44} {dim}(payment {id}")?;
        if let Some(took) = self.took {
            write!(f, ", {} ms", took.as_millis())?;
        }
        write!(f, "){plain}")
    }
}
