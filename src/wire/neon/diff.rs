//! Differences between branches; Neon's API has nothing like them.

use serde::{Deserialize, Serialize};

use crate::model::changes;
use crate::model::database;
use crate::model::id::BranchId;
use crate::model::revision::Revision;
use crate::model::role;
use crate::wire::neon::history::text;
use crate::wire::neon::operations::Pagination;

/// A page of how the roles of a branch differ from those of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolesDiffAnswer {
    pub base: DiffSide,
    pub branch: DiffSide,
    pub differences: Vec<RoleDifference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pagination: Option<Pagination>,
}

/// A page of how the databases of a branch differ from those of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabasesDiffAnswer {
    pub base: DiffSide,
    pub branch: DiffSide,
    pub differences: Vec<DatabaseDifference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pagination: Option<Pagination>,
}

/// What was compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffSide {
    pub branch_id: String,
    pub revision: u64,
}

/// A role that a branch and its base do not have alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleDifference {
    pub name: String,
    pub change: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_password: Option<bool>,
    pub attributes: Vec<AttributeChange>,
}

/// A database that a branch and its base do not have alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseDifference {
    pub id: u64,
    pub name: String,
    pub change: String,
    pub attributes: Vec<AttributeChange>,
}

/// An attribute that differs. Of a password it is said that it does, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributeChange {
    pub attribute: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl DiffSide {
    /// Shows what was compared.
    #[must_use]
    pub fn new(branch: &BranchId, revision: Revision) -> Self {
        Self { branch_id: branch.to_string(), revision: revision.0 }
    }
}

impl RoleDifference {
    /// Shows how a role differs, unless it does so in nothing that matters.
    #[must_use]
    pub fn new(base: Option<&role::Role>, branch: Option<&role::Role>) -> Option<Self> {
        let attributes = AttributeChange::list(changes::of_role(base, branch));
        let name = branch.or(base)?.name.to_string();
        let is_told = |attribute: &AttributeChange| attribute.attribute == "password";
        let same_password = base.zip(branch).map(|_| !attributes.iter().any(is_told));
        let change = change(base.is_some(), branch.is_some()).to_owned();
        (!attributes.is_empty()).then_some(Self { name, change, same_password, attributes })
    }
}

impl DatabaseDifference {
    /// Shows how a database differs, unless it does so in nothing that matters.
    #[must_use]
    pub fn new(
        base: Option<&database::Database>,
        branch: Option<&database::Database>,
    ) -> Option<Self> {
        let attributes = AttributeChange::list(changes::of_database(base, branch));
        let database::Database { id, name, .. } = branch.or(base)?;
        let change = change(base.is_some(), branch.is_some()).to_owned();
        let (id, name) = (id.0, name.to_string());
        (!attributes.is_empty()).then_some(Self { id, name, change, attributes })
    }
}

impl AttributeChange {
    /// Shows what became of several attributes.
    #[must_use]
    pub fn list(changes: Vec<changes::AttributeChange>) -> Vec<Self> {
        let shown = |changes::AttributeChange { name, before, after }| Self {
            attribute: String::from(name),
            before: before.map(text),
            after: after.map(text),
        };
        changes.into_iter().map(shown).collect()
    }
}

/// Returns the word for what became of a thing that was there or not, and is there or not.
pub(super) fn change(was: bool, is: bool) -> &'static str {
    match (was, is) {
        (false, _) => "added",
        (true, false) => "removed",
        (true, true) => "changed",
    }
}
