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
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $status:literal,)*) => {
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

            /// Returns the HTTP status that goes with the code.
            #[must_use]
            pub fn status(self) -> u16 {
                match self {
                    $(Self::$variant => $status,)*
                }
            }
        }
    };
}

codes! {
    /// The request is malformed, or asks for what makes no sense.
    InvalidRequest = "INVALID_REQUEST", 400,
    /// The request asks for something of Neon's that is not served here.
    NotSupported = "NOT_SUPPORTED", 400,
    /// The point in time is malformed, or outside the branch's history.
    WrongLsnOrTimestamp = "WRONG_LSN_OR_TIMESTAMP", 400,
    /// The name belongs to Postgres or to the system.
    NameReserved = "NAME_RESERVED", 400,
    /// There is no key, or it is not known.
    Unauthorized = "UNAUTHORIZED", 401,
    /// There is nothing under this path.
    NotFound = "NOT_FOUND", 404,
    /// The path has no such method.
    MethodNotAllowed = "METHOD_NOT_ALLOWED", 405,
    /// There is no such project.
    ProjectNotFound = "PROJECT_NOT_FOUND", 404,
    /// The project has no such branch.
    BranchNotFound = "BRANCH_NOT_FOUND", 404,
    /// The project has no such endpoint, or the branch has none.
    EndpointNotFound = "ENDPOINT_NOT_FOUND", 404,
    /// The branch has no such role.
    RoleNotFound = "ROLE_NOT_FOUND", 404,
    /// The branch has no such credential.
    CredentialNotFound = "CREDENTIAL_NOT_FOUND", 404,
    /// The branch has no such rotation.
    RotationNotFound = "ROTATION_NOT_FOUND", 404,
    /// Nothing of that id differs.
    DriftNotFound = "DRIFT_NOT_FOUND", 404,
    /// The branch has no such database.
    DatabaseNotFound = "DATABASE_NOT_FOUND", 404,
    /// The project has no such operation.
    OperationNotFound = "OPERATION_NOT_FOUND", 404,
    /// There is no such API key.
    KeyNotFound = "KEY_NOT_FOUND", 404,
    /// The project has no such permission.
    PermissionNotFound = "PERMISSION_NOT_FOUND", 404,
    /// There is no such webhook.
    WebhookNotFound = "WEBHOOK_NOT_FOUND", 404,
    /// There is no such event, or it is not kept any more.
    EventNotFound = "EVENT_NOT_FOUND", 404,
    /// There is no such organization.
    OrganizationNotFound = "ORGANIZATION_NOT_FOUND", 404,
    /// The key does not open that.
    OutsideScope = "OUTSIDE_SCOPE", 404,
    /// The project has a branch of that name.
    BranchAlreadyExists = "BRANCH_ALREADY_EXISTS", 409,
    /// The branch has a role of that name.
    RoleAlreadyExists = "ROLE_ALREADY_EXISTS", 409,
    /// The branch has a database of that name.
    DatabaseAlreadyExists = "DATABASE_ALREADY_EXISTS", 409,
    /// The branch has an endpoint.
    EndpointAlreadyExists = "ENDPOINT_ALREADY_EXISTS", 409,
    /// The project was opened to that address already.
    PermissionAlreadyExists = "PERMISSION_ALREADY_EXISTS", 409,
    /// The branch's default credential is being rotated.
    RotationUnderWay = "ROTATION_UNDER_WAY", 409,
    /// The rotation is past what was asked for, or not there yet.
    RotationBeyond = "ROTATION_BEYOND", 409,
    /// The role owns objects, and was not to be deleted while it does.
    RoleOwnsObjects = "ROLE_OWNS_OBJECTS", 409,
    /// The operation has ended, or cannot be ended on request.
    OperationBeyond = "OPERATION_BEYOND", 409,
    // A 409 Neon's clients take for a name that is taken; a 412 can only mean that there is no password.
    /// Passwords are not kept, so none can be shown.
    PasswordsNotStored = "PASSWORDS_NOT_STORED", 412,
    /// The role cannot log in, or has no password yet.
    RoleHasNoPassword = "ROLE_HAS_NO_PASSWORD", 412,
    /// The body is too long.
    PayloadTooLarge = "PAYLOAD_TOO_LARGE", 413,
    /// The role belongs to the system.
    RoleProtected = "ROLE_PROTECTED", 422,
    /// The role owns a database.
    RoleOwnsDatabase = "ROLE_OWNS_DATABASE", 422,
    /// The credential is the default one of its branch.
    CredentialIsDefault = "CREDENTIAL_IS_DEFAULT", 422,
    /// Credentials act for the role.
    RoleIsOriginal = "ROLE_IS_ORIGINAL", 422,
    /// The catalog cannot have what was found.
    DriftNotAdoptable = "DRIFT_NOT_ADOPTABLE", 422,
    /// Postgres cannot be brought back.
    DriftNotRevertible = "DRIFT_NOT_REVERTIBLE", 422,
    /// There is no room for another credential.
    CredentialsLimitExceeded = "CREDENTIALS_LIMIT_EXCEEDED", 422,
    /// The role that is to own the database does not exist.
    OwnerNotFound = "OWNER_NOT_FOUND", 422,
    /// The branch is the project's default branch.
    BranchIsDefault = "BRANCH_IS_DEFAULT", 422,
    /// The branch has children.
    BranchHasChildren = "BRANCH_HAS_CHILDREN", 422,
    /// The branch, or one of the project's, is protected.
    BranchProtected = "BRANCH_PROTECTED", 422,
    /// The branch must not go by itself.
    BranchCannotExpire = "BRANCH_CANNOT_EXPIRE", 422,
    /// The role must not go by itself.
    RoleCannotExpire = "ROLE_CANNOT_EXPIRE", 422,
    /// The branch has more roles than one request can work on.
    RolesLimitExceeded = "ROLES_LIMIT_EXCEEDED", 422,
    /// The branches of a merge disagree.
    MergeConflict = "MERGE_CONFLICT", 409,
    /// The branches of a merge have nothing in common.
    MergeWithoutOrigin = "MERGE_WITHOUT_ORIGIN", 422,
    /// There is more to merge than one commit may hold.
    MergeTooLarge = "MERGE_TOO_LARGE", 422,
    /// The endpoint's Postgres is run by others.
    EndpointAttached = "ENDPOINT_ATTACHED", 422,
    /// The endpoint does not run, and what was asked for does not start it.
    EndpointAsleep = "ENDPOINT_ASLEEP", 409,
    /// There is no room for another endpoint.
    EndpointsLimitExceeded = "ENDPOINTS_LIMIT_EXCEEDED", 422,
    /// There is no room for another API key.
    KeysLimitExceeded = "KEYS_LIMIT_EXCEEDED", 422,
    /// There is no room for another webhook, or another of its secrets.
    WebhooksLimitExceeded = "WEBHOOKS_LIMIT_EXCEEDED", 422,
    /// Nothing may be sent where the webhook leads.
    WebhookTargetRefused = "WEBHOOK_TARGET_REFUSED", 422,
    /// The webhook is disabled.
    WebhookDisabled = "WEBHOOK_DISABLED", 422,
    /// There is no room for another permission.
    PermissionsLimitExceeded = "PERMISSIONS_LIMIT_EXCEEDED", 422,
    /// The `Idempotency-Key` stands for another request.
    IdempotencyKeyReused = "IDEMPOTENCY_KEY_REUSED", 422,
    /// There is no room for another `Idempotency-Key`.
    IdempotencyKeysLimitExceeded = "IDEMPOTENCY_KEYS_LIMIT_EXCEEDED", 422,
    /// The machine has no PostgreSQL of that version.
    PgVersionNotInstalled = "PG_VERSION_NOT_INSTALLED", 422,
    /// The branch's Postgres does not let its schema be read.
    SchemaUnreadable = "SCHEMA_UNREADABLE", 422,
    /// Something inside is broken.
    Internal = "INTERNAL", 500,
    /// Too much is waiting, or others were faster; nothing was changed.
    Busy = "BUSY", 503,
    /// The branch's Postgres does not answer now.
    ComputeUnavailable = "COMPUTE_UNAVAILABLE", 503,
    /// The server is not ready to serve.
    NotReady = "NOT_READY", 503,
    /// The server's disk is too full; nothing was changed.
    InsufficientStorage = "INSUFFICIENT_STORAGE", 507,
    // Not 503: clients take that for a promise that nothing happened.
    /// The answer took too long; what was asked for may still happen.
    RequestTimeout = "REQUEST_TIMEOUT", 504,
}

impl ErrorCode {
    /// Whether the same request may succeed later, unchanged.
    #[must_use]
    pub fn is_retryable(self) -> bool {
        self.status() >= 500
    }
}
