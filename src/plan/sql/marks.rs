//! Marks: how what Offshoot made is noted in Postgres, in tables of its own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::model::database::DatabaseId;
use crate::model::id::BranchId;
use crate::model::name::RoleName;
use crate::model::refusal::time_text;
use crate::model::revision::{Revision, Timestamp};
use crate::model::role::Login;
use crate::plan::observed::{Oid, VerifierDigest};
use crate::plan::sql::Literal;

/// Makes the tables that hold the marks, where they are missing.
///
/// They belong to the administrator alone. Row security keeps out even the members of
/// `pg_read_all_data` and `pg_write_all_data`, among which may be every role made over the API:
/// whoever could write a mark could have a role dropped.
pub const MARKS: &str = "\
CREATE SCHEMA IF NOT EXISTS offshoot;
CREATE TABLE IF NOT EXISTS offshoot.managed_role (
    branch text NOT NULL, oid oid NOT NULL, name text NOT NULL, born bigint NOT NULL,
    login boolean NOT NULL, digest bytea, valid_until timestamptz, acts_for oid,
    active boolean NOT NULL DEFAULT true, drops boolean NOT NULL DEFAULT false,
    in_group boolean NOT NULL DEFAULT false, retired boolean NOT NULL DEFAULT false,
    adopted boolean NOT NULL DEFAULT false,
    PRIMARY KEY (branch, oid));
CREATE TABLE IF NOT EXISTS offshoot.managed_database (
    branch text NOT NULL, id bigint NOT NULL, name text NOT NULL, owner text NOT NULL, oid oid,
    PRIMARY KEY (branch, id));
CREATE TABLE IF NOT EXISTS offshoot.state (
    branch text PRIMARY KEY, revision bigint NOT NULL, xact text NOT NULL,
    applied_at timestamptz NOT NULL);
ALTER TABLE offshoot.managed_role ENABLE ROW LEVEL SECURITY;
ALTER TABLE offshoot.managed_database ENABLE ROW LEVEL SECURITY;
ALTER TABLE offshoot.state ENABLE ROW LEVEL SECURITY";

/// Notes in the transaction that applies it which revision that is, and in which transaction. Who
/// finds this note afterwards knows that the transaction was committed, and whoever has an older
/// catalog of the branch that it must not be applied any more.
#[must_use]
pub fn note_revision(branch: &BranchId, revision: Revision) -> String {
    format!(
        "INSERT INTO offshoot.state (branch, revision, xact, applied_at) \
         VALUES ({branch}, {revision}, pg_current_xact_id()::text, now()) \
         ON CONFLICT (branch) DO UPDATE SET revision = excluded.revision, xact = excluded.xact, \
         applied_at = excluded.applied_at RETURNING xact",
        branch = Literal(branch.as_str()),
    )
}

/// What is noted of a role.
pub(super) struct Noted<'a> {
    pub(super) name: &'a RoleName,
    pub(super) born: Revision,
    pub(super) login: Login<VerifierDigest>,
    pub(super) valid_until: Option<Timestamp>,
    pub(super) is_active: bool,
    pub(super) is_adopted: bool,
}

/// Writes the marks of a branch.
pub(super) struct Marks<'a>(pub(super) &'a BranchId);

impl Marks<'_> {
    pub(super) fn branch(&self) -> Literal<'_> {
        Literal(self.0.as_str())
    }

    pub(super) fn forget_role(&self, Oid(oid): Oid) -> String {
        let branch = self.branch();
        format!("DELETE FROM offshoot.managed_role WHERE branch = {branch} AND oid = {oid}")
    }

    pub(super) fn set_role(&self, Oid(oid): Oid, what: &str) -> String {
        let branch = self.branch();
        format!("UPDATE offshoot.managed_role SET {what} WHERE branch = {branch} AND oid = {oid}")
    }

    /// Notes what a role has. What was noted of its number before is forgotten.
    pub(super) fn note_role(&self, role: &Noted<'_>) -> String {
        let Noted { name, born, login, valid_until, is_active, is_adopted } = role;
        format!(
            "INSERT INTO offshoot.managed_role \
             (branch, oid, name, born, login, digest, valid_until, active, adopted) \
             SELECT {branch}, oid, {name}, {born}, {login}, {digest}, {valid_until}::timestamptz, \
             {is_active}, {is_adopted} FROM pg_roles WHERE rolname = {name} \
             ON CONFLICT (branch, oid) DO UPDATE SET name = excluded.name, born = excluded.born, \
             login = excluded.login, digest = excluded.digest, valid_until = excluded.valid_until, \
             active = excluded.active, adopted = managed_role.adopted OR excluded.adopted",
            branch = self.branch(),
            name = Literal(name.as_str()),
            digest = digest(login),
            login = login.is_any(),
            valid_until = time(*valid_until),
        )
    }

    pub(super) fn forget_database(&self, DatabaseId(id): DatabaseId) -> String {
        let branch = self.branch();
        format!("DELETE FROM offshoot.managed_database WHERE branch = {branch} AND id = {id}")
    }

    pub(super) fn set_database(&self, DatabaseId(id): DatabaseId, what: &str) -> String {
        let branch = self.branch();
        format!("UPDATE offshoot.managed_database SET {what} WHERE branch = {branch} AND id = {id}")
    }

    pub(super) fn announce_database(
        &self,
        DatabaseId(id): DatabaseId,
        name: &str,
        owner: &RoleName,
    ) -> String {
        format!(
            "INSERT INTO offshoot.managed_database (branch, id, name, owner) \
             VALUES ({branch}, {id}, {name}, {owner}) ON CONFLICT (branch, id) DO UPDATE \
             SET name = excluded.name, owner = excluded.owner, oid = NULL",
            branch = self.branch(),
            name = Literal(name),
            owner = Literal(owner.as_str()),
        )
    }
}

pub(super) fn digest(login: &Login<VerifierDigest>) -> String {
    let Some(VerifierDigest(bytes)) = login.credential() else { return "NULL".into() };
    format!("decode('{}', 'base64')", STANDARD.encode(bytes))
}

pub(super) fn time(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "NULL".into(), |at| Literal(&time_text(at)).to_string())
}
