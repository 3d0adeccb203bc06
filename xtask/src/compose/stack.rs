//! The containers of one run, under a name of their own: no other run's data is touched, and they go with this program.

use std::process::{self, Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use payflow_parts::{free_port, own_group};

use super::tool::Compose;
use crate::step::{Step, command};

/// Waits for a line, which says that all was taken down. The end of its input without one is the end of this program: it
/// then takes down what that had started.
const WATCHDOG: &str = r#"read -r _ && exit; exec "$@""#;

/// Takes down everything that this run started.
const DOWN: [&str; 4] = ["down", "--volumes", "--rmi", "local"];

/// How long it takes at most until something is seen, on a machine that is busy.
const LIMIT: Duration = Duration::from_secs(180);
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// The services of the compose file, from `up` to `down`. Dropped, they are taken down.
#[derive(Debug)]
pub(super) struct Stack {
    compose: Compose,
    /// What the containers, their network, their volume and their images are named after.
    project: String,
    /// The variable of each published port, and what it is here.
    ports: [(&'static str, String); 3],
    watchdog: Option<Child>,
}

impl Stack {
    /// Starts nothing yet.
    pub(super) fn new(compose: Compose) -> Result<Self> {
        let port = || free_port().map(|port| port.to_string());
        let ports = [("PAYMENT_PORT", port()?), ("NOTIFICATION_PORT", port()?), ("BROKER_PORT", port()?)];
        let project = format!("payflow-xtask-{}", process::id());
        let watchdog = own_group(command("sh"))
            .args(["-c", WATCHDOG, "watchdog"])
            .args(compose.words(&[&["--project-name", &project], &DOWN[..]].concat()))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let watchdog = Some(watchdog.context("sh cannot be started")?);
        Ok(Self { compose, project, ports, watchdog })
    }

    /// Where payments are taken.
    pub(super) fn payments(&self) -> String {
        format!("127.0.0.1:{}", self.ports[0].1)
    }

    /// A step of docker-compose on these containers.
    pub(super) fn step(&self, name: &'static str, args: &[&str]) -> Step {
        let step = self.compose.step(name, &[&["--project-name", &self.project], args].concat());
        self.ports.iter().fold(step, |step, (variable, port)| step.env(variable, port))
    }

    /// Waits until the service is healthy.
    ///
    /// # Errors
    ///
    /// Its container ended, or is not healthy in time.
    pub(super) fn await_healthy(&self, service: &str) -> Result<()> {
        let container = self.container(service)?;
        until(&format!("{service} to be healthy"), || {
            let state = inspect(&container, "{{.State.Status}} {{.State.Health.Status}}")?;
            ensure!(state.starts_with("running"), "the container of {service} is {state}");
            Ok((state == "running healthy").then_some(()))
        })
    }

    /// What the service has logged, since its container was made.
    pub(super) fn log(&self, service: &str) -> Result<String> {
        let output =
            command("docker").args(["logs", &self.container(service)?]).stdin(Stdio::null()).output();
        let output = output.context("docker cannot be started")?;
        ensure!(
            output.status.success(),
            "docker logs failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    }

    /// The id of the service's container.
    pub(super) fn container(&self, service: &str) -> Result<String> {
        let id = self.step("find container", &["ps", "--quiet", service]).output()?.trim().to_owned();
        ensure!(
            !id.is_empty() && id.lines().count() == 1,
            "service {service} has no container, or several: {id:?}"
        );
        Ok(id)
    }

    /// Takes everything down, and looks whether it is gone.
    pub(super) fn remove(mut self) -> Result<()> {
        self.step("down", &DOWN).run()?;
        for (what, list) in [
            ("containers", ["ps", "--all", "--quiet"].as_slice()),
            ("volumes", &["volume", "ls", "--quiet"]),
            ("networks", &["network", "ls", "--quiet"]),
        ] {
            let label = format!("label=com.docker.compose.project={}", self.project);
            let left =
                Step::new("look for rest", "docker", [list, &["--filter", &label]].concat()).output()?;
            ensure!(left.is_empty(), "down has left {what}: {left}");
        }
        self.call_off();
        Ok(())
    }

    fn call_off(&mut self) {
        if let Some(mut watchdog) = self.watchdog.take() {
            if let Some(mut input) = watchdog.stdin.take() {
                // If it is gone it need not be called off.
                let _ = std::io::Write::write_all(&mut input, b"\n");
            }
            let _ = watchdog.wait();
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // Without a word at the end of its input the watchdog takes down, and is waited for.
        if let Some(mut watchdog) = self.watchdog.take() {
            drop(watchdog.stdin.take());
            let _ = watchdog.wait();
        }
    }
}

/// What docker says of a container or an image.
pub(super) fn inspect(id: &str, format: &str) -> Result<String> {
    let said = Step::new("inspect", "docker", ["inspect", "--format", format, id]).output()?;
    Ok(said.trim().to_owned())
}

/// Looks again and again until there is something, and no longer than the limit.
pub(super) fn until<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(seen) = look()? {
            return Ok(seen);
        }
        if start.elapsed() > LIMIT {
            bail!("waited {} s for {what}", LIMIT.as_secs());
        }
        thread::sleep(LOOK_INTERVAL);
    }
}
