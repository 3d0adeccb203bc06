//! The demo as a process, and requests to it in plain bytes.
#![allow(dead_code, reason = "each test program uses a part")]

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// The program, in an environment without settings.
pub(crate) fn demo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command.env_clear().args(arguments).stdin(Stdio::null());
    command
}

/// What became of a program that ended by itself.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs it to its end.
pub(crate) fn ended(command: &mut Command) -> Ended {
    Running::start(command).end()
}

/// The program while it runs.
pub(crate) struct Running {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    stderr: BufReader<ChildStderr>,
    /// What the program printed so far.
    printed: String,
    _watchdog: mpsc::Sender<()>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program was built");
        let stdout = BufReader::new(child.stdout.take().expect("piped")).lines();
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        Self { _watchdog: watch(child.id()), child, stdout, stderr, printed: String::new() }
    }

    /// Starts it on a free port. Gives its address when it has shown its samples.
    pub(crate) fn start_to_show(settings: &[(&str, &str)]) -> (Self, String) {
        let mut running = Self::start(demo(&["--http-addr", "127.0.0.1:0"]).envs(settings.iter().copied()));
        let line = running.read_until("Serving on http://");
        let (_, address) = line.split_once("http://").expect("just found");
        running.read_until("Ctrl-C ends.");
        (running, address.to_owned())
    }

    /// Reads standard output up to the first line that contains `part`.
    #[track_caller]
    pub(crate) fn read_until(&mut self, part: &str) -> String {
        loop {
            let Some(line) = self.stdout.next() else {
                panic!("ended before {part:?}:\n{}", self.printed);
            };
            let line = line.expect("text");
            self.printed.push_str(&line);
            self.printed.push('\n');
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Reads one line of standard error.
    pub(crate) fn read_stderr_line(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).expect("text");
        line
    }

    pub(crate) fn printed(&self) -> &str {
        &self.printed
    }

    pub(crate) fn signal(&self, name: &str) {
        assert!(kill(name, self.child.id()));
    }

    /// Reads on to the end of the program.
    pub(crate) fn end(mut self) -> Ended {
        let mut stderr = String::new();
        self.stderr.read_to_string(&mut stderr).expect("text");
        for line in &mut self.stdout {
            self.printed.push_str(&line.expect("text"));
            self.printed.push('\n');
        }
        let code = self.child.wait().expect("a child").code();
        let stdout = std::mem::take(&mut self.printed);
        Ended { code, stdout, stderr }
    }
}

impl Drop for Running {
    /// A test that failed leaves nothing running.
    fn drop(&mut self) {
        // One that ended by itself cannot be killed.
        let _ = self.child.kill();
    }
}

/// A connection on which one request is sent.
pub(crate) struct Request(BufReader<TcpStream>);

impl Request {
    pub(crate) fn begin(address: &str, bytes: &str) -> Self {
        let stream = TcpStream::connect(address).expect("the demo listens");
        let mut request = Self(BufReader::new(stream));
        request.go_on(bytes);
        request
    }

    pub(crate) fn go_on(&mut self, bytes: &str) {
        self.0.get_mut().write_all(bytes.as_bytes()).expect("the demo reads");
    }

    /// A payment whose body the demo waits for, and the body.
    pub(crate) fn under_way(address: &str) -> (Self, String) {
        let bytes = payment(address, r#"{"userId":"u007","amount":1,"method":"card"}"#);
        let (head, body) = bytes.split_once("\r\n\r\n").expect("a head");
        let mut request = Self::begin(address, &format!("{head}\r\nExpect: 100-continue\r\n\r\n"));
        // The demo says so when it begins to read the body.
        let mut lines = String::new();
        for _ in 0..2 {
            request.0.read_line(&mut lines).expect("the demo answers");
        }
        assert_eq!(lines, "HTTP/1.1 100 Continue\r\n\r\n");
        (request, body.to_owned())
    }

    /// Reads until the demo hangs up.
    pub(crate) fn answer(mut self) -> String {
        let mut answer = String::new();
        self.0.read_to_string(&mut answer).expect("the demo answers");
        answer
    }
}

/// The bytes of a payment, as curl sends them.
pub(crate) fn payment(address: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST /pay HTTP/1.1\r\nHost: {address}\r\nAccept: */*\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// The payment id in an answer that accepts.
#[track_caller]
pub(crate) fn payment_id(answer: &str) -> &str {
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    let (_, rest) = answer.split_once("\"paymentId\":\"").expect("a payment id");
    rest.split_once('"').expect("its end").0
}

/// Kills a program that hangs, so that its test fails and does not hang too.
fn watch(process: u32) -> mpsc::Sender<()> {
    let (ends_with_test, test) = mpsc::channel();
    thread::spawn(move || {
        if test.recv_timeout(Duration::from_secs(120)) == Err(RecvTimeoutError::Timeout) {
            kill("KILL", process);
        }
    });
    ends_with_test
}

fn kill(signal: &str, process: u32) -> bool {
    let kill = Command::new("sh").args(["-c", &format!("kill -{signal} {process}")]).status();
    kill.expect("a shell").success()
}
