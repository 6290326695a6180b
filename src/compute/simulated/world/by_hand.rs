//! What people do with SQL, whether Offshoot likes it or not.

use super::{Refused, World};
use crate::model::role::Login;
use crate::model::secret::Verifier;
use crate::plan::observed::{ObservedDatabase, ObservedRole, Oid};

impl World {
    /// Makes a role by hand.
    pub fn create_role(&mut self, name: &str, login: &Login<Verifier>) -> Result<Oid, Refused> {
        if self.observed.roles.contains_key(name) {
            return Err(Refused(format!("role \"{name}\" already exists")));
        }
        let oid = self.draw_oid();
        self.observed.roles.insert(name.into(), ObservedRole::plain(oid));
        self.set_login(name, login, true)?;
        Ok(oid)
    }

    /// Makes a database by hand.
    pub fn create_database(&mut self, name: &str, owner: &str) -> Result<Oid, Refused> {
        if self.observed.databases.contains_key(name) {
            return Err(Refused(format!("database \"{name}\" already exists")));
        }
        self.role(owner)?;
        let oid = self.draw_oid();
        let database = ObservedDatabase { oid, owner: owner.into(), is_connectable: true };
        self.observed.databases.insert(name.into(), database);
        Ok(oid)
    }

    /// Returns the schema of a database, which says nothing but whose it is.
    #[must_use]
    pub fn schema(&self, name: &str) -> Option<String> {
        let database = self.observed.databases.get(name)?;
        Some(format!("-- {name} of {}\n", database.owner))
    }

    /// Makes something that a role owns in a database.
    pub fn create_object(&mut self, database: &str, owner: &str) -> Result<(), Refused> {
        let belonging = (self.role(owner)?.oid, self.database(database)?.oid);
        self.belongings.insert(belonging);
        Ok(())
    }

    /// Drops a role by hand.
    pub fn drop_role(&mut self, name: &str) -> Result<(), Refused> {
        let oid = self.role(name)?.oid;
        let mark = self.observed.role_marks.get(&oid).cloned();
        self.remove_role(oid, name)?;
        // Who drops by hand knows nothing of marks.
        self.observed.role_marks.extend(mark.map(|mark| (oid, mark)));
        Ok(())
    }

    /// Opens a session as a role.
    pub fn connect(&mut self, name: &str) -> Result<(), Refused> {
        let oid = self.role(name)?.oid;
        self.observed.connected.insert(oid);
        Ok(())
    }

    /// Renames a role by hand.
    pub fn rename_role(&mut self, from: &str, to: &str) -> Result<(), Refused> {
        if self.observed.roles.contains_key(to) {
            return Err(Refused(format!("role \"{to}\" already exists")));
        }
        let role = self.role(from)?.clone();
        self.observed.roles.remove(from);
        self.observed.roles.insert(to.into(), role);
        for database in self.observed.databases.values_mut().filter(|it| it.owner == from) {
            database.owner = to.into();
        }
        Ok(())
    }

    /// Makes a role a superuser by hand.
    pub fn raise_role(&mut self, name: &str) -> Result<(), Refused> {
        self.role(name)?;
        self.observed.roles.entry(name.into()).and_modify(|role| role.is_superuser = true);
        Ok(())
    }

    /// Renames a database by hand.
    pub fn rename_database(&mut self, from: &str, to: &str) -> Result<(), Refused> {
        if self.observed.databases.contains_key(to) {
            return Err(Refused(format!("database \"{to}\" already exists")));
        }
        let database = self.database(from)?.clone();
        self.observed.databases.remove(from);
        self.observed.databases.insert(to.into(), database);
        Ok(())
    }

    /// Changes a role by hand.
    pub fn alter_role(
        &mut self,
        name: &str,
        change: impl FnOnce(&mut ObservedRole),
    ) -> Result<(), Refused> {
        change(self.role_mut(name)?);
        Ok(())
    }

    /// Gives a database to another role by hand.
    pub fn give_database(&mut self, name: &str, owner: &str) -> Result<(), Refused> {
        self.role(owner)?;
        self.database_mut(name)?.owner = owner.into();
        Ok(())
    }

    /// Drops a database by hand.
    pub fn drop_database(&mut self, name: &str) -> Result<(), Refused> {
        let oid = self.database(name)?.oid;
        self.observed.databases.remove(name);
        self.belongings.retain(|(_, database)| *database != oid);
        Ok(())
    }
}
