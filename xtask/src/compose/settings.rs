//! Whether every setting that the containers are given is one that their programs know.
//!
//! A program takes a variable that it does not know for somebody else's, at most with a warning: a service that was
//! told its topic by a mistyped name would start, and take the default.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};

use super::block::Node;
use super::dockerfile::Stage;

/// What the settings of one container are, and of which program.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) service: String,
    pub(super) program: String,
    variables: Vec<String>,
    arguments: Vec<String>,
}

/// Which settings a program knows: what its help names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Known {
    variables: BTreeSet<String>,
    flags: BTreeSet<String>,
}

/// The services of the compose file that are built by the Dockerfile, each with what both give it.
///
/// # Errors
///
/// There is none, or one is built by a stage that is not there or runs no program.
pub(super) fn given(config: &Node, stages: &[Stage]) -> Result<Vec<Given>> {
    let services = config.get("services").context("the compose file has no services")?;
    let mut all = Vec::new();
    for (service, node) in services.entries() {
        if let Some(build) = node.get("build") {
            all.push(of_service(service, node, build, stages).with_context(|| format!("service {service}"))?);
        }
    }
    ensure!(
        !all.is_empty(),
        "no service of the compose file is built by the Dockerfile: what is there to check?"
    );
    Ok(all)
}

fn of_service(service: &str, node: &Node, build: &Node, stages: &[Stage]) -> Result<Given> {
    let target = build.get("target").and_then(Node::text).context("name its stage by build: target:")?;
    let stage = stages.iter().find(|stage| stage.name == target);
    let stage = stage.with_context(|| format!("the Dockerfile has no stage {target}"))?;
    let program =
        stage.program.clone().with_context(|| format!("stage {target} has no ENTRYPOINT, so no program"))?;
    let environment =
        node.get("environment").into_iter().flat_map(Node::entries).map(|(name, _)| name.to_owned());
    let command = node.get("command").map_or(Ok(Vec::new()), Node::texts).context("command")?;
    Ok(Given {
        service: service.to_owned(),
        program,
        variables: stage.variables.iter().cloned().chain(environment).collect(),
        arguments: stage.arguments.iter().cloned().chain(command.into_iter().map(str::to_owned)).collect(),
    })
}

impl Known {
    /// Reads a program's `--help`.
    ///
    /// # Errors
    ///
    /// It names no setting at all.
    pub(super) fn parse(help: &str) -> Result<Self> {
        let variables = help.split("[env: ").skip(1).filter_map(|rest| rest.split([']', '=']).next());
        let variables: BTreeSet<String> = variables.map(str::to_owned).collect();
        let lines = help.lines().map(str::trim).filter(|line| line.starts_with('-'));
        let flags = lines.flat_map(|line| line.split([' ', ',', '='])).filter(|word| word.starts_with("--"));
        let flags: BTreeSet<String> = flags.map(str::to_owned).collect();
        ensure!(!variables.is_empty() && !flags.is_empty(), "its --help names no settings:\n{help}");
        Ok(Self { variables, flags })
    }
}

impl Given {
    /// What the program does not know, one line each.
    pub(super) fn unknown(&self, known: &Known) -> Vec<String> {
        let Self { service, program, .. } = self;
        let variables = self.variables.iter().filter(|name| !known.variables.contains(*name));
        let flag = |argument: &&String| argument.starts_with('-');
        let name = |argument: &String| argument.split('=').next().unwrap_or_default().to_owned();
        let flags = self.arguments.iter().filter(flag).map(name).filter(|name| !known.flags.contains(name));
        let unknown = variables.cloned().chain(flags);
        unknown
            .map(|name| format!("service {service} is given {name}, which {program} does not know"))
            .collect()
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.variables.len() + self.arguments.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::dockerfile::stages;
    use super::*;

    const DOCKERFILE: &str = "\
FROM base AS build
FROM scratch AS service
ENV PAYFLOW_HTTP_ADDR=0.0.0.0:8080
ENTRYPOINT [\"/service\"]
";
    const HELP: &str = "\
Serves.

Options:
      --ensure-topics
          Create the topics
  -h, --help
          Print help

Settings:
      --http-addr <ADDRESS>
          Where to serve HTTP
          [env: PAYFLOW_HTTP_ADDR] [default: 127.0.0.1:8080]
      --topic=<TOPIC>
          [env: PAYFLOW_TOPIC=]
";

    fn read(config: &str) -> Result<Vec<Given>> {
        given(&Node::parse(config)?, &stages(DOCKERFILE)?)
    }

    fn config(more: &str) -> String {
        format!("services:\n  kafka:\n    image: kafka\n  pay:\n    build:\n      target: service\n{more}")
    }

    #[test]
    fn settings_that_the_program_knows_pass() {
        let more = "    command:\n    - --ensure-topics\n    - --topic=t\n    environment:\n      PAYFLOW_TOPIC: t\n";

        let given = read(&config(more)).unwrap();

        assert_eq!(given.len(), 1, "Kafka's settings are Kafka's");
        assert_eq!((given[0].program.as_str(), given[0].count()), ("service", 4));
        assert_eq!(given[0].unknown(&Known::parse(HELP).unwrap()), [""; 0]);
    }

    #[test]
    fn setting_that_the_program_does_not_know_is_told_from_either_file() {
        let more = "    command:\n    - --ensure\n    environment:\n      PAYFLOW_TOPICS: t\n";
        let known = Known::parse(&HELP.replace("PAYFLOW_HTTP_ADDR", "PAYFLOW_ADDR")).unwrap();

        let unknown = read(&config(more)).unwrap()[0].unknown(&known);

        let told = |name| format!("service pay is given {name}, which service does not know");
        assert_eq!(unknown, [told("PAYFLOW_HTTP_ADDR"), told("PAYFLOW_TOPICS"), told("--ensure")]);
    }

    #[test]
    fn compose_file_of_which_nothing_can_be_checked_is_an_error() {
        for (config, reason) in [
            ("volumes:\n  data: {}\n".to_owned(), "no services"),
            ("services:\n  kafka:\n    image: kafka\n".to_owned(), "what is there to check"),
            (config("").replace("target: service", "target: other"), "no stage other"),
            (config("").replace("target: service", "target: build"), "no ENTRYPOINT"),
            (config("").replace("target: service", "context: ."), "build: target:"),
            (config("    command: --ensure-topics\n"), "command: a list is expected"),
        ] {
            let error = format!("{:#}", read(&config).unwrap_err());

            assert!(error.contains(reason), "{config}: {error}");
        }
    }

    #[test]
    fn help_that_names_no_settings_is_an_error() {
        for help in ["", "Serves.\n", "      --ensure-topics\n", "[env: A]\n"] {
            assert!(Known::parse(help).is_err(), "{help}");
        }
    }
}
