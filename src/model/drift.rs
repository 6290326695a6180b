//! Drift: what a branch's Postgres has otherwise than the catalog, because somebody changed it there.
//!
//! A deviation is what one look finds; a drift is what is kept of it, from the look that found it
//! first on. Nothing that somebody changed is overwritten before that is kept.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::model::id::BranchId;
use crate::model::name::{DatabaseName, RoleName};
use crate::model::revision::Timestamp;
use crate::model::role::Login;
use crate::model::secret::Verifier;
use crate::model::words::words;

/// How many open drifts of a branch are kept. What is beyond waits for its turn.
pub const MAX_OPEN: usize = 500;

/// How many ended drifts of a branch are kept.
pub const MAX_ENDED: usize = 200;

words! {
    /// What can differ.
    Attribute {
        /// It is gone.
        Existence = "existence", 1;
        /// It was made with SQL.
        Unmanaged = "unmanaged", 2;
        /// It has another name.
        Name = "name", 3;
        /// Whether a role can log in.
        Login = "login", 4;
        /// A role's password.
        Password = "password", 5;
        /// Until when the password is good.
        ValidUntil = "valid_until", 6;
        /// What a role may besides: make databases and roles, replicate, bypass row security, inherit.
        Privileges = "privileges", 7;
        /// Whether a role is a superuser.
        Superuser = "superuser", 8;
        /// How many sessions a role may have.
        ConnectionLimit = "connection_limit", 9;
        /// Of which roles a role is a member.
        Membership = "membership", 10;
        /// To whom a database belongs.
        Owner = "owner", 11;
    }
}

words! {
    /// What becomes of a drift.
    Policy {
        /// Postgres is brought back to the catalog.
        Enforce = "enforce", 1;
        /// The catalog takes over what Postgres has, or Postgres is brought back where it cannot.
        Adopt = "adopt", 2;
        /// It is told and left.
        Report = "report", 3;
        /// It is left, and not told.
        Ignore = "ignore", 4;
    }
}

words! {
    /// What somebody decided about one drift.
    Verdict {
        /// The catalog takes it over.
        Adopt = "adopt", 1;
        /// Postgres is brought back.
        Revert = "revert", 2;
        /// It stays.
        Ignore = "ignore", 3;
    }
}

words! {
    /// What was, or is to be, done about a drift.
    Response {
        /// Postgres is brought back to the catalog.
        Enforced = "enforced", 1;
        /// The catalog takes it over.
        Adopted = "adopted", 2;
        /// Nothing: somebody has to decide.
        Reported = "reported", 3;
        /// Nothing: it is to stay.
        Ignored = "ignored", 4;
    }
}

words! {
    /// What a drift is about.
    Kind {
        /// A role.
        Role = "role", 1;
        /// A database.
        Database = "database", 2;
    }
}

impl Attribute {
    /// Returns what is done about it where nobody said anything else.
    #[must_use]
    pub fn default_policy(self) -> Policy {
        match self {
            Self::Existence
            | Self::Login
            | Self::ValidUntil
            | Self::Privileges
            | Self::ConnectionLimit
            | Self::Owner => Policy::Enforce,
            Self::Password => Policy::Adopt,
            Self::Unmanaged | Self::Name | Self::Superuser | Self::Membership => Policy::Report,
        }
    }

    /// Whether a policy can be set for it. What the catalog did not make is never dropped, superusers
    /// are never touched, and what the catalog has no place for cannot be adopted.
    #[must_use]
    pub fn allows(self, policy: Policy) -> bool {
        match policy {
            Policy::Report | Policy::Ignore => true,
            Policy::Enforce => !matches!(self, Self::Unmanaged | Self::Name | Self::Superuser),
            Policy::Adopt => {
                matches!(self, Self::Existence | Self::Unmanaged | Self::Password | Self::Owner)
            }
        }
    }
}

/// What a branch does about drift, where that is not the default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct DriftPolicy(pub BTreeMap<Attribute, Policy>);

impl DriftPolicy {
    /// Returns what is done about an attribute.
    #[must_use]
    pub fn of(&self, attribute: Attribute) -> Policy {
        self.0.get(&attribute).copied().unwrap_or_else(|| attribute.default_policy())
    }
}

/// What a drift is about. There is one open drift of it at a time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Item {
    /// The kind of thing.
    pub kind: Kind,
    /// Its name: the catalog's, or Postgres's where the catalog does not have it.
    pub name: String,
    /// What differs.
    pub attribute: Attribute,
}

/// Names an item of a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DriftId(pub u64);

impl fmt::Display for DriftId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dr-{:016x}", self.0)
    }
}

impl FromStr for DriftId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = text.strip_prefix("dr-").filter(|digits| digits.len() == 16).ok_or(())?;
        let id = Self(u64::from_str_radix(digits, 16).map_err(|_| ())?);
        if id.to_string() == text { Ok(id) } else { Err(()) }
    }
}

impl Item {
    /// Returns its id: always the same for the same item.
    #[must_use]
    pub fn id(&self) -> DriftId {
        let Self { kind, name, attribute } = self;
        DriftId(print_of(&[kind.as_str(), attribute.as_str(), name]).0)
    }
}

/// Tells what was found from other things that could be, without telling it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Print(pub u64);

/// Returns the print of texts.
#[must_use]
pub fn print_of(texts: &[&str]) -> Print {
    let mut digest = Sha256::new();
    for text in texts {
        digest.update(text.as_bytes());
        digest.update([0]);
    }
    let bytes: [u8; 32] = digest.finalize().into();
    let first = bytes.first_chunk::<8>().expect("more than eight bytes");
    Print(u64::from_be_bytes(*first))
}

/// Which side differs from what was last applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Postgres: somebody changed it there.
    Postgres,
    /// The catalog: the next pass brings Postgres there.
    Catalog,
    /// Both.
    Both,
}

impl Side {
    /// Returns its name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Catalog => "catalog",
            Self::Both => "both",
        }
    }
}

/// Something that one look found to differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// What it is about.
    pub item: Item,
    /// Which side changed.
    pub side: Side,
    /// What the catalog has, in words without secrets.
    pub desired: String,
    /// What Postgres has, likewise.
    pub found: String,
    /// Tells what was found from other things that could be.
    pub print: Print,
    /// What is done about it.
    pub response: Response,
    /// Whether it is kept already, so that something may be done.
    pub is_told: bool,
    /// How the catalog would take it over; none where it cannot.
    pub adoption: Option<Adoption>,
    /// Whether Postgres can be brought back.
    pub is_revertible: bool,
}

/// How the catalog takes over what Postgres has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words on each variant name what its fields hold")]
pub enum Adoption {
    /// A role of the catalog gets the password that it was given, if it has none that is newer than
    /// what was looked at.
    Password { name: RoleName, verifier: Verifier, over: Login<Verifier> },
    /// A role that was made with SQL becomes one of the catalog's.
    Role { name: RoleName, login: Login<Verifier> },
    /// A database that was made with SQL becomes one of the catalog's.
    Database { name: DatabaseName, owner: RoleName },
    /// A database of the catalog gets the owner that it was given.
    Owner { name: DatabaseName, owner: RoleName },
    /// A role goes from the catalog.
    DropRole { name: RoleName },
    /// A database goes from the catalog.
    DropDatabase { name: DatabaseName },
}

/// What is kept of something that was found to differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The branch.
    pub branch: BranchId,
    /// What it is about.
    pub item: Item,
    /// What the catalog has, in words without secrets.
    pub desired: String,
    /// What Postgres has, likewise.
    pub found: String,
    /// Tells what was found from other things that could be.
    pub print: Print,
    /// What is done about it.
    pub response: Response,
    /// What somebody decided about it.
    pub verdict: Option<Verdict>,
    /// When it was first found so.
    pub since: Timestamp,
    /// When it was found to be no more.
    pub ended_at: Option<Timestamp>,
}

/// What is known of open drift, and what was decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Orders {
    /// What the branch does about it.
    pub policy: DriftPolicy,
    /// The open drifts.
    pub open: BTreeMap<Item, (Print, Option<Verdict>)>,
}

impl Orders {
    /// Returns what is kept of drifts, as those who plan need it.
    #[must_use]
    pub fn new(policy: DriftPolicy, drifts: &[Drift]) -> Self {
        let open = drifts.iter().filter(|drift| drift.ended_at.is_none());
        let open = open.map(|drift| (drift.item.clone(), (drift.print, drift.verdict)));
        Self { policy, open: open.collect() }
    }

    /// Returns what was decided about an item as it was found, and whether it is kept.
    #[must_use]
    pub fn about(&self, item: &Item, print: Print) -> (bool, Option<Verdict>) {
        match self.open.get(item) {
            Some((known, verdict)) if *known == print => (true, *verdict),
            Some(_) | None => (false, None),
        }
    }
}
