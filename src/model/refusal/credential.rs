//! What is refused about the credentials of a branch, and about the rotations of its default one.

use crate::model::id::BranchId;
use crate::model::name::RoleName;
use crate::model::rotation::RotationId;
use crate::model::rules::credentials::MAX_CREDENTIALS;

/// Why a rule about credentials refused a command. The messages are for clients.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialRefusal {
    /// The branch has no such credential.
    #[error("credential not found; username:\"{0}\"")]
    Missing(RoleName),
    /// The branch has no credential that can log in.
    #[error("branch {0} has no credential; create one first")]
    NoCredential(BranchId),
    /// The branch has no such rotation.
    #[error("rotation not found; rotation_id:\"{0}\"")]
    RotationMissing(RotationId),
    /// The branch's default credential is being rotated.
    #[error("rotation {0} of this branch is under way; let it end, complete it or abort it first")]
    RotationUnderWay(RotationId),
    /// The rotation is not where that can be done.
    #[error("rotation {rotation} is {stage}, so it cannot be {what}")]
    RotationBeyond {
        /// The rotation.
        rotation: RotationId,
        /// What was to be done with it.
        what: &'static str,
        /// Its stage.
        stage: &'static str,
    },
    /// The branch has no database.
    #[error("branch {0} has no database to connect to; create one first")]
    NoDatabase(BranchId),
    /// The credential is the one that applications are shown.
    #[error(
        "credential \"{0}\" is the default, so it cannot be deleted; create another, or make another \
         the default, first"
    )]
    IsDefault(RoleName),
    /// What other credentials make belongs to the role.
    #[error(
        "role \"{role}\" is the original credential of its branch, for which \"{credential}\" acts, \
         so it can neither be deleted nor expire; delete the others first"
    )]
    RoleIsOriginal {
        /// The role.
        role: RoleName,
        /// A credential that acts for it.
        credential: RoleName,
    },
    /// The original credential goes by itself, so no other can act for it.
    #[error(
        "role \"{0}\", for which a new credential of this branch would act, has an expires_at; set \
         it to null first"
    )]
    OriginalExpires(RoleName),
    /// There are as many credentials as there can be.
    #[error("the branch has {max} credentials, which is the limit; delete one first", max = MAX_CREDENTIALS)]
    TooMany,
}
