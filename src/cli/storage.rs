//! `offshoot check`, `offshoot export` and `offshoot import`

use std::path::Path;
use std::process::ExitCode;

use crate::cli::{print, say};
use crate::server::offline;

/// After how many rows there is word of the progress.
const PROGRESS_ROWS: u64 = 10_000;

pub(super) fn check(data_dir: &Path) -> anyhow::Result<ExitCode> {
    let findings = offline::check(data_dir, progress)?;
    for finding in &findings.wrong {
        print(finding);
    }
    let count = findings.wrong.len();
    say(&format!(
        "checked {} logs, {} rows and {} nodes: {count} findings",
        findings.logs, findings.rows, findings.nodes
    ));
    if count == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    say("the store is damaged; import the last good export into a fresh data directory");
    Ok(ExitCode::FAILURE)
}

pub(super) fn export(data_dir: &Path, output: &Path) -> anyhow::Result<ExitCode> {
    let rows = offline::export(data_dir, output, progress)?;
    say(&format!("exported {rows} rows to {}", output.display()));
    say("keep secret.key with it: without that key, stored passwords cannot be read back");
    Ok(ExitCode::SUCCESS)
}

pub(super) fn import(data_dir: &Path, input: &Path) -> anyhow::Result<ExitCode> {
    let rows = offline::import(data_dir, input, progress)?;
    say(&format!("imported {rows} rows from {}", input.display()));
    Ok(ExitCode::SUCCESS)
}

fn progress(rows: u64) {
    if rows.is_multiple_of(PROGRESS_ROWS) {
        say(&format!("{rows} rows"));
    }
}
