//! Sessions: who is connected, as Postgres itself lists it.

use tokio_postgres::types::Type;

use crate::compute::error::ComputeError;
use crate::compute::postgres::Session;
use crate::compute::postgres::observe::{get, name};
use crate::model::name::RoleName;
use crate::model::revision::Timestamp;
use crate::model::session::Sessions;

/// Parallel workers belong to a session that is listed, too. From where sessions come and since when
/// they are open is told of the roles of which the administrator is a member.
const SESSIONS: &str = "SELECT textsend(usename::text), textsend(coalesce(application_name, '')), \
     host(client_addr), count(*)::int4, \
     (extract(epoch FROM min(backend_start)) * 1000000)::bigint, \
     textsend(coalesce(datname::text, '')) \
     FROM pg_stat_activity \
     WHERE usename IS NOT NULL AND pid <> pg_backend_pid() AND leader_pid IS NULL \
     GROUP BY usename, coalesce(application_name, ''), client_addr, datname \
     ORDER BY usename, 2, 3, datname";

const END: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
     WHERE usename = $1::text AND pid <> pg_backend_pid()";

pub(super) async fn end_sessions(
    session: &mut Session,
    role: &RoleName,
) -> Result<(), ComputeError> {
    if let Some(grant) = session.membership(role.as_str()) {
        session.run(&grant).await?;
    }
    session.query(END, &[(&role.as_str(), Type::TEXT)]).await?;
    Ok(())
}

pub(super) async fn sessions(session: &mut Session) -> Result<Vec<Sessions>, ComputeError> {
    let rows = session.query(SESSIONS, &[]).await?;
    rows.iter()
        .map(|row| {
            let address: Option<String> = get(row, 2)?;
            let oldest: Option<i64> = get(row, 4)?;
            Ok(Sessions {
                role: name(row, 0)?,
                database: name(row, 5)?,
                application: name(row, 1)?,
                address: address.and_then(|text| text.parse().ok()),
                count: u32::try_from(get::<i32>(row, 3)?).unwrap_or_default(),
                oldest: oldest.and_then(Timestamp::from_timestamp_micros),
            })
        })
        .collect()
}
