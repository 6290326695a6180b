//! Who is calling, and where projects can be.

use axum::extract::State;

use crate::api::answer::{Answer, Found};
use crate::api::extract::InOrganization;
use crate::api::keys::{Opened, Person};
use crate::control::{Caller, ControlPlane};
use crate::model::key::Scope;
use crate::wire::neon::account::{
    AuthDetails, CurrentUser, Organization, OrganizationsAnswer, RegionsAnswer,
};
use crate::wire::time::Time;

/// Shows the person to whom the server belongs.
pub(super) async fn get_current_user_info(
    State(control): State<ControlPlane>,
    _: Person,
) -> Answer<CurrentUser> {
    Ok(Found(CurrentUser::since(Time(control.began_at()?))))
}

/// Lists the organizations, of which there is one.
pub(super) async fn get_current_user_organizations(
    State(control): State<ControlPlane>,
    _: Person,
) -> Answer<OrganizationsAnswer> {
    let organizations = vec![Organization::since(Time(control.began_at()?))];
    Ok(Found(OrganizationsAnswer { organizations }))
}

/// Shows the organization.
pub(super) async fn get_organization(
    State(control): State<ControlPlane>,
    _: InOrganization,
) -> Answer<Organization> {
    Ok(Found(Organization::since(Time(control.began_at()?))))
}

/// Says with what kind of key the request came.
pub(super) async fn get_auth_details(_: Caller, Opened(scope): Opened) -> Found<AuthDetails> {
    Found(match scope {
        Scope::Account => AuthDetails::of_person(),
        Scope::Organization | Scope::Project(_) => AuthDetails::of_organization(),
    })
}

/// Lists the regions, of which there is one.
pub(super) async fn get_active_regions(_: Caller) -> Found<RegionsAnswer> {
    Found(RegionsAnswer::here())
}
