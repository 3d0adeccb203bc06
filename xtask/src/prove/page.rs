//! The page that holds the last result of each proof.

use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::thread;
use std::time::Duration;

use anyhow::Context;

use super::minutes;
use super::proof::{Facts, PROOFS, Proof};

/// What came of a proof.
#[derive(Debug)]
pub(super) struct Result<'a> {
    pub(super) proof: &'a Proof,
    /// How many rounds it was told to run.
    pub(super) asked: Option<u32>,
    pub(super) ran: anyhow::Result<Facts>,
    pub(super) took: Duration,
    pub(super) commit: &'a str,
    pub(super) date: String,
}

impl Result<'_> {
    /// Why it failed, if it did.
    pub(super) fn failure(&self) -> Option<String> {
        match &self.ran {
            Err(error) => Some(format!("{error:#}")),
            Ok(facts) => self.proof.broken_by(facts),
        }
    }

    fn section(&self) -> String {
        let Self { proof, asked, ran, took, commit, date } = self;
        let mut promise = proof.promise.to_owned();
        promise[..1].make_ascii_uppercase();
        let outcome = if self.failure().is_some() { "**Failed**" } else { "Held" };
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let mut text = format!(
            "{promise}.\n\n{outcome} on {date} at commit {commit}, in {} on {processors} processors.",
            minutes(*took)
        );
        if let (Some(asked), Some(rounds)) = (asked, proof.rounds)
            && *asked < rounds
        {
            let _ = write!(text, " Shorter than it should be: {asked} of {rounds} rounds.");
        }
        let rounds = asked.filter(|asked| Some(*asked) != proof.rounds);
        let rounds = rounds.map_or(String::new(), |rounds| format!(" --rounds {rounds}"));
        let _ = write!(text, "\n\n```sh\ncargo xtask prove --only {}{rounds}\n```\n", proof.name);
        if let Some(why) = self.failure() {
            let _ = write!(text, "\n{why}\n");
        }
        if let Ok(facts) = ran {
            text.push_str("\n| fact | value |\n|---|---|\n");
            for (name, value) in facts {
                let _ = writeln!(text, "| {name} | {value} |");
            }
        }
        text
    }
}

/// The sections of the page, by the names of their proofs.
#[derive(Debug, Default)]
pub(super) struct Page(Vec<(String, String)>);

impl Page {
    pub(super) const PATH: &'static str = "docs/proofs.md";

    /// The page as it stands; empty if there is none.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub(super) fn read() -> anyhow::Result<Self> {
        match fs::read_to_string(Self::PATH) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", Self::PATH)),
        }
    }

    fn parse(text: &str) -> Self {
        let sections = text.split("\n## ").skip(1).filter_map(|section| section.split_once("\n\n"));
        Self(sections.map(|(name, text)| (name.to_owned(), format!("{}\n", text.trim_end()))).collect())
    }

    /// Takes the place of what stood there of this proof.
    pub(super) fn put(&mut self, result: &Result<'_>) {
        self.0.retain(|(name, _)| name != result.proof.name);
        self.0.push((result.proof.name.to_owned(), result.section()));
    }

    pub(super) fn write(&self) -> anyhow::Result<()> {
        fs::write(Self::PATH, self.text()).with_context(|| format!("{} cannot be written", Self::PATH))
    }

    fn text(&self) -> String {
        let mut text = "# Proofs\n\n\
            What takes too long for CI, which runs the same in a short form: `cargo xtask prove` runs it, on a real Kafka with processes\n\
            and brokers that are really killed, and writes this page. Each result stands here with its own date and commit.\n\
            [guarantees.md](guarantees.md) says what is promised. A figure that is promised was held against the run; *lost*, *out of\n\
            order* and what may not be repeated are judged from what clients were told, the topics, the commits with their metadata, each\n\
            call of a handler and each notification.\n"
            .to_owned();
        // One that is no proof any more goes.
        for proof in PROOFS {
            if let Some((name, section)) = self.0.iter().find(|(name, _)| name == proof.name) {
                let _ = write!(text, "\n## {name}\n\n{section}");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::super::proof::PROOFS;
    use super::*;

    fn result(proof: &'static Proof, asked: Option<u32>, facts: &[(&str, &str)]) -> Result<'static> {
        let facts = facts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let took = Duration::from_secs(61);
        Result { proof, asked, ran: Ok(facts), took, commit: "abc of then", date: "2026-01-02".to_owned() }
    }

    #[test]
    fn a_section_takes_the_place_of_the_one_before_it_and_the_others_stay() {
        let kills = PROOFS.iter().find(|proof| proof.name == "kills").unwrap();
        let zombies = PROOFS.iter().find(|proof| proof.name == "zombies").unwrap();
        let mut page = Page::default();
        page.put(&result(zombies, zombies.rounds, &[("stops", "20")]));
        page.put(&result(kills, kills.rounds, &[("kills", "1")]));
        let mut page = Page::parse(&page.text());
        page.put(&result(kills, kills.rounds, &[("kills", "200")]));

        let text = page.text();

        assert!(!text.contains("| kills | 1 |"), "{text}");
        let (first, second) = (text.find("| kills | 200 |").unwrap(), text.find("| stops | 20 |").unwrap());
        assert!(first < second, "{text}");
        assert_eq!(Page::parse(&text).text(), text);
        assert!(text.contains("Held on 2026-01-02 at commit abc of then, in 1 min 1 s on"), "{text}");
    }

    #[test]
    fn a_run_that_is_too_short_and_one_that_failed_say_so() {
        let brokers = PROOFS.iter().find(|proof| proof.name == "brokers").unwrap();
        let section = result(brokers, Some(1), &[("lost", "0")]).section();

        assert!(section.contains("Shorter than it should be: 1 of 3 rounds."), "{section}");
        assert!(section.contains("--only brokers --rounds 1\n"), "{section}");
        assert!(section.contains("**Failed**") && section.contains("the run did not tell"), "{section}");
    }
}
