//! How many branches a project has.

use axum::extract::State;

use crate::api::answer::{Answer, Found};
use crate::api::extract::InProject;
use crate::api::page::{self, BranchQuery};
use crate::api::query::Query;
use crate::control::{Caller, ControlPlane};
use crate::model::point::Point;
use crate::wire::neon::empty::CountAnswer;

/// Counts the branches of a project.
pub(super) async fn count_project_branches(
    State(control): State<ControlPlane>,
    _: Caller,
    InProject(project): InProject,
    query: Query,
) -> Answer<CountAnswer> {
    let branches = control.project_at(&project, Point::Head).await?.branches()?;
    let count = page::cut(branches, &BranchQuery::searching(&query)).0.len();
    Ok(Found(CountAnswer { count }))
}
