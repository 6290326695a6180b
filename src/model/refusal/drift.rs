//! What is refused about drift.

use crate::model::drift::{Attribute, DriftId, Policy};

/// Why a rule about drift refused a command. The messages are for clients.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DriftRefusal {
    /// Nothing of that id differs.
    #[error("drift not found; drift_id:\"{0}\". It may have ended since it was listed")]
    Missing(DriftId),
    /// The catalog cannot have it.
    #[error(
        "this drift of `{}` cannot be adopted: the catalog has no place for what was found; revert it, \
         ignore it, or change it with SQL",
        .0.as_str()
    )]
    NotAdoptable(Attribute),
    /// Postgres cannot be brought back.
    #[error(
        "this drift of `{}` cannot be reverted here: Offshoot neither drops what it did not make, nor \
         renames back, nor touches superusers; change it with SQL, or ignore it",
        .0.as_str()
    )]
    NotRevertible(Attribute),
    /// What was found has changed meanwhile.
    #[error("the role was given another password meanwhile, and nothing was changed; look again")]
    Moved,
    /// There is no such policy for the attribute.
    #[error("`{}` cannot be `{}`", .0.as_str(), .1.as_str())]
    PolicyImpossible(Attribute, Policy),
}
