//! Use cases of differences: what one branch has at one point, against what another has at another.

use crate::control::past::BranchAt;
use crate::control::{BranchRef, ControlPlane, Result};
use crate::model::database::Database;
use crate::model::id::BranchId;
use crate::model::name::{DatabaseName, RoleName};
use crate::model::point::Point;
use crate::model::refusal::Refusal;
use crate::model::revision::Revision;
use crate::model::role::Role;
use crate::model::state::{Differences, Held, Page, Place, Read};
use crate::store::StoreError;
use crate::store::catalog::{Catalog, Inventory};

/// What a request says about a difference.
#[derive(Clone, Debug)]
pub struct DiffQuery<N> {
    /// The branch to compare with; the parent where none is named.
    pub base: Option<BranchId>,
    /// When.
    pub base_at: Point,
    /// When the branch itself is looked at.
    pub at: Point,
    /// The name after which the page begins.
    pub after: Option<N>,
    /// How many differences are looked at.
    pub limit: usize,
}

/// A page of the differences between a base and a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diff<T, N> {
    /// The base.
    pub base: DiffSide,
    /// The branch.
    pub branch: DiffSide,
    /// What the base has of each thing, and what the branch does.
    pub found: Vec<(Option<T>, Option<T>)>,
    /// The name after which the next page begins, if there is one.
    pub next: Option<N>,
}

/// A branch as it was when it was compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffSide {
    /// The branch, or the one from which it was to be copied.
    pub branch: BranchId,
    /// The revision.
    pub revision: Revision,
}

impl ControlPlane {
    /// Returns how the roles of a branch differ from those of another.
    pub async fn diff_roles(
        &self,
        at: &BranchRef,
        query: DiffQuery<RoleName>,
    ) -> Result<Diff<Role, RoleName>> {
        self.diff(at, query, |role: &Role| role.name.clone(), Catalog::compare_roles).await
    }

    /// Returns how the databases of a branch differ from those of another.
    pub async fn diff_databases(
        &self,
        at: &BranchRef,
        query: DiffQuery<DatabaseName>,
    ) -> Result<Diff<Database, DatabaseName>> {
        let name = |database: &Database| database.name.clone();
        self.diff(at, query, name, Catalog::compare_databases).await
    }

    async fn diff<T, N>(
        &self,
        at: &BranchRef,
        query: DiffQuery<N>,
        name: impl Fn(&T) -> N,
        compare: impl Fn(
            &Catalog,
            &Inventory,
            &Inventory,
            Page<'_, N>,
        ) -> std::result::Result<Differences<T>, StoreError>,
    ) -> Result<Diff<T, N>> {
        let DiffQuery { base, base_at, at: point, after, limit } = query;
        let branch = self.branch_at(at, point).await?;
        let base = match base {
            Some(base) => base,
            None => base_of(&branch)?,
        };
        let base = BranchRef { project: at.project.clone(), branch: base };
        let base = self.branch_at(&base, base_at).await?;
        let page = Page { after: after.as_ref(), limit };
        let Differences { found, has_more } =
            compare(&branch.at.view.state, &inventory(&base)?, &inventory(&branch)?, page)?;
        let last = found.last().filter(|_| has_more);
        let next = last.and_then(|(base, branch)| base.as_ref().or(branch.as_ref())).map(name);
        Ok(Diff { base: side(&base), branch: side(&branch), found, next })
    }
}

/// Returns the branch with which another is compared when nobody says.
fn base_of(seen: &BranchAt) -> Result<BranchId> {
    let branch = seen.record()?;
    let parent = branch.branch_point().map(|point| point.parent.clone());
    let source = || branch.began.source.as_ref().map(|source| source.branch.clone());
    parent.or_else(source).ok_or_else(|| Refusal::DiffWithoutBase(branch.id.clone()).into())
}

fn inventory(seen: &BranchAt) -> Result<Inventory> {
    let now = Place { branch: seen.branch.clone(), at: None, held: Held::Now };
    Ok(seen.at.view.state.inventory(&now)?.expect("a branch that was just found"))
}

fn side(seen: &BranchAt) -> DiffSide {
    DiffSide { branch: seen.branch.clone(), revision: seen.moment().revision }
}
