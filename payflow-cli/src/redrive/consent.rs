//! Whether a redrive may send: it was told so, or somebody is asked.

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::{Context, Result, bail};
use payflow_core::Topic;

use crate::args::RedriveArgs;
use crate::memory;
use crate::output::tell;
use crate::settings::InvalidSetting;

/// The dead letters that stand there, and what the group has to do with them.
pub(super) struct Standing<'a> {
    pub(super) topic: &'a Topic,
    pub(super) group: &'a str,
    /// How many it has not sent back, as far as it remembers.
    pub(super) count: u64,
    /// Whether anything is remembered of its redrives.
    pub(super) remembers: bool,
}

impl Standing<'_> {
    /// Whether to send, if there is something; said is why not.
    pub(super) fn may_be_sent(&self, args: &RedriveArgs) -> Result<bool> {
        if !args.yes {
            return self.asked(args);
        }
        if !self.remembers && !args.first {
            bail!(
                "{}; what was sent back before would be sent again, with the rest of the {} that stand there. Nothing was sent: \
                 give --first to send all the same, and --since to leave out what is older",
                memory::nothing(self.group, self.topic),
                self.count
            );
        }
        Ok(true)
    }

    /// What is to be known before anything is sent, in a line.
    pub(super) fn told(&self) -> String {
        let Self { topic, group, count, remembers } = self;
        if *remembers {
            return format!("{count} of {topic} were not sent back by group {group}.");
        }
        format!(
            "{count} stand on {topic}, and {}. What was sent back before would be sent again.",
            memory::nothing(group, topic)
        )
    }

    /// Asks, if there is somebody to ask.
    fn asked(&self, args: &RedriveArgs) -> Result<bool> {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Err(InvalidSetting::new(
                "nobody can be asked, since this is no terminal; give --yes to send, or --dry-run to see what would be sent",
            )
            .into());
        }
        let to = args.to.as_ref().map_or_else(|| "where they came from".to_owned(), |to| format!("to {to}"));
        tell(&self.told());
        eprint!("Send those that the filter means {to}, {} a second? [y/N] ", args.rate);
        io::stderr().flush()?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).context("standard input cannot be read")?;
        let is_yes = matches!(answer.trim(), "y" | "Y" | "yes");
        if !is_yes {
            tell("nothing was sent");
        }
        Ok(is_yes)
    }
}
