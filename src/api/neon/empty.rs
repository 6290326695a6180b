//! What Neon's branches have besides Postgres, and branches here have not.
//!
//! There are no credentials of branches, not even an empty list of them: neonctl takes that for a
//! gateway to models, for which it then tries to make one, and writes no variables at all when it
//! cannot. Where there is nothing under the path, it goes without.

use axum::extract::State;

use crate::api::answer::{Answer, Found};
use crate::api::extract::InBranch;
use crate::control::{Caller, ControlPlane};
use crate::wire::neon::empty::{BucketsAnswer, FunctionsAnswer};

/// Lists the buckets of a branch: none.
pub(super) async fn list_project_branch_buckets(
    control: State<ControlPlane>,
    _: Caller,
    at: InBranch,
) -> Answer<BucketsAnswer> {
    nothing(&control, &at)
}

/// Lists the functions of a branch: none.
pub(super) async fn list_project_branch_functions(
    control: State<ControlPlane>,
    _: Caller,
    at: InBranch,
) -> Answer<FunctionsAnswer> {
    nothing(&control, &at)
}

/// Returns an empty answer about a branch that is there.
fn nothing<T: Default>(control: &ControlPlane, InBranch(at): &InBranch) -> Answer<T> {
    control.check_branch(at)?;
    Ok(Found(T::default()))
}
