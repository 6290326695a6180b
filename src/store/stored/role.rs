//! Roles, stored.

use bincode::{Decode, Encode};

use super::{Invalid, Stored, StoredOrigin, time};
use crate::model::name::RoleName;
use crate::model::revision::Revision;
use crate::model::role::{Credential, Login, Role, Standing};
use crate::model::secret::{Sealed, Verifier};

/// A role.
#[derive(Encode, Decode)]
pub struct StoredRole {
    name: String,
    login: StoredLogin,
    stands_for: Option<StoredLogin>,
    protected: bool,
    born: u64,
    standing: Option<StoredStanding>,
    origin: StoredOrigin,
    expires_at: Option<i64>,
    deactivated_at: Option<i64>,
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
struct StoredStanding {
    promoted_at: Option<i64>,
    acts_for: Option<String>,
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

impl StoredStanding {
    fn from_model(Standing { promoted_at, acts_for }: Standing) -> Self {
        Self {
            promoted_at: promoted_at.map(time::store),
            acts_for: acts_for.map(|name| name.to_string()),
        }
    }

    fn into_model(self) -> Result<Standing, Invalid> {
        let Self { promoted_at, acts_for } = self;
        let acts_for = acts_for.map(RoleName::parse_existing).transpose()?;
        Ok(Standing { promoted_at: promoted_at.map(time::load).transpose()?, acts_for })
    }
}

impl StoredLogin {
    fn from_model(login: Login) -> Self {
        match login {
            Login::Never => Self::Never,
            Login::Unset => Self::Unset,
            Login::Password(Credential { verifier, sealed, branch }) => {
                Self::Password(StoredCredential {
                    verifier: verifier.reveal().to_owned(),
                    sealed: sealed.map(|Sealed(bytes)| bytes.into_vec()),
                    branch: branch.to_string(),
                })
            }
        }
    }

    fn into_model(self) -> Result<Login, Invalid> {
        Ok(match self {
            Self::Never => Login::Never,
            Self::Unset => Login::Unset,
            Self::Password(StoredCredential { verifier, sealed, branch }) => {
                Login::Password(Credential {
                    verifier: Verifier::from_trusted(verifier),
                    sealed: sealed.map(|bytes| Sealed(bytes.into())),
                    branch: branch.try_into()?,
                })
            }
        })
    }
}

impl Stored for StoredRole {
    type Model = Role;

    fn from_model(role: Role) -> Self {
        let Role {
            name,
            login,
            stands_for,
            protected,
            born,
            standing,
            origin,
            expires_at,
            deactivated_at,
            created_at,
            updated_at,
        } = role;
        Self {
            name: name.to_string(),
            login: StoredLogin::from_model(login),
            stands_for: stands_for.map(StoredLogin::from_model),
            protected,
            born: born.0,
            standing: standing.map(StoredStanding::from_model),
            origin: StoredOrigin::from_model(origin),
            expires_at: expires_at.map(time::store),
            deactivated_at: deactivated_at.map(time::store),
            created_at: time::store(created_at),
            updated_at: time::store(updated_at),
        }
    }

    fn into_model(self) -> Result<Role, Invalid> {
        let Self {
            name,
            login,
            stands_for,
            protected,
            born,
            standing,
            origin,
            expires_at,
            deactivated_at,
            created_at,
            updated_at,
        } = self;
        Ok(Role {
            name: RoleName::parse_existing(name)?,
            login: login.into_model()?,
            stands_for: stands_for.map(StoredLogin::into_model).transpose()?,
            protected,
            born: Revision(born),
            standing: standing.map(StoredStanding::into_model).transpose()?,
            origin: origin.into_model()?,
            expires_at: expires_at.map(time::load).transpose()?,
            deactivated_at: deactivated_at.map(time::load).transpose()?,
            created_at: time::load(created_at)?,
            updated_at: time::load(updated_at)?,
        })
    }
}
