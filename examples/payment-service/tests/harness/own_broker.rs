//! A broker that a test may stop.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use payflow_parts::{KafkaBroker, KafkaConfig};

/// A broker of the test's own. There is one at a time: several starting at once keep two cores busy for a minute.
pub(crate) struct OwnBroker {
    broker: KafkaBroker,
    _turn: MutexGuard<'static, ()>,
}

impl OwnBroker {
    /// Starts it. One that was killed takes part again after 3 s, when its old session is over.
    pub(crate) fn start() -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let config = KafkaConfig::new()
            .with_property("broker.session.timeout.ms", "3000")
            .with_property("broker.heartbeat.interval.ms", "500");
        Self { broker: config.start().expect("a broker"), _turn: turn }
    }
}

impl Deref for OwnBroker {
    type Target = KafkaBroker;

    fn deref(&self) -> &KafkaBroker {
        &self.broker
    }
}

impl DerefMut for OwnBroker {
    fn deref_mut(&mut self) -> &mut KafkaBroker {
        &mut self.broker
    }
}
