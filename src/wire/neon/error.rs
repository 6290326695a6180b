//! What a client is told when a request fails.

use serde::{Deserialize, Serialize};

use crate::wire::neon::merge::MergeConflict;

/// The body of every answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    pub request_id: String,
    pub code: String,
    pub message: String,
    /// What a merge could not take; absent from all other errors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<MergeConflict>,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// The closed list of what can go wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ErrorCode {
            $($(#[$doc])* $variant,)*
        }

        impl ErrorCode {
            /// Every code there is.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Returns the code as clients see it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

codes! {
    /// The request is malformed, or asks for what makes no sense.
    InvalidRequest = "INVALID_REQUEST",
    /// The request asks for something of Neon's that is not served here.
    NotSupported = "NOT_SUPPORTED",
    /// The point in time is malformed, or outside the branch's history.
    WrongLsnOrTimestamp = "WRONG_LSN_OR_TIMESTAMP",
    /// The name belongs to Postgres or to the system.
    NameReserved = "NAME_RESERVED",
    /// There is no key, or it is not known.
    Unauthorized = "UNAUTHORIZED",
    /// There is nothing under this path.
    NotFound = "NOT_FOUND",
    /// The path has no such method.
    MethodNotAllowed = "METHOD_NOT_ALLOWED",
    /// There is no such project.
    ProjectNotFound = "PROJECT_NOT_FOUND",
    /// The project has no such branch.
    BranchNotFound = "BRANCH_NOT_FOUND",
    /// The project has no such endpoint, or the branch has none.
    EndpointNotFound = "ENDPOINT_NOT_FOUND",
    /// The branch has no such role.
    RoleNotFound = "ROLE_NOT_FOUND",
    /// The branch has no such credential.
    CredentialNotFound = "CREDENTIAL_NOT_FOUND",
    /// The branch has no such rotation.
    RotationNotFound = "ROTATION_NOT_FOUND",
    /// The branch has no such database.
    DatabaseNotFound = "DATABASE_NOT_FOUND",
    /// The project has no such operation.
    OperationNotFound = "OPERATION_NOT_FOUND",
    /// There is no such API key.
    KeyNotFound = "KEY_NOT_FOUND",
    /// The project has no such permission.
    PermissionNotFound = "PERMISSION_NOT_FOUND",
    /// There is no such organization.
    OrganizationNotFound = "ORGANIZATION_NOT_FOUND",
    /// The key does not open that.
    OutsideScope = "OUTSIDE_SCOPE",
    /// The project has a branch of that name.
    BranchAlreadyExists = "BRANCH_ALREADY_EXISTS",
    /// The branch has a role of that name.
    RoleAlreadyExists = "ROLE_ALREADY_EXISTS",
    /// The branch has a database of that name.
    DatabaseAlreadyExists = "DATABASE_ALREADY_EXISTS",
    /// The branch has an endpoint.
    EndpointAlreadyExists = "ENDPOINT_ALREADY_EXISTS",
    /// The project was opened to that address already.
    PermissionAlreadyExists = "PERMISSION_ALREADY_EXISTS",
    /// The branch's default credential is being rotated.
    RotationUnderWay = "ROTATION_UNDER_WAY",
    /// The rotation is past what was asked for, or not there yet.
    RotationBeyond = "ROTATION_BEYOND",
    /// The role owns objects, and was not to be deleted while it does.
    RoleOwnsObjects = "ROLE_OWNS_OBJECTS",
    /// The operation has ended, or cannot be ended on request.
    OperationBeyond = "OPERATION_BEYOND",
    /// Passwords are not kept, so none can be shown.
    PasswordsNotStored = "PASSWORDS_NOT_STORED",
    /// The role cannot log in, or has no password yet.
    RoleHasNoPassword = "ROLE_HAS_NO_PASSWORD",
    /// The body is too long.
    PayloadTooLarge = "PAYLOAD_TOO_LARGE",
    /// The role belongs to the system.
    RoleProtected = "ROLE_PROTECTED",
    /// The role owns a database.
    RoleOwnsDatabase = "ROLE_OWNS_DATABASE",
    /// The credential is the default one of its branch.
    CredentialIsDefault = "CREDENTIAL_IS_DEFAULT",
    /// Credentials act for the role.
    RoleIsOriginal = "ROLE_IS_ORIGINAL",
    /// There is no room for another credential.
    CredentialsLimitExceeded = "CREDENTIALS_LIMIT_EXCEEDED",
    /// The role that is to own the database does not exist.
    OwnerNotFound = "OWNER_NOT_FOUND",
    /// The branch is the project's default branch.
    BranchIsDefault = "BRANCH_IS_DEFAULT",
    /// The branch has children.
    BranchHasChildren = "BRANCH_HAS_CHILDREN",
    /// The branch, or one of the project's, is protected.
    BranchProtected = "BRANCH_PROTECTED",
    /// The branch must not go by itself.
    BranchCannotExpire = "BRANCH_CANNOT_EXPIRE",
    /// The role must not go by itself.
    RoleCannotExpire = "ROLE_CANNOT_EXPIRE",
    /// The branch has more roles than one request can work on.
    RolesLimitExceeded = "ROLES_LIMIT_EXCEEDED",
    /// The branches of a merge disagree.
    MergeConflict = "MERGE_CONFLICT",
    /// The branches of a merge have nothing in common.
    MergeWithoutOrigin = "MERGE_WITHOUT_ORIGIN",
    /// There is more to merge than one commit may hold.
    MergeTooLarge = "MERGE_TOO_LARGE",
    /// The endpoint's Postgres is run by others.
    EndpointAttached = "ENDPOINT_ATTACHED",
    /// There is no room for another endpoint.
    EndpointsLimitExceeded = "ENDPOINTS_LIMIT_EXCEEDED",
    /// There is no room for another API key.
    KeysLimitExceeded = "KEYS_LIMIT_EXCEEDED",
    /// There is no room for another permission.
    PermissionsLimitExceeded = "PERMISSIONS_LIMIT_EXCEEDED",
    /// The `Idempotency-Key` stands for another request.
    IdempotencyKeyReused = "IDEMPOTENCY_KEY_REUSED",
    /// There is no room for another `Idempotency-Key`.
    IdempotencyKeysLimitExceeded = "IDEMPOTENCY_KEYS_LIMIT_EXCEEDED",
    /// The machine has no PostgreSQL of that version.
    PgVersionNotInstalled = "PG_VERSION_NOT_INSTALLED",
    /// The branch's Postgres does not let its schema be read.
    SchemaUnreadable = "SCHEMA_UNREADABLE",
    /// Something inside is broken.
    Internal = "INTERNAL",
    /// Too much is waiting, or others were faster; nothing was changed.
    Busy = "BUSY",
    /// The branch's Postgres does not answer now.
    ComputeUnavailable = "COMPUTE_UNAVAILABLE",
    /// The server is not ready to serve.
    NotReady = "NOT_READY",
    /// The server's disk is too full; nothing was changed.
    InsufficientStorage = "INSUFFICIENT_STORAGE",
    /// The answer took too long; what was asked for may still happen.
    RequestTimeout = "REQUEST_TIMEOUT",
}

impl ErrorCode {
    /// Returns the HTTP status that goes with the code.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidRequest
            | Self::NotSupported
            | Self::WrongLsnOrTimestamp
            | Self::NameReserved => 400,
            Self::Unauthorized => 401,
            Self::NotFound
            | Self::ProjectNotFound
            | Self::BranchNotFound
            | Self::EndpointNotFound
            | Self::RoleNotFound
            | Self::CredentialNotFound
            | Self::RotationNotFound
            | Self::DatabaseNotFound
            | Self::OperationNotFound
            | Self::KeyNotFound
            | Self::PermissionNotFound
            | Self::OrganizationNotFound
            | Self::OutsideScope => 404,
            Self::MethodNotAllowed => 405,
            Self::BranchAlreadyExists
            | Self::RoleAlreadyExists
            | Self::DatabaseAlreadyExists
            | Self::EndpointAlreadyExists
            | Self::PermissionAlreadyExists
            | Self::RotationUnderWay
            | Self::RotationBeyond
            | Self::RoleOwnsObjects
            | Self::OperationBeyond
            | Self::MergeConflict => 409,
            // Both say that there is no password to be had, which is the one thing that Neon's
            // clients expect a 412 to mean; a 409 they take for a name that is taken.
            Self::PasswordsNotStored | Self::RoleHasNoPassword => 412,
            Self::PayloadTooLarge => 413,
            Self::RoleProtected
            | Self::RoleOwnsDatabase
            | Self::CredentialIsDefault
            | Self::RoleIsOriginal
            | Self::CredentialsLimitExceeded
            | Self::OwnerNotFound
            | Self::BranchIsDefault
            | Self::BranchHasChildren
            | Self::BranchProtected
            | Self::BranchCannotExpire
            | Self::RoleCannotExpire
            | Self::RolesLimitExceeded
            | Self::MergeWithoutOrigin
            | Self::MergeTooLarge
            | Self::EndpointAttached
            | Self::EndpointsLimitExceeded
            | Self::KeysLimitExceeded
            | Self::PermissionsLimitExceeded
            | Self::IdempotencyKeyReused
            | Self::IdempotencyKeysLimitExceeded
            | Self::PgVersionNotInstalled
            | Self::SchemaUnreadable => 422,
            Self::Internal => 500,
            Self::Busy | Self::ComputeUnavailable | Self::NotReady => 503,
            // Not 503: clients take that for a promise that nothing happened.
            Self::RequestTimeout => 504,
            Self::InsufficientStorage => 507,
        }
    }

    /// Whether the same request may succeed later, unchanged.
    #[must_use]
    pub fn is_retryable(self) -> bool {
        match self {
            Self::Internal
            | Self::Busy
            | Self::ComputeUnavailable
            | Self::NotReady
            | Self::InsufficientStorage
            | Self::RequestTimeout => true,
            Self::InvalidRequest
            | Self::NotSupported
            | Self::WrongLsnOrTimestamp
            | Self::NameReserved
            | Self::Unauthorized
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::ProjectNotFound
            | Self::BranchNotFound
            | Self::EndpointNotFound
            | Self::RoleNotFound
            | Self::CredentialNotFound
            | Self::RotationNotFound
            | Self::DatabaseNotFound
            | Self::OperationNotFound
            | Self::KeyNotFound
            | Self::PermissionNotFound
            | Self::OrganizationNotFound
            | Self::OutsideScope
            | Self::BranchAlreadyExists
            | Self::RoleAlreadyExists
            | Self::DatabaseAlreadyExists
            | Self::EndpointAlreadyExists
            | Self::PermissionAlreadyExists
            | Self::RotationUnderWay
            | Self::RotationBeyond
            | Self::RoleOwnsObjects
            | Self::OperationBeyond
            | Self::PasswordsNotStored
            | Self::RoleHasNoPassword
            | Self::PayloadTooLarge
            | Self::RoleProtected
            | Self::RoleOwnsDatabase
            | Self::CredentialIsDefault
            | Self::RoleIsOriginal
            | Self::CredentialsLimitExceeded
            | Self::OwnerNotFound
            | Self::BranchIsDefault
            | Self::BranchHasChildren
            | Self::BranchProtected
            | Self::BranchCannotExpire
            | Self::RoleCannotExpire
            | Self::RolesLimitExceeded
            | Self::MergeConflict
            | Self::MergeWithoutOrigin
            | Self::MergeTooLarge
            | Self::EndpointAttached
            | Self::EndpointsLimitExceeded
            | Self::KeysLimitExceeded
            | Self::PermissionsLimitExceeded
            | Self::IdempotencyKeyReused
            | Self::IdempotencyKeysLimitExceeded
            | Self::PgVersionNotInstalled
            | Self::SchemaUnreadable => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_upper_case_and_stands_for_one_thing() {
        let mut texts: Vec<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        texts.sort_unstable();
        let count = texts.len();
        texts.dedup();
        assert_eq!(texts.len(), count);
        for text in texts {
            assert!(text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'), "{text}");
        }
    }

    #[test]
    fn a_retry_can_help_exactly_where_the_server_is_at_fault() {
        for code in ErrorCode::ALL {
            assert_eq!(code.is_retryable(), 500 <= code.status(), "{code:?}");
        }
    }
}
