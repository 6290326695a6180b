//! What a request's path names, parsed.
//!
//! A text that is no id or name of its kind names nothing, so it is answered like one that is
//! unknown, and only if what should hold the thing is there.

mod webhook;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;

use crate::api::Api;
use crate::api::error::ApiError;
use crate::api::keys::{self, Member};
use crate::control::{BranchRef, Caller, EndpointRef};
use crate::model::account::ORGANIZATION;
use crate::model::drift::DriftId;
use crate::model::id::{BranchId, OperationId, ProjectId};
use crate::model::key::KeyId;
use crate::model::name::{DatabaseName, RoleName};
use crate::model::permission::PermissionId;
use crate::model::rotation::RotationId;
use crate::wire::neon::error::ErrorCode;

pub(super) use webhook::{InEvent, InWebhook, InWebhookEvent};

/// A project, by `project_id`.
#[derive(Clone, Debug)]
pub(super) struct InProject(pub ProjectId);

/// A branch inside its project, by `branch_id`.
#[derive(Clone, Debug)]
pub(super) struct InBranch(pub BranchRef);

/// An endpoint inside its project, by `endpoint_id`.
#[derive(Clone, Debug)]
pub(super) struct InEndpoint(pub EndpointRef);

/// An operation inside its project, by `operation_id`.
#[derive(Clone, Debug)]
pub(super) struct InOperation(pub ProjectId, pub OperationId);

/// A role inside its branch, by `role_name`.
#[derive(Clone, Debug)]
pub(super) struct InRole(pub BranchRef, pub RoleName);

/// A branch of any project that the key opens, by `postgres_id`: its id in Render's form, or ours.
#[derive(Clone, Debug)]
pub(super) struct InPostgres(pub BranchRef);

/// A role of a branch, by `username`.
#[derive(Clone, Debug)]
pub(super) struct InCredential(pub BranchRef, pub RoleName);

/// A rotation of a branch, by `rotation_id`.
#[derive(Clone, Debug)]
pub(super) struct InRotation(pub BranchRef, pub RotationId);

/// A drift of a branch, by `drift_id`.
#[derive(Clone, Debug)]
pub(super) struct InDrift(pub BranchRef, pub DriftId);

/// A credential of such a branch, by `username`.
#[derive(Clone, Debug)]
pub(super) struct InPostgresUser(pub BranchRef, pub RoleName);

/// A database inside its branch, by `database_name`.
#[derive(Clone, Debug)]
pub(super) struct InDatabase(pub BranchRef, pub DatabaseName);

impl FromRequestParts<Api> for InProject {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let text = parameter(parts, "project_id").await?;
        let project = text.parse().map_err(|_| {
            ApiError::unknown(ErrorCode::ProjectNotFound, "project", "project_id", &text)
        })?;
        // Every path into a project comes through here.
        api.control.admit(&keys::scope(parts)?, &project)?;
        Ok(Self(project))
    }
}

impl FromRequestParts<Api> for InBranch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let InProject(project) = InProject::from_request_parts(parts, api).await?;
        let text = parameter(parts, "branch_id").await?;
        if let Ok(branch) = text.parse() {
            return Ok(Self(BranchRef { project, branch }));
        }
        api.control.get_project(&project)?;
        Err(ApiError::unknown(ErrorCode::BranchNotFound, "branch", "branch_id", &text))
    }
}

impl FromRequestParts<Api> for InEndpoint {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let InProject(project) = InProject::from_request_parts(parts, api).await?;
        let text = parameter(parts, "endpoint_id").await?;
        if let Ok(endpoint) = text.parse() {
            return Ok(Self(EndpointRef { project, endpoint }));
        }
        api.control.get_project(&project)?;
        Err(ApiError::unknown(ErrorCode::EndpointNotFound, "endpoint", "endpoint_id", &text))
    }
}

impl FromRequestParts<Api> for InOperation {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let InProject(project) = InProject::from_request_parts(parts, api).await?;
        let text = parameter(parts, "operation_id").await?;
        if let Ok(operation) = text.parse() {
            return Ok(Self(project, operation));
        }
        api.control.get_project(&project)?;
        Err(ApiError::unknown(ErrorCode::OperationNotFound, "operation", "operation_id", &text))
    }
}

impl FromRequestParts<Api> for InRole {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let InBranch(at) = InBranch::from_request_parts(parts, api).await?;
        let text = parameter(parts, "role_name").await?;
        if let Ok(role) = role_name(&text) {
            return Ok(Self(at, role));
        }
        api.control.check_branch(&at)?;
        Err(ApiError::unknown(ErrorCode::RoleNotFound, "role", "role_name", &text))
    }
}

impl FromRequestParts<Api> for InDatabase {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let InBranch(at) = InBranch::from_request_parts(parts, api).await?;
        let text = parameter(parts, "database_name").await?;
        if let Ok(name) = database_name(&text) {
            return Ok(Self(at, name));
        }
        api.control.check_branch(&at)?;
        Err(ApiError::unknown(ErrorCode::DatabaseNotFound, "database", "database_name", &text))
    }
}

impl FromRequestParts<Api> for InPostgres {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let text = parameter(parts, "postgres_id").await?;
        let scope = keys::scope(parts)?;
        let found = match (text.parse(), text.parse()) {
            (Ok(alias), _) => api.control.find_by_alias(&scope, alias)?,
            (_, Ok(branch)) => api.control.find_by_branch(&scope, &branch)?,
            (Err(_), Err(_)) => None,
        };
        // Whether it is there or only closed to the key is nobody's business.
        found.map(Self).ok_or_else(|| ApiError::not_found(ErrorCode::BranchNotFound, &text))
    }
}

impl FromRequestParts<Api> for InCredential {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let InBranch(at) = InBranch::from_request_parts(parts, api).await?;
        api.control.check_branch(&at)?;
        Ok(Self(at, username(parts).await?))
    }
}

impl FromRequestParts<Api> for InRotation {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let InBranch(at) = InBranch::from_request_parts(parts, api).await?;
        let text = parameter(parts, "rotation_id").await?;
        if let Ok(rotation) = text.parse() {
            return Ok(Self(at, rotation));
        }
        api.control.check_branch(&at)?;
        Err(ApiError::unknown(ErrorCode::RotationNotFound, "rotation", "rotation_id", &text))
    }
}

impl FromRequestParts<Api> for InDrift {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let InBranch(at) = InBranch::from_request_parts(parts, api).await?;
        api.control.check_branch(&at)?;
        let text = parameter(parts, "drift_id").await?;
        let unknown = |()| ApiError::unknown(ErrorCode::DriftNotFound, "drift", "drift_id", &text);
        text.parse().map(|id| Self(at, id)).map_err(unknown)
    }
}

impl FromRequestParts<Api> for InPostgresUser {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let InPostgres(at) = InPostgres::from_request_parts(parts, api).await?;
        Ok(Self(at, username(parts).await?))
    }
}

async fn username(parts: &mut Parts) -> Result<RoleName, ApiError> {
    let text = parameter(parts, "username").await?;
    let code = ErrorCode::CredentialNotFound;
    RoleName::parse_existing(&*text)
        .map_err(|_| ApiError::unknown(code, "credential", "username", &text))
}

/// The organization, by `org_id`, and a key that opens more than one project of it.
#[derive(Clone, Debug)]
pub(super) struct InOrganization(pub Caller);

/// An API key, by `key_id`.
#[derive(Clone, Copy, Debug)]
pub(super) struct InKey(pub KeyId);

/// A permission on a project, by `permission_id`.
#[derive(Clone, Debug)]
pub(super) struct InPermission(pub ProjectId, pub PermissionId);

impl FromRequestParts<Api> for InOrganization {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let Member(caller) = Member::from_request_parts(parts, api).await?;
        check_organization(&parameter(parts, "org_id").await?)?;
        Ok(Self(caller))
    }
}

impl FromRequestParts<Api> for InKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, ApiError> {
        let text = parameter(parts, "key_id").await?;
        let id = text.parse().map(KeyId);
        id.map(Self)
            .map_err(|_| ApiError::unknown(ErrorCode::KeyNotFound, "API key", "key_id", &text))
    }
}

impl FromRequestParts<Api> for InPermission {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let InProject(project) = InProject::from_request_parts(parts, api).await?;
        let text = parameter(parts, "permission_id").await?;
        if let Ok(id) = text.parse() {
            return Ok(Self(project, PermissionId(id)));
        }
        api.control.get_project(&project)?;
        let (code, kind) = (ErrorCode::PermissionNotFound, "permission");
        Err(ApiError::unknown(code, kind, "permission_id", &text))
    }
}

/// Refuses an organization other than the one that there is.
pub(super) fn check_organization(text: &str) -> Result<(), ApiError> {
    if text == ORGANIZATION {
        return Ok(());
    }
    let (code, kind) = (ErrorCode::OrganizationNotFound, "organization");
    Err(ApiError::unknown(code, kind, "org_id", text))
}

/// Returns the branch that a text names.
pub(super) fn branch_id(text: &str) -> Result<BranchId, ApiError> {
    text.parse()
        .map_err(|_| ApiError::unknown(ErrorCode::BranchNotFound, "branch", "branch_id", text))
}

/// Returns the role that a text names, the system's among them.
pub(super) fn role_name(text: &str) -> Result<RoleName, ApiError> {
    RoleName::parse_existing(text)
        .map_err(|_| ApiError::unknown(ErrorCode::RoleNotFound, "role", "role_name", text))
}

/// Returns the database that a text names.
pub(super) fn database_name(text: &str) -> Result<DatabaseName, ApiError> {
    DatabaseName::parse_existing(text).map_err(|_| {
        ApiError::unknown(ErrorCode::DatabaseNotFound, "database", "database_name", text)
    })
}

/// Returns a parameter of the path, its escapes undone once.
async fn parameter(parts: &mut Parts, wanted: &str) -> Result<String, ApiError> {
    // What is not UTF-8 is the id or name of nothing.
    let params = RawPathParams::from_request_parts(parts, &()).await.map_err(|_| {
        ApiError::told(ErrorCode::NotFound, "the path is not UTF-8 when its escapes are undone")
    })?;
    let found = params.iter().find(|(name, _)| *name == wanted);
    Ok(found.map(|(_, text)| text.to_owned()).expect("a parameter of the route"))
}
