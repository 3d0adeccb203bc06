//! What `cargo xtask ci` does on a machine that lacks what it needs.

#![cfg(unix)]

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn all_that_is_missing_is_told_before_the_first_step() {
    let machine = Machine::bare();
    let mut told = Vec::new();
    while let Some(missing) = machine.missing() {
        let (program, _) = missing.split_once(' ').expect("it names a program");
        assert!(!told.contains(&program.to_owned()), "{program} was put there: {missing}");
        machine.put(program, &missing);
        told.push(program.to_owned());
    }

    assert_eq!(told, ["go", "docker-compose", "valgrind", "cargo-deny", "typos"]);
    let contributing = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../CONTRIBUTING.md"));
    let contributing = contributing.expect("CONTRIBUTING.md is there");
    for program in told.iter().filter(|program| *program != "go") {
        assert!(contributing.contains(program), "CONTRIBUTING.md says how {program} is installed");
    }
}

/// A search path and a cache folder that are empty at first, and a broker that only listens.
struct Machine {
    programs: PathBuf,
    cache: PathBuf,
    broker: TcpListener,
}

impl Machine {
    fn bare() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bare-{}", std::process::id()));
        let (programs, cache) = (folder.join("programs"), folder.join("cache"));
        fs::create_dir_all(&programs).expect("a folder can be made");
        fs::create_dir_all(&cache).expect("a folder can be made");
        Self { programs, cache, broker: TcpListener::bind("127.0.0.1:0").expect("a port is free") }
    }

    /// A program that says `words` to everything, its version among them if it is asked for one.
    fn put(&self, program: &str, words: &str) {
        let path = self.programs.join(program);
        fs::write(&path, format!("#!/bin/sh\necho '{}'\n", words.replace('\'', "")))
            .expect("it can be written");
        fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("it can be made a program");
    }

    /// What `cargo xtask ci` misses before its first step; `None` if it gets to that, which fails since there is no cargo.
    fn missing(&self) -> Option<String> {
        let broker = self.broker.local_addr().expect("it listens").to_string();
        let ran = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .arg("ci")
            .env("PATH", &self.programs)
            .env("CARGO", "/no/such/cargo")
            .env("XDG_CACHE_HOME", &self.cache)
            .env("PAYFLOW_TEST_BROKERS", broker)
            .output()
            .expect("it was built");
        let (told, failed) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(!ran.status.success(), "there is no cargo");
        if told.contains("==> ") {
            assert!(failed.contains("step format: cargo cannot be started"), "{told}{failed}");
            return None;
        }
        let error = failed.lines().find_map(|line| line.strip_prefix("error: "));
        Some(error.expect("it says why").to_owned())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Some(folder) = self.cache.parent() {
            // What is left behind does no harm.
            let _ = fs::remove_dir_all(folder);
        }
    }
}
