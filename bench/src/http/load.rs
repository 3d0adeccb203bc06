//! Load on a server, by wrk.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};

/// A closed loop: each connection posts, waits for the answer, and posts again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) connections: u32,
    pub(crate) duration: Duration,
}

/// What wrk saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) requests: u64,
    pub(crate) duration: Duration,
}

impl Answered {
    /// Requests a second.
    pub(crate) fn rate(&self) -> f64 {
        self.requests as f64 / self.duration.as_secs_f64()
    }
}

impl Load {
    /// Posts payments to `path`.
    ///
    /// # Errors
    /// wrk is not installed or failed, or a request was not answered with success: a refusal is cheaper than an answer,
    /// so the figure would be wrong.
    pub(crate) fn post(&self, address: SocketAddr, path: &str) -> anyhow::Result<Answered> {
        let output = Command::new("wrk")
            // The load takes one processor, and leaves the others to the server.
            .arg("--threads=1")
            .arg(format!("--connections={}", self.connections))
            .arg(format!("--duration={}s", self.duration.as_secs()))
            .arg(format!("--script={SCRIPT}"))
            .arg(format!("http://{address}{path}"))
            .stdin(Stdio::null())
            .output();
        let output = match output {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                bail!("wrk is not installed: apt-get install wrk")
            }
            output => output.context("wrk cannot be started")?,
        };
        let printed = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "wrk failed: {errors}");
        let Summary { answered, broken, refused } =
            summary(&printed).with_context(|| format!("wrk printed no summary:\n{printed}{errors}"))?;
        ensure!(
            broken == 0 && refused == 0 && answered.requests > 0,
            "{path} did not answer every request with success: {refused} refused, {broken} broken, {} in all",
            answered.requests
        );
        Ok(answered)
    }
}

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/post.lua");

#[derive(Debug, PartialEq, Eq)]
struct Summary {
    answered: Answered,
    /// Connections that could not be opened, or failed.
    broken: u64,
    /// Answers of status 400 and above.
    refused: u64,
}

/// The one line that the script adds to what wrk prints.
fn summary(printed: &str) -> Option<Summary> {
    let line = printed.lines().find_map(|line| line.strip_prefix("wrk "))?;
    let number = |name: &str| {
        let mut words = line.split_whitespace();
        words.find_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
    };
    Some(Summary {
        answered: Answered {
            requests: number("requests")?,
            duration: Duration::from_micros(number("microseconds")?),
        },
        broken: number("broken")?,
        refused: number("refused")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "\
Running 3s test @ http://127.0.0.1:1/pay
  1 threads and 64 connections
Requests/sec:  50000.00
wrk requests=150000 microseconds=3000000 broken=1 refused=2
";

    #[test]
    fn the_summary_is_read() {
        let summary = summary(PRINTED).unwrap();
        assert_eq!((summary.broken, summary.refused), (1, 2));
        assert!((summary.answered.rate() - 50_000.0).abs() < 1e-6);
    }

    #[test]
    fn a_summary_that_is_cut_off_is_none() {
        for printed in [
            "",
            "Requests/sec: 1",
            "wrk requests=1 microseconds=2 broken=0",
            "wrk requests=-1 microseconds=2 broken=0 refused=0",
        ] {
            assert_eq!(summary(printed), None, "{printed}");
        }
    }
}
