//! The world: a simple model of what a Postgres makes of steps. It refuses what Postgres would.

mod by_hand;

use std::collections::{BTreeMap, BTreeSet};

use crate::model::database::DatabaseId;
use crate::model::name::{DatabaseName, ROLE_GROUP, RoleName};
use crate::model::preview::Holding;
use crate::model::revision::{Revision, Timestamp};
use crate::model::role::Login;
use crate::model::secret::Verifier;
use crate::plan::observed::{
    DatabaseMark, Observed, ObservedDatabase, ObservedRole, Oid, RoleMark, VerifierDigest,
};
use crate::plan::step::{Estate, Step};

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
    /// What each role that has a password logs in with.
    verifiers: BTreeMap<Oid, Verifier>,
    /// Until when the passwords are good that have an end.
    validity: BTreeMap<Oid, Timestamp>,
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
            has_group: true,
            ..Observed::default()
        };
        let role = |oid, is_superuser| ObservedRole { oid, can_login: is_superuser, is_superuser };
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
            verifiers: BTreeMap::new(),
            validity: BTreeMap::new(),
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
        self.verifiers.get(&role.oid)
    }

    /// Returns until when a role's password is good, where it has an end.
    #[must_use]
    pub fn valid_until(&self, name: &str) -> Option<Timestamp> {
        self.validity.get(&self.observed.roles.get(name)?.oid).copied()
    }

    /// Returns as which other role a role acts, if as another.
    #[must_use]
    pub fn acts_for(&self, name: &str) -> Option<&str> {
        let original = self.acting.get(&self.observed.roles.get(name)?.oid)?;
        self.observed.role(*original).map(|(name, _)| name)
    }

    /// Returns what a role owns, by database.
    #[must_use]
    pub fn holdings(&self, name: &str) -> Vec<Holding> {
        let Some(role) = self.observed.roles.get(name) else { return Vec::new() };
        let own = self.belongings.iter().filter(|(owner, _)| *owner == role.oid);
        let database = |oid| self.observed.database(oid).map(|(name, _)| name.to_owned());
        own.map(|(_, oid)| Holding { database: database(*oid), owned: 1, granted: 0 }).collect()
    }

    /// Returns the schema of a database, which says nothing but whose it is.
    #[must_use]
    pub fn schema(&self, name: &str) -> Option<String> {
        let database = self.observed.databases.get(name)?;
        Some(format!("-- {name} of {}\n", database.owner))
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
                self.retire(*oid, found_as, renamed_to.as_deref())?;
                self.role_mark(*oid)?.drops = *drops;
            }
            Step::CreateRole { name, born, login, valid_until, is_active } => {
                let oid = self.create_role(name.as_str(), login)?;
                self.set_active(name.as_str(), *is_active && *login != Login::Never)?;
                self.set_validity(oid, *valid_until);
                let mark = marked(name, *born, login, *valid_until, *is_active);
                self.observed.role_marks.insert(oid, mark);
            }
            Step::SetActive { oid, name, is_active, has_login } => {
                self.set_active(name.as_str(), *is_active && *has_login)?;
                self.role_mark(*oid)?.is_active = *is_active;
            }
            Step::Disconnect { oid, name: _, found_as: _ } => {
                self.observed.connected.remove(oid);
            }
            Step::SetLogin { oid, name, login, is_active } => {
                self.set_login(*oid, name.as_str(), login)?;
                self.set_active(name.as_str(), *is_active && *login != Login::Never)?;
                self.role_mark(*oid)?.login = login.of(VerifierDigest::of);
            }
            Step::SetValidity { oid, name, valid_until } => {
                self.role(name.as_str())?;
                self.set_validity(*oid, *valid_until);
                self.role_mark(*oid)?.valid_until = *valid_until;
            }
            Step::ActFor { name, was: _, original } => self.act_for(name, original.as_ref())?,
            Step::JoinGroup { names } => self.join_group(names)?,
            Step::RemoveRole { oid, name: _, found_as } => self.remove_role(*oid, found_as)?,
            Step::CleanUp { oid, found_as, database, estate, name: _ } => {
                self.clean_up(*oid, found_as, database, estate)?;
            }
            Step::AdoptDatabase { id, found_as, name: _ } => {
                let oid = self.database(found_as)?.oid;
                let mark = self.database_mark(*id)?;
                mark.oid = Some(oid);
                mark.name = database_name(found_as)?;
            }
            Step::ChangeOwner { id, found_as, owner, name: _ } => {
                self.role(owner.as_str())?;
                self.database_mut(found_as)?.owner = owner.as_str().into();
                self.database_mark(*id)?.owner = owner.clone();
            }
            Step::IntendDatabase { id, name, owner } => {
                let mark = DatabaseMark { name: name.clone(), owner: owner.clone(), oid: None };
                self.observed.database_marks.insert(*id, mark);
            }
            Step::DropDatabase { id, oid, found_as, name: _ } => {
                self.database(found_as)?;
                self.observed.databases.remove(found_as);
                self.belongings.retain(|(_, database)| database != oid);
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

    fn set_login(&mut self, oid: Oid, name: &str, login: &Login<Verifier>) -> Result<(), Refused> {
        let role = self.observed.roles.get_mut(name);
        let role = role.ok_or_else(|| Refused(format!("role \"{name}\" does not exist")))?;
        role.can_login = *login != Login::Never;
        self.verifiers.remove(&oid);
        self.verifiers.extend(login.credential().map(|verifier| (oid, verifier.clone())));
        Ok(())
    }

    fn set_active(&mut self, name: &str, can_log_in: bool) -> Result<(), Refused> {
        self.role(name)?;
        self.observed.roles.entry(name.into()).and_modify(|role| role.can_login = can_log_in);
        Ok(())
    }

    fn set_validity(&mut self, oid: Oid, until: Option<Timestamp>) {
        self.validity.remove(&oid);
        self.validity.extend(until.map(|until| (oid, until)));
    }

    fn retire(&mut self, oid: Oid, found_as: &str, to: Option<&str>) -> Result<(), Refused> {
        self.set_login(oid, found_as, &Login::Never)?;
        let mark = self.role_mark(oid)?;
        mark.is_retired = true;
        mark.login = Login::Never;
        to.map_or(Ok(()), |to| self.rename_role(found_as, to))
    }

    fn act_for(&mut self, name: &RoleName, original: Option<&RoleName>) -> Result<(), Refused> {
        let oid = self.role(name.as_str())?.oid;
        let original = match original {
            None => None,
            Some(original) => Some(self.role(original.as_str())?.oid),
        };
        self.acting.remove(&oid);
        self.acting.extend(original.map(|original| (oid, original)));
        self.role_mark(oid)?.acts_for = original;
        Ok(())
    }

    fn join_group(&mut self, names: &[RoleName]) -> Result<(), Refused> {
        self.role(ROLE_GROUP)?;
        for name in names {
            let oid = self.role(name.as_str())?.oid;
            self.role_mark(oid)?.in_group = true;
        }
        Ok(())
    }

    fn clean_up(
        &mut self,
        oid: Oid,
        found_as: &str,
        database: &str,
        estate: &Estate,
    ) -> Result<(), Refused> {
        self.role(found_as)?;
        let database_oid = self.database(database)?.oid;
        let heir = match estate {
            Estate::Given(heir) => heir.as_str(),
            Estate::Unclaimed => {
                let owns = self.belongings.contains(&(oid, database_oid));
                let refused = || Refused(format!("nobody in \"{database}\" may inherit"));
                return if owns { Err(refused()) } else { Ok(()) };
            }
            Estate::Dropped => {
                self.belongings.remove(&(oid, database_oid));
                return Ok(());
            }
        };
        let (heir_oid, database) = (self.role(heir)?.oid, database_oid);
        if self.belongings.remove(&(oid, database)) {
            self.belongings.insert((heir_oid, database));
        }
        // As Postgres does: databases that the role owns change hands too.
        for database in self.observed.databases.values_mut().filter(|it| it.owner == found_as) {
            database.owner = heir.into();
        }
        Ok(())
    }

    fn remove_role(&mut self, oid: Oid, found_as: &str) -> Result<(), Refused> {
        if self.role(found_as)?.oid != oid {
            return Err(Refused(format!("role \"{found_as}\" is another")));
        }
        let owns = self.observed.databases.values().any(|database| database.owner == found_as)
            || self.belongings.iter().any(|(owner, _)| *owner == oid);
        if owns {
            return Err(Refused(format!("role \"{found_as}\" cannot be dropped")));
        }
        self.observed.roles.remove(found_as);
        self.observed.role_marks.remove(&oid);
        self.verifiers.remove(&oid);
        self.validity.remove(&oid);
        self.acting.retain(|member, original| *member != oid && *original != oid);
        Ok(())
    }

    fn rename(&mut self, id: DatabaseId, from: &str, to: &DatabaseName) -> Result<(), Refused> {
        self.rename_database(from, to.as_str())?;
        self.database_mark(id)?.name = to.clone();
        Ok(())
    }
}

/// Returns the mark of a new role.
fn marked(
    name: &RoleName,
    born: Revision,
    login: &Login<Verifier>,
    valid_until: Option<Timestamp>,
    is_active: bool,
) -> RoleMark {
    RoleMark {
        name: name.clone(),
        born,
        login: login.of(VerifierDigest::of),
        valid_until,
        is_active,
        acts_for: None,
        in_group: false,
        drops: false,
        is_retired: false,
    }
}

fn database_name(text: &str) -> Result<DatabaseName, Refused> {
    DatabaseName::parse_existing(text)
        .map_err(|_| Refused(format!("database \"{text}\" is not ours")))
}
