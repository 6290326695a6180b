//! Holdings: what a role owns and was granted, as any database can tell of all.

use tokio_postgres::types::Type;

use crate::compute::error::ComputeError;
use crate::compute::postgres::Session;
use crate::compute::postgres::observe::{get, name};
use crate::model::name::RoleName;
use crate::model::preview::Holding;

const HOLDINGS: &str = "SELECT textsend(coalesce(d.datname::text, '')), \
     count(DISTINCT (s.classid, s.objid)) FILTER (WHERE s.deptype = 'o')::int4, \
     count(DISTINCT (s.classid, s.objid)) FILTER (WHERE s.deptype <> 'o')::int4 \
     FROM pg_shdepend s JOIN pg_roles r ON r.oid = s.refobjid \
     LEFT JOIN pg_database d ON d.oid = s.dbid \
     WHERE s.refclassid = 'pg_authid'::regclass AND r.rolname = $1::text \
     GROUP BY 1 ORDER BY 1";

pub(super) async fn holdings(
    session: &mut Session,
    role: &RoleName,
) -> Result<Vec<Holding>, ComputeError> {
    let rows = session.query(HOLDINGS, &[(&role.as_str(), Type::TEXT)]).await?;
    let count = |row, column| get::<i32>(row, column).map(i32::cast_unsigned);
    rows.iter()
        .map(|row| {
            let database = Some(name(row, 0)?).filter(|name| !name.is_empty());
            Ok(Holding { database, owned: count(row, 1)?, granted: count(row, 2)? })
        })
        .collect()
}
