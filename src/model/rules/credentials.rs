//! Rules about the credentials of a branch: the roles with which applications connect.
//!
//! One of them is the original, to which all belongs that the others make, and which therefore is
//! never dropped: it only loses its login. Another, or the same, is the default, which applications
//! are shown. What a credential is stands in its role, so whatever happens to a catalog happens to
//! the credentials in it.

use crate::model::branch::Branch;
use crate::model::database::Database;
use crate::model::id::BranchId;
use crate::model::name::RoleName;
use crate::model::refusal::{CredentialRefusal, Refusal};
use crate::model::revision::{Moment, Timestamp};
use crate::model::role::{Login, Role, Standing, default_of, original_of};
use crate::model::rules::roles::{self, Changed, NewRole, OnOwned, get_changeable, origin, put};
use crate::model::rules::{Seed, get_branch, refuse};
use crate::model::state::{Denied, Read, Write};

/// How many credentials a branch can have: they are listed all at once.
pub const MAX_CREDENTIALS: usize = 100;

/// What becomes of the default when a credential is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// The new credential is it from now on.
    Moves,
    /// It stays what it is.
    Stays,
}

/// Creates a credential on a branch.
pub fn create<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    branch: &BranchId,
    new: NewRole,
    default: Default,
) -> Result<Changed, Denied<S::Error>> {
    let branch = get_branch(state, branch)?;
    let known = state.roles(&branch.id)?;
    if known.iter().any(|role| role.name == new.name) {
        return refuse(Refusal::RoleExists(new.name));
    }
    if MAX_CREDENTIALS <= known.iter().filter(|role| role.live().is_some()).count() {
        return refuse(CredentialRefusal::TooMany);
    }
    let promoted_at = match default {
        Default::Moves => Some(moment.at),
        Default::Stays => None,
    };
    let standing = standing(&known, promoted_at).map_err(Denied::Refused)?;
    let born = roles::born(moment, origin(&branch, moment), new.name, new.login);
    put(state, moment, seed, branch, Role { standing: Some(standing), ..born })
}

/// Makes a role the default credential of its branch, and a credential where it was none.
pub fn promote<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    branch: &BranchId,
    name: &RoleName,
) -> Result<Changed, Denied<S::Error>> {
    let branch = get_branch(state, branch)?;
    let role = get_changeable(state, &branch.id, name)?;
    if role.login == Login::Never {
        return refuse(Refusal::RoleWithoutPassword(role.name));
    }
    let known = state.roles(&branch.id)?;
    if default_of(&known).is_some_and(|default| default.name == *name) {
        return Ok((role, Vec::new()));
    }
    let promoted_at = Some(moment.at);
    let (origin, updated_at) = (origin(&branch, moment), moment.at);
    let Some(standing) = &role.standing else {
        let standing = Some(standing(&known, promoted_at).map_err(Denied::Refused)?);
        return put(state, moment, seed, branch, Role { standing, origin, updated_at, ..role });
    };
    let standing = Some(Standing { promoted_at, ..standing.clone() });
    let role = Role { standing, origin, updated_at, ..role };
    // Postgres knows nothing of defaults.
    state.put_role(&branch.id, role.clone())?;
    state.put_branch(Branch { updated_at, ..branch })?;
    Ok((role, Vec::new()))
}

/// Returns how a credential stands that comes to those that are there.
fn standing(known: &[Role], promoted_at: Option<Timestamp>) -> Result<Standing, Refusal> {
    match original_of(known) {
        Some(original) if original.expires_at.is_some() => {
            Err(CredentialRefusal::OriginalExpires(original.name.clone()).into())
        }
        original => Ok(Standing { promoted_at, acts_for: original.map(|role| role.name.clone()) }),
    }
}

/// Deletes a credential. What it owns is the original's from then on, its databases too; the original
/// itself only loses its login. The default is refused.
pub fn delete<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    branch: &BranchId,
    name: &RoleName,
) -> Result<Changed, Denied<S::Error>> {
    let role = get_live(state, branch, name)?;
    if is_default(state, branch, name)? {
        return refuse(CredentialRefusal::IsDefault(role.name));
    }
    if role.is_original() {
        return revoke(state, moment, seed, branch, name);
    }
    drop(state, moment, seed, branch, &role)
}

/// Drops a credential, whether it can log in or not. What it owns is the original's from then on.
pub(super) fn drop<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    branch: &BranchId,
    role: &Role,
) -> Result<Changed, Denied<S::Error>> {
    let record = get_branch(state, branch)?;
    let name = &role.name;
    let heir = role.standing.as_ref().and_then(|standing| standing.acts_for.clone());
    for database in state.databases(branch)?.into_iter().filter(|it| it.owner == *name) {
        let Some(owner) = heir.clone() else { continue };
        let (origin, updated_at) = (origin(&record, moment), moment.at);
        state.put_database(branch, Database { owner, origin, updated_at, ..database })?;
    }
    roles::delete(state, moment, seed, (branch, name), OnOwned::Reassign)
}

/// Takes the login from a credential.
pub fn revoke<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    branch: &BranchId,
    name: &RoleName,
) -> Result<Changed, Denied<S::Error>> {
    let branch = get_branch(state, branch)?;
    let role = get_changeable(state, &branch.id, name)?;
    let (origin, updated_at) = (origin(&branch, moment), moment.at);
    let role = Role { login: Login::Never, stands_for: None, origin, updated_at, ..role };
    put(state, moment, seed, branch, role)
}

/// Refuses to do without a role for which credentials act: what they make would belong to nobody.
pub(super) fn check_spared<S: Read>(
    state: &S,
    branch: &BranchId,
    role: &Role,
) -> Result<(), Denied<S::Error>> {
    if !role.is_original() {
        return Ok(());
    }
    let acts = |other: &Role| {
        let standing = other.standing.as_ref();
        standing.is_some_and(|standing| standing.acts_for.as_ref() == Some(&role.name))
    };
    match state.roles(branch)?.into_iter().find(acts) {
        None => Ok(()),
        Some(other) => refuse(CredentialRefusal::RoleIsOriginal {
            role: role.name.clone(),
            credential: other.name,
        }),
    }
}

/// Returns a credential that can log in.
pub fn get_live<S: Read>(
    state: &S,
    branch: &BranchId,
    name: &RoleName,
) -> Result<Role, Denied<S::Error>> {
    let role = state.role(branch, name)?.filter(|role| role.live().is_some());
    role.ok_or_else(|| Denied::Refused(CredentialRefusal::Missing(name.clone()).into()))
}

fn is_default<S: Read>(state: &S, branch: &BranchId, name: &RoleName) -> Result<bool, S::Error> {
    Ok(default_of(&state.roles(branch)?).is_some_and(|default| default.name == *name))
}
