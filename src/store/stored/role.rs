//! Roles, stored.

use bincode::{Decode, Encode};

use super::{Invalid, Stored, time};
use crate::model::name::RoleName;
use crate::model::revision::Revision;
use crate::model::role::{Credential, Login, Role};
use crate::model::secret::{Sealed, Verifier};

/// A role.
#[derive(Encode, Decode)]
pub struct StoredRole {
    name: String,
    credential: Option<StoredCredential>,
    protected: bool,
    born: u64,
    created_at: i64,
    updated_at: i64,
}

#[derive(Encode, Decode)]
struct StoredCredential {
    verifier: String,
    sealed: Option<Vec<u8>>,
}

impl Stored for StoredRole {
    type Model = Role;

    fn from_model(role: Role) -> Self {
        let Role { name, login, protected, born, created_at, updated_at } = role;
        let credential = match login {
            Login::Never => None,
            Login::Password(Credential { verifier, sealed }) => Some(StoredCredential {
                verifier: verifier.reveal().to_owned(),
                sealed: sealed.map(|Sealed(bytes)| bytes.into_vec()),
            }),
        };
        Self {
            name: name.to_string(),
            credential,
            protected,
            born: born.0,
            created_at: time::store(created_at),
            updated_at: time::store(updated_at),
        }
    }

    fn into_model(self) -> Result<Role, Invalid> {
        let Self { name, credential, protected, born, created_at, updated_at } = self;
        let login = match credential {
            None => Login::Never,
            Some(StoredCredential { verifier, sealed }) => Login::Password(Credential {
                verifier: Verifier::from_trusted(verifier),
                sealed: sealed.map(|bytes| Sealed(bytes.into())),
            }),
        };
        Ok(Role {
            name: RoleName::parse_existing(&name)?,
            login,
            protected,
            born: Revision(born),
            created_at: time::load(created_at)?,
            updated_at: time::load(updated_at)?,
        })
    }
}
