//! What a commit changed, found by comparing the states before and after it.

use super::{Change, Changes, Entry, MAX_CHANGED, MAX_OPERATIONS};
use crate::control::Result;
use crate::control::past::Past;
use crate::model::cause::{Deed, Topic};
use crate::model::changes::{self, AttributeChange};
use crate::model::database::Database;
use crate::model::id::BranchId;
use crate::model::name::DatabaseName;
use crate::model::operation::Subject;
use crate::model::revision::Revision;
use crate::model::state::{Held, Page, Place, Read};
use crate::store::catalog::Catalog;
use crate::store::commits::Commit;

/// The state before a commit.
pub(super) enum Before<T> {
    /// What there was.
    Known(T),
    /// It is not kept any more.
    Forgotten,
}

impl Changes {
    pub(super) fn whole(found: Vec<AttributeChange>) -> Self {
        let found = found.into_iter().map(|attribute| Change { of: Subject::Whole, attribute });
        Self { found: found.collect(), has_more: false }
    }
}

impl Past {
    /// Returns the state before `revision`; none where that is the first one.
    pub(super) fn before(&self, revision: Revision) -> Result<Before<Option<Catalog>>> {
        let before = Revision(revision.0 - 1);
        if before == Revision::ZERO {
            Ok(Before::Known(None))
        } else if before < self.floor()?.revision {
            Ok(Before::Forgotten)
        } else {
            Ok(Before::Known(Some(self.view(before)?.state)))
        }
    }

    /// Returns what is told of a commit about what it was about.
    pub(super) fn entry(&self, commit: Commit) -> Result<Entry> {
        let changes = match self.before(commit.moment.revision)? {
            Before::Forgotten => None,
            Before::Known(before) => {
                let after = self.view(commit.moment.revision)?.state;
                Some(told(before.as_ref(), &after, &commit)?)
            }
        };
        let topic = commit.cause.topic.clone();
        self.entry_about(commit, topic, changes)
    }

    /// Returns what is told of a commit about `topic`.
    pub(super) fn entry_about(
        &self,
        Commit { moment, cause }: Commit,
        topic: Topic,
        changes: Option<Changes>,
    ) -> Result<Entry> {
        let operations = self.view_head().state.operations_of(moment, MAX_OPERATIONS)?;
        Ok(Entry { moment, cause, topic, operations, changes })
    }
}

fn told(before: Option<&Catalog>, after: &Catalog, commit: &Commit) -> Result<Changes> {
    let whole = match &commit.cause.topic {
        Topic::Whole => {
            let project = before.map(Read::project).transpose()?.flatten();
            changes::of_project(project.as_ref(), after.project()?.as_ref())
        }
        Topic::Branch(branch) => return of_branch(before, after, branch, commit.cause.deed),
        Topic::Role(branch, name) => {
            let role = before.map(|before| before.role(branch, name)).transpose()?.flatten();
            changes::of_role(role.as_ref(), after.role(branch, name)?.as_ref())
        }
        Topic::Database(branch, name) => of_database(before, after, branch, name)?,
        Topic::Endpoint(_, id) => {
            let endpoint = before.map(|before| before.endpoint(id)).transpose()?.flatten();
            changes::of_endpoint(endpoint.as_ref(), after.endpoint(id)?.as_ref())
        }
        // That is a topic of the directory's commits.
        Topic::Project(_) => Vec::new(),
    };
    Ok(Changes::whole(whole))
}

/// Returns what became of a branch's own record.
pub(super) fn of_record(
    before: Option<&Catalog>,
    after: &Catalog,
    branch: &BranchId,
) -> Result<Vec<AttributeChange>> {
    let read = |state: &Catalog| -> Result<_> {
        let default = state.project()?.map(|project| project.default_branch);
        Ok(state.branch(branch)?.zip(default))
    };
    let before = before.map(read).transpose()?.flatten();
    let after = read(after)?;
    Ok(changes::of_branch(
        before.as_ref().map(|(branch, default)| (branch, default)),
        after.as_ref().map(|(branch, default)| (branch, default)),
    ))
}

/// Returns what became of a branch. Where its catalog was replaced or merged, that is told too; a
/// new branch has what its source had, which is no change.
fn of_branch(
    before: Option<&Catalog>,
    after: &Catalog,
    branch: &BranchId,
    deed: Deed,
) -> Result<Changes> {
    let mut changes = Changes::whole(of_record(before, after, branch)?);
    let place = Place { branch: branch.clone(), at: None, held: Held::Now };
    let inventories = (before.map(|before| before.inventory(&place)), after.inventory(&place)?);
    let (Some(before), Some(now)) = inventories else { return Ok(changes) };
    let Some(then) = before?.filter(|_| [Deed::RestoreBranch, Deed::MergeBranch].contains(&deed))
    else {
        return Ok(changes);
    };
    let roles = after.compare_roles(&then, &now, Page::first(MAX_CHANGED))?;
    for (before, after) in &roles.found {
        let name = after.as_ref().or(before.as_ref()).map(|role| role.name.clone());
        let of = Subject::Role(name.expect("a difference has at least one side"));
        let found = changes::of_role(before.as_ref(), after.as_ref()).into_iter();
        changes.found.extend(found.map(|attribute| Change { of: of.clone(), attribute }));
    }
    let databases = after.compare_databases(&then, &now, Page::first(MAX_CHANGED))?;
    for (before, after) in &databases.found {
        let name = after.as_ref().or(before.as_ref()).map(|database| database.name.clone());
        let of = Subject::Database(name.expect("a difference has at least one side"));
        let found = changes::of_database(before.as_ref(), after.as_ref()).into_iter();
        changes.found.extend(found.map(|attribute| Change { of: of.clone(), attribute }));
    }
    changes.has_more = roles.has_more || databases.has_more;
    Ok(changes)
}

/// Returns what became of a database. One that was renamed is found by its number.
fn of_database(
    before: Option<&Catalog>,
    after: &Catalog,
    branch: &BranchId,
    name: &DatabaseName,
) -> Result<Vec<AttributeChange>> {
    let before = before.map(|before| before.database(branch, name)).transpose()?.flatten();
    let mut now = after.database(branch, name)?;
    if let Some(before) = &before {
        let is_same = |other: &Database| other.id == before.id;
        if !now.as_ref().is_some_and(is_same) {
            now = after.databases(branch)?.into_iter().find(is_same);
        }
    }
    Ok(changes::of_database(before.as_ref(), now.as_ref()))
}
