//! Role: a Postgres role that the catalog describes.

use crate::model::id::BranchId;
use crate::model::name::RoleName;
use crate::model::origin::Origin;
use crate::model::revision::{Revision, Timestamp};
use crate::model::secret::{Sealed, Verifier};

/// A role as a branch's catalog has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its name, unique within the branch.
    pub name: RoleName,
    /// How it logs in.
    pub login: Login,
    /// The login in whose place that was put, where the branch was given passwords of its own: what
    /// the branch has in common with those from which it comes, as long as nobody resets it.
    pub stands_for: Option<Login>,
    /// Whether it belongs to the system; then nobody can change or delete it.
    pub protected: bool,
    /// The revision that created it. A role that is dropped and created again under its old name
    /// is another role, and this tells the two apart.
    pub born: Revision,
    /// How it stands among the credentials of its branch; none for a role that is none of them.
    pub standing: Option<Standing>,
    /// Where it was last written. A branch that has it unchanged from its parent has this too.
    pub origin: Origin,
    /// When it is deleted by itself, if it is. It cannot log in with its password from then on.
    pub expires_at: Option<Timestamp>,
    /// Since when it is deactivated, if it is: it keeps its password and cannot log in with it.
    pub deactivated_at: Option<Timestamp>,
    /// When it was created, in the branch where it was.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Role {
    /// Returns the login by which branches tell whether somebody changed it: its own, or the one
    /// for which that stands.
    #[must_use]
    pub fn common_login(&self) -> &Login {
        self.stands_for.as_ref().unwrap_or(&self.login)
    }

    /// Returns how it stands among the credentials of its branch, if it is one that can log in.
    #[must_use]
    pub fn live(&self) -> Option<&Standing> {
        let can_log_in = self.login != Login::Never && self.deactivated_at.is_none();
        self.standing.as_ref().filter(|_| can_log_in)
    }

    /// Whether it is the original of its branch's credentials.
    #[must_use]
    pub fn is_original(&self) -> bool {
        self.standing.as_ref().is_some_and(|standing| standing.acts_for.is_none())
    }
}

/// Returns the default among the roles of a branch.
#[must_use]
pub fn default_of(roles: &[Role]) -> Option<&Role> {
    let live = roles.iter().filter_map(|role| Some((role.live()?.promoted_at?, role)));
    live.max_by_key(|(at, _)| *at).map(|(_, role)| role)
}

/// Returns the original among the roles of a branch.
#[must_use]
pub fn original_of(roles: &[Role]) -> Option<&Role> {
    roles.iter().filter(|role| role.is_original()).min_by_key(|role| (role.born, &role.name))
}

/// How a role stands among the credentials of its branch, with which applications connect. A credential
/// that can log in is live; the live one that became the default last is the default.
///
/// That is all there is to it, so that a catalog which is copied, restored or merged has its default
/// with it, and exactly one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// When it became the default; none if it never did. No two commits have the same time.
    pub promoted_at: Option<Timestamp>,
    /// As which role it acts: the original, to which all belongs that a credential makes. None for
    /// the original itself.
    pub acts_for: Option<RoleName>,
}

/// How a role logs in. `C` is what is known of its password.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Login<C = Credential> {
    /// Not at all: the role is a group, or the system's.
    Never,
    /// Not until it is given a password.
    Unset,
    /// With a password.
    Password(C),
}

impl<C> Login<C> {
    /// Whether the role logs in at all, be it with a password that it is still to be given.
    #[must_use]
    pub fn is_any(&self) -> bool {
        match self {
            Self::Never => false,
            Self::Unset | Self::Password(_) => true,
        }
    }

    /// Returns the credential of a role that can log in.
    #[must_use]
    pub fn credential(&self) -> Option<&C> {
        match self {
            Self::Never | Self::Unset => None,
            Self::Password(credential) => Some(credential),
        }
    }

    /// Returns the same with something else that is known of the password.
    #[must_use]
    pub fn of<D>(&self, known: impl FnOnce(&C) -> D) -> Login<D> {
        match self {
            Self::Never => Login::Never,
            Self::Unset => Login::Unset,
            Self::Password(credential) => Login::Password(known(credential)),
        }
    }
}

/// What is kept of a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// What Postgres is sent.
    pub verifier: Verifier,
    /// The clear text, encrypted at rest, so that it can be revealed; absent in a project that
    /// does not store passwords.
    pub sealed: Option<Sealed>,
    /// The branch for which it was drawn. Others may have it from there.
    pub branch: BranchId,
}
