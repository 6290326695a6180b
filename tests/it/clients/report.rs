//! Reports: for each client, what was run, what it called, and how that ended; as a page of the
//! documentation, which the run must find as it would write it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::recorder::Entry;
use crate::contract::exchange;
use crate::support::variable;

/// The variable that has the page written in place of compared.
const WRITE: &str = "OFFSHOOT_WRITE_DOCS";

/// What a client did in one step.
#[derive(Default)]
struct Step {
    what: String,
    calls: Vec<String>,
    result: String,
}

/// What a client did.
pub struct Report {
    client: &'static str,
    steps: Vec<Step>,
}

impl Report {
    pub fn of(client: &'static str) -> Self {
        Self { client, steps: Vec::new() }
    }

    /// Adds a step with what was recorded of it, and how it ended.
    pub fn add(&mut self, what: &str, recorded: &[Entry], result: &str) {
        let mut calls = Vec::new();
        for entry in recorded {
            let Entry::Exchange(exchange) = entry else { continue };
            let operation = exchange::operation_of(&exchange.method, &exchange.path);
            let call = format!("`{}` {}", operation.as_deref().unwrap_or("?"), exchange.status);
            if !calls.contains(&call) {
                calls.push(call);
            }
        }
        // Some are made at the same time.
        calls.sort();
        let (what, result) = (what.to_owned(), result.to_owned());
        match self.steps.iter_mut().find(|step| step.what == what && step.result == result) {
            Some(step) => {
                let new = calls.into_iter().filter(|call| !step.calls.contains(call));
                let new: Vec<_> = new.collect();
                step.calls.extend(new);
                step.calls.sort();
            }
            None => self.steps.push(Step { what, calls, result }),
        }
    }

    /// Adds the steps that a client announced itself.
    pub fn add_announced(&mut self, recorded: Vec<Entry>) {
        let mut what = String::new();
        let mut since = Vec::new();
        for entry in recorded {
            match entry {
                Entry::Step(next) => {
                    self.add_unless_empty(&what, &since);
                    what = next;
                    since.clear();
                }
                Entry::Exchange(_) => since.push(entry),
            }
        }
        self.add_unless_empty(&what, &since);
    }

    fn add_unless_empty(&mut self, what: &str, since: &[Entry]) {
        if !what.is_empty() {
            self.add(what, since, "as expected");
        }
    }

    /// Compares the report with its page, or writes it.
    pub fn check(&self, page: &str) {
        check_page(page, &self.page());
    }

    fn page(&self) -> String {
        let mut page = format!(
            "# {}\n\nWritten by `tests/it/clients`, which ran all this against the server.\n\n\
             | run | calls and statuses | result |\n|---|---|---|\n",
            self.client
        );
        for Step { what, calls, result } in &self.steps {
            let what = what.replace('|', "\\|");
            writeln!(page, "| `{what}` | {} | {result} |", calls.join(", ")).expect("a text");
        }
        let all: BTreeSet<_> = self.steps.iter().flat_map(|step| &step.calls).collect();
        write!(page, "\n{} steps, {} kinds of answers.\n", self.steps.len(), all.len())
            .expect("a text");
        page
    }
}

/// Compares a text with a page of the documentation, or writes the page.
pub fn check_page(page: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/compatibility").join(page);
    if variable(WRITE).is_some() {
        fs::write(&path, text).expect("a page");
        return;
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == text,
        "docs/compatibility/{page} is not what this run would write; run the tests of the clients \
         with {WRITE}=1 and look at the difference. This run would write:\n{text}"
    );
}
