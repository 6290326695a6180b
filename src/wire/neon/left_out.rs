//! What a cutoff left out of a branch; Neon's API has nothing like it.

use serde::{Deserialize, Serialize};

use crate::wire::neon::origin::Origin;

/// How the branch from which another was copied has changed since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    pub source_branch_id: String,
    pub cutoff: u64,
    pub revision: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<LeftOutItem>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub databases: Option<Vec<LeftOutItem>>,
    pub truncated: bool,
}

/// A role or a database that the two do not have alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOutItem {
    pub name: String,
    pub why: String,
    pub origin: Origin,
}
