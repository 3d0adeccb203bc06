//! Reads what `docker-compose config` prints: YAML in its block form, without anchors, tags or folded text.
//!
//! That is all the YAML that this program meets. What it does not understand is an error, never passed over: a check
//! that rests on it must not succeed because it saw nothing.

use anyhow::{Context, Result, bail, ensure};

/// One value of a configuration.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// Whatever stands on one line; an empty text where nothing stands.
    Text(String),
    Map(Vec<(String, Self)>),
    List(Vec<Self>),
}

impl Node {
    /// # Errors
    ///
    /// A line is not understood; the error has its number.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let lines = (1..).zip(text.lines()).filter_map(Line::new).collect();
        let mut reader = Reader { lines, next: 0 };
        let node = reader.block(0)?;
        match reader.peek() {
            None => Ok(node),
            Some(line) => Err(line.not_understood()),
        }
    }

    /// What stands under `key`, if this is a map that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().find(|(name, _)| *name == key).map(|(_, node)| node)
    }

    /// The entries of a map; none of anything else.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &Self)> {
        let entries: &[(String, Self)] = if let Self::Map(entries) = self { entries } else { &[] };
        entries.iter().map(|(key, node)| (key.as_str(), node))
    }

    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The texts of a list.
    ///
    /// # Errors
    ///
    /// It is no list, or one of other things.
    pub(super) fn texts(&self) -> Result<Vec<&str>> {
        let Self::List(nodes) = self else { bail!("a list is expected, not {self:?}") };
        nodes.iter().map(|node| node.text().context("a list of texts is expected")).collect()
    }
}

/// A line that says something.
#[derive(Debug, Clone, Copy)]
struct Line<'a> {
    number: usize,
    indent: usize,
    text: &'a str,
}

impl<'a> Line<'a> {
    fn new((number, line): (usize, &'a str)) -> Option<Self> {
        let text = line.trim_start_matches(' ');
        let says = !text.trim().is_empty() && !text.starts_with('#');
        says.then(|| Self { number, indent: line.len() - text.len(), text: text.trim_end() })
    }

    /// What follows the dash of an item of a list, as a line of its own.
    fn item(self) -> Option<Self> {
        let after = self.text.strip_prefix('-')?;
        let text = after.trim_start_matches(' ');
        let is_item = after.is_empty() || after.starts_with(' ');
        is_item.then(|| Self { indent: self.indent + self.text.len() - text.len(), text, ..self })
    }

    /// `key: value`, or `key:` alone.
    fn entry(self) -> Option<(&'a str, &'a str)> {
        let (key, value) = match self.text.split_once(": ") {
            Some((key, value)) => (key, value.trim()),
            None => (self.text.strip_suffix(':')?, ""),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        (!key.is_empty() && key.chars().all(plain)).then_some((key, value))
    }

    fn not_understood(self) -> anyhow::Error {
        anyhow::anyhow!("line {}: {:?} is YAML that this check does not understand", self.number, self.text)
    }
}

struct Reader<'a> {
    lines: Vec<Line<'a>>,
    next: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<Line<'a>> {
        self.lines.get(self.next).copied()
    }

    /// The map or list whose lines begin at this column.
    fn block(&mut self, indent: usize) -> Result<Node> {
        match self.peek() {
            Some(line) if line.item().is_some() => self.list(indent),
            _ => self.map(indent),
        }
    }

    fn map(&mut self, indent: usize) -> Result<Node> {
        let mut entries = Vec::new();
        while let Some(line) = self.peek().filter(|line| line.indent == indent && line.item().is_none()) {
            let Some((key, value)) = line.entry() else { return Err(line.not_understood()) };
            ensure!(
                !entries.iter().any(|(name, _)| name == key),
                "line {}: {key} stands twice in one place",
                line.number
            );
            self.next += 1;
            let node = if value.is_empty() { self.nested(indent)? } else { Node::Text(scalar(line, value)?) };
            entries.push((key.to_owned(), node));
        }
        Ok(Node::Map(entries))
    }

    /// What belongs to a key with nothing behind it. A list may begin in the key's own column.
    fn nested(&mut self, indent: usize) -> Result<Node> {
        match self.peek() {
            Some(line) if line.indent > indent => self.block(line.indent),
            Some(line) if line.indent == indent && line.item().is_some() => self.list(indent),
            _ => Ok(Node::Text(String::new())),
        }
    }

    fn list(&mut self, indent: usize) -> Result<Node> {
        let mut nodes = Vec::new();
        while let Some(line) = self.peek().filter(|line| line.indent == indent) {
            let Some(item) = line.item() else { break };
            if item.entry().is_some() {
                // A map whose first line stands behind the dash.
                self.lines[self.next] = item;
                nodes.push(self.map(item.indent)?);
            } else {
                self.next += 1;
                nodes.push(Node::Text(scalar(item, item.text)?));
            }
        }
        Ok(Node::List(nodes))
    }
}

/// A value on one line, without its quotes.
fn scalar(line: Line<'_>, value: &str) -> Result<String> {
    let quoted = |quote: char| value.strip_prefix(quote).map(|rest| rest.strip_suffix(quote));
    if let Some(inner) = quoted('\'') {
        let inner = inner.map(|inner| inner.replace("''", "\u{0}"));
        let inner = inner.filter(|inner| !inner.contains('\'')).ok_or_else(|| line.not_understood())?;
        return Ok(inner.replace('\u{0}', "'"));
    }
    if let Some(inner) = quoted('"') {
        let plain = inner.filter(|inner| !inner.contains(['"', '\\']));
        return plain.map(str::to_owned).ok_or_else(|| line.not_understood());
    }
    match value {
        "null" | "~" | "{}" | "[]" => Ok(String::new()),
        _ if value.starts_with(['&', '*', '!', '|', '>', '{', '[', '%', '@', '`'])
            || value.contains(" #") =>
        {
            Err(line.not_understood())
        }
        _ => Ok(value.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Node {
        Node::Text(text.to_owned())
    }

    #[test]
    fn maps_and_lists_are_read_in_both_columns_that_a_list_may_begin_in() {
        let config = "\
services:
  one:
    command:
    - --first
    - '2'
    environment:
      URL: http://one:80/  \n
      EMPTY: ''
    ports:
      - mode: ingress
        target: 8080
      - 127.0.0.1:80:80/tcp
volumes:
  data: {}
";
        let node = Node::parse(config).unwrap();

        let one = node.get("services").and_then(|services| services.get("one")).unwrap();
        assert_eq!(one.get("command").unwrap().texts().unwrap(), ["--first", "2"]);
        let environment = one.get("environment").unwrap();
        assert_eq!(environment.get("URL"), Some(&text("http://one:80/")));
        assert_eq!(environment.get("EMPTY"), Some(&text("")));
        let Node::List(ports) = one.get("ports").unwrap() else { panic!("{one:?}") };
        assert_eq!(ports[0].get("target"), Some(&text("8080")));
        assert_eq!(ports[1], text("127.0.0.1:80:80/tcp"));
        assert_eq!(node.get("volumes").unwrap().get("data"), Some(&text("")));
    }

    #[test]
    fn quotes_are_taken_off() {
        for (written, meant) in
            [("'it''s'", "it's"), ("\"a: b\"", "a: b"), ("''''", "'"), ("a'b", "a'b"), ("null", "")]
        {
            assert_eq!(Node::parse(&format!("key: {written}")).unwrap().get("key"), Some(&text(meant)));
        }
    }

    #[test]
    fn what_is_not_understood_is_an_error_with_its_line() {
        for (config, line) in [
            ("a: 1\nb: &anchor\n  c: 1\n", 2),
            ("a: *anchor\n", 1),
            ("a: |\n  text\n", 1),
            ("a: [1, 2]\n", 1),
            ("a: {b: 1}\n", 1),
            ("a: one\n  folded\n", 2),
            ("- a: 'open\n", 1),
            ("a: \"b\\n\"\n", 1),
            ("a: 'b'c'\n", 1),
            ("a\n", 1),
            ("<<: a\n", 1),
            ("a: b # why\n", 1),
            ("a:\n    b: 1\n  c: 1\n", 3),
            ("a:\n  - b\n  c: 1\n", 3),
            ("a: 1\n---\nb: 2\n", 2),
        ] {
            let error = Node::parse(config).unwrap_err().to_string();

            assert!(error.starts_with(&format!("line {line}: ")), "{config:?}: {error}");
        }
    }

    #[test]
    fn key_that_stands_twice_is_an_error() {
        let error = Node::parse("a:\n  b: 1\n  b: 2\n").unwrap_err().to_string();

        assert_eq!(error, "line 3: b stands twice in one place");
    }

    #[test]
    fn text_is_no_list() {
        assert!(text("a").texts().is_err());
        assert!(Node::List(vec![Node::Map(vec![])]).texts().is_err());
        assert_eq!(Node::parse("").unwrap(), Node::Map(vec![]));
    }
}
