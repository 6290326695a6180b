//! Merges of branches; Neon's API has nothing like them.

use serde::{Deserialize, Serialize};

use crate::model::changes::{of_database, of_role};
use crate::model::database;
use crate::model::merge::{self, Contested, Side, Taken, Versions};
use crate::model::role::{self, Login};
use crate::wire::neon::branches::Branch;
use crate::wire::neon::diff::{AttributeChange, change};
use crate::wire::neon::operations::Operation;
use crate::wire::time::Time;

/// A merge that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct BranchMergeRequest {
    pub into: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolve: Option<Vec<MergeChoice>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// The side that decides about a thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct MergeChoice {
    pub kind: String,
    pub name: String,
    pub take: String,
}

/// A merge that was made, or that would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BranchMergeAnswer {
    pub branch: Branch,
    pub dry_run: bool,
    pub applied: Vec<MergeChange>,
    pub conflicts: Vec<MergeConflict>,
    pub operations: Vec<Operation>,
}

/// What a merge makes of a role or a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeChange {
    pub kind: String,
    pub name: String,
    pub change: String,
    pub attributes: Vec<AttributeChange>,
}

/// A change of the source that cannot be taken as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeConflict {
    pub kind: String,
    pub name: String,
    pub why: String,
    pub message: String,
    pub attributes: Vec<String>,
    pub take: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<MergeVersion>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<MergeVersion>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<MergeVersion>,
}

/// What there is of a role or a database on one side; nothing of its password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeVersion {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication_method: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protected: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_name: Option<String>,
    pub updated_at: Time,
}

impl MergeChange {
    /// Shows what a merge makes of a thing; nothing where it was not there and is not.
    #[must_use]
    pub fn new(taken: &Taken) -> Option<Self> {
        let (kind, name, had_has, attributes) = match taken {
            Taken::Role(before, after) => {
                let name = after.as_ref().or(before.as_ref())?.name.to_string();
                let attributes = of_role(before.as_deref(), after.as_deref());
                ("role", name, (before.is_some(), after.is_some()), attributes)
            }
            Taken::Database(before, after) => {
                let name = after.as_ref().or(before.as_ref())?.name.to_string();
                let attributes = of_database(before.as_ref(), after.as_ref());
                ("database", name, (before.is_some(), after.is_some()), attributes)
            }
        };
        let (had, has) = had_has;
        Some(Self {
            kind: kind.to_owned(),
            name,
            change: change(had, has).to_owned(),
            attributes: AttributeChange::list(attributes),
        })
    }
}

impl MergeConflict {
    /// Shows a conflict.
    #[must_use]
    pub fn new(conflict: &merge::Conflict) -> Self {
        let merge::Conflict { thing, why, attributes, versions } = conflict;
        let [base, source, target] = match versions {
            Contested::Role(of) => {
                let Versions { base, source, target } = &**of;
                [base, source, target].map(|role| role.as_ref().map(MergeVersion::of_role))
            }
            Contested::Database(of) => {
                let Versions { base, source, target } = &**of;
                [base, source, target]
                    .map(|database| database.as_ref().map(MergeVersion::of_database))
            }
        };
        Self {
            kind: thing.kind().to_owned(),
            name: thing.name().to_owned(),
            why: why.as_str().to_owned(),
            message: conflict.to_string(),
            attributes: attributes.iter().map(|name| (*name).to_owned()).collect(),
            take: why.sides().iter().map(|side| side.as_str().to_owned()).collect(),
            base,
            source,
            target,
        }
    }
}

impl MergeVersion {
    fn of_role(role: &role::Role) -> Self {
        let role::Role { name, login, protected, expires_at, updated_at, .. } = role;
        let authentication_method = match login {
            Login::Never => "no_login",
            Login::Unset | Login::Password(_) => "password",
        };
        Self {
            name: name.to_string(),
            authentication_method: Some(authentication_method.to_owned()),
            protected: Some(*protected),
            expires_at: expires_at.map(Time),
            owner_name: None,
            updated_at: Time(*updated_at),
        }
    }

    fn of_database(database: &database::Database) -> Self {
        let database::Database { name, owner, updated_at, .. } = database;
        Self {
            name: name.to_string(),
            authentication_method: None,
            protected: None,
            expires_at: None,
            owner_name: Some(owner.to_string()),
            updated_at: Time(*updated_at),
        }
    }
}

/// Returns the side of that name.
#[must_use]
pub fn side(text: &str) -> Option<Side> {
    Side::ALL.iter().find(|(_, name)| *name == text).map(|(side, _)| *side)
}
