//! How roles stand among the credentials of a target that takes them.
//!
//! No two sides disagree about that: of two standings the one that became the default last holds, as
//! among the credentials of one branch. A standing is taken where the original is the same role on
//! the target; elsewhere it would have two, or a credential that acts for nobody.

use crate::model::branch::Branch;
use crate::model::name::RoleName;
use crate::model::refusal::CredentialRefusal;
use crate::model::role::{Role, Standing, original_of};
use crate::model::rules::credentials::MAX_CREDENTIALS;
use crate::model::rules::merge::{Draft, Edit};
use crate::model::rules::refuse;
use crate::model::state::{Denied, Read};

/// Returns the credentials of the target; none where the draft leaves them as they stand.
pub(super) fn of_target<S: Read>(
    state: &S,
    target: &Branch,
    draft: &Draft,
) -> Result<Vec<Role>, S::Error> {
    let stands = |role: &Option<Role>| {
        let credential = role.as_ref().filter(|role| role.standing.is_some());
        credential.map(|it| (it.standing.clone(), it.live().is_some(), it.expires_at))
    };
    if draft.roles.values().all(|edit| stands(&edit.versions.target) == stands(&edit.after)) {
        return Ok(Vec::new());
    }
    let roles = state.roles(&target.id)?.into_iter();
    Ok(roles.filter(|role| role.standing.is_some()).collect())
}

/// Returns a credential of the target that would still act for a role of which a change makes no
/// original that lasts.
pub(super) fn bereft(edit: &Edit<Role>, credentials: &[Role], draft: &Draft) -> Option<RoleName> {
    let original = edit.versions.target.as_ref().filter(|role| role.is_original())?;
    let lasts = |role: &Role| role.is_original() && role.expires_at.is_none();
    if edit.after.as_ref().is_some_and(lasts) {
        return None;
    }
    let acts = |role: &&Role| {
        let after = after(role, draft).and_then(|role| role.standing.as_ref());
        after.is_some_and(|standing| standing.acts_for.as_ref() == Some(&original.name))
    };
    credentials.iter().find(acts).map(|role| role.name.clone())
}

/// Leaves out of the draft the standings that do not fit the target, whose credentials are these.
pub(super) fn settle<E>(credentials: &[Role], draft: &mut Draft) -> Result<(), Denied<E>> {
    let original = original(credentials, draft);
    for Edit { versions, after } in draft.roles.values_mut() {
        let had = versions.target.as_ref().and_then(|target| target.standing.clone());
        if let Some(role) = after
            && role.standing != had
            && !fits(role, original.as_ref())
        {
            role.standing = had;
        }
    }
    let is_live = |role: &&Role| role.live().is_some();
    let kept = credentials.iter().filter(|role| !draft.roles.contains_key(&role.name));
    let taken = draft.roles.values().filter_map(|edit| edit.after.as_ref());
    let count = kept.chain(taken).filter(is_live).count();
    let had = credentials.iter().filter(is_live).count();
    if had < count && MAX_CREDENTIALS < count {
        return refuse(CredentialRefusal::TooMany);
    }
    Ok(())
}

/// Returns the original that the target would have: its own, or else the one that comes.
fn original(credentials: &[Role], draft: &Draft) -> Option<Role> {
    let own = credentials.iter().filter(|role| role.is_original());
    let own: Vec<_> = own.filter_map(|role| after(role, draft)).cloned().collect();
    let coming = || draft.roles.values().filter_map(|edit| edit.after.clone());
    original_of(&own).cloned().or_else(|| original_of(&coming().collect::<Vec<_>>()).cloned())
}

/// Returns what becomes of a role of the target.
fn after<'a>(role: &'a Role, draft: &'a Draft) -> Option<&'a Role> {
    match draft.roles.get(&role.name) {
        None => Some(role),
        Some(edit) => edit.after.as_ref(),
    }
}

fn fits(role: &Role, original: Option<&Role>) -> bool {
    match (&role.standing, original) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(Standing { acts_for: None, .. }), Some(original)) => original.name == role.name,
        (Some(Standing { acts_for: Some(name), .. }), Some(original)) => {
            original.name == *name && original.expires_at.is_none()
        }
    }
}
