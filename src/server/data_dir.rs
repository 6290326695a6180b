//! The data directory: where the store is, and the keys.
//!
//! ```text
//! store/      the log of commits
//! exports/    the exports that the server makes now and then
//! lock        held by the one process that uses the directory
//! admin.key   the API key of the administrator
//! secret.key  the key with which stored secrets are sealed; without it they are lost
//! ```
//!
//! Nobody but the server's own user may read it.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::fs::{FlockOperation, flock};

use crate::entropy::{self, Entropy};
use crate::vault;

/// The store, in the data directory.
pub const STORE: &str = "store";

const EXPORTS: &str = "exports";
const LOCK: &str = "lock";
const ADMIN_KEY: &str = "admin.key";
const SECRET_KEY: &str = "secret.key";

/// What tells a data directory from any other one that is not empty.
const OURS: &[&str] = &[LOCK, STORE, ADMIN_KEY, SECRET_KEY];

/// What API keys begin with, so that one is recognized where it does not belong.
const KEY_PREFIX: &str = "napi_";

/// How many characters follow: over 380 bits.
const KEY_CHARS: usize = 64;

const LOWER_ALPHANUMERICS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// The data directory, with its keys read.
#[derive(Clone)]
pub struct DataDir {
    path: PathBuf,
    admin_key: String,
    vault_key: [u8; vault::KEY_BYTES],
    /// Keeps others out for as long as it is held.
    _lock: Arc<File>,
}

impl DataDir {
    /// Opens the data directory, and makes what is missing in it.
    pub fn open(path: &Path, entropy: &dyn Entropy) -> anyhow::Result<Self> {
        let (path, lock) = possess(path)?;
        let draw_admin_key = || {
            let tail = entropy::text(entropy, LOWER_ALPHANUMERICS, KEY_CHARS);
            format!("{KEY_PREFIX}{tail}")
        };
        let draw_secret_key = || STANDARD.encode(entropy::array::<{ vault::KEY_BYTES }>(entropy));
        if !path.join(STORE).exists() {
            // A store whose key is missing would be lost to a new one.
            read_or_make(&path.join(SECRET_KEY), draw_secret_key)?;
        }
        let vault_key = vault_key(&path)?;
        let admin_key = read_or_make(&path.join(ADMIN_KEY), draw_admin_key)?;
        Ok(Self { path, admin_key, vault_key, _lock: Arc::new(lock) })
    }

    /// Returns where the store is.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.path.join(STORE)
    }

    /// Returns where the server's exports are.
    #[must_use]
    pub fn exports(&self) -> PathBuf {
        self.path.join(EXPORTS)
    }

    /// Returns the directory itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns where the administrator's API key is.
    #[must_use]
    pub fn admin_key_path(&self) -> PathBuf {
        self.path.join(ADMIN_KEY)
    }

    /// Returns the administrator's API key.
    #[must_use]
    pub fn admin_key(&self) -> &str {
        &self.admin_key
    }

    /// Returns the key with which stored secrets are sealed.
    #[must_use]
    pub fn vault_key(&self) -> &[u8; vault::KEY_BYTES] {
        &self.vault_key
    }
}

/// Returns where the key with which stored secrets are sealed is, in a data directory.
#[must_use]
pub fn vault_key_path(path: &Path) -> PathBuf {
    path.join(SECRET_KEY)
}

/// Reads the key with which stored secrets are sealed.
pub fn vault_key(path: &Path) -> anyhow::Result<[u8; vault::KEY_BYTES]> {
    let path = vault_key_path(path);
    let text = fs::read_to_string(&path).with_context(|| {
        format!(
            "read {}, the key with which stored secrets are sealed; put a copy of it there",
            path.display()
        )
    })?;
    let decoded = STANDARD.decode(text.trim()).ok().and_then(|key| key.try_into().ok());
    let Some(key) = decoded else {
        bail!(
            "{} does not hold the base64 of {} bytes; put the right one back",
            path.display(),
            vault::KEY_BYTES
        );
    };
    Ok(key)
}

/// Makes the data directory where it is missing, and takes possession of it. Returns its full path
/// and the lock that keeps others out.
pub fn possess(path: &Path) -> anyhow::Result<(PathBuf, File)> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.with_context(|| format!("make the directory {}", path.display()))?;
    let path = fs::canonicalize(path)
        .with_context(|| format!("find the data directory {}", path.display()))?;
    let is_ours = OURS.iter().any(|name| path.join(name).exists());
    let mut entries = fs::read_dir(&path).with_context(|| format!("read {}", path.display()))?;
    if !is_ours && entries.next().is_some() {
        bail!("{} holds other files; name an empty directory with --data-dir", path.display());
    }
    fs::set_permissions(&path, Permissions::from_mode(0o700))
        .with_context(|| format!("close the directory {} to others", path.display()))?;
    let lock = path.join(LOCK);
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&lock);
    let file = file.with_context(|| format!("open {}", lock.display()))?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        bail!("another offshoot is using {}; stop it first", path.display());
    }
    Ok((path, file))
}

/// Reads a key from its file, or draws one and keeps it there.
fn read_or_make(path: &Path, draw: impl FnOnce() -> String) -> anyhow::Result<String> {
    match fs::read_to_string(path) {
        Ok(text) if text.trim().is_empty() => {
            bail!("{} is empty; put the key back, or remove the file for a new one", path.display())
        }
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let key = draw();
            write_private_file(path, &key).with_context(|| format!("write {}", path.display()))?;
            Ok(key)
        }
        Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
    }
}

/// Writes a file that only its owner may read. It is there whole or not at all, whatever happens.
fn write_private_file(path: &Path, text: &str) -> std::io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    match path.parent() {
        None => Ok(()),
        Some(directory) => File::open(directory)?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("a file").permissions().mode() & 0o777
    }

    #[test]
    fn the_first_opening_makes_a_private_directory_with_keys_and_the_next_finds_them() {
        let parent = tempfile::tempdir().expect("a directory");
        let path = parent.path().join("a/b");
        let made = DataDir::open(&path, &SeededEntropy::new(1)).expect("a data directory");
        assert_eq!(mode(&path), 0o700);
        assert_eq!(mode(&made.admin_key_path()), 0o600);
        assert_eq!(mode(&path.join(SECRET_KEY)), 0o600);
        let (admin_key, vault_key) = (made.admin_key().to_owned(), *made.vault_key());
        drop(made);
        let found = DataDir::open(&path, &SeededEntropy::new(2)).expect("a data directory");
        assert_eq!(found.admin_key(), admin_key);
        assert_eq!(found.vault_key(), &vault_key);
    }

    #[test]
    fn a_directory_is_used_by_one_at_a_time() {
        let directory = tempfile::tempdir().expect("a directory");
        let first = DataDir::open(directory.path(), &SeededEntropy::new(1)).expect("the first");
        assert!(DataDir::open(directory.path(), &SeededEntropy::new(1)).is_err());
        drop(first);
        assert!(DataDir::open(directory.path(), &SeededEntropy::new(1)).is_ok());
    }

    #[test]
    fn a_directory_of_somebody_else_stays_as_it_is() {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("thesis.txt"), "precious").expect("a file");
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).expect("a mode");
        assert!(DataDir::open(directory.path(), &SeededEntropy::new(1)).is_err());
        assert_eq!(mode(directory.path()), 0o755);
    }

    #[test]
    fn a_key_that_cannot_be_one_is_refused_and_kept() {
        let parent = tempfile::tempdir().expect("a directory");
        fs::write(parent.path().join(SECRET_KEY), "short").expect("a file");
        assert!(DataDir::open(parent.path(), &SeededEntropy::new(1)).is_err());
        fs::write(parent.path().join(SECRET_KEY), "").expect("a file");
        assert!(DataDir::open(parent.path(), &SeededEntropy::new(1)).is_err());
    }
}
