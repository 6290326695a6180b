//! How dropped roles go, as Postgres lets them.

use super::{Refused, World};
use crate::model::role::Login;
use crate::plan::observed::Oid;
use crate::plan::step::Estate;

impl World {
    pub(super) fn retire(
        &mut self,
        oid: Oid,
        (found_as, to): (&str, Option<&str>),
        drops: bool,
    ) -> Result<(), Refused> {
        self.set_login(found_as, &Login::Never, true)?;
        let mark = self.role_mark(oid)?;
        mark.is_retired = true;
        mark.drops = drops;
        mark.login = Login::Never;
        to.map_or(Ok(()), |to| self.rename_role(found_as, to))
    }

    pub(super) fn clean_up(
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

    pub(super) fn remove_role(&mut self, oid: Oid, found_as: &str) -> Result<(), Refused> {
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
        for role in self.observed.roles.values_mut() {
            role.member_of.remove(&oid);
        }
        self.acting.retain(|member, original| *member != oid && *original != oid);
        Ok(())
    }
}
