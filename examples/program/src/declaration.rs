//! What is said about a setting, in the help text and in messages.

/// A setting's name, meaning and default, without its type.
#[derive(Debug, Clone, Copy)]
pub struct Declaration {
    pub(crate) name: &'static str,
    pub(crate) placeholder: &'static str,
    pub(crate) help: &'static str,
    pub(crate) expected: &'static str,
    pub(crate) default: DefaultValue,
    pub(crate) secret: bool,
}

/// What counts where nothing was told.
#[derive(Debug, Clone, Copy)]
pub(crate) enum DefaultValue {
    /// The setting must be told.
    None,
    /// Read as if it had been told.
    Text(&'static str),
    /// Follows from other settings; the text says how.
    Derived(&'static str),
}

impl Declaration {
    /// The key in the file, such as `http_addr`.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        self.name
    }

    /// The flag, such as `--http-addr`.
    #[must_use]
    pub fn flag(&self) -> String {
        format!("--{}", self.long())
    }

    /// The environment variable, such as `PAYFLOW_HTTP_ADDR`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name.to_uppercase())
    }

    /// The flag without its dashes.
    pub(crate) fn long(&self) -> String {
        self.name.replace('_', "-")
    }

    /// The flag as clap knows it. It takes any text: checks come later, when all sources are known.
    pub(crate) fn argument(&self) -> clap::Arg {
        let mut help = format!("{}\n[env: {}]", self.help, self.variable());
        if let DefaultValue::Text(default) | DefaultValue::Derived(default) = self.default {
            help.push_str(&format!(" [default: {default}]"));
        }
        argument(self.name, self.long(), self.placeholder, help)
    }
}

/// The flag that names the settings file.
pub(crate) fn config_argument() -> clap::Arg {
    let help =
        format!("TOML file with settings; its keys are the flags, with _ for -\n[env: {CONFIG_VARIABLE}]");
    argument(CONFIG, CONFIG.to_owned(), "FILE", help)
}

/// What every environment variable of a setting begins with.
pub(crate) const PREFIX: &str = "PAYFLOW_";

/// The flag that names the settings file, without its dashes.
pub(crate) const CONFIG: &str = "config";

/// The environment variable that names the settings file.
pub(crate) const CONFIG_VARIABLE: &str = "PAYFLOW_CONFIG";

fn argument(id: &'static str, long: String, placeholder: &'static str, help: String) -> clap::Arg {
    clap::Arg::new(id)
        .long(long)
        .value_name(placeholder)
        .value_parser(clap::value_parser!(std::ffi::OsString))
        .help(help)
        .help_heading("Settings")
}
