//! Observed: what a Postgres was found to have, Offshoot's marks in it among the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use sha2::{Digest, Sha256};

use crate::model::database::DatabaseId;
use crate::model::name::{DatabaseName, RoleName};
use crate::model::revision::{Revision, Timestamp};
use crate::model::role::Login;
use crate::model::secret::Verifier;

/// The number under which a Postgres keeps a role or a database. It outlives a change of name, and
/// is not given to another when its bearer is dropped.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid(pub u32);

impl Oid {
    /// Lower ones belong to what Postgres itself came with.
    pub const FIRST_OF_USERS: Self = Self(16384);
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a Postgres was found to have. Names are plain text here: what Offshoot did not make may be
/// called anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// The role that Offshoot connects as.
    pub admin: String,
    /// The database that Offshoot connects to, and where it keeps its marks.
    pub maintenance: String,
    /// Whether there is a group for the roles made over the API.
    pub has_group: bool,
    /// Every role, by name.
    pub roles: BTreeMap<String, ObservedRole>,
    /// Every database, by name.
    pub databases: BTreeMap<String, ObservedDatabase>,
    /// The roles that have sessions open, the administrator's own left out.
    pub connected: BTreeSet<Oid>,
    /// The marks of managed roles.
    pub role_marks: BTreeMap<Oid, RoleMark>,
    /// The marks of managed databases.
    pub database_marks: BTreeMap<DatabaseId, DatabaseMark>,
    /// The last revision of the branch's catalog that was applied; absent before any was.
    pub applied: Option<Revision>,
}

/// A role as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedRole {
    /// Its number.
    pub oid: Oid,
    /// Whether it can log in.
    pub can_login: bool,
    /// Whether it is a superuser. Those are never touched.
    pub is_superuser: bool,
}

/// A database as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedDatabase {
    /// Its number.
    pub oid: Oid,
    /// The name of the role that owns it.
    pub owner: String,
    /// Whether it takes connections.
    pub is_connectable: bool,
}

/// The mark of a role that Offshoot made: what it last applied to it.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact that a column of the mark has")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleMark {
    /// Its name in the catalog.
    pub name: RoleName,
    /// The revision that created it.
    pub born: Revision,
    /// How it was made to log in.
    pub login: Login<VerifierDigest>,
    /// Until when its password was made good; for ever, where there is no such time.
    pub valid_until: Option<Timestamp>,
    /// Whether it was left its login.
    pub is_active: bool,
    /// As which role it was made to act, if as another. That is a number: a role that was dropped and
    /// made again under its name is another.
    pub acts_for: Option<Oid>,
    /// Whether it was put into the group of the roles made over the API. Whoever takes it out again
    /// by hand has reasons, so this is done once.
    pub in_group: bool,
    /// Whether what it owns is to be dropped with it. It is asked for once, with the drop.
    pub drops: bool,
    /// Whether it was dropped from the catalog, and only waits for its removal. There is no way
    /// back: the same name, even of the same birth, is then another role.
    pub is_retired: bool,
}

/// The mark of a database that Offshoot made, or is about to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseMark {
    /// The name that it was last given.
    pub name: DatabaseName,
    /// The owner that it was last given.
    pub owner: RoleName,
    /// Its number; absent where nobody has seen it made.
    pub oid: Option<Oid>,
}

/// Tells verifiers apart without being one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VerifierDigest(pub [u8; 32]);

impl VerifierDigest {
    /// Returns the digest of `verifier`.
    #[must_use]
    pub fn of(verifier: &Verifier) -> Self {
        Self(Sha256::digest(verifier.reveal().as_bytes()).into())
    }
}

impl fmt::Debug for VerifierDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifierDigest(..)")
    }
}

impl Observed {
    /// Returns the role under this number, with its name.
    #[must_use]
    pub fn role(&self, oid: Oid) -> Option<(&str, &ObservedRole)> {
        self.roles.iter().find(|(_, role)| role.oid == oid).map(|(name, role)| (&**name, role))
    }

    /// Returns the database under this number, with its name.
    #[must_use]
    pub fn database(&self, oid: Oid) -> Option<(&str, &ObservedDatabase)> {
        let mut databases = self.databases.iter();
        databases.find(|(_, database)| database.oid == oid).map(|(name, it)| (&**name, it))
    }
}
