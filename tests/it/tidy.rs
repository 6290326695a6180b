//! The architecture as tests: who may name whom, how long files and functions are, and that no file
//! is forgotten. Adding a line to a table here is an architectural decision.

use std::fs;
use std::path::{Path, PathBuf};

/// Each layer, and the layers it may name. Arrows point down: see `ARCHITECTURE.md`.
const LAYERS: &[(&str, &[&str])] = &[
    ("chain", &[]),
    ("clock", &["model"]),
    ("entropy", &[]),
    ("meter", &[]),
    ("ports", &[]),
    ("reach", &["model"]),
    ("room", &["meter"]),
    ("vault", &["entropy", "model"]),
    ("model", &[]),
    ("tree", &[]),
    ("store", &["chain", "clock", "meter", "model", "tree"]),
    ("control", &["clock", "entropy", "model", "ports", "reach", "room", "store", "vault"]),
    ("plan", &["model"]),
    ("compute", &["entropy", "model", "plan"]),
    ("reconcile", &["chain", "clock", "compute", "control", "entropy", "meter", "model", "plan"]),
    ("deliver", &["chain", "clock", "control", "meter", "model", "reach", "wire"]),
    ("retention", &["chain", "clock", "config", "control", "meter", "model", "store"]),
    ("wire", &["model"]),
    ("api", &["chain", "control", "entropy", "meter", "model", "wire"]),
    ("exports", &["chain", "clock", "meter", "model", "room", "store"]),
    ("telemetry", &["store"]),
    ("config", &["model", "reach"]),
    (
        "server",
        &[
            "api",
            "chain",
            "clock",
            "compute",
            "config",
            "control",
            "deliver",
            "entropy",
            "exports",
            "meter",
            "model",
            "ports",
            "reach",
            "reconcile",
            "retention",
            "room",
            "store",
            "vault",
        ],
    ),
    ("client", &["chain", "wire"]),
    ("cli", &["client", "config", "server", "telemetry", "wire"]),
];

/// Each foreign crate that is walled in, and the files that may name it.
const WALLS: &[(&str, &[&str])] = &[
    ("sled::", &["store/sled.rs"]),
    ("bincode::", &["store/"]),
    ("tokio_postgres::", &["compute/postgres"]),
    ("axum::", &["api", "server.rs"]),
    ("prometheus_client::", &["api/metrics.rs"]),
    ("hyper::", &["deliver/sender.rs"]),
    ("clap::", &["cli"]),
    ("ureq::", &["client.rs"]),
];

/// A file fits a sitting, tests included.
const FILE_MAX_LINES: usize = 400;

/// A function fits a screen.
const FUNCTION_MAX_LINES: usize = 70;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut waiting = vec![directory.to_path_buf()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    assert!(!files.is_empty(), "there are files in {}", directory.display());
    files
}

fn sources() -> Vec<(String, String)> {
    let src = root().join("src");
    let read = |path: PathBuf| {
        let name = path.strip_prefix(&src).expect("a file in src").display().to_string();
        (name, fs::read_to_string(path).expect("a source file"))
    };
    files_below(&src).into_iter().map(read).collect()
}

fn layer_of(file: &str) -> &str {
    file.split(['/', '.']).next().expect("a name")
}

/// Returns the layers that the code of `text` names; comments name whom they like.
fn layers_named_in(text: &str) -> Vec<&str> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split("crate::").skip(1))
        .map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().expect("a part"))
        .filter(|named| LAYERS.iter().any(|(layer, _)| layer == named))
        .collect()
}

/// Returns the text before the unit tests, which may name whom they like.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().expect("a first part")
}

#[test]
fn layers_name_only_the_layers_below() {
    for (file, text) in sources() {
        let layer = layer_of(&file);
        if ["lib", "main"].contains(&layer) || file.ends_with("/tests.rs") {
            continue;
        }
        let (_, allowed) = LAYERS
            .iter()
            .find(|(known, _)| *known == layer)
            .unwrap_or_else(|| panic!("src/{file} belongs to no layer"));
        for named in layers_named_in(without_tests(&text)) {
            assert!(
                named == layer || allowed.contains(&named),
                "src/{file} names `{named}`, which `{layer}` may not"
            );
        }
    }
}

#[test]
fn foreign_crates_stay_behind_their_walls() {
    for (file, text) in sources() {
        for (foreign, allowed) in WALLS {
            let is_named = without_tests(&text)
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .any(|line| {
                    line.match_indices(foreign).any(|(at, _)| {
                        !line[..at].ends_with(|c: char| c.is_alphanumeric() || "_:".contains(c))
                    })
                });
            let is_allowed = allowed.iter().any(|prefix| file.starts_with(prefix));
            // The module that holds sled's name is called after it.
            let is_own_module = *foreign == "sled::" && file == "store.rs";
            assert!(!is_named || is_allowed || is_own_module, "src/{file} names `{foreign}`");
        }
    }
}

#[test]
fn files_fit_a_sitting_and_functions_a_screen() {
    let mut files = files_below(&root().join("src"));
    files.extend(files_below(&root().join("tests")));
    for path in files {
        let text = fs::read_to_string(&path).expect("a source file");
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines.len() <= FILE_MAX_LINES,
            "{} has {} lines; give each of its subjects a file",
            path.display(),
            lines.len()
        );
        for (name, length) in functions(&lines) {
            assert!(
                length <= FUNCTION_MAX_LINES,
                "{}: `{name}` has {length} lines",
                path.display()
            );
        }
    }
}

/// Returns the functions and their lengths. `rustfmt` closes a function with a brace as far in as
/// its first line.
fn functions<'a>(lines: &[&'a str]) -> Vec<(&'a str, usize)> {
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let words: Vec<&str> = trimmed.split_whitespace().take(5).collect();
        let Some(at) = words.iter().position(|word| *word == "fn") else { continue };
        let is_definition =
            words[..at].iter().all(|w| w.starts_with("pub") || ["async", "const"].contains(w));
        if !is_definition {
            continue;
        }
        let opening = lines[start..].iter().find(|line| line.ends_with(['{', ';', '}']));
        if opening.is_none_or(|line| !line.ends_with('{')) {
            continue;
        }
        let indent = line.len() - trimmed.len();
        let closing = format!("{}}}", " ".repeat(indent));
        let end = lines[start..].iter().position(|line| **line == closing);
        found.push((trimmed, end.expect("a function that ends") + 1));
    }
    found
}

#[test]
fn no_file_is_forgotten() {
    for directory in ["src", "tests/it"] {
        for path in files_below(&root().join(directory)) {
            let stem = path.file_stem().expect("a name").to_str().expect("UTF-8");
            if ["lib", "main"].contains(&stem) {
                continue;
            }
            let parent = path.parent().expect("a directory");
            let candidates =
                [parent.join("lib.rs"), parent.join("main.rs"), parent.with_extension("rs")];
            let is_declared = candidates.iter().any(|candidate| {
                fs::read_to_string(candidate)
                    .is_ok_and(|text| text.lines().any(|line| declares(line, stem)))
            });
            assert!(is_declared, "{} is declared nowhere", path.display());
        }
    }
}

fn declares(line: &str, module: &str) -> bool {
    let line = line.trim_start_matches("pub(super) ").trim_start_matches("pub(crate) ");
    line.trim_start_matches("pub ") == format!("mod {module};")
}

#[test]
fn every_module_says_what_it_is_for() {
    for (file, text) in sources() {
        assert!(text.starts_with("//! "), "src/{file} does not open by saying what is true in it");
    }
}
