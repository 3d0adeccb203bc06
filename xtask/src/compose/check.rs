//! What CI checks of the compose file: that docker-compose takes it, and that the services know what it gives them.

use std::env;
use std::env::consts::EXE_SUFFIX;
use std::fs;

use anyhow::{Context, Result, ensure};

use super::block::Node;
use super::dockerfile::stages;
use super::settings::{Known, given};
use super::tool::Compose;
use crate::step::{Step, Steps};

/// Checks it, as one step. It needs no engine.
///
/// # Errors
///
/// docker-compose refuses the file; the services do not build; or one is given a setting that it does not know.
pub(crate) fn run(compose: Compose, steps: &mut Steps) -> Result<()> {
    steps.time("compose", "cargo xtask compose --check", || check(compose))
}

fn check(compose: Compose) -> Result<()> {
    let config = compose.step("config", &["config"]).output()?;
    let config = Node::parse(&config).context("what `docker-compose config` prints is not understood")?;
    let dockerfile = fs::read_to_string("Dockerfile").context("Dockerfile cannot be read")?;
    let given = given(&config, &stages(&dockerfile)?)?;

    // Built as the tests build them: right after those, this takes no time.
    Step::cargo("build services", ["test", "--workspace", "--locked", "--no-run", "--quiet"]).run()?;
    let mut unknown = Vec::new();
    for given in &given {
        let known = known(&given.program).with_context(|| format!("service {}", given.service))?;
        unknown.extend(given.unknown(&known));
        println!("{}: {} settings, looked up in the help of {}", given.service, given.count(), given.program);
    }
    ensure!(
        unknown.is_empty(),
        "Dockerfile or docker-compose.yml name settings that do not exist; `--help` of the program lists those that \
         do:\n  {}",
        unknown.join("\n  ")
    );
    Ok(())
}

/// Asks a program of the workspace what it knows. Cargo has built it beside this one.
fn known(program: &str) -> Result<Known> {
    let own = env::current_exe().context("this program's own path is not known")?;
    let built = own.with_file_name(format!("{program}{EXE_SUFFIX}"));
    Known::parse(&Step::new("read help", built, ["--help"]).output()?)
}
