//! Roles.

use serde::{Deserialize, Serialize};

use crate::model::id::BranchId;
use crate::model::preview::Holding;
use crate::model::role::{self, Login};
use crate::model::secret::Password;
use crate::wire::field::Field;
use crate::wire::neon::left_out::LeftOut;
use crate::wire::neon::operations::Operation;
use crate::wire::neon::origin::Origin;
use crate::wire::secret::Secret;
use crate::wire::time::Time;

/// A role of a branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    pub branch_id: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    #[serde(default)]
    pub protected: bool,
    pub authentication_method: String,
    pub created_at: Time,
    pub updated_at: Time,
    pub origin: Origin,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deactivated_at: Option<Time>,
}

/// One role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleAnswer {
    pub role: Role,
}

/// The roles of a branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolesAnswer {
    pub roles: Vec<Role>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<LeftOut>,
}

/// A role that was changed, and what is left to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleOperations {
    pub role: Role,
    pub operations: Vec<Operation>,
}

/// A role's password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordAnswer {
    pub password: Secret,
}

/// What deleting a role would meet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletionAnswer {
    pub deletion: Deletion,
}

/// What deleting a role would meet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    pub role_name: String,
    pub blocked: bool,
    pub databases: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holdings: Option<Vec<RoleHolding>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_sessions: Option<u32>,
}

/// What a role has in a database, or beside them all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleHolding {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    pub owned: u32,
    pub granted: u32,
}

impl From<Holding> for RoleHolding {
    fn from(Holding { database, owned, granted }: Holding) -> Self {
        Self { database, owned, granted }
    }
}

/// A role that is to be created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct RoleCreateRequest {
    pub role: NewRole,
}

/// What is asked of the new role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct NewRole {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_login: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

/// What is to change about a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct RoleUpdateRequest {
    pub role: RoleUpdate,
}

/// The changes; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct RoleUpdate {
    #[serde(default, skip_serializing_if = "Field::is_absent")]
    pub expires_at: Field<String>,
}

impl Role {
    /// Shows a role of a branch, without its password.
    #[must_use]
    pub fn new(branch: &BranchId, role: role::Role) -> Self {
        let role::Role {
            name,
            login,
            stands_for: _,
            protected,
            born: _,
            standing: _,
            origin,
            expires_at,
            deactivated_at,
            created_at,
            updated_at,
        } = role;
        let authentication_method = match login {
            Login::Never => "no_login",
            Login::Unset | Login::Password(_) => "password",
        };
        Self {
            branch_id: branch.to_string(),
            name: name.to_string(),
            password: None,
            protected,
            authentication_method: authentication_method.to_owned(),
            created_at: Time(created_at),
            updated_at: Time(updated_at),
            origin: Origin::new(&origin, updated_at),
            expires_at: expires_at.map(Time),
            deactivated_at: deactivated_at.map(Time),
        }
    }

    /// Shows the password too: the answer to its creation or reset.
    #[must_use]
    pub fn with_password(self, password: Option<&Password>) -> Self {
        Self { password: password.map(Secret::from), ..self }
    }

    /// Shows several roles of a branch.
    #[must_use]
    pub fn list(branch: &BranchId, roles: Vec<role::Role>) -> Vec<Self> {
        roles.into_iter().map(|role| Self::new(branch, role)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::origin;
    use crate::model::revision::{Revision, Timestamp};
    use crate::model::role::Credential;
    use crate::model::secret::{Sealed, Verifier};

    fn shown(login: Login) -> Role {
        let role = role::Role {
            name: "we ird/n".parse().expect("a name"),
            login,
            stands_for: None,
            protected: false,
            born: Revision(3),
            standing: None,
            origin: origin::Origin {
                branch: "br-a".parse().expect("an id"),
                revision: Revision(3),
            },
            expires_at: None,
            deactivated_at: None,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        };
        Role::new(&"br-a".parse().expect("an id"), role)
    }

    fn json(role: &Role) -> String {
        serde_json::to_string(role).expect("JSON")
    }

    #[test]
    fn a_role_shows_neither_its_password_nor_what_is_kept_of_it() {
        let verifier = Verifier::from_trusted("SCRAM-SHA-256$4096:c2FsdA==$a:b");
        let sealed = Some(Sealed(Box::new([1])));
        let role = shown(Login::Password(Credential {
            verifier,
            sealed,
            branch: "br-a".parse().expect("an id"),
        }));
        insta::assert_snapshot!(
            json(&role),
            @r#"{"branch_id":"br-a","name":"we ird/n","protected":false,"authentication_method":"password","created_at":"1970-01-01T00:00:00.000000Z","updated_at":"1970-01-01T00:00:00.000000Z","origin":{"branch_id":"br-a","revision":3,"at":"1970-01-01T00:00:00.000000Z"}}"#
        );
    }

    #[test]
    fn a_password_is_shown_when_it_is_asked_for() {
        let role = shown(Login::Never).with_password(Some(&Password::new("npg_x")));
        assert!(json(&role).contains(r#""password":"npg_x""#));
        assert!(json(&role).contains(r#""authentication_method":"no_login""#));
    }
}
