//! Settings of a session: nothing that an owner of the database set may bend what we do, and
//! nothing that we send may end up in a log.

use crate::compute::error::ComputeError;
use crate::compute::local::binaries::SUPPORTED_VERSIONS;
use crate::compute::postgres::failure::{Class, told_row};
use crate::compute::postgres::{Admin, Session};

/// Sent with the login, and so stronger than what `ALTER ROLE .. SET` and `ALTER DATABASE .. SET`
/// say.
const AT_STARTUP: &str = "-c search_path= -c role=none -c statement_timeout=30s \
     -c lock_timeout=2s -c idle_in_transaction_session_timeout=60s \
     -c default_transaction_read_only=off -c synchronous_commit=on \
     -c standard_conforming_strings=on -c row_security=on -c idle_session_timeout=0 \
     -c exit_on_error=off";

/// Likewise, where Postgres is known to be of that version: an older one would refuse the login.
const AT_STARTUP_SINCE: &[(u32, &str)] = &[(17, " -c transaction_timeout=0")];

/// Gives to an administrator who is no superuser the rights over the roles that it makes.
const SELF_GRANT: (u32, &str) = (16, "SET createrole_self_grant = 'set, inherit'");

/// What every administrator may set. The first ends a session whose Offshoot has died: what it was
/// sent last must not take effect later, under the next one's feet.
const FOR_ALL: &[(u32, &str)] = &[
    (14, "SET client_connection_check_interval = '500ms'"),
    SELF_GRANT,
    (17, "SET transaction_timeout = 0"),
];

/// What a superuser may set, and others where they were given the right: above all that verifiers stay
/// out of logs and statistics. Who may not set these has still been sent no password.
const WHERE_ALLOWED: &[&str] = &[
    "SET log_statement = 'none'",
    "SET log_min_error_statement = 'panic'",
    "SET log_min_duration_statement = -1",
    "SET log_min_duration_sample = -1",
    "SET log_transaction_sample_rate = 0",
    "SET log_duration = off",
    "SET pg_stat_statements.track_utility = off",
    "SET pgaudit.log = 'none'",
    // What a session was told last is logged by others, too: by who is in a deadlock with it, and
    // by the postmaster when its process crashes.
    "SET track_activities = off",
    // Some failures are told apart by their words alone.
    "SET lc_messages = 'C'",
];

/// Returns what is sent with the login to a Postgres of a version, if that is known.
pub(super) fn at_startup(version: Option<u32>) -> String {
    let has = |since: &u32| version.is_some_and(|version| *since <= version);
    let since = AT_STARTUP_SINCE.iter().filter(|(since, _)| has(since)).map(|(_, option)| *option);
    [AT_STARTUP].into_iter().chain(since).collect()
}

/// Returns what the creation of a role would mean something else without.
pub(super) fn for_creation(admin: &Admin) -> Option<&'static str> {
    let (since, sql) = SELF_GRANT;
    (!admin.is_superuser && since <= admin.version).then_some(sql)
}

/// Finds out where a session has led, and refuses what Offshoot cannot work with.
pub(super) async fn probe(session: &mut Session) -> Result<Admin, ComputeError> {
    let sql = "SELECT current_setting('server_version_num'), pg_is_in_recovery(), rolsuper, \
         rolcreaterole, current_user, current_database(), \
         current_setting('server_encoding') FROM pg_roles WHERE rolname = current_user";
    let rows = session.run(sql).await?;
    let address = session.target.address();
    let unsupported =
        |reason: String| ComputeError::Unsupported { address: address.clone(), reason };
    let Some(row) = told_row(&rows) else {
        return Err(unsupported("it does not list its own administrator".into()));
    };
    let text = |column| {
        let text = row.get(column).map(str::to_owned);
        text.ok_or_else(|| unsupported("it answers what no Postgres would".into()))
    };
    let is_so = |column| text(column).map(|text| text == "t");
    let version = text(0)?.parse::<u32>().unwrap_or_default() / 10_000;
    if !SUPPORTED_VERSIONS.contains(&version) {
        let (first, last) = (SUPPORTED_VERSIONS.start(), SUPPORTED_VERSIONS.end());
        let reason = format!("it is PostgreSQL {version}; Offshoot needs {first} to {last}");
        return Err(unsupported(reason));
    }
    if is_so(1)? {
        return Err(ComputeError::ReadOnly { address: address.clone() });
    }
    let is_superuser = is_so(2)?;
    if !is_superuser && !is_so(3)? {
        let reason = "the administrator can create no roles; give it CREATEROLE and CREATEDB";
        return Err(unsupported(reason.into()));
    }
    let encoding = text(6)?;
    if !matches!(&*encoding, "UTF8" | "SQL_ASCII") {
        let reason = format!("the database's encoding is {encoding}; name a database in UTF8");
        return Err(unsupported(reason));
    }
    Ok(Admin { version, is_superuser, name: text(4)?, database: text(5)? })
}

/// Sets what only a running session can.
pub(super) async fn quieten(session: &mut Session) -> Result<(), ComputeError> {
    let version = session.admin.version;
    let for_all = FOR_ALL.iter().filter(|(since, _)| *since <= version).map(|(_, sql)| *sql);
    let for_all: Vec<_> = for_all.collect();
    let statements = [for_all.as_slice(), WHERE_ALLOWED].concat();
    for (number, result) in session.run_each(&statements).await.into_iter().enumerate() {
        match result {
            Err(failure)
                if number < for_all.len()
                    || matches!(failure.class, Class::Passing | Class::Hindered) =>
            {
                return Err(failure.into());
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}
