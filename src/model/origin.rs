//! Origin: where a role or a database was last written.

use crate::model::id::BranchId;
use crate::model::revision::Revision;

/// The commit that last wrote a role or a database. Branches inherit it with the thing itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The branch on which that was.
    pub branch: BranchId,
    /// The commit's number.
    pub revision: Revision,
}
