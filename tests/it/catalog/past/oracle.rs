//! The same answers, found by looking at every copy.

use std::collections::BTreeMap;

use offshoot::control::history::{AuditQuery, Include};
use offshoot::control::{LeftOut, Missed, Why};
use offshoot::model::branch::Branch;
use offshoot::model::cause::{Cause, Deed, Topic};
use offshoot::model::id::BranchId;
use offshoot::model::name::RoleName;
use offshoot::model::origin::Origin;
use offshoot::model::revision::{Revision, Timestamp};
use offshoot::model::role::Role;

use super::super::copies::{Copies, State};
use super::acts::before;

/// Something that happened to a role.
pub struct Happened {
    pub revision: Revision,
    pub branch: BranchId,
    pub before: Option<Role>,
    pub after: Option<Role>,
}

fn state(copies: &Copies, revision: Revision) -> &State {
    &copies.past[usize::try_from(revision.0).expect("a revision of a test")]
}

fn role_of(copies: &Copies, branch: &BranchId, name: &RoleName, at: Revision) -> Option<Role> {
    state(copies, at).catalogs.get(branch)?.roles.get(name).cloned()
}

/// Returns the first revision that has a branch, and the branch as it was born.
fn birth<'a>(copies: &'a Copies, branch: &BranchId) -> (Revision, &'a Branch) {
    let born = (0..).zip(&copies.past).find_map(|(number, state)| {
        state.branches.get(branch).map(|born| (Revision(number), born))
    });
    born.expect("a branch that was there")
}

/// Returns which branch is looked at for another, and where: child at t before its birth = source at
/// min(t, cutoff).
pub fn looked_at(copies: &Copies, branch: &BranchId, at: Revision) -> Option<(BranchId, Revision)> {
    if state(copies, at).branches.contains_key(branch) {
        return Some((branch.clone(), at));
    }
    let (birth, born) = birth(copies, branch);
    let is_alive = copies.now.branches.contains_key(branch);
    // One that is deleted is found only while it lived.
    (is_alive && at < birth).then_some(())?;
    source_at(copies, born, at)
}

fn source_at(copies: &Copies, born: &Branch, at: Revision) -> Option<(BranchId, Revision)> {
    let source = born.began.source.as_ref()?;
    let at = at.min(source.cutoff);
    if state(copies, at).branches.contains_key(&source.branch) {
        return Some((source.branch.clone(), at));
    }
    source_at(copies, birth(copies, &source.branch).1, at)
}

/// Returns what happened to a role, newest first.
pub fn role_history(
    copies: &Copies,
    branch: &BranchId,
    name: &RoleName,
    from: Revision,
) -> Vec<Happened> {
    let (birth, born) = birth(copies, branch);
    let mut history = Vec::new();
    for revision in (birth.next().0..=from.0).rev().map(Revision) {
        let then = role_of(copies, branch, name, before(revision));
        let after = role_of(copies, branch, name, revision);
        if then != after {
            history.push(Happened { revision, branch: branch.clone(), before: then, after });
        }
    }
    let Some(after) = role_of(copies, branch, name, birth) else { return history };
    let source = born.began.source.as_ref();
    let then = source.and_then(|from| role_of(copies, &from.branch, name, from.cutoff));
    let after = Some(after);
    history.push(Happened { revision: birth, branch: branch.clone(), before: then, after });
    if let Some(source) = source {
        history.extend(role_history(copies, &source.branch, name, source.cutoff));
    }
    history
}

/// Returns what everybody may know of a branch's own record.
fn record(state: &State, branch: &BranchId) -> Option<String> {
    let found = state.branches.get(branch)?;
    let is_default = state.project.as_ref().map(|project| project.default_branch == *branch);
    let Branch { name, lineage, began, protected, expiry, password_policy, .. } = found;
    let parent = match lineage {
        offshoot::model::branch::Lineage::Root => None,
        offshoot::model::branch::Lineage::Child(point) => Some(&point.parent),
    };
    let source = &began.source;
    Some(format!(
        "{name} {parent:?} {source:?} {protected} {expiry:?} {password_policy:?} {is_default:?}"
    ))
}

/// Returns the revisions of what happened to a branch, newest first.
pub fn branch_history(
    copies: &Copies,
    causes: &[Cause],
    branch: &BranchId,
    from: Revision,
    include: Include,
) -> Vec<Revision> {
    let (birth, born) = birth(copies, branch);
    let is_told = |revision: &Revision| {
        let index = usize::try_from(revision.0).expect("a revision of a test") - 1;
        let cause = &causes[index];
        let is_about = cause.topic.branch() == Some(branch);
        let (then, after) = (state(copies, before(*revision)), state(copies, *revision));
        let is_other = !is_about && record(then, branch) != record(after, branch);
        (is_about || is_other) && (include.passes || cause.deed != Deed::RecordPass)
    };
    let own = (birth.0..=from.0).rev().map(Revision).filter(is_told);
    let mut history: Vec<_> = own.collect();
    if let Some(source) = born.began.source.as_ref().filter(|_| include.inherited) {
        let earlier = branch_history(copies, causes, &source.branch, source.cutoff, include);
        history.extend(earlier);
    }
    history
}

/// Returns the revisions of what matches, newest first.
pub fn audit(causes: &[Cause], times: &[Timestamp], query: &AuditQuery) -> Vec<Revision> {
    let matches = |cause: &Cause, at: Timestamp| {
        let role = match &cause.topic {
            Topic::Role(_, name) => Some(name),
            Topic::Whole
            | Topic::Branch(_)
            | Topic::Database(..)
            | Topic::Endpoint(..)
            | Topic::Project(_) => None,
        };
        let is_deed = if query.deeds.is_empty() {
            cause.deed != Deed::RecordPass
        } else {
            query.deeds.contains(&cause.deed)
        };
        is_deed
            && (query.branch.is_none() || query.branch.as_ref() == cause.topic.branch())
            && (query.role.is_none() || query.role.as_ref() == role)
            && (query.key_id.is_none() || query.key_id == cause.caller.key_id)
            && (query.request_id.is_none() || query.request_id == Some(cause.caller.request_id))
            && query.since.is_none_or(|since| since <= at)
            && query.until.is_none_or(|until| at <= until)
    };
    let found = (1..).zip(causes.iter().zip(times));
    let found = found.filter(|(_, (cause, at))| matches(cause, **at));
    let mut found: Vec<_> = found.map(|(number, _)| Revision(number)).collect();
    found.reverse();
    found
}

/// Returns what a cutoff left out of a branch as it was at a revision.
pub fn left_out(copies: &Copies, branch: &BranchId, at: Revision) -> Option<LeftOut> {
    let now = state(copies, at);
    let source = now.branches[branch].began.source.clone()?;
    if source.branch == *branch || !now.branches.contains_key(&source.branch) {
        return None;
    }
    let then = &state(copies, source.cutoff).catalogs[&source.branch];
    let (there, here) = (&now.catalogs[&source.branch], &now.catalogs[branch]);
    let roles = missed(&then.roles, &there.roles, &here.roles, |role| {
        (role.origin.clone(), role.updated_at)
    });
    let databases = missed(&then.databases, &there.databases, &here.databases, |database| {
        (database.origin.clone(), database.updated_at)
    });
    Some(LeftOut { source, revision: at, roles, databases, truncated: false })
}

fn missed<K: Ord + ToString, V: PartialEq>(
    then: &BTreeMap<K, V>,
    there: &BTreeMap<K, V>,
    here: &BTreeMap<K, V>,
    origin: impl Fn(&V) -> (Origin, Timestamp),
) -> Vec<Missed> {
    let mut names: Vec<_> = then.keys().chain(there.keys()).collect();
    names.sort();
    names.dedup();
    let mut missed = Vec::new();
    for name in names {
        let (then, there, here) = (then.get(name), there.get(name), here.get(name));
        let found = match (then, there, here) {
            (None, Some(there), None) => Some((Why::CreatedAfterCutoff, there)),
            (Some(then), Some(there), Some(here)) if then != there && there != here => {
                Some((Why::ChangedAfterCutoff, there))
            }
            (Some(_), None, Some(here)) => Some((Why::DroppedAfterCutoff, here)),
            _ => None,
        };
        if let Some((why, of)) = found {
            let (origin, at) = origin(of);
            missed.push(Missed { name: name.to_string(), why, origin, at });
        }
    }
    missed
}
