//! What a cutoff left out: how a branch's source has changed since the branch was copied from it.

use std::result;

use crate::control::Result;
use crate::control::past::BranchAt;
use crate::model::branch::Source;
use crate::model::database::Database;
use crate::model::id::BranchId;
use crate::model::origin::Origin;
use crate::model::revision::{Revision, Timestamp};
use crate::model::role::Role;
use crate::model::state::{Held, Page, Place, Read};
use crate::store::StoreError;

/// How many roles, and how many databases, are listed at the most.
pub const MAX_LEFT_OUT: usize = 100;

/// How many differences between a source then and now are looked at for that at the most, for each
/// of the two kinds.
const MAX_COMPARED: usize = 1000;

/// What a cutoff left out of a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// From which branch it was copied, and up to which revision.
    pub source: Source,
    /// The revision at which the source and the branch are compared.
    pub revision: Revision,
    /// The roles.
    pub roles: Vec<Missed>,
    /// The databases.
    pub databases: Vec<Missed>,
    /// Whether there is more.
    pub truncated: bool,
}

/// A role or a database that a branch and its source do not have alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// Its name.
    pub name: String,
    /// Why.
    pub why: Why,
    /// Where it was last written; on the source, unless it is dropped there.
    pub origin: Origin,
    /// When that was.
    pub at: Timestamp,
}

/// Why a branch and its source do not have something alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The source got it after the cutoff, and the branch has none.
    CreatedAfterCutoff,
    /// The source changed it after the cutoff, and the branch has another.
    ChangedAfterCutoff,
    /// The source dropped it after the cutoff, and the branch has it still.
    DroppedAfterCutoff,
}

impl Why {
    /// Returns its name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreatedAfterCutoff => "created_after_cutoff",
            Self::ChangedAfterCutoff => "changed_after_cutoff",
            Self::DroppedAfterCutoff => "dropped_after_cutoff",
        }
    }
}

impl BranchAt {
    /// Returns what the cutoff left out of the branch; nothing where it was copied from no other,
    /// or from one that was deleted.
    pub fn left_out(&self) -> Result<Option<LeftOut>> {
        let state = &self.at.view.state;
        let source = state.branch(&self.branch)?.and_then(|branch| branch.began.source);
        let Some(source) = source.filter(|source| source.branch != self.branch) else {
            return Ok(None);
        };
        let place = |branch: &BranchId, held| Place { branch: branch.clone(), at: None, held };
        let now = state.inventory(&place(&source.branch, Held::Now))?;
        let then = state.inventory(&place(&self.branch, Held::Source))?;
        let (Some(now), Some(then)) = (now, then) else { return Ok(None) };
        let roles = state.compare_roles(&then, &now, Page::first(MAX_COMPARED))?;
        let databases = state.compare_databases(&then, &now, Page::first(MAX_COMPARED))?;
        let mut truncated = roles.has_more || databases.has_more;
        let roles = missed(roles.found, |role: &Role| state.role(&self.branch, &role.name))?;
        let databases = missed(databases.found, |database: &Database| {
            state.database(&self.branch, &database.name)
        })?;
        let roles = roles.into_iter().map(|(role, why)| {
            let Role { name, origin, updated_at: at, .. } = role;
            Missed { name: name.to_string(), why, origin, at }
        });
        let databases = databases.into_iter().map(|(database, why)| {
            let Database { name, origin, updated_at: at, .. } = database;
            Missed { name: name.to_string(), why, origin, at }
        });
        let (mut roles, mut databases): (Vec<_>, Vec<_>) = (roles.collect(), databases.collect());
        truncated |= MAX_LEFT_OUT < roles.len() || MAX_LEFT_OUT < databases.len();
        roles.truncate(MAX_LEFT_OUT);
        databases.truncate(MAX_LEFT_OUT);
        let revision = self.moment().revision;
        Ok(Some(LeftOut { source, revision, roles, databases, truncated }))
    }
}

/// Returns what changed on the source, as it is there now, where the branch does not have the same.
fn missed<T: PartialEq>(
    changed: Vec<(Option<T>, Option<T>)>,
    of_branch: impl Fn(&T) -> result::Result<Option<T>, StoreError>,
) -> Result<Vec<(T, Why)>> {
    let mut missed = Vec::new();
    for pair in changed {
        match pair {
            (before, Some(now)) => match (of_branch(&now)?, before) {
                (None, None) => missed.push((now, Why::CreatedAfterCutoff)),
                (Some(own), Some(_)) if own != now => missed.push((now, Why::ChangedAfterCutoff)),
                // The branch has the same by now, or it went its own way.
                (None | Some(_), _) => {}
            },
            (Some(before), None) => {
                if let Some(own) = of_branch(&before)? {
                    missed.push((own, Why::DroppedAfterCutoff));
                }
            }
            (None, None) => {}
        }
    }
    Ok(missed)
}
