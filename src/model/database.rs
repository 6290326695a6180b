//! Database: a Postgres database that the catalog describes.

use crate::model::name::{DatabaseName, RoleName};
use crate::model::origin::Origin;
use crate::model::revision::Timestamp;

/// The number of a database: that of the revision which created it, so that it is unique within a
/// branch. It is kept when the database is renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatabaseId(pub u64);

/// A database as a branch's catalog has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// Its number.
    pub id: DatabaseId,
    /// Its name, unique within the branch.
    pub name: DatabaseName,
    /// The role that owns it, which exists in the same catalog.
    pub owner: RoleName,
    /// Where it was last written. A branch that has it unchanged from its parent has this too.
    pub origin: Origin,
    /// When it was created, in the branch where it was.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
