//! Where a role or a database was last written, stored.

use bincode::{Decode, Encode};

use super::{Invalid, Stored};
use crate::model::origin::Origin;
use crate::model::revision::Revision;

/// Where a role or a database was last written.
#[derive(Encode, Decode)]
pub struct StoredOrigin {
    pub(super) branch: String,
    pub(super) revision: u64,
}

impl Stored for StoredOrigin {
    type Model = Origin;

    fn from_model(Origin { branch, revision }: Origin) -> Self {
        Self { branch: branch.to_string(), revision: revision.0 }
    }

    fn into_model(self) -> Result<Origin, Invalid> {
        let Self { branch, revision } = self;
        Ok(Origin { branch: branch.try_into()?, revision: Revision(revision) })
    }
}
