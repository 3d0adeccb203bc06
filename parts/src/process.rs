//! A process that ends with the one that started it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// Waits for a line before it becomes the program: by then the watchdog knows its process id. The end of its input,
/// which is the end of its parent, ends it.
const GATE: &str = r#"read -r _ && exec "$@" </dev/null"#;

/// Waits for the end of its input. A line before it means that all is well. Otherwise the parent is gone: it ends
/// process `$1`, and removes the folder `$2`, into which that may write to its last moment.
const WATCHDOG: &str = r#"read -r _ && exit
kill -KILL "$1"
for _ in 1 2 3 4 5 6 7 8 9 10; do rm -rf -- "$2" && exit; sleep 0.2; done"#;

/// How often a process that should end is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// A running process that cannot outlive its parent.
///
/// Dropped, it is killed. When the parent itself is killed nothing is dropped, so a watchdog stands beside the
/// process: a shell whose input is a pipe that the parent holds open. Both run in process groups of their own, so
/// that Ctrl-C reaches the parent alone, which then decides how they end.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    watchdog: Child,
}

impl Process {
    /// Starts `program`. Its output goes to `log`; `folder` is what is removed should this process be killed.
    pub(crate) fn start<I>(program: &str, args: I, log: &File, folder: &Path) -> anyhow::Result<Self>
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        let output = || log.try_clone().context("the log cannot be shared");
        let mut child = own_group(Command::new("sh"))
            .args(["-c", GATE, "gate", program])
            .args(args)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(output()?)
            .stderr(output()?)
            .spawn()
            .context("sh cannot be started")?;
        let watchdog = own_group(Command::new("sh"))
            .args(["-c", WATCHDOG, "watchdog", &child.id().to_string()])
            .arg(folder)
            // Not below `folder`, which it may have to remove.
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        // Without a watchdog the gate is closed, and the process ends by itself.
        let mut gate = child.stdin.take().context("the gate has no input")?;
        let process = Self { watchdog: watchdog.context("sh cannot be started")?, child };
        gate.write_all(b"\n").context("the gate is gone")?;
        Ok(process)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.child.try_wait().context("the process cannot be looked at")
    }

    /// Sends a signal, by its name without `SIG`.
    ///
    /// # Errors
    ///
    /// It has ended, or the signal could not be sent.
    pub(crate) fn signal(&mut self, name: &str) -> anyhow::Result<()> {
        // Once it has been waited for, its id may be another process's.
        if let Some(status) = self.ended()? {
            bail!("process {} has ended ({status})", self.id());
        }
        // The shell's own `kill`: the program of that name is not everywhere.
        let script = format!("kill -{name} {}", self.id());
        let status = Command::new("sh").args(["-c", &script]).status().context("sh cannot be started")?;
        if !status.success() {
            bail!("process {} could not be sent SIG{name}", self.id());
        }
        Ok(())
    }

    /// Asks it to end, by SIGTERM, and kills it after `limit`. Returns whether it ended when asked.
    pub(crate) fn stop(mut self, limit: Duration) -> anyhow::Result<bool> {
        if self.ended()?.is_some() {
            return Ok(true);
        }
        // It may be paused, and then takes no other signal.
        self.signal("CONT")?;
        self.signal("TERM")?;
        let start = Instant::now();
        while start.elapsed() < limit {
            if self.ended()?.is_some() {
                return Ok(true);
            }
            thread::sleep(LOOK_INTERVAL);
        }
        Ok(false)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // None of these can be helped, and a process that has ended already is no error.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(mut input) = self.watchdog.stdin.take() {
            let _ = input.write_all(b"\n");
        }
        let _ = self.watchdog.wait();
    }
}

/// The command, in a process group of its own: Ctrl-C reaches the program that starts it alone, and not what cleans up
/// behind that.
#[cfg(unix)]
#[must_use]
pub fn own_group(mut command: Command) -> Command {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
    command
}

/// The command as it is: process groups are Unix's.
#[cfg(not(unix))]
#[must_use]
pub fn own_group(command: Command) -> Command {
    command
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::process::ExitStatusExt;

    use super::*;
    use crate::scratch::Scratch;

    const SIGKILL: i32 = 9;

    fn start(scratch: &Scratch, script: &str) -> Process {
        let log = File::create(scratch.path().join("log")).unwrap();
        Process::start("sh", ["-c", script], &log, scratch.path()).unwrap()
    }

    /// Waits until the process has said that it is ready.
    fn wait_until_ready(scratch: &Scratch) {
        let start = Instant::now();
        while fs::read_to_string(scratch.path().join("log")).unwrap() != "ready\n" {
            assert!(start.elapsed() < Duration::from_secs(60), "the process is never ready");
            thread::sleep(LOOK_INTERVAL);
        }
    }

    #[test]
    fn process_and_its_folder_go_with_the_parent() {
        let scratch = Scratch::new("test").unwrap();
        let mut process = start(&scratch, "exec sleep 60");

        // What the kernel does with the pipe of a parent that was killed.
        drop(process.watchdog.stdin.take());

        assert_eq!(process.child.wait().unwrap().signal(), Some(SIGKILL));
        assert!(process.watchdog.wait().unwrap().success());
        assert!(!scratch.path().exists());
    }

    #[test]
    fn program_does_not_start_without_its_parent() {
        let scratch = Scratch::new("test").unwrap();
        let gate = |input: Stdio| {
            let mut command = Command::new("sh");
            command.args(["-c", GATE, "gate", "touch", "started"]).current_dir(scratch.path()).stdin(input);
            command
        };

        gate(Stdio::null()).status().unwrap();
        assert!(!scratch.path().join("started").exists());

        let mut child = gate(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"\n").unwrap();
        assert!(child.wait().unwrap().success());
        assert!(scratch.path().join("started").exists());
    }

    #[test]
    fn stop_asks_even_a_paused_process() {
        let scratch = Scratch::new("test").unwrap();
        let mut process =
            start(&scratch, "trap 'echo asked; exit' TERM; echo ready; while :; do sleep 0.05; done");
        wait_until_ready(&scratch);
        process.signal("STOP").unwrap();

        assert!(process.stop(Duration::from_secs(60)).unwrap());

        assert_eq!(fs::read_to_string(scratch.path().join("log")).unwrap(), "ready\nasked\n");
    }

    #[test]
    fn process_that_does_not_listen_is_killed() {
        let scratch = Scratch::new("test").unwrap();
        let process = start(&scratch, "trap '' TERM; echo ready; exec sleep 60");
        wait_until_ready(&scratch);
        let id = process.id();

        assert!(!process.stop(Duration::ZERO).unwrap());

        assert!(!Path::new(&format!("/proc/{id}")).exists());
        assert!(scratch.path().exists(), "the watchdog was called off");
    }

    #[test]
    fn process_that_has_ended_is_sent_no_signal() {
        let scratch = Scratch::new("test").unwrap();
        let mut process = start(&scratch, "exit 3");
        while process.ended().unwrap().is_none() {
            thread::sleep(LOOK_INTERVAL);
        }

        let error = process.signal("STOP").unwrap_err().to_string();

        assert!(error.ends_with("has ended (exit status: 3)"), "{error}");
        assert!(process.stop(Duration::ZERO).unwrap());
    }
}
