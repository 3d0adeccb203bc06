//! A service as a process, and its log.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::http::await_status;

/// A program in an environment without settings.
pub(crate) fn service(path: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(path);
    command.env_clear().args(arguments).stdin(Stdio::null());
    command
}

/// What became of a program that ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) log: Vec<String>,
}

/// The program while it runs. Dropped, it is killed.
pub(crate) struct Program {
    child: Child,
    log: Arc<Log>,
    reader: Option<JoinHandle<()>>,
    _watchdog: mpsc::Sender<()>,
}

#[derive(Default)]
struct Log {
    lines: Mutex<Lines>,
    grown: Condvar,
}

#[derive(Default)]
struct Lines {
    lines: Vec<String>,
    is_complete: bool,
}

impl Program {
    pub(crate) fn start(command: &mut Command) -> Self {
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program was built");
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        let log = Arc::new(Log::default());
        let reader = thread::spawn({
            let log = Arc::clone(&log);
            move || {
                for line in stderr.lines() {
                    log.add(|lines| lines.lines.push(line.expect("text")));
                }
                log.add(|lines| lines.is_complete = true);
            }
        });
        Self { _watchdog: watch(child.id()), child, log, reader: Some(reader) }
    }

    /// Waits for the first line that contains `part`.
    #[track_caller]
    pub(crate) fn line_with(&self, part: &str) -> String {
        let find = |lines: &[String]| lines.iter().find(|line| line.contains(part)).cloned();
        self.wait_for(part, find)
    }

    /// Waits until so many lines contain `part`.
    #[track_caller]
    pub(crate) fn lines_with(&self, part: &str, count: usize) {
        let reached = |lines: &[String]| {
            (lines.iter().filter(|line| line.contains(part)).count() >= count).then_some(())
        };
        self.wait_for(part, reached);
    }

    #[track_caller]
    fn wait_for<T>(&self, what: &str, find: impl Fn(&[String]) -> Option<T>) -> T {
        let mut lines = self.log.lines.lock().expect("no panic");
        loop {
            if let Some(found) = find(&lines.lines) {
                return found;
            }
            assert!(!lines.is_complete, "ended before {what:?}:\n{}", lines.lines.join("\n"));
            lines = self.log.grown.wait(lines).expect("no panic");
        }
    }

    /// The address in the line that says that it runs.
    #[track_caller]
    pub(crate) fn address(&self) -> String {
        let line = self.line_with("127.0.0.1:");
        let (_, rest) = line.split_once("127.0.0.1:").expect("just found");
        let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
        format!("127.0.0.1:{port}")
    }

    /// Waits until it can do its work, and gives its address. Which line it says at its start hangs on how soon Kafka answers.
    #[track_caller]
    pub(crate) fn ready(&self) -> String {
        let address = self.address();
        await_status(&address, "/readyz", 200);
        address
    }

    /// What it has warned of so far, but for a Kafka that was slow to answer.
    pub(crate) fn warnings(&self) -> Vec<String> {
        warnings(&self.log())
    }

    /// The log so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lines.lock().expect("no panic").lines.clone()
    }

    /// Sends a signal, by its name without `SIG`.
    pub(crate) fn signal(&self, name: &str) {
        assert!(kill(name, self.child.id()));
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        self.reader.take().expect("not ended").join().expect("no panic");
        let code = self.child.wait().expect("a child").code();
        Ended { code, log: self.log() }
    }
}

impl Drop for Program {
    /// A test that failed leaves nothing running.
    fn drop(&mut self) {
        // One that ended by itself cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The warnings of a log, but for that of a Kafka that was slow to answer.
pub(crate) fn warnings(log: &[String]) -> Vec<String> {
    let is_one = |line: &&String| line.contains("WARN") && !line.contains("until Kafka answers");
    log.iter().filter(is_one).cloned().collect()
}

impl Log {
    fn add(&self, change: impl FnOnce(&mut Lines)) {
        change(&mut self.lines.lock().expect("no panic"));
        self.grown.notify_all();
    }
}

/// Kills a program that hangs, so that its test fails and does not hang too.
fn watch(process: u32) -> mpsc::Sender<()> {
    let (ends_with_test, test) = mpsc::channel();
    thread::spawn(move || {
        if test.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
            kill("KILL", process);
        }
    });
    ends_with_test
}

const LIMIT: Duration = Duration::from_secs(240);

fn kill(signal: &str, process: u32) -> bool {
    let kill = Command::new("sh").args(["-c", &format!("kill -{signal} {process}")]).status();
    kill.expect("a shell").success()
}
