//! Rotations of a branch's default credential, and the change of the default alone.

use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::api::answer::{Answer, Created, Found};
use crate::api::body::Body;
use crate::api::error::ApiError;
use crate::api::extract::{InBranch, InCredential, InRotation};
use crate::control::rotations::{RotationRequest, ShownRotation};
use crate::control::{Asker, BranchRef, Caller, ControlPlane, Told};
use crate::model::name::RoleName;
use crate::model::rotation::{DEFAULT_GRACE_SECONDS, Drain, MAX_GRACE_SECONDS, REASON_MAX_CHARS};
use crate::wire::neon::operations::Operation;
use crate::wire::neon::roles::{Role, RoleOperations};
use crate::wire::neon::rotations::{
    RotateRequest, Rotation, RotationAnswer, RotationOperations, RotationPreview, RotationsAnswer,
};
use crate::wire::secret::Secret;

/// Begins a rotation, and shows the new credential's password; or, where the request only asks what
/// that would do, shows that.
pub(super) async fn rotate_project_branch_credentials(
    State(control): State<ControlPlane>,
    asker: Asker,
    InBranch(at): InBranch,
    Body(request): Body<RotateRequest>,
) -> Result<Response, ApiError> {
    let is_dry = request.dry_run.unwrap_or(false);
    let wanted = asked(request)?;
    if is_dry {
        let preview = control.preview_rotation(&at, wanted.username).await?;
        return Ok(Found(RotationPreview::from(preview)).into_response());
    }
    let begun = control.begin_rotation(&asker, &at, wanted).await?;
    Ok(begun.map(|rotation| Created(shown(&at, rotation))).into_response())
}

fn shown(at: &BranchRef, shown: ShownRotation) -> RotationOperations {
    let ShownRotation { rotation, password, operations } = shown;
    RotationOperations {
        rotation: Rotation::new(&at.project, rotation),
        password: password.as_ref().map(Secret::from),
        operations: Operation::list(&at.project, operations),
    }
}

fn asked(request: RotateRequest) -> Result<RotationRequest, ApiError> {
    let RotateRequest { username, grace_seconds, drain, reason, dry_run: _ } = request;
    let grace_seconds = grace_seconds.unwrap_or(DEFAULT_GRACE_SECONDS);
    if MAX_GRACE_SECONDS < grace_seconds {
        return Err(ApiError::invalid(format_args!(
            "invalid request: grace_seconds: {grace_seconds} is too long; the limit is \
             {MAX_GRACE_SECONDS}"
        )));
    }
    let drain = match drain.as_deref() {
        None => Drain::Wait,
        Some(word) => {
            let known = Drain::ALL.iter().find(|(_, known)| *known == word);
            known.map(|(drain, _)| *drain).ok_or_else(|| {
                ApiError::invalid("invalid request: drain: must be `wait`, `terminate` or `never`")
            })?
        }
    };
    if reason.as_ref().is_some_and(|reason| REASON_MAX_CHARS < reason.chars().count()) {
        return Err(ApiError::invalid(format_args!(
            "invalid request: reason: give at most {REASON_MAX_CHARS} characters"
        )));
    }
    let username = username.as_deref().map(RoleName::parse_plain).transpose()?;
    Ok(RotationRequest { username, drain, grace_seconds, reason })
}

/// Lists the rotations of a branch.
pub(super) async fn list_project_branch_rotations(
    State(control): State<ControlPlane>,
    _: Caller,
    InBranch(at): InBranch,
) -> Answer<RotationsAnswer> {
    let rotations = control.list_rotations(&at)?.into_iter();
    let rotations = rotations.map(|rotation| Rotation::new(&at.project, rotation)).collect();
    Ok(Found(RotationsAnswer { rotations }))
}

/// Shows a rotation, and who is connected as the credential that goes.
pub(super) async fn get_project_branch_rotation(
    State(control): State<ControlPlane>,
    _: Caller,
    InRotation(at, id): InRotation,
) -> Answer<RotationAnswer> {
    let (rotation, sessions) = control.get_rotation(&at, id).await?;
    let connections = sessions.map(Into::into);
    Ok(Found(RotationAnswer { rotation: Rotation::new(&at.project, rotation), connections }))
}

/// Ends the waiting for the sessions of the credential that goes.
pub(super) async fn complete_project_branch_rotation(
    State(control): State<ControlPlane>,
    asker: Asker,
    InRotation(at, id): InRotation,
) -> Result<Told<Found<RotationOperations>>, ApiError> {
    let completed = control.complete_rotation(&asker, &at, id).await?;
    Ok(completed.map(|rotation| Found(shown(&at, rotation))))
}

/// Makes the credential that was to go the default again.
pub(super) async fn abort_project_branch_rotation(
    State(control): State<ControlPlane>,
    asker: Asker,
    InRotation(at, id): InRotation,
) -> Result<Told<Found<RotationOperations>>, ApiError> {
    let aborted = control.abort_rotation(&asker, &at, id).await?;
    Ok(aborted.map(|rotation| Found(shown(&at, rotation))))
}

/// Makes a role the default credential.
pub(super) async fn set_default_project_branch_credential(
    State(control): State<ControlPlane>,
    caller: Caller,
    InCredential(at, name): InCredential,
) -> Answer<RoleOperations> {
    let (role, operations) = control.promote_credential(&caller, &at, &name).await?;
    Ok(Found(RoleOperations {
        role: Role::new(&at.branch, role),
        operations: Operation::list(&at.project, operations),
    }))
}
