//! What can go wrong with the server as a whole.

use std::io;

/// Why a server could not start, or stopped before it was told to.
///
/// What goes wrong on a single connection never ends up here: that connection is closed and the server goes on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// A setting, or a combination of two, is unsafe or cannot work.
    #[error("setting `{setting}` is wrong: {remedy}")]
    Config {
        /// The name of the [`ServerConfig`](crate::ServerConfig) setter.
        setting: &'static str,
        /// What would be right.
        remedy: &'static str,
    },
    /// The listening socket is unusable, and waiting cannot cure it. Open connections were drained first.
    #[error("listening socket cannot accept connections")]
    Listener(#[source] io::Error),
}
