//! The template: a data directory made once for each version, of which every branch's is a copy.

use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::compute::error::ComputeError;
use crate::compute::local::files::{self, PRIVATE, failed};
use crate::compute::local::machine::Users;
use crate::model::name::{COMPUTE_ADMIN, ROLE_GROUP};
use crate::plan::sql::Ident;

/// The locales to make it with; the second is known everywhere.
const LOCALES: &[&str] = &["C.UTF-8", "C"];

/// The database of which others are made. Postgres alone can connect to it.
const TEMPLATE: &str = "template0";

/// Makes a data directory at `to` with the binaries in `bin`. It must not exist.
pub(super) fn make(bin: &Path, to: &Path, users: &Users) -> Result<(), ComputeError> {
    let mut complaint = String::new();
    for locale in LOCALES {
        files::remove_directory(to)?;
        files::make_directory(to, PRIVATE)?;
        users.give(to).map_err(failed("set up", to))?;
        match initialize(bin, to, users, locale)? {
            Ok(()) => return prepare(bin, to, users),
            Err(said) => complaint = said,
        }
    }
    Err(ComputeError::DidNotStart { log: complaint })
}

/// Returns what a program of Postgres is run with: as the user who runs Postgres, and with nothing
/// of Offshoot's own environment.
pub(super) fn command(program: &Path, users: &Users) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("LC_ALL", "C").env("PATH", "/usr/bin:/bin").current_dir("/");
    if users.differ() {
        command.uid(users.postgres.uid).gid(users.postgres.gid);
    }
    command
}

/// Nobody can log in to what this makes: the rules about that are written when it is started.
fn initialize(
    bin: &Path,
    to: &Path,
    users: &Users,
    locale: &str,
) -> Result<Result<(), String>, ComputeError> {
    let program = bin.join("initdb");
    let output = command(&program, users)
        .arg("--pgdata")
        .arg(to)
        .args(["--username", COMPUTE_ADMIN, "--encoding=UTF8", "--no-sync"])
        .args(["--auth-local=peer", "--auth-host=reject", &format!("--locale={locale}")])
        .stdin(Stdio::null())
        .output()
        .map_err(failed("run", &program))?;
    let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
    Ok(if output.status.success() { Ok(()) } else { Err(said) })
}

/// Makes the group of the roles that are made over the API, so that they can create tables in any
/// database, and read and write each other's. This needs no running server, and reaches the
/// template database that takes no connections.
fn prepare(bin: &Path, data: &Path, users: &Users) -> Result<(), ComputeError> {
    let group = Ident(ROLE_GROUP);
    let make = format!(
        "CREATE ROLE {group} NOLOGIN;\n\nGRANT pg_read_all_data, pg_write_all_data TO {group};\n\n"
    );
    let grant = format!("GRANT CREATE ON SCHEMA public TO {group};\n\n");
    run_alone(bin, data, users, "postgres", &make)?;
    run_alone(bin, data, users, TEMPLATE, &grant)
}

fn run_alone(
    bin: &Path,
    data: &Path,
    users: &Users,
    database: &str,
    sql: &str,
) -> Result<(), ComputeError> {
    let program = bin.join("postgres");
    let failed = || failed("run", &program);
    let mut child = command(&program, users)
        .args(["--single", "-j", "-D"])
        .arg(data)
        .arg(database)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed())?;
    let mut stdin = child.stdin.take().expect("a child with a pipe");
    stdin.write_all(sql.as_bytes()).map_err(failed())?;
    drop(stdin);
    let output = child.wait_with_output().map_err(failed())?;
    let said = String::from_utf8_lossy(&output.stderr);
    // It exits without an error even after one.
    if output.status.success() && !said.contains("ERROR:") {
        return Ok(());
    }
    Err(ComputeError::DidNotStart { log: said.trim().replace('\n', "; ") })
}

/// Returns the version with which a data directory was made.
pub(super) fn version_of(data: &Path) -> Option<u32> {
    fs::read_to_string(data.join("PG_VERSION")).ok()?.trim().parse().ok()
}
