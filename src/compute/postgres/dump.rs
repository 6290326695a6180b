//! Dumps: `pg_dump` of a database's schema, run as a child of Offshoot.
//!
//! The password goes to it in its environment, which nobody else can read, and neither on its
//! command line nor in a file. It ends with whoever waits for it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::NamedTempFile;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use crate::compute::error::ComputeError;
use crate::compute::postgres::target::Host;
use crate::compute::postgres::{CONNECT_DEADLINE, Target, settings};
use crate::model::endpoint::TlsMode;

/// The longest dump, in bytes.
const MAX_BYTES: usize = 8 << 20;

/// How much is read of what goes wrong, in bytes.
const MAX_WORDS_BYTES: u64 = 16 << 10;

/// How much of it is told, in characters.
const MAX_TOLD_CHARS: usize = 500;

/// How long a lock of somebody else on one of the tables is waited for, in milliseconds. Postgres is
/// asked for it by `pg_dump`, which has it wait without an end otherwise.
const LOCK_WAIT_MS: u32 = 2000;

/// Where no file is: libpq would look in a home directory.
const NO_FILE: &str = "/nonexistent/offshoot";

/// The lines by which `pg_dump` keeps psql from doing what names in the dump tell it, from 14.19 on.
/// They are for psql alone, and differ from dump to dump.
const RESTRICT: &str = "\\restrict ";
const UNRESTRICT: &str = "\\unrestrict ";

/// The `pg_dump` of each major version that this machine has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DumpPrograms(pub BTreeMap<u32, PathBuf>);

impl DumpPrograms {
    /// Returns the one for a server of `version`: of the same version, or the next newer one. An
    /// older one refuses.
    fn for_server(&self, version: u32) -> Result<&Path, ComputeError> {
        let fitting = self.0.range(version..).next().map(|(_, program)| program.as_path());
        fitting.ok_or_else(|| {
            let found: Vec<_> = self.0.keys().map(u32::to_string).collect();
            let found = if found.is_empty() { "none".into() } else { found.join(", ") };
            ComputeError::NoBinaries {
                reason: format!(
                    "the pg_dump of PostgreSQL {version} or newer is not installed on the machine \
                     of the server (found: {found}); install it (postgresql-client-{version} on \
                     Debian), or set OFFSHOOT_PG_BIN to the directory that has it"
                ),
            }
        })
    }
}

/// Returns the schema of the target's database as SQL, by the program for a server of `version`.
pub(super) async fn run(
    programs: &DumpPrograms,
    version: u32,
    target: &Target,
) -> Result<String, ComputeError> {
    let program = programs.for_server(version)?;
    // Kept until the program has ended.
    let roots = if target.tls == TlsMode::VerifyFull { Some(trusted_roots(target)?) } else { None };
    let mut command = Command::new(program);
    command
        .args(["--schema-only", "--no-password", "--encoding=UTF8"])
        .arg(format!("--lock-wait-timeout={LOCK_WAIT_MS}"))
        .env_clear()
        .envs(environment(target, roots.as_ref().map(NamedTempFile::path)));
    let dumped = read(&mut command, program, &target.user).await?;
    Ok(without_restriction(&dumped))
}

/// Returns what tells libpq where to go, as the driver is told it.
fn environment(target: &Target, roots: Option<&Path>) -> Vec<(&'static str, String)> {
    let host = match &target.host {
        Host::Name(host) => host.clone(),
        Host::SocketDirectory(path) => path.display().to_string(),
    };
    let (mode, binding) = match target.tls {
        TlsMode::Disable => ("disable", "disable"),
        TlsMode::Require => ("require", "require"),
        TlsMode::VerifyFull => ("verify-full", "prefer"),
    };
    let roots = roots.map_or_else(|| NO_FILE.into(), |path| path.display().to_string());
    let mut variables = vec![
        ("PGHOST", host),
        ("PGPORT", target.port.to_string()),
        ("PGDATABASE", target.database.clone()),
        ("PGUSER", target.user.clone()),
        ("PGAPPNAME", "offshoot".into()),
        ("PGOPTIONS", settings::at_startup(target.version)),
        ("PGCONNECT_TIMEOUT", CONNECT_DEADLINE.as_secs().to_string()),
        ("PGSSLMODE", mode.into()),
        ("PGCHANNELBINDING", binding.into()),
        ("PGSSLROOTCERT", roots),
        ("PGSSLCERT", NO_FILE.into()),
        ("PGPASSFILE", NO_FILE.into()),
        ("PGGSSENCMODE", "disable".into()),
    ];
    if let Some(password) = &target.password {
        variables.push(("PGPASSWORD", password.reveal().to_owned()));
    }
    variables
}

/// Writes down whom this machine trusts: libpq takes that from nothing but a file.
fn trusted_roots(target: &Target) -> Result<NamedTempFile, ComputeError> {
    let write = || {
        let mut file = NamedTempFile::new()?;
        for certificate in rustls_native_certs::load_native_certs().certs {
            let text = STANDARD.encode(&certificate);
            writeln!(file, "-----BEGIN CERTIFICATE-----")?;
            for line in text.as_bytes().chunks(64) {
                file.write_all(line)?;
                writeln!(file)?;
            }
            writeln!(file, "-----END CERTIFICATE-----")?;
        }
        Ok(file)
    };
    write().map_err(|error: std::io::Error| ComputeError::Tls {
        address: target.address(),
        source: Box::new(error),
    })
}

/// Runs a program to its end, and returns what it printed.
async fn read(command: &mut Command, program: &Path, user: &str) -> Result<String, ComputeError> {
    let failed = |what| {
        let path = program.to_path_buf();
        move |source| ComputeError::Files { what, path, source }
    };
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(failed("run"))?;
    let stdout = child.stdout.take().expect("a pipe that was asked for");
    let stderr = child.stderr.take().expect("a pipe that was asked for");
    let printed = async { up_to(stdout, MAX_BYTES).await.map_err(failed("read"))? };
    let words = async { beginning(stderr).await.map_err(failed("read")) };
    // What it prints beyond the limit nobody reads: it ends with this function.
    let (printed, words) = tokio::try_join!(printed, words)?;
    let status = child.wait().await.map_err(failed("wait for"))?;
    if status.success() {
        // Names need not be UTF-8 where the database's encoding is none.
        return Ok(String::from_utf8_lossy(&printed).into_owned());
    }
    Err(meaning(status, &String::from_utf8_lossy(&words), user))
}

/// Reads what there is, but no more than `limit` bytes.
async fn up_to(
    stream: impl AsyncRead + Unpin,
    limit: usize,
) -> std::io::Result<Result<Vec<u8>, ComputeError>> {
    let mut bytes = Vec::new();
    stream.take(limit as u64 + 1).read_to_end(&mut bytes).await?;
    let max = format!("{} MiB", limit >> 20);
    Ok(if limit < bytes.len() { Err(ComputeError::SchemaTooLarge { max }) } else { Ok(bytes) })
}

/// Reads all there is, and keeps the beginning.
async fn beginning(mut stream: impl AsyncRead + Unpin) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    (&mut stream).take(MAX_WORDS_BYTES).read_to_end(&mut bytes).await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(bytes)
}

/// Says what a failure of `pg_dump` comes to.
fn meaning(status: ExitStatus, words: &str, user: &str) -> ComputeError {
    let said = words.lines().find_map(|line| line.split_once("error: ")).map(|(_, said)| said);
    let message = match said {
        Some(said) => said.chars().take(MAX_TOLD_CHARS).collect(),
        None => format!("it ended with {status}"),
    };
    if message.contains("permission denied") {
        return ComputeError::NotPermitted { user: user.into(), message };
    }
    ComputeError::DumpFailed { message }
}

/// Returns a dump without the lines that are for psql alone, and without the blank ones after them.
fn without_restriction(dump: &str) -> String {
    let is_heading = |line: &&str| line.starts_with("--") || line.trim().is_empty();
    let Some(first) = dump.lines().find(|line| !is_heading(line)) else { return dump.into() };
    let Some(token) = first.strip_prefix(RESTRICT) else { return dump.into() };
    let opening = format!("{RESTRICT}{token}\n\n");
    let closing = format!("{UNRESTRICT}{token}\n\n");
    let (head, rest) = dump.split_once(&opening).unwrap_or(("", dump));
    let (body, tail) = rest.rsplit_once(&closing).unwrap_or((rest, ""));
    [head, body, tail].concat()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;
    use crate::model::secret::Password;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    async fn run_script(script: &str) -> Result<String, ComputeError> {
        read(&mut shell(script), Path::new("/bin/sh"), "boss").await
    }

    #[tokio::test]
    async fn what_is_printed_is_read_up_to_a_limit() {
        assert_eq!(run_script("echo hello").await.expect("a text"), "hello\n");
        let error = run_script("cat /dev/zero").await.expect_err("no end");
        assert!(error.to_string().contains("more than 8 MiB"), "{error}");
    }

    #[tokio::test]
    async fn many_words_about_a_failure_hold_nobody_up() {
        let script = "head -c 1000000 /dev/zero >&2; echo 'pg_dump: error: lost' >&2; exit 1";
        let error = run_script(script).await.expect_err("a failure");
        assert!(error.to_string().contains("it ended with exit status: 1"), "{error}");
        let error = run_script("echo 'pg_dump: error: lost' >&2; exit 1").await;
        let error = error.expect_err("a failure");
        assert_eq!(error.to_string(), "the schema could not be read: lost");
        assert!(error.is_retryable());
    }

    #[tokio::test]
    async fn a_missing_right_is_told_and_no_reason_to_try_again() {
        let said = "pg_dump: error: query failed: ERROR:  permission denied for table t";
        let error = run_script(&format!("echo '{said}' >&2; exit 1")).await;
        let error = error.expect_err("a failure");
        assert!(matches!(&error, ComputeError::NotPermitted { user, .. } if user == "boss"));
        assert!(!error.is_retryable());
    }

    #[tokio::test]
    async fn the_program_ends_with_whoever_waits_for_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("pid");
        let script =
            format!("echo $$ >'{0}.tmp'; mv '{0}.tmp' '{0}'; exec sleep 600", file.display());
        let waiting = tokio::spawn(async move { run_script(&script).await });
        while !file.exists() {
            sleep(Duration::from_millis(5)).await;
        }
        let pid = std::fs::read_to_string(&file).expect("a number").trim().to_owned();
        waiting.abort();
        let stat = format!("/proc/{pid}/stat");
        // What was killed is a zombie until its parent has looked.
        let runs = || std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
        while runs() {
            sleep(Duration::from_millis(5)).await;
        }
    }

    #[test]
    fn lines_for_psql_alone_are_left_out_wherever_their_token_stands() {
        let plain =
            "--\n-- dump\n--\n\n-- Dumped\n\nSELECT '\n\\restrict me\n';\n--\n-- end\n--\n\n";
        let restricted = plain
            .replace("-- Dumped", "\\restrict aB3\n\n-- Dumped")
            .replace("-- end\n--\n\n", "-- end\n--\n\n\\unrestrict aB3\n\n");
        assert_ne!(restricted, plain);
        assert_eq!(without_restriction(&restricted), plain);
        assert_eq!(without_restriction(plain), plain);
    }

    #[test]
    fn the_program_is_as_new_as_the_server_or_newer() {
        let program = |version: u32| (version, PathBuf::from(format!("/pg/{version}")));
        let programs = DumpPrograms([15, 17].map(program).into());
        let chosen = |version| programs.for_server(version).map(Path::to_path_buf);
        assert_eq!(chosen(15).expect("a program"), Path::new("/pg/15"));
        assert_eq!(chosen(16).expect("a program"), Path::new("/pg/17"));
        let words = chosen(18).expect_err("an older one refuses").to_string();
        for part in ["pg_dump of PostgreSQL 18 or newer", "found: 15, 17", "postgresql-client-18"] {
            assert!(words.contains(part), "{words}");
        }
    }

    #[test]
    fn the_program_is_led_where_the_driver_is() {
        let target = Target {
            host: Host::Name("db.example.com".into()),
            port: 5433,
            database: "a=b".into(),
            user: "boss".into(),
            password: Some(Password::new("of boss")),
            tls: TlsMode::Require,
            version: None,
        };
        let told: BTreeMap<_, _> = environment(&target, None).into_iter().collect();
        for (name, value) in [
            ("PGHOST", "db.example.com"),
            ("PGPORT", "5433"),
            ("PGDATABASE", "a=b"),
            ("PGPASSWORD", "of boss"),
            ("PGSSLMODE", "require"),
            ("PGCHANNELBINDING", "require"),
            ("PGSSLROOTCERT", NO_FILE),
        ] {
            assert_eq!(told[name], value, "{name}");
        }
        let verified = Target { tls: TlsMode::VerifyFull, ..target };
        let roots = trusted_roots(&verified).expect("a file");
        let told: BTreeMap<_, _> = environment(&verified, Some(roots.path())).into_iter().collect();
        assert_eq!((&*told["PGSSLMODE"], &*told["PGCHANNELBINDING"]), ("verify-full", "prefer"));
        assert_eq!(Path::new(&told["PGSSLROOTCERT"]), roots.path());
    }
}
