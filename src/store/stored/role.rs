//! Roles, stored.

use bincode::{Decode, Encode};

use super::{Invalid, Stored, StoredOrigin, time};
use crate::model::name::RoleName;
use crate::model::revision::Revision;
use crate::model::role::{Credential, Login, Role};
use crate::model::secret::{Sealed, Verifier};

/// A role.
#[derive(Encode, Decode)]
pub struct StoredRole {
    name: String,
    login: StoredLogin,
    protected: bool,
    born: u64,
    origin: StoredOrigin,
    expires_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
}

/// The name of a role, under its time.
#[derive(Encode, Decode)]
pub struct StoredRoleName(String);

impl Stored for StoredRoleName {
    type Model = RoleName;

    fn from_model(name: RoleName) -> Self {
        Self(name.to_string())
    }

    fn into_model(self) -> Result<RoleName, Invalid> {
        Ok(RoleName::parse_existing(self.0)?)
    }
}

#[derive(Encode, Decode)]
enum StoredLogin {
    Never,
    Unset,
    Password(StoredCredential),
}

#[derive(Encode, Decode)]
struct StoredCredential {
    verifier: String,
    sealed: Option<Vec<u8>>,
    branch: String,
}

impl Stored for StoredRole {
    type Model = Role;

    fn from_model(role: Role) -> Self {
        let Role { name, login, protected, born, origin, expires_at, created_at, updated_at } =
            role;
        let login = match login {
            Login::Never => StoredLogin::Never,
            Login::Unset => StoredLogin::Unset,
            Login::Password(Credential { verifier, sealed, branch }) => {
                StoredLogin::Password(StoredCredential {
                    verifier: verifier.reveal().to_owned(),
                    sealed: sealed.map(|Sealed(bytes)| bytes.into_vec()),
                    branch: branch.to_string(),
                })
            }
        };
        Self {
            name: name.to_string(),
            login,
            protected,
            born: born.0,
            origin: StoredOrigin::from_model(origin),
            expires_at: expires_at.map(time::store),
            created_at: time::store(created_at),
            updated_at: time::store(updated_at),
        }
    }

    fn into_model(self) -> Result<Role, Invalid> {
        let Self { name, login, protected, born, origin, expires_at, created_at, updated_at } =
            self;
        let login = match login {
            StoredLogin::Never => Login::Never,
            StoredLogin::Unset => Login::Unset,
            StoredLogin::Password(StoredCredential { verifier, sealed, branch }) => {
                Login::Password(Credential {
                    verifier: Verifier::from_trusted(verifier),
                    sealed: sealed.map(|bytes| Sealed(bytes.into())),
                    branch: branch.try_into()?,
                })
            }
        };
        Ok(Role {
            name: RoleName::parse_existing(name)?,
            login,
            protected,
            born: Revision(born),
            origin: origin.into_model()?,
            expires_at: expires_at.map(time::load).transpose()?,
            created_at: time::load(created_at)?,
            updated_at: time::load(updated_at)?,
        })
    }
}
