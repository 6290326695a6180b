//! Marks: what Offshoot notes in a Postgres of what it made there.

use crate::model::database::DatabaseId;
use crate::model::id::BranchId;
use crate::model::name::RoleName;
use crate::model::revision::{Revision, Timestamp};
use crate::model::role::Login;
use crate::model::secret::Verifier;
use crate::plan::observed::Oid;
use crate::plan::sql::{Literal, can_log_in, digest, time};

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

    pub(super) fn add_role(
        &self,
        name: &RoleName,
        (born, is_active): (Revision, bool),
        login: &Login<Verifier>,
        valid_until: Option<Timestamp>,
    ) -> String {
        format!(
            "INSERT INTO offshoot.managed_role \
             (branch, oid, name, born, login, digest, valid_until, active) \
             SELECT {branch}, oid, {name}, {born}, {login}, {digest}, {valid_until}::timestamptz, \
             {is_active} \
             FROM pg_roles WHERE rolname = {name}",
            branch = self.branch(),
            name = Literal(name.as_str()),
            login = can_log_in(login),
            digest = digest(login),
            valid_until = time(valid_until),
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
