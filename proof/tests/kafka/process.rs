//! The small notification service as a process.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

use crate::wait_for;

/// A running process. Dropped, it is killed; should this program be killed itself, the process sees the end of its input.
pub(crate) struct Process {
    pub(crate) name: String,
    child: Child,
    log: PathBuf,
    _input: Option<ChildStdin>,
}

impl Process {
    /// Starts one by that name; its log goes to `folder`.
    pub(crate) fn start(name: &str, folder: &Path, flags: &[&str]) -> Self {
        let log = folder.join(format!("{name}.log"));
        let output = || File::options().create(true).append(true).open(&log).expect("the folder is there");
        let mut child = Command::new(env!("CARGO_BIN_EXE_handling"))
            .env_clear()
            .args(["--process", name])
            .args(flags)
            .stdin(Stdio::piped())
            .stdout(output())
            .stderr(output())
            .spawn()
            .expect("it was built");
        Self { name: name.to_owned(), _input: child.stdin.take(), child, log }
    }

    /// Ends it as a crash does, and returns when it is gone.
    pub(crate) fn kill(mut self) {
        self.assert_running();
        self.child.kill().expect("it runs");
        self.child.wait().expect("it was killed");
    }

    /// Asks it to end, as an orchestrator does.
    pub(crate) fn terminate(&mut self) {
        self.signal("TERM");
    }

    /// Lets it stand still (SIGSTOP), and returns when it does.
    pub(crate) fn freeze(&mut self) {
        self.signal("STOP");
        let stat = format!("/proc/{}/task", self.child.id());
        let stands_still = |task: std::io::Result<fs::DirEntry>| {
            let state = task.and_then(|task| fs::read_to_string(task.path().join("stat")));
            // One that is gone runs no more.
            state.map_or(true, |state| state.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T')))
        };
        wait_for("standstill", || {
            let mut tasks = fs::read_dir(&stat).expect("it is there");
            tasks.all(stands_still).then_some(())
        });
    }

    /// Lets it go on (SIGCONT).
    pub(crate) fn thaw(&mut self) {
        self.signal("CONT");
    }

    /// The most memory that it has held so far, and what it holds now, in KiB.
    pub(crate) fn memory_kib(&self) -> (u64, u64) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("Linux tells it");
            line.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number")
        };
        (field("VmHWM:"), field("VmRSS:"))
    }

    fn signal(&mut self, name: &str) {
        self.assert_running();
        // The shell's own kill: the program of that name is not everywhere.
        let script = format!("kill -{name} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &script]).status().expect("a shell");
        assert!(sent.success());
    }

    /// Waits for its end, which has to be a good one.
    #[track_caller]
    pub(crate) fn wait(mut self) {
        let name = self.name.clone();
        let status = wait_for(&format!("end of {name}"), || self.child.try_wait().expect("a child"));
        assert!(status.success(), "{name} ended by {status}:\n{}", self.said());
    }

    #[track_caller]
    pub(crate) fn assert_running(&mut self) {
        let ended: Option<ExitStatus> = self.child.try_wait().expect("a child");
        assert!(ended.is_none(), "{} ended by {ended:?}:\n{}", self.name, self.said());
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("{} said:\n{}", self.name, self.said());
        }
    }
}
