//! A setting that is refused.

use std::borrow::Cow;

/// A setting that is refused, alone or beside another: its name, and why, and what to do instead. Holds no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting} {reason}")]
pub struct InvalidKafkaConfig {
    setting: Cow<'static, str>,
    reason: Cow<'static, str>,
}

impl InvalidKafkaConfig {
    pub(crate) fn new(setting: impl Into<Cow<'static, str>>, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { setting: setting.into(), reason: reason.into() }
    }

    /// The setting's name, as its setter has it without `with_`; for a property, librdkafka's name.
    #[must_use]
    pub fn setting(&self) -> &str {
        &self.setting
    }
}
