//! A setting that is refused.

use std::borrow::Cow;

/// A setting that is refused, alone or beside another: its name, and why, and what to do instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting} {reason}")]
pub struct InvalidConfig {
    setting: &'static str,
    reason: Cow<'static, str>,
}

impl InvalidConfig {
    pub(crate) fn new(setting: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { setting, reason: reason.into() }
    }

    /// The setting's name, as its setter has it without `with_`.
    #[must_use]
    pub const fn setting(&self) -> &'static str {
        self.setting
    }
}
