//! The measured server, in a process of its own, so that what it uses can be told from what the load uses.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use anyhow::Context;

use super::serve::Serve;
use crate::usage;

/// A running server; ended when dropped.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    child: Child,
    address: SocketAddr,
}

impl ServerProcess {
    /// Starts this program as a server, and waits until it listens.
    pub(crate) fn start(serve: &Serve) -> anyhow::Result<Self> {
        let program = env::current_exe().context("this program's own file cannot be found")?;
        let mut child = Command::new(program)
            .args(serve.args())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the server cannot be started")?;
        let address = child.stdout.take().map_or(Ok(String::new()), |stdout| {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).map(|_| line)
        });
        let address = address
            .context("the server's output cannot be read")
            .and_then(|line| line.trim().parse().context("the server printed no address"));
        match address {
            Ok(address) => Ok(Self { child, address }),
            Err(error) => {
                end(&mut child);
                Err(error)
            }
        }
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The processor time that it has used so far, the kernel's on its behalf included, to 10 ms.
    pub(crate) fn processor_time(&self) -> anyhow::Result<Duration> {
        let path = format!("/proc/{}/stat", self.child.id());
        let stat = fs::read_to_string(&path)
            .with_context(|| format!("{path} cannot be read: processor time is measured on Linux alone"))?;
        processor_time(&stat).with_context(|| format!("{path} holds no processor time: {stat}"))
    }

    /// The most memory that was resident at once.
    pub(crate) fn peak_mib(&self) -> anyhow::Result<f64> {
        usage::peak_resident_mib(&self.child.id().to_string())
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    // It may have ended by itself; then there is nothing to do.
    let _ = child.kill();
    let _ = child.wait();
}

/// `utime` and `stime` of proc(5): the 14th and 15th word, in ticks of 10 ms wherever Linux runs today.
fn processor_time(stat: &str) -> Option<Duration> {
    // The 2nd word is the program's name in parentheses, and may hold anything.
    let (_, from_third) = stat.rsplit_once(") ")?;
    let mut words = from_third.split_whitespace().skip(11);
    let mut ticks = || words.next()?.parse::<u64>().ok();
    let ticks = ticks()? + ticks()?;
    Some(Duration::from_millis(10 * ticks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_that_of_user_and_kernel() {
        let stat = "42 (payflow ) bench) S 1 42 42 0 -1 4194560 900 0 0 0 123 45 6 7 20 0 3 0 100";
        assert_eq!(processor_time(stat), Some(Duration::from_millis(1_680)));
    }

    #[test]
    fn what_is_no_stat_is_none() {
        for stat in ["", "42 (bench) S 1", "42 (b) S 1 2 3 4 5 6 7 8 9 10 user kernel 0"] {
            assert_eq!(processor_time(stat), None, "{stat}");
        }
    }
}
