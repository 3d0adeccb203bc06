//! A program that takes every setting, and the ways to tell it one.

use std::fs;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Parser;
use payflow_core::Currency;
use payflow_program::{
    CURRENCY, GROUP, GRPC_ADDR, GroupId, HTTP_ADDR, Inputs, KAFKA_BROKERS, KafkaBrokers, LOGGING, Logging,
    NOTIFY_URL, NotifyUrl, PARTITIONER, Partitioner, Program, StartError, TOPICS, Topics, settings,
};

/// Takes everything.
#[derive(Debug, Parser)]
#[command(name = "everything", version)]
pub(crate) struct Flags {
    /// How many payments.
    #[arg(long)]
    pub(crate) payments: Option<u64>,
}

settings! {
    #[derive(Debug)]
    pub(crate) struct Everything {
        pub(crate) http_addr: SocketAddr = HTTP_ADDR,
        pub(crate) grpc_addr: SocketAddr = GRPC_ADDR,
        pub(crate) kafka_brokers: Option<KafkaBrokers> = KAFKA_BROKERS.optional(),
        pub(crate) topics: Topics = TOPICS,
        pub(crate) group: Option<GroupId> = GROUP.optional(),
        pub(crate) partitioner: Partitioner = PARTITIONER,
        pub(crate) currency: Option<Currency> = CURRENCY.optional(),
        pub(crate) notify_url: Option<NotifyUrl> = NOTIFY_URL.optional(),
        pub(crate) logging: Logging = LOGGING,
    }
}

/// Reads with arguments behind the program's name.
pub(crate) fn read(
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> Result<Program<Flags, Everything>, StartError> {
    let arguments = ["everything"].iter().chain(arguments);
    payflow_program::read(&Inputs::new(arguments, environment.iter().copied()))
}

/// What is told to somebody whose settings are wrong.
#[track_caller]
pub(crate) fn refusal(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let error = read(arguments, environment).expect_err("the settings are wrong");
    assert_eq!(error.exit_code(), 2);
    error.to_string()
}

/// The three ways to tell a setting, and what a message calls each.
pub(crate) struct Telling {
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) origin: String,
    _file: Option<TempFile>,
}

impl Telling {
    /// A setting by its key, told in each way.
    pub(crate) fn every(key: &str, value: &str) -> [Self; 3] {
        let (flag, variable) = (format!("--{}", key.replace('_', "-")), variable(key));
        let file = file(format!("{key} = {}\n", toml_text(value)));
        [
            Self {
                origin: format!("{key} (flag {flag})"),
                arguments: vec![format!("{flag}={value}")],
                environment: Vec::new(),
                _file: None,
            },
            Self {
                origin: format!("{key} (environment variable {variable})"),
                arguments: Vec::new(),
                environment: vec![(variable, value.to_owned())],
                _file: None,
            },
            Self {
                origin: format!("{key} (file {}, line 1, key {key})", &*file),
                arguments: vec!["--config".to_owned(), file.to_string()],
                environment: Vec::new(),
                _file: Some(file),
            },
        ]
    }

    pub(crate) fn read(&self) -> Result<Program<Flags, Everything>, StartError> {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let environment = self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        read(&arguments, &environment.collect::<Vec<_>>())
    }
}

pub(crate) fn variable(key: &str) -> String {
    format!("PAYFLOW_{}", key.to_uppercase())
}

/// A settings file that lasts as long as this.
pub(crate) struct TempFile(String);

pub(crate) fn file(text: impl AsRef<[u8]>) -> TempFile {
    static FILES: AtomicUsize = AtomicUsize::new(0);
    let name = format!("settings-{}-{}.toml", std::process::id(), FILES.fetch_add(1, Ordering::Relaxed));
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).expect("the test's own folder can be written");
    TempFile(path.display().to_string())
}

impl Deref for TempFile {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        // One that stays behind harms nobody.
        let _ = fs::remove_file(&self.0);
    }
}

fn toml_text(value: &str) -> String {
    let escaped: String = value.chars().map(|char| format!("\\u{:04X}", u32::from(char))).collect();
    format!("\"{escaped}\"")
}
