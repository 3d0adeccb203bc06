//! One address of the services: its connection, and the pause while it is not reached.

use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::time::Instant;
use tonic::transport::Channel;

/// The first pause after an endpoint was not reached.
const BACKOFF_MIN: Duration = Duration::from_millis(100);

/// An address, connected when it is first needed and again when the connection was lost.
pub(crate) struct Endpoint {
    target: tonic::transport::Endpoint,
    backoff_max: Duration,
    link: Mutex<Link>,
}

/// A connection, and which of the endpoint's it is.
#[derive(Clone)]
pub(crate) struct Connected {
    pub(crate) channel: Channel,
    number: u64,
}

/// The endpoint is not reached, so that nothing was sent.
#[derive(Debug, Clone)]
pub(crate) struct Away {
    /// When it is worth another try.
    pub(crate) retry_after: Duration,
    pub(crate) cause: Arc<str>,
}

struct Link {
    state: State,
    /// Rises with each connection that is begun.
    number: u64,
    backoff: Backoff,
    cause: Arc<str>,
}

enum State {
    Idle,
    Connecting(Connecting),
    Connected(Channel),
}

/// All who wait for the same connection share it. Nobody waits: it stands still until somebody does.
type Connecting = Shared<BoxFuture<'static, Result<Channel, Arc<str>>>>;

impl Endpoint {
    pub(crate) fn new(target: tonic::transport::Endpoint, backoff_max: Duration) -> Self {
        let link = Link { state: State::Idle, number: 0, backoff: Backoff::default(), cause: "".into() };
        Self { target, backoff_max, link: Mutex::new(link) }
    }

    /// The connection, made if there is none.
    pub(crate) async fn connected(&self) -> Result<Connected, Away> {
        let (connecting, number) = {
            let mut link = self.lock();
            let connecting = match &link.state {
                State::Connected(channel) => {
                    return Ok(Connected { channel: channel.clone(), number: link.number });
                }
                State::Connecting(connecting) => connecting.clone(),
                State::Idle => {
                    if let Some(retry_after) = link.backoff.pause(Instant::now()) {
                        return Err(Away { retry_after, cause: Arc::clone(&link.cause) });
                    }
                    let connecting = connect(self.target.clone());
                    link.number += 1;
                    link.state = State::Connecting(connecting.clone());
                    connecting
                }
            };
            (connecting, link.number)
        };
        let outcome = connecting.await;
        let mut link = self.lock();
        // The first who hears of it says so.
        let is_news = link.number == number && matches!(link.state, State::Connecting(_));
        match outcome {
            Ok(channel) => {
                if is_news {
                    link.state = State::Connected(channel.clone());
                    link.backoff = Backoff::default();
                }
                Ok(Connected { channel, number })
            }
            Err(cause) => {
                if is_news {
                    link.fail(Arc::clone(&cause), self.backoff_max);
                }
                let retry_after = link.backoff.pause(Instant::now()).unwrap_or_default();
                Err(Away { retry_after, cause })
            }
        }
    }

    /// The connection is of no more use, or may be of none: calls on it go on, new ones take another.
    pub(crate) fn lost(&self, connected: &Connected) {
        let mut link = self.lock();
        if link.number == connected.number && matches!(link.state, State::Connected(_)) {
            link.state = State::Idle;
        }
    }

    /// The same, and it could not be made anew.
    pub(crate) fn refused(&self, connected: &Connected, cause: Arc<str>) {
        let mut link = self.lock();
        if link.number == connected.number && matches!(link.state, State::Connected(_)) {
            link.fail(cause, self.backoff_max);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Link> {
        // It holds whole values at any time.
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("uri", self.target.uri()).finish_non_exhaustive()
    }
}

impl Link {
    fn fail(&mut self, cause: Arc<str>, backoff_max: Duration) {
        self.state = State::Idle;
        self.cause = cause;
        self.backoff.failed(Instant::now(), backoff_max);
    }
}

fn connect(target: tonic::transport::Endpoint) -> Connecting {
    let connect = async move { target.connect().await.map_err(|error| chain(&error).into()) };
    connect.boxed().shared()
}

/// The whole chain of causes in one line.
pub(crate) fn chain(error: &(dyn StdError + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// The pause after failures in a row. A value: it is told the time.
#[derive(Debug, Default)]
struct Backoff {
    failures: u32,
    until: Option<Instant>,
}

impl Backoff {
    fn failed(&mut self, now: Instant, max: Duration) {
        let doubled = BACKOFF_MIN.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        self.until = Some(now + doubled.min(max));
    }

    /// How long it still lasts; `None` if it is over.
    fn pause(&self, now: Instant) -> Option<Duration> {
        self.until.map(|until| until.saturating_duration_since(now)).filter(|rest| !rest.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let (mut backoff, start) = (Backoff::default(), Instant::now());
        assert_eq!(backoff.pause(start), None);
        let mut pauses = Vec::new();
        for _ in 0..7 {
            backoff.failed(start, Duration::from_secs(1));
            pauses.push(backoff.pause(start).unwrap().as_millis());
        }
        assert_eq!(pauses, [100, 200, 400, 800, 1_000, 1_000, 1_000]);
        assert_eq!(backoff.pause(start + Duration::from_millis(999)), Some(Duration::from_millis(1)));
        assert_eq!(backoff.pause(start + Duration::from_secs(1)), None);
    }
}
