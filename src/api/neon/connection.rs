//! How to connect to a branch.

use axum::extract::State;

use crate::api::answer::{Answer, Found};
use crate::api::error::ApiError;
use crate::api::extract::{InProject, branch_id, database_name, role_name};
use crate::api::query::Query;
use crate::control::{Caller, Connection, ConnectionQuery, ControlPlane};
use crate::model::endpoint::authority;
use crate::model::secret::Password;
use crate::wire::neon::connection::{ConnectionDetails, ConnectionParameters, ConnectionUriAnswer};
use crate::wire::neon::error::ErrorCode;
use crate::wire::secret::Secret;

/// Shows the connection string of a role and a database of a branch.
pub(super) async fn get_connection_uri(
    State(control): State<ControlPlane>,
    _: Caller,
    InProject(project): InProject,
    query: Query,
) -> Answer<ConnectionUriAnswer> {
    let asked = asked(&query)?;
    let connection = control.connection(&project, &asked)?;
    Ok(Found(ConnectionUriAnswer { uri: Secret::from(&connection.uri()) }))
}

fn asked(query: &Query) -> Result<ConnectionQuery, ApiError> {
    // There is no pooler, so both answers are the same; but nonsense is still nonsense.
    query.flag("pooled")?;
    let endpoint = query.text("endpoint_id").map(|text| {
        text.parse().map_err(|_| {
            ApiError::unknown(ErrorCode::EndpointNotFound, "endpoint", "endpoint_id", text)
        })
    });
    Ok(ConnectionQuery {
        branch: query.text("branch_id").map(branch_id).transpose()?,
        endpoint: endpoint.transpose()?,
        database: database_name(query.required("database_name")?)?,
        role: role_name(query.required("role_name")?)?,
    })
}

/// Shows a connection with its parts. Where its password is not kept, the password is empty.
pub(super) fn details(connection: &Connection) -> ConnectionDetails {
    let Connection { role, password, host, port, database, tls: _ } = connection;
    let nothing = Password::new("");
    let authority = authority(host, *port);
    ConnectionDetails {
        connection_uri: Secret::from(&connection.uri()),
        connection_parameters: ConnectionParameters {
            database: database.to_string(),
            password: Secret::from(password.as_ref().unwrap_or(&nothing)),
            role: role.to_string(),
            host: authority.clone(),
            pooler_host: authority,
            hostname: host.clone(),
            port: *port,
        },
    }
}
