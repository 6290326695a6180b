//! The rule of merges: what the source changed since the common origin is taken into the target,
//! unless the target changed the same thing in another way.
//!
//! Things are compared by what they mean: a role by its password, its end, its protection and how it
//! stands among the credentials, a database by its name and its owner; not by when or where they were written. Only what the source
//! changed is looked at, and of the target what corresponds to it.
//!
//! A password that a branch was given in place of another's is no change, so the passwords with
//! which a child was made to differ from its parent never come back to it. A target that has
//! passwords of its own takes none at all.

mod checks;
mod credentials;
mod databases;
mod relation;
mod roles;
mod three_way;

use std::collections::BTreeMap;

use crate::model::branch::{Branch, Merge, PasswordPolicy};
use crate::model::database::Database;
use crate::model::id::BranchId;
use crate::model::merge::{Choices, Conflict, Taken, Versions};
use crate::model::name::RoleName;
use crate::model::operation::{Operation, Subject};
use crate::model::refusal::Refusal;
use crate::model::revision::{Moment, Revision};
use crate::model::role::{Credential, Role};
use crate::model::rules::passwords::policy_of_merge;
use crate::model::rules::{Seed, changed, get_branch, refuse};
use crate::model::state::{Denied, Held, Place, Read, Write};

/// How many roles, and how many databases, a merge compares at the most. It holds up the commits of
/// others meanwhile.
pub const MAX_COMPARED: usize = 10_000;

/// How many changes one merge makes at the most.
pub const MAX_CHANGES: usize = 2_000;

/// How many merges a branch remembers, of as many sources. The next merge of one that was
/// forgotten begins at the common origin.
pub const MAX_MERGES: usize = 16;

/// A merge that is asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The branch whose changes are taken.
    pub source: BranchId,
    /// The branch that takes them.
    pub target: BranchId,
    /// Which side decides where the two disagree.
    pub choices: Choices,
    /// Passwords that were drawn for roles which the target takes without theirs.
    pub drawn: BTreeMap<RoleName, Credential>,
}

/// What a merge comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Foretold {
    /// What is taken, roles first, each by name; nothing where there are conflicts.
    pub taken: Vec<Taken>,
    /// What cannot be taken as it is.
    pub conflicts: Vec<Conflict>,
    /// The roles for which passwords are yet to be drawn.
    pub undrawn: Vec<RoleName>,
    /// Roles whose own passwords stand for others from now on, and that do not change else.
    following: Vec<Role>,
    /// Whether the source has changed anything since the two last had it in common.
    has_news: bool,
}

/// A merge that was made.
#[derive(Clone, Debug)]
pub struct Merged {
    /// The branch that took the changes.
    pub branch: Branch,
    /// What was taken.
    pub taken: Vec<Taken>,
    /// What is left to do.
    pub operations: Vec<Operation>,
}

/// What is compared with what.
struct Task<'a, I> {
    moment: Moment,
    source: &'a Branch,
    target: &'a Branch,
    policy: PasswordPolicy,
    drawn: &'a BTreeMap<RoleName, Credential>,
    base: I,
    now: I,
}

/// What is to become of the target.
#[derive(Default)]
struct Draft {
    roles: BTreeMap<RoleName, Edit<Role>>,
    databases: Vec<Edit<Database>>,
    conflicts: Vec<Conflict>,
    undrawn: Vec<RoleName>,
    has_news: bool,
}

/// A change of one thing: what there is of it, and what the target gets.
struct Edit<T> {
    versions: Versions<T>,
    after: Option<T>,
}

/// Says what a merge at `moment` would come to.
pub fn foretell<S: Read>(
    state: &S,
    moment: Moment,
    asked: &Asked,
) -> Result<Foretold, Denied<S::Error>> {
    let source = get_branch(state, &asked.source)?;
    let target = get_branch(state, &asked.target)?;
    if source.id == target.id {
        return Ok(Foretold::default());
    }
    let base = state.inventory(&relation::base(state, &source, &target)?)?;
    let now = Place { branch: source.id.clone(), at: None, held: Held::Now };
    let (base, now) =
        base.zip(state.inventory(&now)?).expect("both are held by records that were just read");
    let (policy, drawn) = (policy_of_merge(state, &target, &source)?, &asked.drawn);
    let (source, target) = (&source, &target);
    let task = Task { moment, source, target, policy, drawn, base, now };
    let mut draft = Draft::default();
    let kept = state.databases(&target.id)?;
    roles::draft(state, &task, &asked.choices, &mut draft)?;
    databases::draft(state, &task, &asked.choices, &kept, &mut draft)?;
    checks::take_out_what_breaks(state, target, &kept, &asked.choices, &mut draft)?;
    draft.into_foretold()
}

impl Draft {
    fn into_foretold<E>(self) -> Result<Foretold, Denied<E>> {
        let Self { roles, mut databases, mut conflicts, undrawn, has_news } = self;
        if MAX_CHANGES < roles.len() + databases.len() + conflicts.len() {
            return refuse(Refusal::MergeTooLarge { max: MAX_CHANGES });
        }
        databases.sort_by_cached_key(|edit| databases::thing(&edit.versions));
        conflicts.sort_by(|a, b| a.thing.cmp(&b.thing));
        let undrawn = undrawn.into_iter().filter(|name| roles.contains_key(name)).collect();
        if !conflicts.is_empty() {
            return Ok(Foretold { conflicts, ..Foretold::default() });
        }
        let (mut taken, mut following) = (Vec::new(), Vec::new());
        for Edit { versions, after } in roles.into_values() {
            match (versions.target, after) {
                (Some(before), Some(after)) if is_alike(&before, &after) => {
                    following.push(Role { stands_for: after.stands_for, ..before });
                }
                (before, after) => {
                    taken.push(Taken::Role(before.map(Box::new), after.map(Box::new)));
                }
            }
        }
        let databases = databases.into_iter();
        taken.extend(databases.map(|edit| Taken::Database(edit.versions.target, edit.after)));
        Ok(Foretold { taken, conflicts, undrawn, following, has_news })
    }
}

/// Whether nobody can tell two roles apart but by what their passwords stand for.
fn is_alike(before: &Role, after: &Role) -> bool {
    let told = |role: &Role| {
        let Role { login, expires_at, deactivated_at, protected, standing, .. } = role;
        (login.clone(), *expires_at, *deactivated_at, *protected, standing.clone())
    };
    told(before) == told(after)
}

/// Takes what the source changed into the target, all of it or nothing. Where passwords are yet to
/// be drawn, nothing happens, and their roles are returned.
pub fn merge<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    asked: &Asked,
) -> Result<Result<Merged, Vec<RoleName>>, Denied<S::Error>> {
    let Foretold { taken, conflicts, undrawn, following, has_news } =
        foretell(state, moment, asked)?;
    if !conflicts.is_empty() {
        return refuse(Refusal::MergeConflicts(conflicts));
    }
    if !undrawn.is_empty() {
        return Ok(Err(undrawn));
    }
    let target = get_branch(state, &asked.target)?;
    if !has_news {
        return Ok(Ok(Merged { branch: target, taken, operations: Vec::new() }));
    }
    let merges = remember(&target.merges, &asked.source, moment.revision);
    let mut branch = Branch { merges, ..target };
    for role in following {
        state.put_role(&branch.id, role)?;
    }
    if taken.is_empty() {
        state.put_branch(branch.clone())?;
        return Ok(Ok(Merged { branch, taken, operations: Vec::new() }));
    }
    put(state, &branch.id, &taken)?;
    branch.updated_at = moment.at;
    let operations = changed(state, moment, seed, branch.clone(), Subject::Whole)?;
    Ok(Ok(Merged { branch, taken, operations }))
}

/// Returns the merges of a branch with one more, which takes the place of an earlier one of the
/// same source.
fn remember(merges: &[Merge], source: &BranchId, revision: Revision) -> Vec<Merge> {
    let mut merges: Vec<_> =
        merges.iter().filter(|merge| merge.source != *source).cloned().collect();
    merges.push(Merge { source: source.clone(), revision });
    merges.drain(..merges.len().saturating_sub(MAX_MERGES));
    merges
}

/// Puts what is taken. Old names go first, so that another can have them.
fn put<S: Write>(state: &mut S, target: &BranchId, taken: &[Taken]) -> Result<(), S::Error> {
    for change in taken {
        if let Taken::Database(Some(before), after) = change
            && after.as_ref().is_none_or(|after| after.name != before.name)
        {
            state.drop_database(target, &before.name)?;
        }
    }
    for change in taken {
        match change {
            Taken::Role(_, Some(role)) => state.put_role(target, Role::clone(role))?,
            Taken::Role(Some(role), None) => state.drop_role(target, &role.name)?,
            Taken::Database(_, Some(database)) => state.put_database(target, database.clone())?,
            Taken::Role(None, None) | Taken::Database(_, None) => {}
        }
    }
    Ok(())
}
