//! The measured server, in a process of its own, so that what it uses can be told from what the load uses.

use std::env;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

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
    ///
    /// # Errors
    /// It does not start: says why on standard error.
    pub(crate) fn start(serve: &Serve) -> anyhow::Result<Self> {
        let program = env::current_exe().context("this program's own file cannot be found")?;
        let mut command = Command::new(program);
        command.args(serve.args());
        Self::start_program(command)
    }

    /// Starts a program that prints its address and serves until its standard input ends.
    ///
    /// # Errors
    /// It does not start: says why on standard error.
    pub(crate) fn start_program(mut command: Command) -> anyhow::Result<Self> {
        let mut child = command
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
        usage::processor_time_of(&self.child.id().to_string())
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
