//! Endpoints of a project.

use axum::extract::State;

use crate::api::answer::{Answer, Created, Deleted, Found};
use crate::api::body::Body;
use crate::api::error::ApiError;
use crate::api::extract::{InEndpoint, InProject, branch_id};
use crate::api::neon::tuning::Limits;
use crate::api::neon::unserved;
use crate::control::{
    Asker, AttachRequest, BranchRef, Caller, ControlPlane, EndpointRequest, Told,
};
use crate::model::endpoint::{self, TlsMode, TuningChange};
use crate::model::id::ProjectId;
use crate::model::name::PG_NAME_MAX_BYTES;
use crate::model::operation;
use crate::wire::neon::endpoints::{
    Endpoint, EndpointAnswer, EndpointCreateRequest, EndpointOperations, EndpointUpdate,
    EndpointUpdateRequest, EndpointsAnswer, NewAttachment, NewEndpoint,
};
use crate::wire::neon::error::ErrorCode;
use crate::wire::neon::operations::Operation;

/// The longest name of a host.
const HOST_MAX_BYTES: usize = 253;

/// The longest password that a Postgres is asked with.
const PASSWORD_MAX_BYTES: usize = 1024;

/// The port of a Postgres when nobody says.
const POSTGRES_PORT: u16 = 5432;

/// The database to which an administrator connects when nobody says.
const POSTGRES_DATABASE: &str = "postgres";

/// Lists the endpoints of a project.
pub(super) async fn list_project_endpoints(
    State(control): State<ControlPlane>,
    _: Caller,
    InProject(project): InProject,
) -> Answer<EndpointsAnswer> {
    let endpoints = control.list_endpoints(&project)?.into_iter();
    let endpoints = endpoints.map(|endpoint| reached(&control, &project, endpoint)).collect();
    Ok(Found(EndpointsAnswer { endpoints }))
}

/// Creates the endpoint of a branch.
pub(super) async fn create_project_endpoint(
    State(control): State<ControlPlane>,
    asker: Asker,
    InProject(project): InProject,
    Body(EndpointCreateRequest { endpoint }): Body<EndpointCreateRequest>,
) -> Result<Told<Created<EndpointOperations>>, ApiError> {
    let request = request(endpoint)?;
    let created = control.create_endpoint(&asker, &project, request).await?;
    Ok(created.map(|created| Created(shown(&project, created))))
}

/// Shows an endpoint of a project.
pub(super) async fn get_project_endpoint(
    State(control): State<ControlPlane>,
    _: Caller,
    InEndpoint(at): InEndpoint,
) -> Answer<EndpointAnswer> {
    let endpoint = control.get_endpoint(&at)?;
    Ok(Found(EndpointAnswer { endpoint: reached(&control, &at.project, endpoint) }))
}

/// Deletes an endpoint of a project.
pub(super) async fn delete_project_endpoint(
    State(control): State<ControlPlane>,
    caller: Caller,
    endpoint: Result<InEndpoint, ApiError>,
) -> Result<Deleted<EndpointOperations>, ApiError> {
    let delete = async {
        let InEndpoint(at) = endpoint?;
        let changed = control.delete_endpoint(&caller, &at).await?;
        Ok(shown(&at.project, changed))
    };
    Deleted::unless(ErrorCode::EndpointNotFound, delete.await)
}

/// Asks for an endpoint to run.
pub(super) async fn start_project_endpoint(
    State(control): State<ControlPlane>,
    asker: Asker,
    InEndpoint(at): InEndpoint,
) -> Result<Told<Found<EndpointOperations>>, ApiError> {
    let changed = control.start_endpoint(&asker, &at).await?;
    Ok(changed.map(|changed| Found(shown(&at.project, changed))))
}

/// Asks for an endpoint to stop.
pub(super) async fn suspend_project_endpoint(
    State(control): State<ControlPlane>,
    asker: Asker,
    InEndpoint(at): InEndpoint,
) -> Result<Told<Found<EndpointOperations>>, ApiError> {
    let changed = control.suspend_endpoint(&asker, &at).await?;
    Ok(changed.map(|changed| Found(shown(&at.project, changed))))
}

/// Changes what clients tune of an endpoint.
pub(super) async fn update_project_endpoint(
    State(control): State<ControlPlane>,
    caller: Caller,
    InEndpoint(at): InEndpoint,
    Body(EndpointUpdateRequest { endpoint }): Body<EndpointUpdateRequest>,
) -> Answer<EndpointOperations> {
    let found = control.get_endpoint(&at)?;
    unserved::refuse_other(
        "endpoint.branch_id",
        endpoint.branch_id.as_deref(),
        found.branch.as_str(),
    )?;
    let changed = control.update_endpoint(&caller, &at, change(&endpoint)?).await?;
    Ok(Found(shown(&at.project, changed)))
}

/// Asks for an endpoint to stop and run again.
pub(super) async fn restart_project_endpoint(
    State(control): State<ControlPlane>,
    asker: Asker,
    InEndpoint(at): InEndpoint,
) -> Result<Told<Found<EndpointOperations>>, ApiError> {
    let changed = control.restart_endpoint(&asker, &at).await?;
    Ok(changed.map(|changed| Found(shown(&at.project, changed))))
}

/// Shows an endpoint, and whether its Postgres can be reached.
pub(super) fn reached(
    control: &ControlPlane,
    project: &ProjectId,
    endpoint: endpoint::Endpoint,
) -> Endpoint {
    let at = BranchRef { project: project.clone(), branch: endpoint.branch.clone() };
    Endpoint::new(project, endpoint).with_circuit(control.circuit(&at))
}

fn change(update: &EndpointUpdate) -> Result<TuningChange, ApiError> {
    unserved::refuse_set("endpoint.settings", update.settings.as_ref())?;
    unserved::refuse_on("endpoint.pooler_enabled", update.pooler_enabled)?;
    unserved::refuse_on("endpoint.disabled", update.disabled)?;
    Limits {
        min_cu: update.autoscaling_limit_min_cu,
        max_cu: update.autoscaling_limit_max_cu,
        suspend_timeout_seconds: update.suspend_timeout_seconds,
    }
    .change()
}

/// Checks what every request for an endpoint may say, and returns what it tunes.
pub(super) fn tuning(new: &NewEndpoint) -> Result<TuningChange, ApiError> {
    unserved::refuse_other("endpoint.type", Some(&new.kind), "read_write")?;
    unserved::refuse_set("endpoint.settings", new.settings.as_ref())?;
    unserved::refuse_on("endpoint.pooler_enabled", new.pooler_enabled)?;
    unserved::refuse_on("endpoint.disabled", new.disabled)?;
    Limits {
        min_cu: new.autoscaling_limit_min_cu,
        max_cu: new.autoscaling_limit_max_cu,
        suspend_timeout_seconds: new.suspend_timeout_seconds,
    }
    .change()
}

fn request(new: NewEndpoint) -> Result<EndpointRequest, ApiError> {
    let tuning = tuning(&new)?;
    let branch = new
        .branch_id
        .as_deref()
        .ok_or_else(|| ApiError::invalid("invalid request: endpoint: missing field `branch_id`"))?;
    Ok(EndpointRequest {
        branch: branch_id(branch)?,
        attached: new.attached.map(attachment).transpose()?,
        tuning,
    })
}

fn attachment(new: NewAttachment) -> Result<AttachRequest, ApiError> {
    let NewAttachment { host, port, database, user, password, sslmode } = new;
    let database = database.unwrap_or_else(|| POSTGRES_DATABASE.to_owned());
    check_text("host", &host, HOST_MAX_BYTES)?;
    check_text("database", &database, PG_NAME_MAX_BYTES)?;
    check_text("user", &user, PG_NAME_MAX_BYTES)?;
    check_text("password", password.reveal(), PASSWORD_MAX_BYTES)?;
    // A path would be a socket of this machine, behind which the password is not asked for.
    if !host.chars().all(|c| c.is_ascii_alphanumeric() || ".-_:".contains(c)) {
        return Err(ApiError::invalid(
            "endpoint.attached.host must be the name or the address of a host",
        ));
    }
    let port = port.unwrap_or(POSTGRES_PORT);
    if port == 0 {
        return Err(ApiError::invalid("endpoint.attached.port must be from 1 to 65535"));
    }
    Ok(AttachRequest {
        host,
        port,
        database,
        user,
        password: password.into(),
        tls: tls_mode(sslmode.as_deref())?,
    })
}

fn check_text(field: &str, text: &str, max_bytes: usize) -> Result<(), ApiError> {
    let field = format_args!("endpoint.attached.{field}");
    if text.trim().is_empty() {
        return Err(ApiError::invalid(format_args!("{field} is empty")));
    }
    if max_bytes < text.len() || text.chars().any(char::is_control) {
        return Err(ApiError::invalid(format_args!(
            "{field} must have at most {max_bytes} bytes, and no control characters"
        )));
    }
    Ok(())
}

fn tls_mode(sslmode: Option<&str>) -> Result<TlsMode, ApiError> {
    // An administrator's password is never sent in the clear unless somebody says so.
    let Some(word) = sslmode else { return Ok(TlsMode::Require) };
    [TlsMode::Disable, TlsMode::Require, TlsMode::VerifyFull]
        .into_iter()
        .find(|mode| mode.as_str() == word)
        .ok_or_else(|| {
            ApiError::invalid(
                "endpoint.attached.sslmode must be `disable`, `require` or `verify-full`",
            )
        })
}

fn shown(
    project: &ProjectId,
    (endpoint, operations): (endpoint::Endpoint, Vec<operation::Operation>),
) -> EndpointOperations {
    EndpointOperations {
        endpoint: Endpoint::new(project, endpoint),
        operations: Operation::list(project, operations),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn parsed(endpoint: Value) -> Result<EndpointRequest, ApiError> {
        request(serde_json::from_value(endpoint).expect("a well-formed endpoint"))
    }

    fn attached(attached: &Value) -> Result<AttachRequest, ApiError> {
        let endpoint = json!({ "branch_id": "br-a", "type": "read_write", "attached": attached });
        Ok(parsed(endpoint)?.attached.expect("an attachment"))
    }

    #[test]
    fn an_attachment_is_encrypted_unless_somebody_says_otherwise() {
        let new = json!({ "host": "db.example.com", "user": "admin", "password": "pw" });
        let request = attached(&new).expect("an attachment");
        assert_eq!((request.port, request.database.as_str()), (5432, "postgres"));
        assert_eq!(request.tls, TlsMode::Require);
        let new = json!({ "host": "h", "user": "u", "password": "p", "sslmode": "disable" });
        assert_eq!(attached(&new).expect("an attachment").tls, TlsMode::Disable);
    }

    #[test]
    fn an_attachment_that_cannot_be_reached_is_refused() {
        for new in [
            json!({ "host": " ", "user": "u", "password": "p" }),
            json!({ "host": "/var/run/postgresql", "user": "u", "password": "p" }),
            json!({ "host": "@abstract", "user": "u", "password": "p" }),
            json!({ "host": "h".repeat(254), "user": "u", "password": "p" }),
            json!({ "host": "h", "user": "u".repeat(64), "password": "p" }),
            json!({ "host": "h", "user": "u", "password": "p".repeat(1025) }),
            json!({ "host": "h", "user": "u", "password": "p", "database": "a\0b" }),
            json!({ "host": "h", "user": "", "password": "p" }),
            json!({ "host": "h", "user": "u", "password": "p", "port": 0 }),
            json!({ "host": "h", "user": "u", "password": "p", "sslmode": "prefer" }),
        ] {
            let error = attached(&new).expect_err("a refusal");
            assert!(error.message().starts_with("endpoint.attached."), "{}", error.message());
        }
    }

    #[test]
    fn what_an_endpoint_would_not_do_is_refused() {
        for (field, value) in [
            ("type", json!("read_only")),
            ("disabled", json!(true)),
            ("pooler_enabled", json!(true)),
            ("settings", json!({ "pg_settings": { "fsync": "off" } })),
        ] {
            let mut endpoint = json!({ "branch_id": "br-a", "type": "read_write" });
            endpoint[field] = value;
            let error = parsed(endpoint).expect_err("a refusal");
            assert_eq!(error.code(), ErrorCode::NotSupported, "{field}");
        }
    }
}
