//! Where a role or a database was last written; Neon's shapes have nothing like it.

use serde::{Deserialize, Serialize};

use crate::model::origin;
use crate::model::revision::Timestamp;
use crate::wire::time::Time;

/// The commit that last wrote a role or a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    pub branch_id: String,
    pub revision: u64,
    pub at: Time,
}

impl Origin {
    /// Shows the origin of what was last written at `at`.
    #[must_use]
    pub fn new(origin: &origin::Origin, at: Timestamp) -> Self {
        let origin::Origin { branch, revision } = origin;
        Self { branch_id: branch.to_string(), revision: revision.0, at: Time(at) }
    }
}
