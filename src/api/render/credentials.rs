//! The credentials of a database.

use axum::extract::State;

use crate::api::answer::{Accepted, Answer, Found};
use crate::api::body::Body;
use crate::api::error::ApiError;
use crate::api::extract::{InPostgres, InPostgresUser};
use crate::control::credentials::Credential;
use crate::control::{Asker, Caller, ControlPlane, ShownRole, Told};
use crate::model::name::RoleName;
use crate::wire::render::credentials::{Nothing, PostgresUser, PostgresUserRequest, PostgresUsers};

/// Lists the credentials of a database.
pub(super) async fn list_postgres_users(
    State(control): State<ControlPlane>,
    _: Caller,
    InPostgres(at): InPostgres,
) -> Answer<PostgresUsers> {
    let shown = |credential| {
        let Credential { role, is_default, open_sessions } = credential;
        PostgresUser::new(role, is_default, open_sessions)
    };
    let listed = control.list_credentials(&at).await?;
    Ok(Found(listed.into_iter().map(shown).collect()))
}

/// Creates a credential, makes it the default, and shows its password.
pub(super) async fn create_postgres_user(
    State(control): State<ControlPlane>,
    asker: Asker,
    InPostgres(at): InPostgres,
    Body(PostgresUserRequest { username }): Body<PostgresUserRequest>,
) -> Result<Told<Accepted<PostgresUser>>, ApiError> {
    let username = username.as_deref().map(RoleName::parse_plain).transpose()?;
    let created = control.create_credential(&asker, &at, username).await?;
    Ok(created.map(|ShownRole { role, password, operations: _ }| {
        // When it was created, nobody could have used it yet.
        Accepted(PostgresUser::new(role, true, Some(0)).with_password(password.as_ref()))
    }))
}

/// Deletes a credential; the original one only loses its login.
pub(super) async fn delete_postgres_user(
    State(control): State<ControlPlane>,
    caller: Caller,
    InPostgresUser(at, username): InPostgresUser,
) -> Answer<Nothing> {
    control.delete_credential(&caller, &at, &username).await?;
    Ok(Found(Nothing {}))
}

/// Makes a credential the default.
pub(super) async fn promote_postgres_user(
    State(control): State<ControlPlane>,
    caller: Caller,
    InPostgresUser(at, username): InPostgresUser,
) -> Answer<PostgresUser> {
    let (role, _) = control.promote_credential(&caller, &at, &username).await?;
    Ok(Found(PostgresUser::new(role, true, None)))
}
