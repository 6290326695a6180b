//! Differences between branches.

use axum::extract::State;

use crate::api::answer::{Answer, Found};
use crate::api::error::ApiError;
use crate::api::extract::{InBranch, branch_id};
use crate::api::neon::point;
use crate::api::query::{Query, bad_cursor};
use crate::control::{self, Caller, ControlPlane, DiffQuery};
use crate::model::name::{DatabaseName, RoleName};
use crate::wire::neon::diff::{
    DatabaseDifference, DatabasesDiffAnswer, DiffSide, RoleDifference, RolesDiffAnswer,
};
use crate::wire::neon::operations::Pagination;

/// The most differences that one page looks at, and how many it does when nobody says.
const PAGE_MAX_DIFFERENCES: usize = 1000;

/// Compares the roles of a branch with those of another.
pub(super) async fn diff_project_branch_roles(
    State(control): State<ControlPlane>,
    _: Caller,
    InBranch(at): InBranch,
    query: Query,
) -> Answer<RolesDiffAnswer> {
    let after = query.text("cursor").map(RoleName::parse_existing).transpose();
    let query = parse(&query, after.map_err(|_| bad_cursor())?)?;
    let diff = control.diff_roles(&at, query).await?;
    let shown = diff.found.iter();
    let shown = shown.filter_map(|(a, b)| RoleDifference::new(a.as_ref(), b.as_ref()));
    Ok(Found(RolesDiffAnswer {
        differences: shown.collect(),
        base: side(&diff.base),
        branch: side(&diff.branch),
        pagination: diff.next.map(|name| Pagination { cursor: name.to_string() }),
    }))
}

/// Compares the databases of a branch with those of another.
pub(super) async fn diff_project_branch_databases(
    State(control): State<ControlPlane>,
    _: Caller,
    InBranch(at): InBranch,
    query: Query,
) -> Answer<DatabasesDiffAnswer> {
    let after = query.text("cursor").map(DatabaseName::parse_existing).transpose();
    let query = parse(&query, after.map_err(|_| bad_cursor())?)?;
    let diff = control.diff_databases(&at, query).await?;
    let shown = diff.found.iter();
    let shown = shown.filter_map(|(a, b)| DatabaseDifference::new(a.as_ref(), b.as_ref()));
    Ok(Found(DatabasesDiffAnswer {
        differences: shown.collect(),
        base: side(&diff.base),
        branch: side(&diff.branch),
        pagination: diff.next.map(|name| Pagination { cursor: name.to_string() }),
    }))
}

fn parse<N>(query: &Query, after: Option<N>) -> Result<DiffQuery<N>, ApiError> {
    Ok(DiffQuery {
        base: query.text("base").map(branch_id).transpose()?,
        base_at: point::named(query, "base_at")?,
        at: point::at(query)?,
        after,
        limit: query.limit(1..=PAGE_MAX_DIFFERENCES)?.unwrap_or(PAGE_MAX_DIFFERENCES),
    })
}

fn side(side: &control::DiffSide) -> DiffSide {
    DiffSide::new(&side.branch, side.revision)
}
