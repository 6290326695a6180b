//! The machine: which of its users runs Postgres, and whether that one gets to the data.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use crate::compute::error::ComputeError;

/// Who runs Postgres where Offshoot runs as root, which Postgres refuses.
const UNPRIVILEGED: &[&str] = &["postgres", "nobody"];

const PASSWD: &str = "/etc/passwd";

/// A user of the operating system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OsUser {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// The users of the operating system that matter here.
#[derive(Clone, Debug)]
pub(super) struct Users {
    /// The one who runs Offshoot.
    pub(super) service: OsUser,
    /// The one who runs Postgres and owns its data.
    pub(super) postgres: OsUser,
}

impl Users {
    /// Finds them, the second under the name that was configured, if any was.
    pub(super) fn find(configured: Option<&str>) -> Result<Self, ComputeError> {
        let users = parse(&fs::read_to_string(PASSWD).unwrap_or_default());
        let uid = rustix::process::geteuid().as_raw();
        let gid = rustix::process::getegid().as_raw();
        let service = users
            .iter()
            .find(|user| user.uid == uid)
            .cloned()
            .or_else(|| own_name().map(|name| OsUser { name, uid, gid }))
            .ok_or_else(|| ComputeError::Machine {
                reason: format!("user id {uid} has no name; give it an entry in {PASSWD}"),
            })?;
        let postgres = if uid == 0 { unprivileged(&users, configured)? } else { service.clone() };
        Ok(Self { service, postgres })
    }

    /// Whether Postgres runs as another user than Offshoot.
    pub(super) fn differ(&self) -> bool {
        self.service.uid != self.postgres.uid
    }

    /// Checks that Postgres can get to a directory through all that it lies in.
    pub(super) fn check_passage(&self, directory: &Path) -> Result<(), ComputeError> {
        if !self.differ() {
            return Ok(());
        }
        for ancestor in directory.ancestors() {
            let Ok(found) = fs::metadata(ancestor) else { continue };
            let bit = if found.uid() == self.postgres.uid {
                0o100
            } else if found.gid() == self.postgres.gid {
                0o010
            } else {
                0o001
            };
            if found.mode() & bit == 0 {
                let path = ancestor.display();
                return Err(ComputeError::Machine {
                    reason: format!(
                        "user `{}`, who runs Postgres, cannot pass through `{path}`; run \
                         `chmod o+x {path}`, or keep the data elsewhere",
                        self.postgres.name
                    ),
                });
            }
        }
        Ok(())
    }

    /// Gives a file or directory to the user who runs Postgres.
    pub(super) fn give(&self, path: &Path) -> io::Result<()> {
        if self.differ() {
            std::os::unix::fs::chown(path, Some(self.postgres.uid), Some(self.postgres.gid))?;
        }
        Ok(())
    }
}

fn unprivileged(users: &[OsUser], configured: Option<&str>) -> Result<OsUser, ComputeError> {
    let names: &[&str] = configured.as_ref().map_or(UNPRIVILEGED, std::slice::from_ref);
    let found = names
        .iter()
        .find_map(|name| users.iter().find(|user| user.name == *name && user.uid != 0).cloned());
    found.ok_or_else(|| ComputeError::Machine {
        reason: format!(
            "Postgres does not run as root, and there is no user {}; create one, or run Offshoot \
             as another user than root",
            names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")
        ),
    })
}

fn own_name() -> Option<String> {
    let output = Command::new("id").arg("-un").output().ok()?;
    let name = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !name.is_empty()).then_some(name)
}

fn parse(passwd: &str) -> Vec<OsUser> {
    let user = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(OsUser { name, uid, gid })
    };
    passwd.lines().filter_map(user).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_of_the_machine_are_read_from_its_list() {
        let users = parse("root:x:0:0:root:/root:/bin/sh\nbroken\npg:x:105:110::/:/bin/false\n");
        assert_eq!(users.len(), 2);
        assert_eq!(users[1], OsUser { name: "pg".into(), uid: 105, gid: 110 });
    }

    #[test]
    fn postgres_is_never_run_as_root() {
        let users = parse("root:x:0:0::/:\ntoor:x:0:0::/:\n");
        assert!(unprivileged(&users, None).is_err());
        assert!(unprivileged(&users, Some("toor")).is_err());
    }
}
