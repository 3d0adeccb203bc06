//! What the specification of HTTP/2 asks of a server, asked of payflow's by h2spec.

use std::env::consts::EXE_SUFFIX;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use anyhow::{Context, ensure};
use payflow_parts::{cache, check_go};

use crate::step::{Step, command};

/// Where Go finds it, and at which version.
const MODULE: &str = "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible";

/// Starts the server of the example `echo`, and asks it everything that h2spec knows.
///
/// # Errors
///
/// Go is missing, or h2spec cannot be installed; the server cannot be built; or it breaks the specification.
pub(crate) fn run() -> anyhow::Result<()> {
    check_go()?;
    let h2spec = find_or_install()?;
    let example = ["--package", "payflow-http", "--example", "echo"];
    Step::cargo("build echo", ["build", "--locked"].iter().chain(&example)).run()?;

    let mut server = Server::start(&example)?;
    let address = server.address()?;
    let (host, port) = address.rsplit_once(':').context("the server prints its address")?;
    Step::new("h2spec", h2spec, ["--host", host, "--port", port, "--timeout", "5"]).run()
}

/// The program in the user's cache folder, built by Go if it is not there.
fn find_or_install() -> anyhow::Result<PathBuf> {
    let version = MODULE.rsplit_once('@').map_or("", |(_, version)| version);
    let folder = cache().join("tools").join(format!("h2spec-{version}"));
    let program = folder.join(format!("h2spec{EXE_SUFFIX}"));
    if !program.exists() {
        let folder = folder.to_str().context("the cache folder's path is no text")?;
        Step::new("install h2spec", "go", ["install", MODULE]).env("GOBIN", folder).run()?;
        ensure!(program.exists(), "go install {MODULE} has left no {}", program.display());
    }
    Ok(program)
}

/// The example while it serves. It ends when its input does.
struct Server(Child);

impl Server {
    fn start(example: &[&str]) -> anyhow::Result<Self> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let child = command(cargo)
            .args(["run", "--quiet", "--locked"])
            .args(example)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        child.map(Self).context("the example echo cannot be started")
    }

    fn address(&mut self) -> anyhow::Result<String> {
        let output = self.0.stdout.take().context("its output is piped")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).context("the example echo prints nothing")?;
        Ok(line.trim().to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // It has been told; how it ended changes nothing.
        let _ = self.0.wait();
    }
}
