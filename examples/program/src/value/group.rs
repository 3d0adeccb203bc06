//! The consumer group.

use std::fmt;

/// The name of a consumer group: 1 to 255 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupId(String);

impl GroupId {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > 255 {
            return Err("is longer than 255 characters");
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("has a space, a control character or a letter beyond ASCII");
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
