//! The template that a server makes for its computes, kept from one test for the next: making it is
//! most of what a test would wait for. It is kept for one build of the program only.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::run;

/// What the kept templates' directories are called first.
const KEPT: &str = "templates-";

/// What the program knows a directory of computes by.
const MARKER: &str = "offshoot-computes";

/// What the program calls its templates first.
const TEMPLATE: &str = "template-";

/// Gives a directory of computes the templates that an earlier test kept.
pub fn lend(computes: &Path) {
    if kept().is_dir() {
        copy(&kept(), computes);
        fs::write(computes.join(MARKER), "").expect("a file");
    }
}

/// Keeps the templates of a directory of computes, where none are kept for this build yet.
pub fn keep(computes: &Path) {
    let kept = kept();
    let found: Vec<_> = entries(computes).filter(|path| is_called(path, TEMPLATE)).collect();
    if kept.exists() || found.is_empty() {
        return;
    }
    for old in entries(kept_at()).filter(|path| is_called(path, KEPT)) {
        fs::remove_dir_all(old).ok();
    }
    let unfinished = kept_at().join(format!("unfinished-{}", std::process::id()));
    fs::create_dir(&unfinished).expect("a directory");
    for template in found {
        copy(&template, &unfinished.join(template.file_name().expect("a name")));
    }
    // Another test may have been faster.
    if fs::rename(&unfinished, &kept).is_err() {
        fs::remove_dir_all(unfinished).ok();
    }
}

/// Copies a directory with its owners and rights, to where nothing is yet.
fn copy(from: &Path, to: &Path) {
    let (code, words) = run(Command::new("cp").arg("-a").arg(from).arg(to));
    assert_eq!(code, Some(0), "{words}");
}

fn kept() -> PathBuf {
    let program = fs::metadata(env!("CARGO_BIN_EXE_offshoot")).expect("the program");
    let made = program.modified().expect("a time").duration_since(std::time::UNIX_EPOCH);
    kept_at().join(format!("{KEPT}{}", made.expect("a time after 1970").as_micros()))
}

fn kept_at() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

fn is_called(path: &Path, start: &str) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start))
}

fn entries(directory: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    entries.filter_map(|entry| entry.ok().map(|entry| entry.path()))
}
