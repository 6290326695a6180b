//! Settings of a local Postgres, and who may log in to it.
//!
//! All are given when it is started, on the command line or in files outside the data directory, so
//! that nothing in the data can change them.

use std::path::{Path, PathBuf};

use crate::compute::local::certificate::Certificate;
use crate::model::name::COMPUTE_ADMIN;

/// Small, because there may be hundreds; quiet, because most are idle.
const TUNING: &[&str] = &[
    "shared_buffers=16MB",
    "max_connections=100",
    "huge_pages=off",
    "jit=off",
    "wal_buffers=1MB",
    "min_wal_size=32MB",
    "max_wal_size=512MB",
    "bgwriter_delay=10s",
    "password_encryption=scram-sha-256",
    "log_destination=stderr",
    "logging_collector=off",
    "unix_socket_permissions=0700",
    "listen_addresses=127.0.0.1",
    "ssl=on",
];

/// After a crash, one call to sync the file system in the place of one for each file.
const TUNING_ON_LINUX: &[&str] = &["recovery_init_sync_method=syncfs"];

/// The file that says who may log in.
pub(super) const HBA_FILE: &str = "pg_hba.conf";

/// The file that says which user of the operating system is which role.
pub(super) const IDENT_FILE: &str = "pg_ident.conf";

/// Who may log in: the administrator from this machine, if the operating system says that it is
/// Offshoot; and from this machine's own address everybody else, with a password, but not in the
/// databases that belong to the administrator: nobody else has to leave anything there.
#[must_use]
pub(super) fn hba() -> String {
    format!(
        "local all {COMPUTE_ADMIN} peer map=offshoot\n\
         host all {COMPUTE_ADMIN} 127.0.0.1/32 reject\n\
         host postgres,template1 all 127.0.0.1/32 reject\n\
         host all all 127.0.0.1/32 scram-sha-256\n"
    )
}

/// Which user of the operating system is the administrator.
#[must_use]
pub(super) fn ident(user: &str) -> String {
    format!("offshoot \"{}\" {COMPUTE_ADMIN}\n", user.replace('"', "\"\""))
}

/// Returns the settings for a compute in `home` that listens on `port` and in `socket_directory`.
#[must_use]
pub(super) fn all(
    home: &Path,
    socket_directory: &Path,
    port: u16,
    certificate: &Certificate,
) -> Vec<String> {
    let file = |name: &str| home.join(name).display().to_string();
    let mut settings: Vec<_> = TUNING.iter().map(|setting| (*setting).to_owned()).collect();
    if cfg!(target_os = "linux") {
        settings.extend(TUNING_ON_LINUX.iter().map(|setting| (*setting).to_owned()));
    }
    settings.extend([
        format!("port={port}"),
        format!("unix_socket_directories={}", quoted(socket_directory)),
        format!("hba_file={}", file(HBA_FILE)),
        format!("ident_file={}", file(IDENT_FILE)),
        format!("ssl_cert_file={}", certificate.certificate.display()),
        format!("ssl_key_file={}", certificate.key.display()),
    ]);
    settings
}

/// This setting is a list, in which a comma ends a path.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display().to_string().replace('"', "\"\""))
}

/// The longest path of a socket, in bytes.
const MAX_SOCKET_PATH_BYTES: usize = 103;

/// The longest name of Postgres's socket in its directory.
const LONGEST_SOCKET: &str = ".s.PGSQL.65535";

/// Returns the directory for sockets: within the root, if the operating system takes paths of that
/// length, and else the `short` one.
#[must_use]
pub(super) fn socket_directory(root: &Path, short: PathBuf) -> PathBuf {
    let within = root.join("run");
    let is_short = within.join(LONGEST_SOCKET).as_os_str().len() <= MAX_SOCKET_PATH_BYTES;
    if is_short { within } else { short }
}
