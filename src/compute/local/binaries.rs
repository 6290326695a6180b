//! Binaries: where this machine keeps its PostgreSQL servers.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use crate::compute::DumpPrograms;
use crate::compute::error::ComputeError;

/// The major versions of Postgres that Offshoot knows.
pub const SUPPORTED_VERSIONS: RangeInclusive<u32> = 14..=18;

/// Directories that hold one directory for each installed version, and what leads from there to the
/// binaries: Debian's packages, those of postgresql.org for Red Hat, Homebrew, Postgres.app.
const USUAL_PLACES: &[(&str, &str, &str)] = &[
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/opt/homebrew/opt", "postgresql", "bin"),
    ("/usr/local/opt", "postgresql", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
];

/// What a directory of binaries must have to be of use.
const NEEDED: &[&str] = &["postgres", "initdb"];

/// What writes schemas down.
const DUMP_PROGRAM: &str = "pg_dump";

/// How many entries of one directory are looked at.
const MAX_ENTRIES: usize = 1000;

/// The binaries of this machine.
#[derive(Debug)]
pub(super) struct Binaries {
    /// The directory for each installed version.
    pub directories: BTreeMap<u32, PathBuf>,
    /// The version to use where nobody says one: the configured one, or else the newest.
    pub preferred: Option<u32>,
    /// What writes schemas down, for each version; that needs no server.
    pub dump_programs: Arc<DumpPrograms>,
}

/// Finds the directory of binaries for each installed version. Where there are several of one
/// version, the first found is taken: the configured one, the one that `pg_config` knows, those in
/// the search path, the usual places. A configured one without a server is an error.
pub(super) fn find(
    configured: Option<&Path>,
    path: Option<&OsStr>,
) -> Result<Binaries, ComputeError> {
    let mut directories = BTreeMap::new();
    let mut preferred = None;
    if let Some(directory) = configured {
        preferred = Some(version(directory).ok_or_else(|| unusable(directory))?);
    }
    let mut candidates: Vec<PathBuf> = from_pg_config().into_iter().collect();
    candidates.extend(path.into_iter().flat_map(std::env::split_paths));
    candidates.extend(USUAL_PLACES.iter().flat_map(usual));
    let mut dump_programs = DumpPrograms::default();
    for directory in configured.map(Path::to_path_buf).into_iter().chain(candidates) {
        if let Some((version, program)) = dump_program(&directory) {
            dump_programs.0.entry(version).or_insert(program);
        }
        if let Some(version) = version(&directory) {
            directories.entry(version).or_insert(directory);
        }
    }
    let newest = directories.keys().next_back().copied();
    let dump_programs = Arc::new(dump_programs);
    Ok(Binaries { preferred: preferred.or(newest), directories, dump_programs })
}

fn unusable(directory: &Path) -> ComputeError {
    let (oldest, newest) = SUPPORTED_VERSIONS.into_inner();
    ComputeError::NoBinaries {
        reason: format!(
            "`{}` does not hold the `postgres` and `initdb` of PostgreSQL {oldest} to {newest}; \
             name another directory, or none to have one found",
            directory.display()
        ),
    }
}

fn from_pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let directory = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| directory.trim_end().into())
}

fn usual((parent, prefix, rest): &(&str, &str, &str)) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    let mut directories: Vec<_> = entries
        .take(MAX_ENTRIES)
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path().join(rest))
        .collect();
    directories.sort();
    directories
}

fn version(directory: &Path) -> Option<u32> {
    if !NEEDED.iter().all(|name| directory.join(name).is_file()) {
        return None;
    }
    version_of(&directory.join("postgres")).filter(|version| SUPPORTED_VERSIONS.contains(version))
}

/// Returns the `pg_dump` of a directory, and its version. The one that Debian has in the search path
/// is none of them: it runs another, which one depends on who calls it.
fn dump_program(directory: &Path) -> Option<(u32, PathBuf)> {
    let program = directory.join(DUMP_PROGRAM).canonicalize().ok()?;
    let is_itself = program.file_name() == Some(OsStr::new(DUMP_PROGRAM));
    let version = if is_itself { version_of(&program)? } else { return None };
    Some((version, program))
}

fn version_of(program: &Path) -> Option<u32> {
    let output = Command::new(program).arg("--version").output().ok()?;
    parse_version(&String::from_utf8(output.stdout).ok()?)
}

fn parse_version(text: &str) -> Option<u32> {
    let (_, number) = text.split_once("(PostgreSQL) ")?;
    let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    number[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configured_directory_without_a_server_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let error = find(Some(directory.path()), None).expect_err("a refusal");
        assert!(error.to_string().contains("name another directory"), "{error}");
    }

    #[test]
    fn the_major_version_is_read_from_what_postgres_says() {
        let said = "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n";
        assert_eq!(parse_version(said), Some(15));
        assert_eq!(parse_version("postgres (PostgreSQL) 19beta1"), Some(19));
        assert_eq!(parse_version("initdb"), None);
    }
}
