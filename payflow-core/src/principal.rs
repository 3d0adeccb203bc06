//! Who asked.

use std::borrow::Cow;

/// Who made a request: [`Principal::anonymous`] unless a layer in front of the door said otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Principal(Cow<'static, str>);

impl Principal {
    /// Nobody in particular.
    #[must_use]
    pub const fn anonymous() -> Self {
        Self(Cow::Borrowed("anonymous"))
    }

    /// A caller that an authentication layer has proved, under its stable name (a client id, a subject).
    #[must_use]
    pub fn named(name: impl Into<Box<str>>) -> Self {
        Self(Cow::Owned(name.into().into_string()))
    }

    /// The name; idempotency keys of different names never meet.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Principal {
    fn default() -> Self {
        Self::anonymous()
    }
}
