//! docker-compose, which is a program of its own or a plugin of docker.

use anyhow::Result;

use crate::package::{Package, runs};
use crate::step::Step;

/// Debian's: version 1, the older of the two that the compose file is written for. It recommends an engine, which
/// `docker-compose config` does not need.
const DOCKER_COMPOSE: Package = Package {
    program: "docker-compose",
    version_argument: "version",
    install: &["--no-install-recommends", "docker-compose"],
};

/// How docker-compose is called here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compose {
    program: &'static str,
    /// What stands before its own arguments.
    before: &'static [&'static str],
}

impl Compose {
    /// The program, else the plugin, else the program newly installed.
    ///
    /// # Errors
    ///
    /// Neither is there, and it cannot be installed; the error holds the command that does.
    pub(crate) fn find_or_install() -> Result<Self> {
        let plugin = Self { program: "docker", before: &["compose"] };
        if !DOCKER_COMPOSE.is_there() && runs(plugin.program, &["compose", "version"]) {
            return Ok(plugin);
        }
        DOCKER_COMPOSE.find_or_install()?;
        Ok(Self { program: DOCKER_COMPOSE.program, before: &[] })
    }

    /// A step that runs it on the project's file, wherever another one may have been set by COMPOSE_FILE.
    pub(super) fn step(self, name: &'static str, args: &[&str]) -> Step {
        Step::new(name, self.program, self.arguments(args))
    }

    /// The words of its command line.
    pub(super) fn words<'a>(self, args: &[&'a str]) -> Vec<&'a str> {
        [vec![self.program], self.arguments(args)].concat()
    }

    fn arguments<'a>(self, args: &[&'a str]) -> Vec<&'a str> {
        [self.before, &["--file", "docker-compose.yml"], args].concat()
    }
}
