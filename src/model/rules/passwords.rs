//! Rules about the passwords that come with a catalog.

use std::collections::BTreeMap;

use crate::model::branch::{Branch, PasswordPolicy};
use crate::model::id::BranchId;
use crate::model::name::RoleName;
use crate::model::origin::Origin;
use crate::model::project::Project;
use crate::model::revision::Moment;
use crate::model::role::{Credential, Login, Role};
use crate::model::state::{Denied, Write};

/// What becomes of the passwords in a catalog that is copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passwords {
    /// They stay.
    Inherited,
    /// Each role gets the one that was drawn for it.
    Fresh(BTreeMap<RoleName, Credential>),
    /// They go.
    Unset,
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

/// Returns the policy under which `target` takes the catalog of `source`.
#[must_use]
pub fn policy_of_restore(target: &Branch, source: &Branch) -> PasswordPolicy {
    let by_default = if source.protected && source.id != target.id {
        PasswordPolicy::Fresh
    } else {
        PasswordPolicy::Inherit
    };
    target.password_policy.unwrap_or(by_default)
}

/// Sees to the passwords in the catalog that `branch` was just given. The ones that it had of its
/// own before, in `own`, it keeps.
pub(super) fn settle<S: Write>(
    state: &mut S,
    moment: Moment,
    branch: &BranchId,
    passwords: &Passwords,
    own: &[Role],
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
        let kept = own.iter().find(|own| own.name == role.name).and_then(|own| {
            let credential = own.login.credential();
            // One that it shares with the source is not its own.
            credential.filter(|credential| role.login.credential() != Some(*credential))
        });
        let credential = kept.or_else(|| drawn.and_then(|drawn| drawn.get(&role.name)));
        let login = credential.cloned().map_or(Login::Unset, Login::Password);
        let origin = Origin { branch: branch.clone(), revision: moment.revision };
        state.put_role(branch, Role { login, origin, updated_at: moment.at, ..role })?;
    }
    Ok(())
}
