//! Rules about the passwords that come with a catalog.
//!
//! A password is a branch's own if it was drawn for that branch. One that came with a catalog opens
//! the branch from which it came, too.

use std::collections::BTreeMap;

use crate::model::branch::{Branch, PasswordPolicy};
use crate::model::id::BranchId;
use crate::model::name::RoleName;
use crate::model::origin::Origin;
use crate::model::project::Project;
use crate::model::refusal::Refusal;
use crate::model::revision::Moment;
use crate::model::role::{Credential, Login, Role};
use crate::model::state::{Denied, Read, Write};

/// What becomes of the passwords in a catalog that is copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passwords {
    /// They stay.
    Inherited,
    /// The branch keeps its own, and each other role gets the one that was drawn for it.
    Fresh(BTreeMap<RoleName, Credential>),
    /// The branch keeps its own, and the others go.
    Unset,
}

impl Passwords {
    fn policy(&self) -> PasswordPolicy {
        match self {
            Self::Inherited => PasswordPolicy::Inherit,
            Self::Fresh(_) => PasswordPolicy::Fresh,
            Self::Unset => PasswordPolicy::None,
        }
    }
}

/// Returns the policy of a branch that is to be created, where one applies: the request's, the
/// project's, or that of every child of a protected branch. It holds for the branch's life.
#[must_use]
pub fn policy_of_new(
    asked: Option<PasswordPolicy>,
    project: &Project,
    parent: &Branch,
) -> Option<PasswordPolicy> {
    asked.or(project.password_policy).or(parent.protected.then_some(PasswordPolicy::Fresh))
}

/// Returns the policy of a branch that is there, where one applies: its own, or that of every child
/// of a protected branch.
pub(super) fn policy_of<S: Read>(
    state: &S,
    branch: &Branch,
) -> Result<Option<PasswordPolicy>, S::Error> {
    if branch.password_policy.is_some() {
        return Ok(branch.password_policy);
    }
    let Some(point) = branch.branch_point() else { return Ok(None) };
    let parent = state.branch(&point.parent)?;
    Ok(parent.filter(|parent| parent.protected).map(|_| PasswordPolicy::Fresh))
}

/// Returns the policy under which `target` takes the catalog of `source`. A branch that has
/// passwords of its own shares them with its children, and with nobody else who takes its catalog.
pub fn policy_of_restore<S: Read>(
    state: &S,
    target: &Branch,
    source: &Branch,
) -> Result<PasswordPolicy, S::Error> {
    if let Some(policy) = policy_of(state, target)? {
        return Ok(policy);
    }
    let is_parent = target.branch_point().is_some_and(|point| point.parent == source.id);
    let has_own = match source.password_policy {
        None | Some(PasswordPolicy::Inherit) => false,
        Some(PasswordPolicy::Fresh | PasswordPolicy::None) => true,
    };
    let is_kept = source.id != target.id && (source.protected || (has_own && !is_parent));
    Ok(if is_kept { PasswordPolicy::Fresh } else { PasswordPolicy::Inherit })
}

/// Returns the policy under which `target` takes the changes of `source`: its own, or that of every
/// child of a protected branch. Passwords that the source was given are no changes, and those that
/// somebody reset on it are meant, so its own policy does not matter.
pub(super) fn policy_of_merge<S: Read>(
    state: &S,
    target: &Branch,
    source: &Branch,
) -> Result<PasswordPolicy, S::Error> {
    let by_default = if source.protected { PasswordPolicy::Fresh } else { PasswordPolicy::Inherit };
    Ok(policy_of(state, target)?.unwrap_or(by_default))
}

/// Refuses passwords that were prepared for another policy than the one that applies: what they
/// were read from may have changed since.
pub(super) fn check<E>(
    applies: Option<PasswordPolicy>,
    prepared: &Passwords,
) -> Result<(), Denied<E>> {
    if applies.unwrap_or(PasswordPolicy::Inherit) == prepared.policy() {
        return Ok(());
    }
    Err(Denied::Refused(Refusal::PasswordPolicyMoved))
}

/// Returns the roles of a branch whose passwords are its own.
pub fn own<S: Read>(state: &S, branch: &BranchId) -> Result<BTreeMap<RoleName, Role>, S::Error> {
    let roles = state.roles(branch)?.into_iter();
    let own = |role: Role| own_of(branch, &role).is_some().then(|| (role.name.clone(), role));
    Ok(roles.filter_map(own).collect())
}

/// Returns a role's password, if it is the branch's own.
#[must_use]
pub fn own_of<'a>(branch: &BranchId, role: &'a Role) -> Option<&'a Credential> {
    role.login.credential().filter(|credential| credential.branch == *branch)
}

/// Sees to the passwords in the catalog that `branch` was just given. The ones that were its own
/// before, in `kept`, it keeps; and the ones that come back to it.
pub(super) fn settle<S: Write>(
    state: &mut S,
    moment: Moment,
    branch: &BranchId,
    passwords: &Passwords,
    kept: &BTreeMap<RoleName, Role>,
) -> Result<(), Denied<S::Error>> {
    let drawn = match passwords {
        Passwords::Inherited => return Ok(()),
        Passwords::Fresh(drawn) => Some(drawn),
        Passwords::Unset => None,
    };
    for role in state.roles(branch)? {
        if role.login == Login::Never {
            continue;
        }
        let had = kept.get(&role.name);
        let own = had.and_then(|had| own_of(branch, had)).or_else(|| own_of(branch, &role));
        let credential = own.or_else(|| drawn.and_then(|drawn| drawn.get(&role.name)));
        let login = credential.cloned().map_or(Login::Unset, Login::Password);
        if login != role.login {
            let origin = Origin { branch: branch.clone(), revision: moment.revision };
            let stands_for = stands_for(branch, &role, had);
            let updated_at = moment.at;
            state.put_role(branch, Role { login, stands_for, origin, updated_at, ..role })?;
        }
    }
    Ok(())
}

/// Returns the login for which the one stands that replaces that of `came`. Of two that somebody
/// reset on the branch, the newer stands for itself: the older may be known to others, and must not
/// reach another branch in its place.
fn stands_for(branch: &BranchId, came: &Role, had: Option<&Role>) -> Option<Login> {
    let was_reset = |role: &Role| role.stands_for.is_none() && own_of(branch, role).is_some();
    let both = was_reset(came) && had.is_some_and(was_reset);
    (!both).then(|| came.common_login().clone())
}
