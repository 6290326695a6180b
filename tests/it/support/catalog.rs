//! Catalogs in a few words.

use std::collections::BTreeMap;
use std::sync::Mutex;

use offshoot::model::database::DatabaseId;
use offshoot::model::name::RoleName;
use offshoot::model::operation::Subject;
use offshoot::model::revision::{Revision, Timestamp};
use offshoot::model::role::Login;
use offshoot::model::scram;
use offshoot::model::secret::{Password, Verifier};
use offshoot::plan::desired::{Desired, DesiredDatabase, DesiredRole};

use super::branch;

/// Returns the verifier of `password`, always the same. Each is derived once: that takes a while.
pub fn verifier(password: &str) -> Verifier {
    static DERIVED: Mutex<BTreeMap<String, Verifier>> = Mutex::new(BTreeMap::new());
    let mut derived = DERIVED.lock().expect("a lock that no panic poisons");
    derived
        .entry(password.into())
        .or_insert_with(|| scram::verifier(&Password::new(password), [7; scram::SALT_BYTES]))
        .clone()
}

/// A catalog in a few words.
pub trait Catalog {
    /// Returns an empty catalog.
    fn empty() -> Self;
    /// Is at another revision.
    fn at(self, revision: u64) -> Self;
    /// Adds a role that was created at revision `born`.
    fn role(self, name: &str, born: u64, password: &str) -> Self;
    /// Adds a role that cannot log in.
    fn group(self, name: &str, born: u64) -> Self;
    /// Adds a role that logs in in this way.
    fn role_with(self, name: &str, born: u64, login: Login<Verifier>) -> Self;
    /// Says until when the password of a role is good.
    fn until(self, name: &str, at: Option<Timestamp>) -> Self;
    /// Says that what a dropped role owns is to be dropped.
    fn dropping(self, name: &str, born: u64) -> Self;
    /// Deactivates a role.
    fn deactivated(self, name: &str) -> Self;
    /// Says as which other role a role acts.
    fn acting(self, name: &str, original: Option<&str>) -> Self;
    /// Removes a role.
    fn without_role(self, name: &str) -> Self;
    /// Adds a database, or changes the one with this number.
    fn database(self, id: u64, name: &str, owner: &str) -> Self;
    /// Removes a database.
    fn without_database(self, id: u64) -> Self;
}

impl Catalog for Desired {
    fn empty() -> Self {
        Self::new(branch(), Revision(1), [], [])
    }

    fn at(self, revision: u64) -> Self {
        Self { revision: Revision(revision), ..self }
    }

    fn role(self, name: &str, born: u64, password: &str) -> Self {
        self.role_with(name, born, Login::Password(verifier(password)))
    }

    fn group(self, name: &str, born: u64) -> Self {
        self.role_with(name, born, Login::Never)
    }

    fn role_with(mut self, name: &str, born: u64, login: Login<Verifier>) -> Self {
        let (born, valid_until, acts_for) = (Revision(born), None, None);
        let role = DesiredRole { born, login, valid_until, is_active: true, acts_for };
        self.roles.insert(RoleName::parse_existing(name).expect("a name"), role);
        self
    }

    fn until(mut self, name: &str, at: Option<Timestamp>) -> Self {
        let name = RoleName::parse_existing(name).expect("a name");
        self.roles.get_mut(&name).expect("a role of the catalog").valid_until = at;
        self
    }

    fn dropping(mut self, name: &str, born: u64) -> Self {
        let name = RoleName::parse_existing(name).expect("a name");
        self.estates.insert((name, Revision(born)));
        self
    }

    fn deactivated(mut self, name: &str) -> Self {
        let name = RoleName::parse_existing(name).expect("a name");
        self.roles.get_mut(&name).expect("a role of the catalog").is_active = false;
        self
    }

    fn acting(mut self, name: &str, original: Option<&str>) -> Self {
        let parse = |name| RoleName::parse_existing(name).expect("a name");
        let role = self.roles.get_mut(&parse(name)).expect("a role of the catalog");
        role.acts_for = original.map(parse);
        self
    }

    fn without_role(mut self, name: &str) -> Self {
        self.roles.remove(&RoleName::parse_existing(name).expect("a name"));
        self
    }

    fn database(mut self, id: u64, name: &str, owner: &str) -> Self {
        let name = name.parse().expect("a name");
        let owner = RoleName::parse_existing(owner).expect("a name");
        self.databases.insert(DatabaseId(id), DesiredDatabase { name, owner });
        self
    }

    fn without_database(mut self, id: u64) -> Self {
        self.databases.remove(&DatabaseId(id));
        self
    }
}

/// Returns a catalog of two roles, and of a database that is the first one's.
pub fn sally_and_bob() -> Desired {
    Desired::empty()
        .role("sally", 1, "of sally")
        .role("bob", 2, "of bob")
        .database(1, "neondb", "sally")
}

/// Returns what is told of a role.
pub fn about(role: &str) -> Subject {
    Subject::Role(role.parse().expect("a name"))
}
