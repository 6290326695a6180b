//! Looking up what was observed by its number, and by the name that its mark has for it.

use std::collections::BTreeMap;

use crate::model::name::RoleName;
use crate::plan::observed::{Observed, ObservedDatabase, ObservedRole, Oid, RoleMark};

/// What was observed, by number.
pub struct Index<'a> {
    roles: BTreeMap<Oid, (&'a str, &'a ObservedRole)>,
    databases: BTreeMap<Oid, (&'a str, &'a ObservedDatabase)>,
    marked: BTreeMap<&'a RoleName, Vec<Marked<'a>>>,
}

/// A role that a mark speaks of, and that is not retired.
#[derive(Clone, Copy)]
pub(super) struct Marked<'a> {
    pub(super) mark: &'a RoleMark,
    pub(super) found_as: &'a str,
    pub(super) role: &'a ObservedRole,
}

impl<'a> Index<'a> {
    /// Returns the index of what was observed.
    #[must_use]
    pub fn of(observed: &'a Observed) -> Self {
        let roles = observed.roles.iter().map(|(name, role)| (role.oid, (&**name, role)));
        let databases = observed.databases.iter().map(|(name, it)| (it.oid, (&**name, it)));
        let mut index = Self {
            roles: roles.collect(),
            databases: databases.collect(),
            marked: BTreeMap::new(),
        };
        for (oid, mark) in observed.role_marks.iter().filter(|(_, mark)| !mark.is_retired) {
            if let Some((found_as, role)) = index.role(*oid) {
                let marked = Marked { mark, found_as, role };
                index.marked.entry(&mark.name).or_default().push(marked);
            }
        }
        index
    }

    /// Returns the role under this number, with its name.
    #[must_use]
    pub fn role(&self, oid: Oid) -> Option<(&'a str, &'a ObservedRole)> {
        self.roles.get(&oid).copied()
    }

    /// Returns the database under this number, with its name.
    #[must_use]
    pub fn database(&self, oid: Oid) -> Option<(&'a str, &'a ObservedDatabase)> {
        self.databases.get(&oid).copied()
    }

    /// Returns the roles of which marks say that they are the catalog's of this name. There is one
    /// at most, unless somebody wrote into the marks.
    pub(super) fn marked(&self, name: &RoleName) -> &[Marked<'a>] {
        self.marked.get(name).map_or(&[], Vec::as_slice)
    }
}
