//! Reads a program's flags and settings.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::Write;
use std::path::Path;

use clap::{ArgMatches, Parser};

use crate::catalogue::KNOWN;
use crate::closest::closest;
use crate::declaration::{CONFIG, CONFIG_VARIABLE, Declaration, PREFIX, config_argument};
use crate::file::SettingsFile;
use crate::problem::{InvalidSettings, Problem};
use crate::setting::ProgramSettings;
use crate::values::Values;

/// What a program was told, read and checked.
#[derive(Debug, Clone)]
#[must_use]
pub struct Program<F, S> {
    /// The flags of its own.
    pub flags: F,
    /// Its settings.
    pub settings: S,
    /// What looks wrong but stops nothing, for the log: [`Logging::start`](crate::Logging::start) takes it.
    pub warnings: Vec<String>,
}

/// What a process was started with.
#[derive(Clone)]
pub struct Inputs {
    arguments: Vec<OsString>,
    environment: BTreeMap<String, OsString>,
}

impl Inputs {
    /// Those of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let mut inputs = Self::new(std::env::args_os(), [("", ""); 0]);
        inputs.environment =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect();
        inputs
    }

    /// Given ones, for tests. The first argument is the program's name.
    #[must_use]
    pub fn new<A, N, V>(
        arguments: impl IntoIterator<Item = A>,
        environment: impl IntoIterator<Item = (N, V)>,
    ) -> Self
    where
        A: Into<OsString>,
        N: Into<String>,
        V: Into<OsString>,
    {
        Self {
            arguments: arguments.into_iter().map(Into::into).collect(),
            environment: environment.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
        }
    }
}

impl fmt::Debug for Inputs {
    /// Without values: they may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inputs").finish_non_exhaustive()
    }
}

/// Why a program does not start.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartError {
    /// A setting is wrong.
    Settings(InvalidSettings),
    /// The flags cannot be understood.
    Flags(String),
    /// Help or version was asked for; this is its text.
    Answer(String),
}

impl StartError {
    /// 0 if help or version was asked for, else 2.
    #[must_use]
    pub const fn exit_code(&self) -> i32 {
        match self {
            Self::Answer(_) => 0,
            Self::Settings(_) | Self::Flags(_) => 2,
        }
    }

    /// Tells it, help and version on standard output, the rest on standard error, and ends the process.
    pub fn exit(&self) -> ! {
        // Where nobody can be told, the exit code still says it.
        let _ = match self {
            Self::Answer(text) => write!(std::io::stdout(), "{text}"),
            Self::Flags(text) => write!(std::io::stderr(), "{text}"),
            Self::Settings(invalid) => {
                let lines = invalid.problems().iter().map(|problem| format!("error: {problem}\n"));
                let lines: String = lines.collect();
                write!(std::io::stderr(), "{lines}\nFor every setting, see --help.\n")
            }
        };
        std::process::exit(self.exit_code());
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(invalid) => invalid.fmt(f),
            Self::Flags(text) | Self::Answer(text) => f.write_str(text.trim_end()),
        }
    }
}

impl std::error::Error for StartError {}

/// Reads flags `F` and settings `S` of this process; ends it with a message where something is wrong.
///
/// The exit code is then 2, or 0 where help or version was asked for.
pub fn read_or_exit<F: Parser, S: ProgramSettings>() -> Program<F, S> {
    read(&Inputs::of_process()).unwrap_or_else(|error| error.exit())
}

/// Reads flags `F` and settings `S`.
///
/// # Errors
/// Everything that is wrong with the settings, told at once; or flags that cannot be understood; or the text of the
/// help or version that was asked for. No message holds a secret.
pub fn read<F: Parser, S: ProgramSettings>(inputs: &Inputs) -> Result<Program<F, S>, StartError> {
    let mut declared = Vec::new();
    S::declare(&mut declared);
    let (flags, matches) = parse_flags::<F>(inputs, &declared)?;

    let known = known(&declared);
    let file = settings_file(inputs, &matches, &known).map_err(invalid)?;
    let mut values = Values::new(told_by_flag(&matches, &declared), inputs.environment.clone(), file);
    let settings = S::read(&mut values);
    match (settings, values.into_problems()) {
        (Some(settings), problems) if problems.is_empty() => {
            Ok(Program { flags, settings, warnings: unknown_variables(inputs, &known) })
        }
        (_, problems) => Err(invalid(problems)),
    }
}

fn invalid(problems: Vec<Problem>) -> StartError {
    StartError::Settings(InvalidSettings::new(problems))
}

fn parse_flags<F: Parser>(inputs: &Inputs, declared: &[Declaration]) -> Result<(F, ArgMatches), StartError> {
    let mut command = F::command().arg(config_argument()).args(declared.iter().map(Declaration::argument));
    if !declared.is_empty() {
        command = command.after_help(AFTER_HELP);
    }
    let told = |error: &clap::Error| {
        let text = without_secrets(error.render().to_string(), &inputs.arguments);
        if error.use_stderr() { StartError::Flags(text) } else { StartError::Answer(text) }
    };
    let matches = command.try_get_matches_from_mut(&inputs.arguments).map_err(|error| told(&error))?;
    let flags = F::from_arg_matches(&matches).map_err(|error| told(&error.format(&mut command)))?;
    Ok((flags, matches))
}

const AFTER_HELP: &str = "A setting is taken from its flag, else its environment variable, else its key in the settings \
                          file, else it has its default.";

/// Takes out of a message about the flags every argument that has an `@`, which may stand behind a password.
fn without_secrets(mut text: String, arguments: &[OsString]) -> String {
    let suspects =
        arguments.iter().filter_map(|argument| argument.to_str()).filter(|argument| argument.contains('@'));
    for argument in suspects {
        text = text.replace(argument, "(not shown)");
        if let Some((_, value)) = argument.split_once('=') {
            text = text.replace(value, "(not shown)");
        }
    }
    text
}

fn told_by_flag(matches: &ArgMatches, declared: &[Declaration]) -> BTreeMap<&'static str, OsString> {
    let told = declared
        .iter()
        .map(Declaration::key)
        .filter_map(|key| Some((key, flag_value(matches, key)?.clone())));
    told.collect()
}

fn flag_value<'a>(matches: &'a ArgMatches, id: &str) -> Option<&'a OsString> {
    matches.try_get_one(id).ok().flatten()
}

fn settings_file(
    inputs: &Inputs,
    matches: &ArgMatches,
    known: &[Declaration],
) -> Result<Option<SettingsFile>, Vec<Problem>> {
    let by_flag = flag_value(matches, CONFIG).map(|path| (path, "--config"));
    let by_variable = || inputs.environment.get(CONFIG_VARIABLE).map(|path| (path, CONFIG_VARIABLE));
    let Some((path, origin)) = by_flag.or_else(by_variable) else {
        return Ok(None);
    };
    let keys: Vec<&str> = known.iter().map(Declaration::key).collect();
    SettingsFile::read(Path::new(path), origin, &keys).map(Some)
}

/// What some program knows: the catalogue, and this program's own.
fn known(declared: &[Declaration]) -> Vec<Declaration> {
    let mut known = KNOWN.to_vec();
    known.extend(declared.iter().filter(|own| KNOWN.iter().all(|shared| shared.key() != own.key())));
    known
}

/// A warning for each variable that looks like a setting and is none. Other programs may share the environment, so that
/// it is no error.
fn unknown_variables(inputs: &Inputs, known: &[Declaration]) -> Vec<String> {
    let mut names: Vec<String> = known.iter().map(Declaration::variable).collect();
    names.push(CONFIG_VARIABLE.to_owned());
    let told =
        inputs.environment.keys().filter(|name| name.starts_with(PREFIX) && !name.starts_with(TEST_PREFIX));
    let unknown = told.filter(|name| !names.contains(name));
    let warning = |name: &String| {
        let guess = closest(
            name.trim_start_matches(PREFIX),
            names.iter().map(|known| known.trim_start_matches(PREFIX)),
        );
        let remedy = guess.map_or_else(
            || "see --help for those that are known".to_owned(),
            |meant| format!("did you mean {PREFIX}{meant}?"),
        );
        format!("no setting has the environment variable {name}, and it changes nothing; {remedy}")
    };
    unknown.map(warning).collect()
}

/// What tells the tests where the real parts are; no program reads it.
const TEST_PREFIX: &str = "PAYFLOW_TEST_";
