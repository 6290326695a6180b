//! Databases.

use serde::{Deserialize, Serialize};

use crate::model::database::{self, DatabaseId};
use crate::model::id::BranchId;
use crate::wire::neon::left_out::LeftOut;
use crate::wire::neon::operations::Operation;
use crate::wire::neon::origin::Origin;
use crate::wire::time::Time;

/// A database of a branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    pub id: u64,
    pub branch_id: String,
    pub name: String,
    pub owner_name: String,
    pub created_at: Time,
    pub updated_at: Time,
    pub origin: Origin,
}

/// One database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseAnswer {
    pub database: Database,
}

/// The databases of a branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabasesAnswer {
    pub databases: Vec<Database>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<LeftOut>,
}

/// A database that was changed, and what is left to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseOperations {
    pub database: Database,
    pub operations: Vec<Operation>,
}

/// A database that is to be created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct DatabaseCreateRequest {
    pub database: NewDatabase,
}

/// What is asked of the new database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct NewDatabase {
    pub name: String,
    pub owner_name: String,
}

/// What is to change about a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct DatabaseUpdateRequest {
    pub database: DatabaseUpdate,
}

/// The changes; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct DatabaseUpdate {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_name: Option<String>,
}

impl Database {
    /// Shows a database of a branch.
    #[must_use]
    pub fn new(branch: &BranchId, database: database::Database) -> Self {
        let database::Database { id: DatabaseId(id), name, owner, origin, created_at, updated_at } =
            database;
        Self {
            id,
            branch_id: branch.to_string(),
            name: name.to_string(),
            owner_name: owner.to_string(),
            created_at: Time(created_at),
            updated_at: Time(updated_at),
            origin: Origin::new(&origin, updated_at),
        }
    }

    /// Shows several databases of a branch.
    #[must_use]
    pub fn list(branch: &BranchId, databases: Vec<database::Database>) -> Vec<Self> {
        databases.into_iter().map(|database| Self::new(branch, database)).collect()
    }
}
