//! What a Dockerfile gives the programs of its images: variables and arguments.

use anyhow::{Context, Result, bail};

/// One image that can be built: a stage with a name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Stage {
    pub(super) name: String,
    /// The program that its containers run, without its folder. `None`: it runs none of ours.
    pub(super) program: Option<String>,
    /// What the program is given before what its user says.
    pub(super) arguments: Vec<String>,
    /// The names of its variables.
    pub(super) variables: Vec<String>,
}

/// The stages that have a name, in their order.
///
/// # Errors
///
/// An instruction that gives programs something is not in a form that is understood.
pub(super) fn stages(dockerfile: &str) -> Result<Vec<Stage>> {
    let mut stages: Vec<Stage> = Vec::new();
    for instruction in instructions(dockerfile) {
        let (word, rest) = instruction.split_once(char::is_whitespace).unwrap_or((&instruction, ""));
        if word.eq_ignore_ascii_case("FROM") {
            let words: Vec<&str> = rest.split_whitespace().collect();
            let name = words.windows(2).find(|pair| pair[0].eq_ignore_ascii_case("AS")).map(|pair| pair[1]);
            let name = name.with_context(|| format!("FROM {rest}: a stage needs a name, by AS"))?;
            stages.push(Stage { name: name.to_owned(), ..Stage::default() });
        } else if let Some(stage) = stages.last_mut() {
            stage.take(word, rest).with_context(|| format!("Dockerfile, {}: {word} {rest}", stage.name))?;
        }
    }
    Ok(stages)
}

impl Stage {
    fn take(&mut self, word: &str, rest: &str) -> Result<()> {
        match word.to_ascii_uppercase().as_str() {
            "ENV" => {
                for pair in rest.split_whitespace() {
                    let (name, value) = pair.split_once('=').context("write each variable as NAME=VALUE")?;
                    if value.contains(['"', '\'', '\\']) {
                        bail!("a value in quotes or with a backslash is not understood here");
                    }
                    self.variables.push(name.to_owned());
                }
            }
            "ENTRYPOINT" => {
                let mut words = exec_form(rest)?.into_iter();
                let program = words.next().context("a program is expected")?;
                self.program = program.rsplit('/').next().map(str::to_owned);
                self.arguments.extend(words);
            }
            "CMD" => self.arguments.extend(exec_form(rest)?),
            _ => {}
        }
        Ok(())
    }
}

/// The instructions, each on one line, without comments.
fn instructions(dockerfile: &str) -> Vec<String> {
    let mut instructions = Vec::new();
    let mut open = String::new();
    for line in dockerfile.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_suffix('\\') {
            Some(part) => {
                open.push_str(part);
                open.push(' ');
            }
            None => instructions.push(std::mem::take(&mut open) + line),
        }
    }
    instructions
}

/// `["/program", "--flag"]`. The other form runs a shell, which the images do not have.
fn exec_form(rest: &str) -> Result<Vec<String>> {
    let inner = rest.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let inner = inner.context("write it as [\"/program\", \"--flag\"]: the images hold no shell")?.trim();
    if inner.is_empty() {
        return Ok(Vec::new());
    }
    let word = |word: &str| {
        let word = word.trim().strip_prefix('"').and_then(|word| word.strip_suffix('"'));
        let word = word.filter(|word| !word.contains(['"', '\\']));
        word.map(str::to_owned).context("write each word in plain double quotes")
    };
    inner.split(',').map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stage_has_its_program_arguments_and_variables() {
        let dockerfile = "\
# syntax
ARG TAG=1
FROM base:${TAG} AS build
RUN one \\
    # a comment between
    && ENV=two three
FROM scratch as service
ENV ONE=1 TWO=a=b
env THREE=
ENTRYPOINT [\"/bin/service\", \"--all\"]
HEALTHCHECK --interval=5s CMD [\"/check\"]
CMD [ \"--more\", \"x\" ]
";
        let stages = stages(dockerfile).unwrap();

        assert_eq!(stages[0], Stage { name: "build".to_owned(), ..Stage::default() });
        assert_eq!(
            stages[1],
            Stage {
                name: "service".to_owned(),
                program: Some("service".to_owned()),
                arguments: ["--all", "--more", "x"].map(String::from).to_vec(),
                variables: ["ONE", "TWO", "THREE"].map(String::from).to_vec(),
            }
        );
        assert_eq!(stages.len(), 2);
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for (instruction, remedy) in [
            ("ENV ONE 1", "NAME=VALUE"),
            ("ENV ONE=\"a b\"", "quotes"),
            ("ENTRYPOINT service --all", "no shell"),
            ("ENTRYPOINT []", "a program"),
            ("CMD ['--all']", "double quotes"),
            ("CMD [\"a\\\"b\"]", "double quotes"),
            ("FROM scratch", "by AS"),
        ] {
            let error = stages(&format!("FROM scratch AS service\n{instruction}\n")).unwrap_err();

            let error = format!("{error:#}");
            assert!(error.contains(remedy), "{instruction}: {error}");
        }
    }
}
