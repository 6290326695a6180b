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
    /// Every role, by name.
    pub roles: BTreeMap<String, ObservedRole>,
    /// Every database, by name.
    pub databases: BTreeMap<String, ObservedDatabase>,
    /// Who owns each tablespace, by its name.
    pub tablespaces: BTreeMap<String, Oid>,
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
    /// What it may besides.
    pub privileges: BTreeSet<Privilege>,
    /// How many sessions it may have; negative for as many as it likes.
    pub connection_limit: i32,
    /// What is known of its password.
    pub password: ObservedPassword,
    /// Until when its password is good; for ever, where there is no such time.
    pub valid_until: Option<Timestamp>,
    /// The roles of which it is a member.
    pub member_of: BTreeSet<Oid>,
}

impl ObservedRole {
    /// Returns a role as Postgres makes it where nothing is said.
    #[must_use]
    pub fn plain(oid: Oid) -> Self {
        Self {
            oid,
            can_login: false,
            is_superuser: false,
            privileges: [Privilege::Inherit].into(),
            connection_limit: NO_LIMIT,
            password: ObservedPassword::None,
            valid_until: None,
            member_of: BTreeSet::new(),
        }
    }
}

/// The connection limit of a role that has none.
pub const NO_LIMIT: i32 = -1;

/// What a role may besides logging in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Privilege {
    /// Make databases.
    CreateDb,
    /// Make roles.
    CreateRole,
    /// Use at once what the roles may of which it is a member.
    Inherit,
    /// Replicate.
    Replication,
    /// Bypass row security.
    BypassRls,
}

impl Privilege {
    /// Every one, and Postgres's word for it; with `NO` before it, that for its absence.
    pub const ALL: &[(Self, &str)] = &[
        (Self::CreateDb, "CREATEDB"),
        (Self::CreateRole, "CREATEROLE"),
        (Self::Inherit, "INHERIT"),
        (Self::Replication, "REPLICATION"),
        (Self::BypassRls, "BYPASSRLS"),
    ];
}

/// What is known of a role's password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObservedPassword {
    /// Nothing: only superusers can look.
    Unknown,
    /// That there is none.
    None,
    /// A verifier that the catalog could have.
    Verifier(Verifier),
    /// Something that it could not: an MD5 hash, or a verifier that is unusual.
    Other(VerifierDigest),
}

impl ObservedPassword {
    /// Returns what tells it from others; none where there is no password.
    #[must_use]
    pub fn digest(&self) -> Option<VerifierDigest> {
        match self {
            Self::Unknown | Self::None => None,
            Self::Verifier(verifier) => Some(VerifierDigest::of(verifier)),
            Self::Other(digest) => Some(*digest),
        }
    }
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
    /// Whether it was made with SQL and adopted. What it may besides logging in stays as it was made:
    /// the catalog does not know of it.
    pub is_adopted: bool,
}

impl RoleMark {
    /// Returns the mark of a role that was just made.
    #[must_use]
    pub fn new(
        name: RoleName,
        born: Revision,
        login: Login<VerifierDigest>,
        valid_until: Option<Timestamp>,
        is_active: bool,
    ) -> Self {
        Self {
            name,
            born,
            login,
            valid_until,
            is_active,
            acts_for: None,
            in_group: false,
            drops: false,
            is_retired: false,
            is_adopted: false,
        }
    }

    /// Whether it was left able to log in.
    #[must_use]
    pub fn can_log_in(&self) -> bool {
        self.is_active && self.login.is_any()
    }
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
        Self::of_kept(verifier.reveal())
    }

    /// Returns the digest of what Postgres keeps as a password, whatever that is.
    #[must_use]
    pub fn of_kept(kept: &str) -> Self {
        Self(Sha256::digest(kept.as_bytes()).into())
    }
}

impl fmt::Debug for VerifierDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifierDigest(..)")
    }
}
