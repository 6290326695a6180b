//! The certificate of local computes: one for all under a root directory, which nobody has signed.
//!
//! Clients of Neon insist on TLS (`sslmode=require&channel_binding=require`), and this is what it
//! takes. SCRAM binds the login to the certificate, so the password proves both ends; that nobody
//! vouches for the certificate is no loss on an address that only this machine has.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

use crate::compute::error::ComputeError;
use crate::compute::local::files::{self, PASSABLE, failed};
use crate::compute::local::machine::Users;

/// Whom the certificate names.
const SUBJECT: &str = "Offshoot's local computes";

/// How clients on this machine may call it.
const NAMES: &[&str] = &["localhost", "127.0.0.1", "::1"];

/// Postgres refuses a key that others can read.
const KEY_MODE: u32 = 0o600;

/// Where a certificate and its key are.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

impl Certificate {
    /// Returns where those in `directory` are.
    pub(super) fn in_directory(directory: &Path) -> Self {
        Self { certificate: directory.join("server.crt"), key: directory.join("server.key") }
    }
}

/// Makes a certificate in `unfinished`, which does not exist, and renames that to `directory`.
pub(super) fn make(unfinished: &Path, directory: &Path, users: &Users) -> Result<(), ComputeError> {
    let (certificate, key) = draw().map_err(|error| ComputeError::Machine {
        reason: format!("no certificate can be made for local computes: {error}"),
    })?;
    files::make_directory(unfinished, PASSABLE)?;
    let paths = Certificate::in_directory(unfinished);
    fs::write(&paths.certificate, certificate).map_err(failed("write", &paths.certificate))?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(KEY_MODE);
    let mut file = options.open(&paths.key).map_err(failed("create", &paths.key))?;
    file.write_all(key.as_bytes()).map_err(failed("write", &paths.key))?;
    users.give(&paths.key).map_err(failed("set up", &paths.key))?;
    files::publish(unfinished, directory)
}

/// Returns a certificate and its key as PEM. It does not end: it stands for nobody, so there is
/// nothing that could become untrue.
fn draw() -> Result<(String, String), rcgen::Error> {
    let mut params =
        CertificateParams::new(NAMES.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, SUBJECT);
    let key = KeyPair::generate()?;
    Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
}
