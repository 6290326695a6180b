//! Observing: what a Postgres has, Offshoot's marks among the rest.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};

use crate::compute::error::ComputeError;
use crate::compute::postgres::Session;
use crate::model::database::DatabaseId;
use crate::model::id::BranchId;
use crate::model::name::{DatabaseName, RoleName};
use crate::model::revision::{Revision, Timestamp};
use crate::model::role::Login;
use crate::model::scram;
use crate::plan::observed::{
    DatabaseMark, Observed, ObservedDatabase, ObservedPassword, ObservedRole, Oid, Privilege,
    RoleMark, VerifierDigest,
};

// Names are read as bytes: those that others made may be no UTF-8. Such a name comes out as one
// that no catalog can have, so that nothing is ever done to it, and nobody can adopt it.

/// Stands for the bytes of a name that are no UTF-8.
const SUBSTITUTE: &str = "\u{1a}";

/// What everybody may read of roles. Times that are none lie as far away as can be said, and so do
/// those of which there is no saying: Postgres has thirty years more than microseconds have bits.
const ROLES: &str = "SELECT textsend(rolname::text), oid, rolcanlogin, rolsuper, rolcreatedb, \
     rolcreaterole, rolinherit, rolreplication, rolbypassrls, rolconnlimit, \
     CASE WHEN isfinite(rolvaliduntil) \
         THEN least(extract(epoch FROM rolvaliduntil) * 1000000, 9223372036854775807)::bigint \
         WHEN rolvaliduntil < now() THEN 0 END FROM pg_roles";

/// What only superusers may.
const PASSWORDS: &str = "SELECT oid, rolpassword FROM pg_authid WHERE rolpassword IS NOT NULL";

const MEMBERSHIPS: &str = "SELECT DISTINCT member, roleid FROM pg_auth_members";

const DATABASES: &str = "SELECT textsend(d.datname::text), d.oid, textsend(r.rolname::text), \
     d.datallowconn AND d.datconnlimit <> -2 \
     FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba";

const TABLESPACES: &str = "SELECT textsend(spcname::text), spcowner FROM pg_tablespace";

/// Whether the schema of marks and all in it is the administrator's own, whether nothing in it acts
/// when marks are written or hides any, and whether it has its tables. That a superuser may do
/// everything with it proves nothing.
const SCHEMA: &str = "WITH me AS (SELECT oid FROM pg_roles WHERE rolname = current_user), \
     ours AS (SELECT c.* FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = 'offshoot') \
     SELECT nspowner = (SELECT oid FROM me) \
         AND NOT EXISTS (SELECT FROM ours WHERE relowner <> (SELECT oid FROM me)), \
     NOT EXISTS (SELECT FROM ours WHERE relkind NOT IN ('r', 'i') OR relforcerowsecurity \
         OR EXISTS (SELECT FROM pg_trigger WHERE tgrelid = ours.oid) \
         OR EXISTS (SELECT FROM pg_rewrite WHERE ev_class = ours.oid) \
         OR EXISTS (SELECT FROM pg_policy WHERE polrelid = ours.oid) \
         OR EXISTS (SELECT FROM pg_inherits WHERE ours.oid IN (inhparent, inhrelid))), \
     to_regclass('offshoot.state') IS NOT NULL FROM pg_namespace WHERE nspname = 'offshoot'";

const CONNECTED: &str = "SELECT DISTINCT usesysid FROM pg_stat_activity \
     WHERE usesysid IS NOT NULL AND usename <> current_user";

const ROLE_MARKS: &str = "SELECT oid, name, born, in_group, retired, login, digest, \
     (extract(epoch FROM valid_until) * 1000000)::bigint, acts_for, active, drops, adopted \
     FROM offshoot.managed_role WHERE branch = $1";

const DATABASE_MARKS: &str =
    "SELECT id, name, owner, oid FROM offshoot.managed_database WHERE branch = $1";

const APPLIED: &str = "SELECT revision FROM offshoot.state WHERE branch = $1";

pub(super) async fn observe(
    session: &mut Session,
    branch: &BranchId,
) -> Result<Observed, ComputeError> {
    let mut observed = Observed {
        admin: session.admin.name.clone(),
        maintenance: session.admin.database.clone(),
        ..Observed::default()
    };
    observed.roles = roles(session).await?;
    for row in session.query(DATABASES, &[]).await? {
        let database = ObservedDatabase {
            oid: Oid(get(&row, 1)?),
            owner: name(&row, 2)?,
            is_connectable: get(&row, 3)?,
        };
        observed.databases.insert(name(&row, 0)?, database);
    }
    for row in session.query(TABLESPACES, &[]).await? {
        observed.tablespaces.insert(name(&row, 0)?, Oid(get(&row, 1)?));
    }
    observed.connected = connected(session).await?;
    session.has_marks = has_marks(session).await?;
    if session.has_marks {
        observed.role_marks = role_marks(session, branch).await?;
        observed.database_marks = database_marks(session, branch).await?;
        observed.applied = applied(session, branch).await?;
    }
    Ok(observed)
}

/// Returns the roles that have sessions open, the administrator's own left out.
pub(super) async fn connected(session: &mut Session) -> Result<BTreeSet<Oid>, ComputeError> {
    let rows = session.query(CONNECTED, &[]).await?;
    rows.iter().map(|row| get(row, 0).map(Oid)).collect()
}

async fn roles(session: &mut Session) -> Result<BTreeMap<String, ObservedRole>, ComputeError> {
    let mut passwords = passwords(session).await?;
    let mut memberships: BTreeMap<Oid, BTreeSet<Oid>> = BTreeMap::new();
    for row in session.query(MEMBERSHIPS, &[]).await? {
        memberships.entry(Oid(get(&row, 0)?)).or_default().insert(Oid(get(&row, 1)?));
    }
    let mut roles = BTreeMap::new();
    for row in session.query(ROLES, &[]).await? {
        let oid = Oid(get(&row, 1)?);
        let mut privileges = BTreeSet::new();
        // The table of privileges has the order of the columns.
        for (column, (privilege, _)) in (4..).zip(Privilege::ALL) {
            if get(&row, column)? {
                privileges.insert(*privilege);
            }
        }
        let role = ObservedRole {
            oid,
            can_login: get(&row, 2)?,
            is_superuser: get(&row, 3)?,
            privileges,
            connection_limit: get(&row, 9)?,
            password: match &mut passwords {
                None => ObservedPassword::Unknown,
                Some(known) => known.remove(&oid).unwrap_or(ObservedPassword::None),
            },
            valid_until: get::<Option<i64>>(&row, 10)?.and_then(Timestamp::from_timestamp_micros),
            member_of: memberships.remove(&oid).unwrap_or_default(),
        };
        roles.insert(name(&row, 0)?, role);
    }
    Ok(roles)
}

/// Returns what Postgres keeps of passwords; nothing for an administrator who may not look.
async fn passwords(
    session: &mut Session,
) -> Result<Option<BTreeMap<Oid, ObservedPassword>>, ComputeError> {
    if !session.admin.is_superuser {
        return Ok(None);
    }
    let mut passwords = BTreeMap::new();
    for row in session.query(PASSWORDS, &[]).await? {
        let kept: &str = get(&row, 1)?;
        let password = match scram::verifier_of(kept) {
            Some(verifier) => ObservedPassword::Verifier(verifier),
            None => ObservedPassword::Other(VerifierDigest::of_kept(kept)),
        };
        passwords.insert(Oid(get(&row, 0)?), password);
    }
    Ok(Some(passwords))
}

/// Returns whether the tables of marks are there, and are nobody else's: whoever could change them
/// could have a role dropped.
pub(super) async fn has_marks(session: &mut Session) -> Result<bool, ComputeError> {
    let rows = session.query(SCHEMA, &[]).await?;
    let Some(row) = rows.first() else { return Ok(false) };
    let (is_own, is_plain): (bool, bool) = (get(row, 0)?, get(row, 1)?);
    let (admin, address) = (&session.admin.name, session.target.address());
    if !is_own {
        let reason = format!(
            "its schema `offshoot`, where Offshoot keeps its marks, or a table in it does not \
             belong to the administrator `{admin}`; rename that schema, or if it is Offshoot's, \
             give it and its tables to `{admin}` (ALTER .. OWNER TO ..)"
        );
        return Err(ComputeError::Unsupported { address, reason });
    }
    if !is_plain {
        let reason = "its schema `offshoot`, where Offshoot keeps its marks, has triggers, rules, \
             policies, inheritance or other things than Offshoot's tables; drop those";
        return Err(ComputeError::Unsupported { address, reason: reason.into() });
    }
    get(row, 2)
}

async fn role_marks(
    session: &mut Session,
    branch: &BranchId,
) -> Result<BTreeMap<Oid, RoleMark>, ComputeError> {
    let mut marks = BTreeMap::new();
    for row in session.query(ROLE_MARKS, &[(&branch.as_str(), Type::TEXT)]).await? {
        // What is no legal name was not written by us.
        let Ok(name) = RoleName::parse_existing(get::<String>(&row, 1)?) else { continue };
        let born = Revision(u64::try_from(get::<i64>(&row, 2)?).unwrap_or_default());
        let (in_group, is_retired) = (get(&row, 3)?, get(&row, 4)?);
        let digest: Option<Vec<u8>> = get(&row, 6)?;
        let digest = digest.and_then(|bytes| bytes.try_into().ok()).map(VerifierDigest);
        let login = match (get(&row, 5)?, digest) {
            (false, _) => Login::Never,
            (true, None) => Login::Unset,
            (true, Some(digest)) => Login::Password(digest),
        };
        let valid_until = get::<Option<i64>>(&row, 7)?.and_then(Timestamp::from_timestamp_micros);
        let acts_for = get::<Option<u32>>(&row, 8)?.map(Oid);
        let mark = RoleMark {
            name,
            born,
            login,
            valid_until,
            is_active: get(&row, 9)?,
            acts_for,
            in_group,
            drops: get(&row, 10)?,
            is_retired,
            is_adopted: get(&row, 11)?,
        };
        marks.insert(Oid(get(&row, 0)?), mark);
    }
    Ok(marks)
}

async fn database_marks(
    session: &mut Session,
    branch: &BranchId,
) -> Result<BTreeMap<DatabaseId, DatabaseMark>, ComputeError> {
    let mut marks = BTreeMap::new();
    for row in session.query(DATABASE_MARKS, &[(&branch.as_str(), Type::TEXT)]).await? {
        let Ok(name) = DatabaseName::parse_existing(get::<String>(&row, 1)?) else { continue };
        let Ok(owner) = RoleName::parse_existing(get::<String>(&row, 2)?) else { continue };
        let id = DatabaseId(u64::try_from(get::<i64>(&row, 0)?).unwrap_or_default());
        let oid: Option<u32> = get(&row, 3)?;
        marks.insert(id, DatabaseMark { name, owner, oid: oid.map(Oid) });
    }
    Ok(marks)
}

async fn applied(
    session: &mut Session,
    branch: &BranchId,
) -> Result<Option<Revision>, ComputeError> {
    let rows = session.query(APPLIED, &[(&branch.as_str(), Type::TEXT)]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Revision(u64::try_from(get::<i64>(row, 0)?).unwrap_or_default())))
}

pub(super) fn get<'a, T: FromSql<'a>>(row: &'a Row, column: usize) -> Result<T, ComputeError> {
    row.try_get(column).map_err(|_| ComputeError::Failed {
        message: "a system catalog or one of Offshoot's tables does not have its usual columns"
            .into(),
        code: "none".into(),
    })
}

pub(super) fn name(row: &Row, column: usize) -> Result<String, ComputeError> {
    let bytes: &[u8] = get(row, column)?;
    let lossy = || String::from_utf8_lossy(bytes).replace(char::REPLACEMENT_CHARACTER, SUBSTITUTE);
    Ok(str::from_utf8(bytes).map_or_else(|_| lossy(), str::to_owned))
}
