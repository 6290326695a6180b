//! Merge: what the three-way comparison of two branches and their common origin comes to.

use std::collections::BTreeMap;
use std::fmt;

use crate::model::database::Database;
use crate::model::name::{DatabaseName, RoleName};
use crate::model::role::Role;

/// A role or a database, by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// A role.
    Role(RoleName),
    /// A database. One that was renamed goes by the name that the source has for it, or had.
    Database(DatabaseName),
}

impl Thing {
    /// Returns the word for its kind in the API.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Role(_) => "role",
            Self::Database(_) => "database",
        }
    }

    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Role(name) => name.as_str(),
            Self::Database(name) => name.as_str(),
        }
    }
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} \"{}\"", self.kind(), self.name())
    }
}

/// A side of a merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The branch whose changes are taken.
    Source,
    /// The branch that takes them.
    Target,
}

impl Side {
    /// Every side, and its name in the API.
    pub const ALL: &[(Self, &str)] = &[(Self::Source, "source"), (Self::Target, "target")];

    /// Returns its name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
        }
    }
}

/// Which side decides where the two disagree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// The side for each thing that was named. What is not in conflict is not decided by it.
    pub named: BTreeMap<Thing, Side>,
    /// The side for all others; none where they are to stay conflicts.
    pub others: Option<Side>,
}

impl Choices {
    /// Returns the side that decides about a thing, if one does.
    #[must_use]
    pub fn of(&self, thing: &Thing) -> Option<Side> {
        self.named.get(thing).copied().or(self.others)
    }
}

/// What became of a thing, or is to become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// A role: as it was on the target, and as it becomes.
    Role(Option<Box<Role>>, Option<Box<Role>>),
    /// A database: as it was on the target, and as it becomes.
    Database(Option<Database>, Option<Database>),
}

/// What the common origin, the source and the target have of one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions<T> {
    /// The common origin.
    pub base: Option<T>,
    /// The source.
    pub source: Option<T>,
    /// The target.
    pub target: Option<T>,
}

/// What there is of a thing that is in conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contested {
    /// Of a role.
    Role(Box<Versions<Role>>),
    /// Of a database.
    Database(Box<Versions<Database>>),
}

/// A change of the source that cannot be taken as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// What it is about.
    pub thing: Thing,
    /// Why it cannot be taken.
    pub why: Why,
    /// The attributes about which the two disagree, where it is about attributes.
    pub attributes: Vec<&'static str>,
    /// What there is of it.
    pub versions: Contested,
}

/// Why a change of the source cannot be taken as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Both branches created it, and not alike.
    BothAdded,
    /// Both branches changed the same attributes, and not alike.
    BothChanged,
    /// The source removed it, and the target changed it.
    RemovedInSource,
    /// The target removed it, and the source changed it.
    RemovedInTarget,
    /// The role belongs to the system.
    RoleProtected,
    /// The role is to go, or to go by itself, and owns a database of the target.
    OwnsDatabase(DatabaseName),
    /// The role is the original of the target's credentials, and this one acts for it.
    RoleIsOriginal(RoleName),
    /// The database's owner does not exist on the target.
    OwnerMissing(RoleName),
    /// The database's owner belongs to the system.
    OwnerProtected(RoleName),
    /// The database's owner goes by itself on the target.
    OwnerExpires(RoleName),
    /// The target has another database of that name.
    NameTaken,
}

impl Why {
    /// Returns its name in the API.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::BothAdded => "both_added",
            Self::BothChanged => "both_changed",
            Self::RemovedInSource => "removed_in_source",
            Self::RemovedInTarget => "removed_in_target",
            Self::RoleProtected => "role_protected",
            Self::OwnsDatabase(_) => "owns_database",
            Self::RoleIsOriginal(_) => "role_is_original",
            Self::OwnerMissing(_) => "owner_missing",
            Self::OwnerProtected(_) => "owner_protected",
            Self::OwnerExpires(_) => "owner_expires",
            Self::NameTaken => "name_taken",
        }
    }

    /// Returns the sides that can decide. What would break the target can only be left out.
    #[must_use]
    pub fn sides(&self) -> &'static [Side] {
        match self {
            Self::BothAdded | Self::BothChanged | Self::RemovedInSource | Self::RemovedInTarget => {
                &[Side::Source, Side::Target]
            }
            Self::RoleProtected
            | Self::OwnsDatabase(_)
            | Self::RoleIsOriginal(_)
            | Self::OwnerMissing(_)
            | Self::OwnerProtected(_)
            | Self::OwnerExpires(_)
            | Self::NameTaken => &[Side::Target],
        }
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { thing, why, attributes, versions: _ } = self;
        match why {
            Why::BothAdded => write!(f, "both branches created the {thing}, and not alike"),
            Why::BothChanged => {
                let attributes = attributes.join(", ");
                write!(f, "both branches changed {attributes} of the {thing}, and not alike")
            }
            Why::RemovedInSource => {
                write!(f, "the source removed the {thing}, and the target changed it")
            }
            Why::RemovedInTarget => {
                write!(f, "the target removed the {thing}, and the source changed it")
            }
            Why::RoleProtected => {
                write!(f, "the {thing} is protected: the system keeps it, and no merge changes it")
            }
            Why::OwnsDatabase(database) => write!(
                f,
                "the {thing} owns the database \"{database}\" of the target; give that another \
                 owner there, or delete it"
            ),
            Why::RoleIsOriginal(credential) => write!(
                f,
                "the {thing} is the original credential of the target, for which \"{credential}\" \
                 acts there; delete that there first"
            ),
            Why::OwnerMissing(owner) => write!(
                f,
                "the target would not have the role \"{owner}\", which is to own the {thing}; \
                 create it there, or give the {thing} another owner"
            ),
            Why::OwnerProtected(owner) => write!(
                f,
                "the role \"{owner}\" is protected on the target, so it cannot own the {thing}; \
                 give that another owner"
            ),
            Why::OwnerExpires(owner) => write!(
                f,
                "the role \"{owner}\" has an expires_at on the target, so it cannot own the \
                 {thing}; set it to null there, or give the {thing} another owner"
            ),
            Why::NameTaken => write!(
                f,
                "the target has another database with the name of the {thing}; rename one of them"
            ),
        }
    }
}
