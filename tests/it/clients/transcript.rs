//! Transcripts: what clients printed, with stable names for what is drawn or measured.

use std::collections::BTreeMap;

use regex::{Captures, Regex};

/// What differs from run to run, and what it is called.
const KINDS: &[(&str, &str)] = &[
    ("time", r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)"),
    ("version", r#""version": "\d\d""#),
    ("uuid", r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"),
    ("branch", r"\bbr-[a-z]+-[a-z]+-[a-z0-9]{8}\b"),
    ("instance", r"\bdpg-[0-9a-v]{20}-a\b"),
    ("webhook", r"\bwhk-[0-9a-v]{20}\b"),
    ("secret", r"\bwhsec_[A-Za-z0-9+/=]+"),
    ("endpoint", r"\bep-[a-z]+-[a-z]+-[a-z0-9]{8}\b"),
    ("project", r"\b[a-z]+-[a-z]+-[0-9]{8}\b"),
    ("password", r"\bnpg_[A-Za-z0-9]{24}\b"),
    ("key", r"\bnapi_[A-Za-z0-9]+\b"),
    ("port", r"-p \d+\b"),
    ("address", r"\b127\.0\.0\.1:\d+\b"),
    ("home", r"/[^\s:]*/\.tmp[A-Za-z0-9]{6}\b"),
    ("lsn", r"\b0/[0-9A-F]{6,8}\b"),
    // Where in a schema depends on the version of Postgres.
    ("place", r"@@ -\d+,\d+ \+\d+,\d+ @@"),
];

/// Numbers that differ from run to run, by the name of their field.
const NUMBERS: &str = r#"(?x)
    ("?\b(?:cutoff|id|port|pg_version|pgVersion|revision|[a-z_]*duration_ms|ttl_interval_seconds)"?
    (?::\ |=))\d+"#;

/// What passes did for an operation, which differs with how many requests one of them saw to.
/// In JSON, and in YAML.
const PASSES: &str = r#"(?m),\s*"(?:plan|steps)": \[[^\[\]]*\]|^  (?:plan|steps):\n(?:    .*\n)+"#;

/// A text that is built up, and the names that were given so far.
#[derive(Default)]
pub struct Transcript {
    text: String,
    names: Names,
}

/// Stable names, in the order in which things were first met.
#[derive(Default)]
pub struct Names(BTreeMap<&'static str, Vec<String>>);

impl Transcript {
    /// Adds a heading, and what was printed under it.
    pub fn add(&mut self, heading: &str, printed: &str) {
        let heading = self.names.stable(heading);
        let printed = self.names.stable(printed);
        let lines = printed.trim_end().lines().map(single_spaced);
        self.text.push_str("$ ");
        self.text.push_str(&heading);
        self.text.push('\n');
        for line in lines {
            self.text.push_str(&line);
            self.text.push('\n');
        }
        self.text.push('\n');
    }

    /// Returns the whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns a text with the names that things have in the transcript.
    pub fn stable(&mut self, text: &str) -> String {
        self.names.stable(text)
    }
}

impl Names {
    fn stable(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for (kind, pattern) in KINDS {
            let pattern = Regex::new(pattern).expect("a pattern");
            let name = |found: &Captures<'_>| self.name(kind, &found[0]);
            text = pattern.replace_all(&text, name).into_owned();
        }
        let passes = Regex::new(PASSES).expect("a pattern");
        let text = passes.replace_all(&text, "");
        let numbers = Regex::new(NUMBERS).expect("a pattern");
        numbers.replace_all(&text, "${1}0").into_owned()
    }

    fn name(&mut self, kind: &'static str, found: &str) -> String {
        // Two equal times would get one name in one run, and two in the next.
        if ["time", "lsn", "place"].contains(&kind) {
            return format!("<{kind}>");
        }
        let known = self.0.entry(kind).or_default();
        let at = known.iter().position(|known| known == found).unwrap_or_else(|| {
            known.push(found.to_owned());
            known.len() - 1
        });
        format!("<{kind} {}>", at + 1)
    }
}

/// Returns a line of a table as it is whatever the widths of its columns. What a line begins with is
/// kept: in YAML, it is meaning.
fn single_spaced(line: &str) -> String {
    let indent = line.len() - line.trim_start().len();
    let words: Vec<_> = line.split_whitespace().collect();
    format!("{}{}", &line[..indent], words.join(" "))
}
