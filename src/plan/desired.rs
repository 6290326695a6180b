//! Desired: what a branch's catalog wants its Postgres to have.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::database::{Database, DatabaseId};
use crate::model::drift::{Deviation, Orders};
use crate::model::id::BranchId;
use crate::model::name::{DatabaseName, RoleName};
use crate::model::revision::{Revision, Timestamp};
use crate::model::role::{Login, Role};
use crate::model::secret::Verifier;

/// What a branch's Postgres should have, at a revision of its catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// The branch.
    pub branch: BranchId,
    /// The revision at which the catalog was read.
    pub revision: Revision,
    /// Every role that the catalog has.
    pub roles: BTreeMap<RoleName, DesiredRole>,
    /// Every database that the catalog has.
    pub databases: BTreeMap<DatabaseId, DesiredDatabase>,
    /// The dropped roles whose objects are to go with them, and when they were born.
    pub estates: BTreeSet<(RoleName, Revision)>,
    /// What is to be done about what somebody changed in Postgres.
    pub orders: Orders,
}

/// A role that should exist.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DesiredRole {
    /// The revision that created it, which tells it from a dropped role of the same name.
    pub born: Revision,
    /// How it logs in.
    pub login: Login<Verifier>,
    /// Until when its password is good; for ever, where there is no such time.
    pub valid_until: Option<Timestamp>,
    /// Whether it may log in at all. One that is deactivated keeps its password.
    pub is_active: bool,
    /// As which role it acts, if as another: what it makes is that one's.
    pub acts_for: Option<RoleName>,
}

impl DesiredRole {
    /// Whether it should be able to log in. One that is deactivated keeps its password and is not.
    #[must_use]
    pub fn can_log_in(&self) -> bool {
        self.is_active && self.login.is_any()
    }
}

/// A database that should exist.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DesiredDatabase {
    /// Its name.
    pub name: DatabaseName,
    /// The role that owns it.
    pub owner: RoleName,
}

impl Desired {
    /// Returns what the catalog of `branch` wants at `revision`.
    #[must_use]
    pub fn new<'a>(
        branch: BranchId,
        revision: Revision,
        roles: impl IntoIterator<Item = &'a Role>,
        databases: impl IntoIterator<Item = &'a Database>,
    ) -> Self {
        let role = |role: &Role| {
            let Role {
                name,
                login,
                stands_for: _,
                protected: _,
                born,
                standing,
                origin: _,
                expires_at,
                deactivated_at,
                created_at: _,
                updated_at: _,
            } = role;
            let login = login.of(|credential| credential.verifier.clone());
            let acts_for = standing.as_ref().and_then(|standing| standing.acts_for.clone());
            let (valid_until, is_active) = (*expires_at, deactivated_at.is_none());
            (name.clone(), DesiredRole { born: *born, login, valid_until, is_active, acts_for })
        };
        let database = |database: &Database| {
            let Database { id, name, owner, origin: _, created_at: _, updated_at: _ } =
                database.clone();
            (id, DesiredDatabase { name, owner })
        };
        Self {
            branch,
            revision,
            roles: roles.into_iter().map(role).collect(),
            databases: databases.into_iter().map(database).collect(),
            estates: BTreeSet::new(),
            orders: Orders::default(),
        }
    }

    /// Returns the same with what is known and was decided about drift.
    #[must_use]
    pub fn under(self, orders: Orders) -> Self {
        Self { orders, ..self }
    }

    /// Returns the same where these deviations are kept, so that something may be done about them.
    #[must_use]
    pub fn told(mut self, deviations: &[Deviation]) -> Self {
        for Deviation { item, print, .. } in deviations {
            let (_, verdict) = self.orders.about(item, *print);
            self.orders.open.insert(item.clone(), (*print, verdict));
        }
        self
    }
}
