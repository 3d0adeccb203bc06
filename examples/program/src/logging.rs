//! The log: text for people or JSON for programs, on standard error.

use std::io;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;

use crate::declaration::Declaration;
use crate::setting::{Readable, Setting};
use crate::values::Values;

/// How a program logs.
#[derive(Debug, Clone)]
pub struct Logging {
    format: LogFormat,
    level: LogLevel,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for programs.
    Json,
}

/// What is important enough to be logged.
#[derive(Debug, Clone)]
pub struct LogLevel(Targets);

impl Logging {
    /// The form of a line.
    #[must_use]
    pub const fn format(&self) -> LogFormat {
        self.format
    }

    /// What is logged.
    #[must_use]
    pub const fn level(&self) -> &LogLevel {
        &self.level
    }

    /// Starts the log of the whole program, and writes the warnings that came up before it.
    ///
    /// Where the program logs already, the log stays as it is and takes the warnings too.
    pub fn start(&self, warnings: &[String]) {
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(io::stderr)
            .with_ansi(false)
            // It would be told on standard error, which is what failed, and end the program.
            .log_internal_errors(false);
        let lines: Box<dyn Layer<Registry> + Send + Sync> = match self.format {
            LogFormat::Text => lines.boxed(),
            LogFormat::Json => lines.json().flatten_event(true).boxed(),
        };
        let log = Registry::default().with(lines.with_filter(self.level.0.clone()));
        // An error says that there is a log already.
        let _ = tracing::subscriber::set_global_default(log);
        for warning in warnings {
            tracing::warn!("{warning}");
        }
    }
}

impl LogFormat {
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("is no form of a log"),
        }
    }
}

impl LogLevel {
    /// Whether an event of this target and level is logged.
    #[must_use]
    pub fn logs(&self, target: &str, level: tracing::Level) -> bool {
        self.0.would_enable(target, &level)
    }

    /// The filter's own parser would take a mistyped level for the name of a module.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut targets = Targets::new().with_default(LevelFilter::INFO);
        for part in text.split(',').map(str::trim) {
            targets = match part.split_once('=') {
                None => targets.with_default(parse_level(part)?),
                Some((module, level)) if is_module(module) => {
                    targets.with_target(module, parse_level(level)?)
                }
                Some(_) => return Err("names a module that cannot be"),
            };
        }
        Ok(Self(targets))
    }
}

/// The settings `log` and `log_level`.
#[derive(Debug, Clone)]
pub struct LoggingSettings {
    level: Setting<LogLevel>,
}

impl LoggingSettings {
    pub(crate) const fn new() -> Self {
        Self { level: LOG_LEVEL }
    }

    /// The level where none is told, such as `warn` for a program with other things to show.
    #[must_use]
    pub const fn default_level(self, level: &'static str) -> Self {
        Self { level: self.level.default(level) }
    }
}

impl Readable for LoggingSettings {
    type Value = Logging;

    fn declare(&self, into: &mut Vec<Declaration>) {
        LOG.declare(into);
        self.level.declare(into);
    }

    fn read(&self, values: &mut Values) -> Option<Logging> {
        let (format, level) = (LOG.read(values), self.level.read(values));
        Some(Logging { format: format?, level: level? })
    }
}

/// The form of a log line.
pub(crate) const LOG: Setting<LogFormat> =
    Setting::new("log", "Form of the log: text or json", "text or json", LogFormat::parse)
        .placeholder("FORM")
        .default("text");

/// What is logged.
pub(crate) const LOG_LEVEL: Setting<LogLevel> = Setting::new(
    "log_level",
    "What to log: off, error, warn, info, debug or trace, or by module: info,payflow_core=debug",
    "off, error, warn, info, debug or trace, such as info or info,payflow_core=debug",
    LogLevel::parse,
)
.placeholder("LEVEL")
.default("info");

fn parse_level(text: &str) -> Result<LevelFilter, &'static str> {
    // Its own parser takes numbers and the empty text too.
    let named = text.bytes().all(|byte| byte.is_ascii_alphabetic()) && !text.is_empty();
    text.parse().ok().filter(|_| named).ok_or("has a level that is none")
}

fn is_module(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'-');
    !text.is_empty() && text.bytes().all(allowed)
}
