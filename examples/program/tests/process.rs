//! A program as a process: what it prints, how it ends, what signals do.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

fn probe() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_probe"));
    command.env_clear();
    command
}

/// A program that waits for the end.
struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        Self::start_with_log(command, Stdio::piped())
    }

    fn start_with_log(command: &mut Command, log: Stdio) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().expect("the program was built");
        let stdin = child.stdin.take();
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        Self { child, stdin, lines }
    }

    /// Reads on until a line says so.
    #[track_caller]
    fn reaches(&mut self, awaited: &str) -> Vec<String> {
        let mut before = Vec::new();
        for line in &mut self.lines {
            let line = line.expect("text");
            if line == awaited {
                return before;
            }
            before.push(line);
        }
        panic!("ended before {awaited:?}: {before:?}");
    }

    fn signal(&self, name: &str) {
        let kill = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status();
        assert!(kill.expect("a shell").success());
    }

    fn end(mut self) -> (ExitStatus, String) {
        drop(self.stdin.take());
        let mut log = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut log).expect("text");
        }
        (self.child.wait().expect("a child"), log)
    }
}

impl Drop for Running {
    /// A test that failed leaves nothing running.
    fn drop(&mut self) {
        // One that ended by itself cannot be killed.
        let _ = self.child.kill();
    }
}

#[test]
fn process_reads_its_flags_and_environment() {
    let mut running = Running::start(
        probe()
            .args(["--topic", "orders", "--payments=3"])
            .env("PAYFLOW_HTTP_ADDR", ":9")
            .env("PAYFLOW_TOPICS", "x"),
    );

    let told = running.reaches("ready");
    running.signal("TERM");
    running.reaches("draining after SIGTERM");
    let (_, log) = running.end();

    assert_eq!(told, ["0.0.0.0:9 orders orders.dead-letters EUR", "None"]);
    let lines: Vec<&str> = log.lines().collect();
    assert!(lines[0].contains(" WARN ") && lines[0].contains("did you mean PAYFLOW_TOPIC?"), "{log}");
    assert!(lines[1].contains(" INFO ") && lines[1].contains("started payments=3"), "{log}");
}

#[test]
fn log_is_json_where_it_is_asked_for() {
    let mut running = Running::start(probe().args(["--log=json", "--payments=3"]));

    running.reaches("ready");
    running.signal("INT");
    running.reaches("draining after SIGINT");
    let (_, log) = running.end();

    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.starts_with("{\"timestamp\":\"") && log.ends_with("}\n"), "{log}");
    for part in ["\"level\":\"INFO\"", "\"message\":\"started\"", "\"payments\":3", "\"target\":\"probe\""] {
        assert!(log.contains(part), "{part} is missing: {log}");
    }
}

#[test]
fn log_level_silences() {
    let mut running = Running::start(probe().env("PAYFLOW_LOG_LEVEL", "warn"));

    running.reaches("ready");
    running.signal("TERM");
    let (status, log) = running.end();

    assert_eq!((status.code(), log.as_str()), (Some(0), ""));
}

#[test]
fn log_that_nobody_reads_stops_nothing() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut running = Running::start_with_log(probe().arg("--log=json"), writer.into());

    running.reaches("ready");
    running.signal("TERM");
    running.reaches("draining after SIGTERM");
    let (status, _) = running.end();

    assert_eq!(status.code(), Some(0));
}

#[test]
fn wrong_settings_end_the_start_with_all_that_is_wrong() {
    let output = probe()
        .args(["--topic", "a b", "--currency", "eur"])
        .env("PAYFLOW_NOTIFY_URL", "ftp://user:hunter2@host")
        .output()
        .expect("the program was built");

    let told = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(output.stdout, b"");
    assert_eq!(told.lines().filter(|line| line.starts_with("error: ")).count(), 3, "{told}");
    assert!(told.ends_with("\nFor every setting, see --help.\n"), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn help_is_an_answer_on_standard_output() {
    let output = probe().arg("--help").output().expect("the program was built");

    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stderr, b"");
    assert!(String::from_utf8(output.stdout).expect("text").contains("[env: PAYFLOW_TOPIC]"));
}

#[test]
fn first_signal_drains_and_exits_with_zero() {
    for name in ["TERM", "INT"] {
        let mut running = Running::start(&mut probe());

        running.reaches("ready");
        running.signal(name);
        running.reaches(&format!("draining after SIG{name}"));
        let (status, _) = running.end();

        assert_eq!(status.code(), Some(0), "SIG{name}");
    }
}

#[test]
fn second_signal_ends_at_once_even_if_the_drain_hangs() {
    for (first, second, code) in
        [("TERM", "TERM", 143), ("INT", "INT", 130), ("TERM", "INT", 130), ("INT", "TERM", 143)]
    {
        let mut running = Running::start(probe().arg("--hang"));

        running.reaches("ready");
        running.signal(first);
        running.reaches(&format!("draining after SIG{first}"));
        running.signal(second);
        let (status, _) = running.end();

        assert_eq!(status.code(), Some(code), "SIG{first}, SIG{second}");
    }
}
