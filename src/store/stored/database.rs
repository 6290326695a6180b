//! Databases, stored.

use bincode::{Decode, Encode};

use super::{Invalid, Stored, StoredOrigin, time};
use crate::model::database::{Database, DatabaseId};
use crate::model::name::{DatabaseName, RoleName};

/// A database.
#[derive(Encode, Decode)]
pub struct StoredDatabase {
    id: u64,
    name: String,
    owner: String,
    origin: StoredOrigin,
    created_at: i64,
    updated_at: i64,
}

impl Stored for StoredDatabase {
    type Model = Database;

    fn from_model(database: Database) -> Self {
        let Database { id, name, owner, origin, created_at, updated_at } = database;
        Self {
            id: id.0,
            name: name.to_string(),
            owner: owner.to_string(),
            origin: StoredOrigin::from_model(origin),
            created_at: time::store(created_at),
            updated_at: time::store(updated_at),
        }
    }

    fn into_model(self) -> Result<Database, Invalid> {
        let Self { id, name, owner, origin, created_at, updated_at } = self;
        Ok(Database {
            id: DatabaseId(id),
            name: DatabaseName::parse_existing(name)?,
            owner: RoleName::parse_existing(owner)?,
            origin: origin.into_model()?,
            created_at: time::load(created_at)?,
            updated_at: time::load(updated_at)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_whose_name_was_reserved_since_is_still_read() {
        let name = "offshoot_of_old";
        let stored = StoredDatabase {
            id: 1,
            name: name.into(),
            owner: name.into(),
            origin: StoredOrigin { branch: "br-a".into(), revision: 1 },
            created_at: 0,
            updated_at: 0,
        };
        let Ok(database) = stored.into_model() else { panic!("an unreadable database") };
        assert_eq!((database.name.as_str(), database.owner.as_str()), (name, name));
    }
}
