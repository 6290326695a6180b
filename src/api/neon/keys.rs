//! API keys: the person's, and the organization's.

use axum::extract::State;

use crate::api::answer::{Answer, Found};
use crate::api::body::Body;
use crate::api::error::ApiError;
use crate::api::extract::{InKey, InOrganization};
use crate::api::keys::Person;
use crate::control::{Asker, ControlPlane, KeyOwner, Told};
use crate::model::id::ProjectId;
use crate::model::key::Scope;
use crate::wire::neon::error::ErrorCode;
use crate::wire::neon::keys::{
    CreatedKey, KeyCreateRequest, ListedKey, OrgKeyCreateRequest, RevokedKey,
};

/// Lists the person's keys.
pub(super) async fn list_api_keys(
    State(control): State<ControlPlane>,
    _: Person,
) -> Answer<Vec<ListedKey>> {
    listed(&control, KeyOwner::Person)
}

/// Creates a key of the person's.
pub(super) async fn create_api_key(
    State(control): State<ControlPlane>,
    _: Person,
    asker: Asker,
    Body(KeyCreateRequest { key_name }): Body<KeyCreateRequest>,
) -> Result<Told<Found<CreatedKey>>, ApiError> {
    let created = control.create_key(&asker, key_name.parse()?, Scope::Account).await?;
    Ok(created.map(|(key, text)| Found(CreatedKey::new(key, &text))))
}

/// Revokes a key of the person's.
pub(super) async fn revoke_api_key(
    State(control): State<ControlPlane>,
    Person(caller): Person,
    InKey(id): InKey,
) -> Answer<RevokedKey> {
    Ok(Found(control.revoke_key(&caller, KeyOwner::Person, id).await?.into()))
}

/// Lists the organization's keys.
pub(super) async fn list_org_api_keys(
    State(control): State<ControlPlane>,
    _: InOrganization,
) -> Answer<Vec<ListedKey>> {
    listed(&control, KeyOwner::Organization)
}

/// Creates a key of the organization's, for all projects or for one.
pub(super) async fn create_org_api_key(
    State(control): State<ControlPlane>,
    _: InOrganization,
    asker: Asker,
    Body(OrgKeyCreateRequest { key_name, project_id }): Body<OrgKeyCreateRequest>,
) -> Result<Told<Found<CreatedKey>>, ApiError> {
    let scope = project_id.as_deref().map(project).transpose()?;
    let scope = scope.map_or(Scope::Organization, Scope::Project);
    let created = control.create_key(&asker, key_name.parse()?, scope).await?;
    Ok(created.map(|(key, text)| Found(CreatedKey::new(key, &text))))
}

/// Revokes a key of the organization's.
pub(super) async fn revoke_org_api_key(
    State(control): State<ControlPlane>,
    InOrganization(caller): InOrganization,
    InKey(id): InKey,
) -> Answer<RevokedKey> {
    Ok(Found(control.revoke_key(&caller, KeyOwner::Organization, id).await?.into()))
}

fn listed(control: &ControlPlane, owner: KeyOwner) -> Answer<Vec<ListedKey>> {
    Ok(Found(control.list_keys(owner)?.into_iter().map(ListedKey::from).collect()))
}

fn project(text: &str) -> Result<ProjectId, ApiError> {
    text.parse()
        .map_err(|_| ApiError::unknown(ErrorCode::ProjectNotFound, "project", "project_id", text))
}
