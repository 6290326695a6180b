//! The world: a simple model of what a Postgres makes of steps. It refuses what Postgres would.

mod by_hand;
mod leaving;

use std::collections::{BTreeMap, BTreeSet};

use crate::model::database::DatabaseId;
use crate::model::name::{DatabaseName, ROLE_GROUP, RoleName};
use crate::model::preview::Holding;
use crate::model::revision::{Revision, Timestamp};
use crate::model::role::Login;
use crate::model::secret::Verifier;
use crate::plan::index::Index;
use crate::plan::observed::{
    DatabaseMark, NO_LIMIT, Observed, ObservedDatabase, ObservedPassword, ObservedRole, Oid,
    RoleMark, VerifierDigest,
};
use crate::plan::step::{Clause, Step};

/// The administrator, who can do everything.
const ADMIN: &str = "cloud_admin";

/// The database that the administrator connects to.
const MAINTENANCE: &str = "postgres";

/// Postgres would refuse the step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// A Postgres in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct World {
    observed: Observed,
    /// As which other role a role acts.
    acting: BTreeMap<Oid, Oid>,
    /// What else each role owns: objects in databases, by the database's number.
    belongings: BTreeSet<(Oid, Oid)>,
    next: Oid,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// Returns a Postgres that holds nothing yet but what each one has.
    #[must_use]
    pub fn new() -> Self {
        let mut observed = Observed {
            admin: ADMIN.into(),
            maintenance: MAINTENANCE.into(),
            ..Observed::default()
        };
        let role = |oid, is_superuser| {
            let plain = ObservedRole::plain(oid);
            ObservedRole { can_login: is_superuser, is_superuser, ..plain }
        };
        observed.roles.insert(ADMIN.into(), role(Oid(10), true));
        observed.roles.insert("pg_monitor".into(), role(Oid(3373), false));
        observed.roles.insert(ROLE_GROUP.into(), role(Oid::FIRST_OF_USERS, false));
        for (name, oid, is_connectable) in
            [(MAINTENANCE, 5, true), ("template1", 1, true), ("template0", 4, false)]
        {
            let database = ObservedDatabase { oid: Oid(oid), owner: ADMIN.into(), is_connectable };
            observed.databases.insert(name.into(), database);
        }
        Self {
            observed,
            acting: BTreeMap::new(),
            belongings: BTreeSet::new(),
            next: Oid(Oid::FIRST_OF_USERS.0 + 1),
        }
    }

    /// Returns what an observer sees.
    #[must_use]
    pub fn observe(&self) -> Observed {
        self.observed.clone()
    }

    /// Returns what a role logs in with, if it can.
    #[must_use]
    pub fn login(&self, name: &str) -> Option<&Verifier> {
        let role = self.observed.roles.get(name).filter(|role| role.can_login)?;
        match &role.password {
            ObservedPassword::Verifier(verifier) => Some(verifier),
            ObservedPassword::Unknown | ObservedPassword::None | ObservedPassword::Other(_) => None,
        }
    }

    /// Returns until when a role's password is good, where it has an end.
    #[must_use]
    pub fn valid_until(&self, name: &str) -> Option<Timestamp> {
        self.observed.roles.get(name)?.valid_until
    }

    /// Returns as which other role a role acts, if as another.
    #[must_use]
    pub fn acts_for(&self, name: &str) -> Option<&str> {
        let original = self.acting.get(&self.observed.roles.get(name)?.oid)?;
        Index::of(&self.observed).role(*original).map(|(name, _)| name)
    }

    /// Returns what a role owns, by database.
    #[must_use]
    pub fn holdings(&self, name: &str) -> Vec<Holding> {
        let Some(role) = self.observed.roles.get(name) else { return Vec::new() };
        let own = self.belongings.iter().filter(|(owner, _)| *owner == role.oid);
        let index = Index::of(&self.observed);
        let database = |oid| index.database(oid).map(|(name, _)| name.to_owned());
        own.map(|(_, oid)| Holding { database: database(*oid), owned: 1, granted: 0 }).collect()
    }

    /// Notes the revision that is applied.
    pub fn note_revision(&mut self, revision: Revision) {
        self.observed.applied = Some(revision);
    }

    /// Whether a step does anything. A role that has nothing in a database is not cleaned up there.
    #[must_use]
    pub fn is_needed(&self, step: &Step) -> bool {
        let Step::CleanUp { oid, database, .. } = step else { return true };
        let there = self.observed.databases.get(database);
        there.is_some_and(|there| self.belongings.contains(&(*oid, there.oid)))
    }

    /// Does what a step does, its mark included, or nothing.
    pub fn apply(&mut self, step: &Step) -> Result<(), Refused> {
        match step {
            Step::ForgetRole { oid, name: _ } => drop(self.observed.role_marks.remove(oid)),
            Step::ForgetDatabase { id, name: _ } => drop(self.observed.database_marks.remove(id)),
            Step::RetireRole { oid, name: _, found_as, renamed_to, drops } => {
                self.retire(*oid, (found_as, renamed_to.as_deref()), *drops)?;
            }
            Step::CreateRole { name, born, login, valid_until, is_active } => {
                let oid = self.create_role(name.as_str(), login)?;
                self.set_login(name.as_str(), login, *is_active)?;
                self.role_mut(name.as_str())?.valid_until = *valid_until;
                let login = login.of(VerifierDigest::of);
                let mark = RoleMark::new(name.clone(), *born, login, *valid_until, *is_active);
                self.note_role(oid, mark);
            }
            Step::SetActive { oid, name, is_active, has_login } => {
                self.role_mut(name.as_str())?.can_login = *is_active && *has_login;
                self.role_mark(*oid)?.is_active = *is_active;
            }
            Step::Disconnect { oid, name: _, found_as: _ } => {
                self.observed.connected.remove(oid);
            }
            Step::SetLogin { oid, name, login, is_active } => {
                self.set_login(name.as_str(), login, *is_active)?;
                self.role_mark(*oid)?.login = login.of(VerifierDigest::of);
            }
            Step::SetValidity { oid, name, valid_until } => {
                self.role_mut(name.as_str())?.valid_until = *valid_until;
                self.role_mark(*oid)?.valid_until = *valid_until;
            }
            Step::ActFor { name, was, original } => {
                self.act_for(name, was.as_deref(), original.as_ref())?;
            }
            Step::RestoreRole { oid: _, name, clauses } => {
                restore(self.role_mut(name.as_str())?, clauses);
            }
            Step::RestoreMembership { oid: _, name, grant, revoke } => {
                self.set_membership(name.as_str(), grant, revoke)?;
            }
            Step::NoteRole { oid, name, born, login, valid_until, is_active, is_adopted } => {
                let (name, login) = (name.clone(), login.clone());
                let mark = RoleMark::new(name, *born, login, *valid_until, *is_active);
                self.note_role(*oid, RoleMark { is_adopted: *is_adopted, ..mark });
            }
            Step::JoinGroup { names } => self.join_group(names)?,
            Step::RemoveRole { oid, name: _, found_as } => self.remove_role(*oid, found_as)?,
            Step::CleanUp { oid, found_as, database, estate, name: _ } => {
                self.clean_up(*oid, found_as, database, estate)?;
            }
            Step::AdoptDatabase { id, found_as, name: _ } => self.adopt_database(*id, found_as)?,
            Step::ChangeOwner { id, found_as, owner, name: _ } => {
                self.give_database(found_as, owner.as_str())?;
                self.database_mark(*id)?.owner = owner.clone();
            }
            Step::IntendDatabase { id, name, owner } => {
                let mark = DatabaseMark { name: name.clone(), owner: owner.clone(), oid: None };
                self.observed.database_marks.insert(*id, mark);
            }
            Step::DropDatabase { id, oid: _, found_as, name: _ } => {
                self.drop_database(found_as)?;
                self.observed.database_marks.remove(id);
            }
            Step::RenameDatabase { id, found_as, to, name: _ } => self.rename(*id, found_as, to)?,
            Step::CreateDatabase { id, name, owner } => {
                let oid = self.create_database(name.as_str(), owner.as_str())?;
                self.database_mark(*id)?.oid = Some(oid);
            }
        }
        Ok(())
    }

    fn draw_oid(&mut self) -> Oid {
        self.next = Oid(self.next.0 + 1);
        self.next
    }

    fn role(&self, name: &str) -> Result<&ObservedRole, Refused> {
        let role = self.observed.roles.get(name);
        role.ok_or_else(|| Refused(format!("role \"{name}\" does not exist")))
    }

    fn database(&self, name: &str) -> Result<&ObservedDatabase, Refused> {
        let database = self.observed.databases.get(name);
        database.ok_or_else(|| Refused(format!("database \"{name}\" does not exist")))
    }

    fn database_mut(&mut self, name: &str) -> Result<&mut ObservedDatabase, Refused> {
        let database = self.observed.databases.get_mut(name);
        database.ok_or_else(|| Refused(format!("database \"{name}\" does not exist")))
    }

    fn role_mark(&mut self, oid: Oid) -> Result<&mut RoleMark, Refused> {
        let mark = self.observed.role_marks.get_mut(&oid);
        mark.ok_or_else(|| Refused(format!("role {oid:?} has no mark")))
    }

    fn database_mark(&mut self, id: DatabaseId) -> Result<&mut DatabaseMark, Refused> {
        let mark = self.observed.database_marks.get_mut(&id);
        mark.ok_or_else(|| Refused(format!("database {} has no mark", id.0)))
    }

    fn role_mut(&mut self, name: &str) -> Result<&mut ObservedRole, Refused> {
        let role = self.observed.roles.get_mut(name);
        role.ok_or_else(|| Refused(format!("role \"{name}\" does not exist")))
    }

    /// Notes what a role has. What was noted before of other things stays.
    fn note_role(&mut self, oid: Oid, mark: RoleMark) {
        let was = self.observed.role_marks.remove(&oid);
        let mark = match was {
            None => mark,
            Some(was) => RoleMark {
                acts_for: was.acts_for,
                in_group: was.in_group,
                drops: was.drops,
                is_retired: was.is_retired,
                is_adopted: was.is_adopted || mark.is_adopted,
                ..mark
            },
        };
        self.observed.role_marks.insert(oid, mark);
    }

    fn set_login(
        &mut self,
        name: &str,
        login: &Login<Verifier>,
        is_active: bool,
    ) -> Result<(), Refused> {
        let role = self.role_mut(name)?;
        role.can_login = is_active && login.is_any();
        role.password = match login.credential() {
            None => ObservedPassword::None,
            Some(verifier) => ObservedPassword::Verifier(verifier.clone()),
        };
        Ok(())
    }

    fn set_membership(
        &mut self,
        name: &str,
        grant: &[String],
        revoke: &[String],
    ) -> Result<(), Refused> {
        for group in grant {
            let group = self.role(group)?.oid;
            self.role_mut(name)?.member_of.insert(group);
        }
        for group in revoke {
            let group = self.role(group)?.oid;
            self.role_mut(name)?.member_of.remove(&group);
        }
        Ok(())
    }

    fn act_for(
        &mut self,
        name: &RoleName,
        was: Option<&str>,
        original: Option<&RoleName>,
    ) -> Result<(), Refused> {
        let oid = self.role(name.as_str())?.oid;
        let original = match original {
            None => None,
            Some(original) => Some(self.role(original.as_str())?.oid),
        };
        let was = was.and_then(|was| self.role(was).ok()).map(|was| was.oid);
        let member_of = &mut self.role_mut(name.as_str())?.member_of;
        was.map(|was| member_of.remove(&was));
        member_of.extend(original);
        self.acting.remove(&oid);
        self.acting.extend(original.map(|original| (oid, original)));
        self.role_mark(oid)?.acts_for = original;
        Ok(())
    }

    fn join_group(&mut self, names: &[RoleName]) -> Result<(), Refused> {
        let group = self.role(ROLE_GROUP)?.oid;
        for name in names {
            let role = self.role_mut(name.as_str())?;
            role.member_of.insert(group);
            let oid = role.oid;
            self.role_mark(oid)?.in_group = true;
        }
        Ok(())
    }

    fn adopt_database(&mut self, id: DatabaseId, found_as: &str) -> Result<(), Refused> {
        let oid = self.database(found_as)?.oid;
        let mark = self.database_mark(id)?;
        mark.oid = Some(oid);
        mark.name = database_name(found_as)?;
        Ok(())
    }

    fn rename(&mut self, id: DatabaseId, from: &str, to: &DatabaseName) -> Result<(), Refused> {
        self.rename_database(from, to.as_str())?;
        self.database_mark(id)?.name = to.clone();
        Ok(())
    }
}

fn restore(role: &mut ObservedRole, clauses: &[Clause]) {
    for clause in clauses.iter().copied() {
        match clause {
            Clause::Login(can) => role.can_login = can,
            Clause::Privilege(privilege, true) => {
                role.privileges.insert(privilege);
            }
            Clause::Privilege(privilege, false) => {
                role.privileges.remove(&privilege);
            }
            Clause::NoConnectionLimit => role.connection_limit = NO_LIMIT,
        }
    }
}

fn database_name(text: &str) -> Result<DatabaseName, Refused> {
    DatabaseName::parse_existing(text)
        .map_err(|_| Refused(format!("database \"{text}\" is not ours")))
}
