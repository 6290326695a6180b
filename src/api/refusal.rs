//! Refusals and malformed values, as errors.

use std::fmt;

use crate::api::error::ApiError;
use crate::model::key::KeyNameError;
use crate::model::name::{NameError, TitleError};
use crate::model::permission::EmailError;
use crate::model::project::PgVersionError;
use crate::model::refusal::{CredentialRefusal, DriftRefusal, Refusal, WebhookRefusal};
use crate::wire::neon::error::ErrorCode;
use crate::wire::neon::merge::MergeConflict;

/// The longest piece of what a client sent that an error repeats, in characters.
const ECHO_MAX_CHARS: usize = 80;

impl ApiError {
    /// Returns the error of a request that is malformed.
    #[must_use]
    pub fn invalid(message: impl fmt::Display) -> Self {
        Self::told(ErrorCode::InvalidRequest, message)
    }

    /// Returns the error of a request that names, by a text that is not even an id or a name of
    /// its kind, something that cannot exist. It reads as that of something unknown.
    #[must_use]
    pub fn unknown(code: ErrorCode, kind: &str, parameter: &str, text: &str) -> Self {
        let echo: String = text.chars().take(ECHO_MAX_CHARS).collect();
        Self::told(code, format_args!("{kind} not found; {parameter}:\"{echo}\""))
    }
}

impl ApiError {
    /// Returns the error of a request that names, by a text that is no id of its kind, something that
    /// cannot exist, in Render's words.
    #[must_use]
    pub fn not_found(code: ErrorCode, text: &str) -> Self {
        let echo: String = text.chars().take(ECHO_MAX_CHARS).collect();
        Self::told(code, format_args!("not found: {echo}"))
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let error = Self::told(code(&refusal), &refusal);
        let Refusal::MergeConflicts(conflicts) = &refusal else { return error };
        error.with_conflicts(conflicts.iter().map(MergeConflict::new).collect())
    }
}

fn code(refusal: &Refusal) -> ErrorCode {
    match refusal {
        Refusal::ProjectMissing(_) => ErrorCode::ProjectNotFound,
        Refusal::BranchMissing(_) => ErrorCode::BranchNotFound,
        Refusal::EndpointMissing(_)
        | Refusal::BranchWithoutEndpoint(_)
        | Refusal::EndpointElsewhere { .. } => ErrorCode::EndpointNotFound,
        Refusal::RoleMissing(_) => ErrorCode::RoleNotFound,
        Refusal::Credential(refusal) => code_of_credential(refusal),
        Refusal::RoleOwnsObjects { .. } => ErrorCode::RoleOwnsObjects,
        Refusal::Drift(refusal) => code_of_drift(refusal),
        Refusal::Webhook(refusal) => code_of_webhook(refusal),
        Refusal::DatabaseMissing(_) => ErrorCode::DatabaseNotFound,
        Refusal::OperationMissing(_) => ErrorCode::OperationNotFound,
        Refusal::Operation(_) => ErrorCode::OperationBeyond,
        Refusal::KeyMissing(_) => ErrorCode::KeyNotFound,
        Refusal::TooManyKeys => ErrorCode::KeysLimitExceeded,
        Refusal::PermissionMissing(_) => ErrorCode::PermissionNotFound,
        Refusal::PermissionExists(_) => ErrorCode::PermissionAlreadyExists,
        Refusal::TooManyPermissions => ErrorCode::PermissionsLimitExceeded,
        Refusal::IdempotencyKeyReused => ErrorCode::IdempotencyKeyReused,
        Refusal::TooManyReceipts => ErrorCode::IdempotencyKeysLimitExceeded,
        Refusal::OutsideScope(_) | Refusal::PersonalOnly => ErrorCode::OutsideScope,
        Refusal::BranchExists(_) => ErrorCode::BranchAlreadyExists,
        Refusal::RoleExists(_) => ErrorCode::RoleAlreadyExists,
        Refusal::DatabaseExists(_) => ErrorCode::DatabaseAlreadyExists,
        Refusal::EndpointExists(_) => ErrorCode::EndpointAlreadyExists,
        Refusal::RoleProtected(_) => ErrorCode::RoleProtected,
        Refusal::RoleOwnsDatabase { .. } => ErrorCode::RoleOwnsDatabase,
        Refusal::RoleWithoutPassword(_) | Refusal::RolePasswordUnset(_) => {
            ErrorCode::RoleHasNoPassword
        }
        Refusal::PasswordsNotStored => ErrorCode::PasswordsNotStored,
        Refusal::OwnerMissing(_) => ErrorCode::OwnerNotFound,
        Refusal::BranchIsDefault(_) => ErrorCode::BranchIsDefault,
        Refusal::BranchHasChildren { .. } => ErrorCode::BranchHasChildren,
        Refusal::BranchProtected(_) | Refusal::ProjectHasProtected(_) => ErrorCode::BranchProtected,
        Refusal::BranchCannotExpire { .. } | Refusal::BranchExpires { .. } => {
            ErrorCode::BranchCannotExpire
        }
        Refusal::RoleCannotExpire { .. } | Refusal::OwnerExpires(_) => ErrorCode::RoleCannotExpire,
        Refusal::TooManyPasswords { .. } => ErrorCode::RolesLimitExceeded,
        Refusal::PasswordPolicyMoved => ErrorCode::Busy,
        Refusal::MergeConflicts(_) => ErrorCode::MergeConflict,
        Refusal::MergeWithoutOrigin { .. } => ErrorCode::MergeWithoutOrigin,
        Refusal::MergeTooLarge { .. } => ErrorCode::MergeTooLarge,
        Refusal::BranchNameUnchanged
        | Refusal::DiffWithoutBase(_)
        | Refusal::RestoreWithoutPoint(_)
        | Refusal::RestoreWithoutBackup { .. }
        | Refusal::BranchWithoutParent(_)
        | Refusal::ExpiryOutOfRange { .. } => ErrorCode::InvalidRequest,
        Refusal::SchemaOfThePast => ErrorCode::NotSupported,
        Refusal::EndpointAsleep(_) => ErrorCode::EndpointAsleep,
        Refusal::EndpointAttached(_) => ErrorCode::EndpointAttached,
        Refusal::PgVersionNotInstalled { .. } => ErrorCode::PgVersionNotInstalled,
        Refusal::PortsExhausted => ErrorCode::EndpointsLimitExceeded,
        Refusal::TimeOutsideHistory { .. }
        | Refusal::HistoryTrimmed { .. }
        | Refusal::PointOutsideHistory { .. }
        | Refusal::LsnWithoutBranch(_)
        | Refusal::LsnOutsideHistory { .. }
        | Refusal::LsnUnknown { .. } => ErrorCode::WrongLsnOrTimestamp,
    }
}

fn code_of_credential(refusal: &CredentialRefusal) -> ErrorCode {
    match refusal {
        CredentialRefusal::Missing(_) | CredentialRefusal::NoCredential(_) => {
            ErrorCode::CredentialNotFound
        }
        CredentialRefusal::RotationMissing(_) => ErrorCode::RotationNotFound,
        CredentialRefusal::RotationUnderWay(_) => ErrorCode::RotationUnderWay,
        CredentialRefusal::RotationBeyond { .. } => ErrorCode::RotationBeyond,
        CredentialRefusal::NoDatabase(_) => ErrorCode::DatabaseNotFound,
        CredentialRefusal::IsDefault(_) => ErrorCode::CredentialIsDefault,
        CredentialRefusal::RoleIsOriginal { .. } => ErrorCode::RoleIsOriginal,
        CredentialRefusal::OriginalExpires(_) => ErrorCode::RoleCannotExpire,
        CredentialRefusal::TooMany => ErrorCode::CredentialsLimitExceeded,
    }
}

fn code_of_drift(refusal: &DriftRefusal) -> ErrorCode {
    match refusal {
        DriftRefusal::Missing(_) => ErrorCode::DriftNotFound,
        DriftRefusal::NotAdoptable(_) => ErrorCode::DriftNotAdoptable,
        DriftRefusal::NotRevertible(_) => ErrorCode::DriftNotRevertible,
        DriftRefusal::Moved => ErrorCode::Busy,
        DriftRefusal::PolicyImpossible(..) => ErrorCode::InvalidRequest,
    }
}

fn code_of_webhook(refusal: &WebhookRefusal) -> ErrorCode {
    match refusal {
        WebhookRefusal::Missing(_) => ErrorCode::WebhookNotFound,
        WebhookRefusal::EventMissing(_) => ErrorCode::EventNotFound,
        WebhookRefusal::Target(_) => ErrorCode::WebhookTargetRefused,
        WebhookRefusal::TooMany
        | WebhookRefusal::TooManySecrets
        | WebhookRefusal::TooManyResends => ErrorCode::WebhooksLimitExceeded,
        WebhookRefusal::Disabled(_) => ErrorCode::WebhookDisabled,
        WebhookRefusal::ReplayOutOfRange => ErrorCode::InvalidRequest,
    }
}

impl From<NameError> for ApiError {
    fn from(error: NameError) -> Self {
        let code = match error {
            NameError::Reserved { .. } => ErrorCode::NameReserved,
            NameError::Empty { .. }
            | NameError::TooLong { .. }
            | NameError::ControlCharacter { .. }
            | NameError::OuterBlank { .. }
            | NameError::Step { .. }
            | NameError::NotPlain { .. } => ErrorCode::InvalidRequest,
        };
        Self::told(code, error)
    }
}

impl From<KeyNameError> for ApiError {
    fn from(error: KeyNameError) -> Self {
        Self::invalid(error)
    }
}

impl From<EmailError> for ApiError {
    fn from(error: EmailError) -> Self {
        Self::invalid(error)
    }
}

impl From<TitleError> for ApiError {
    fn from(error: TitleError) -> Self {
        Self::invalid(error)
    }
}

impl From<PgVersionError> for ApiError {
    fn from(error: PgVersionError) -> Self {
        Self::invalid(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::name::RoleName;

    fn of_name(text: &str) -> ErrorCode {
        ApiError::from(text.parse::<RoleName>().expect_err("a refused name")).code()
    }

    #[test]
    fn a_reserved_name_is_told_apart_from_an_impossible_one() {
        assert_eq!(of_name("web_access"), ErrorCode::NameReserved);
        assert_eq!(of_name(""), ErrorCode::InvalidRequest);
        assert_eq!(of_name(&"x".repeat(64)), ErrorCode::InvalidRequest);
    }

    #[test]
    fn a_refusal_is_told_in_its_own_words() {
        let name: RoleName = "sally".parse().expect("a name");
        let error = ApiError::from(Refusal::RoleMissing(name));
        assert_eq!(error.code(), ErrorCode::RoleNotFound);
        assert_eq!(error.message(), "role not found; role_name:\"sally\"");
    }

    #[test]
    fn an_impossible_id_reads_as_an_unknown_one_and_is_not_repeated_at_length() {
        let error = ApiError::unknown(
            ErrorCode::BranchNotFound,
            "branch",
            "branch_id",
            &"x".repeat(10_000),
        );
        assert!(error.message().starts_with("branch not found; branch_id:\"xxx"));
        assert!(error.message().len() < 200);
    }
}
