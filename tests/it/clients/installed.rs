//! Where the clients are, as `scripts/ensure-clients` put them there.

use std::fs;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::support::variable;

/// Where nobody listens: a client that asks for anything off this machine is refused at once.
const NOWHERE: &str = "http://127.0.0.1:9";

/// The variable that makes it a failure if the clients are not there.
const NEEDED: &str = "OFFSHOOT_NEED_CLIENTS";

/// The directory of the installed clients.
pub struct Installed {
    root: PathBuf,
    home: tempfile::TempDir,
}

impl Installed {
    /// Finds the clients. Where they are not installed, it says so.
    pub fn find() -> Option<Self> {
        let root = root();
        if root.join("stamp").is_file() {
            let home = tempfile::tempdir().expect("a directory");
            return Some(Self { root, home });
        }
        let reason = fs::read_to_string(root.join("absent"));
        let reason = reason.unwrap_or_else(|_| "they are not installed; run `make clients`".into());
        assert!(variable(NEEDED).is_none(), "Neon's clients are needed: {reason}");
        #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
        {
            eprintln!("skipped, without Neon's clients: {}", reason.trim());
        }
        None
    }

    /// Returns a directory that is the clients' own.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Returns a script of `tests/clients`, to be run with `key` against `base`.
    pub fn script(&self, name: &str) -> Command {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name);
        if path.extension().is_some_and(|extension| extension == "mjs") {
            // Node looks for packages where a script is.
            for shared in [name, "life.mjs", "render_life.mjs"] {
                let from = path.with_file_name(shared);
                fs::copy(from, self.root.join(shared)).expect("a script");
            }
            let mut command = self.node();
            command.arg(self.root.join(name));
            command
        } else {
            let mut command = self.alone(&self.root.join("python/bin/python3"));
            command.arg(path);
            command
        }
    }

    /// Returns neonctl.
    pub fn neonctl(&self) -> Command {
        let mut command = self.node();
        command.arg(self.root.join("node_modules/neonctl/bin/cli.js"));
        command
    }

    /// Returns schemathesis, which draws requests from a document.
    pub fn schemathesis(&self) -> Command {
        self.alone(&self.root.join("python/bin/schemathesis"))
    }

    fn node(&self) -> Command {
        self.alone(&self.root.join("python/bin/node"))
    }

    /// Returns a program that finds nothing of this machine's user, and reaches only this machine.
    fn alone(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.home());
        let path = variable("PATH").unwrap_or_default();
        for (name, value) in [
            ("PATH", path.as_os_str()),
            ("HOME", self.home().as_os_str()),
            ("HTTP_PROXY", NOWHERE.as_ref()),
            ("HTTPS_PROXY", NOWHERE.as_ref()),
            ("NO_PROXY", "127.0.0.1".as_ref()),
            ("NO_COLOR", "1".as_ref()),
            ("COLUMNS", "200".as_ref()),
            ("PGCONNECT_TIMEOUT", "10".as_ref()),
            ("CI", "1".as_ref()),
        ] {
            command.env(name, value);
        }
        command
    }
}

/// Neon's document of its API, as its client brings it.
pub fn neons_document() -> Option<PathBuf> {
    let path = root().join("neon-api.json");
    path.is_file().then_some(path)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("clients")
}
