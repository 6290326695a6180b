//! Merges of branches.

use std::collections::BTreeMap;

use axum::extract::State;

use crate::api::answer::Found;
use crate::api::body::Body;
use crate::api::error::ApiError;
use crate::api::extract::{InBranch, branch_id};
use crate::control::{Asker, ControlPlane, MergeRequest, Told};
use crate::model::merge::{Choices, Side, Thing};
use crate::model::name::{DatabaseName, RoleName};
use crate::wire::neon::branches::Branch;
use crate::wire::neon::merge::{
    BranchMergeAnswer, BranchMergeRequest, MergeChange, MergeChoice, MergeConflict, side,
};
use crate::wire::neon::operations::Operation;

/// Takes a branch's changes into another, or says what that would come to.
pub(super) async fn merge_project_branch(
    State(control): State<ControlPlane>,
    asker: Asker,
    InBranch(at): InBranch,
    Body(body): Body<BranchMergeRequest>,
) -> Result<Told<Found<BranchMergeAnswer>>, ApiError> {
    let request = MergeRequest { into: branch_id(&body.into)?, choices: choices(&body)? };
    let dry_run = body.dry_run.unwrap_or(false);
    let told = if dry_run {
        Told { answer: control.foretell_merge(&at, request)?, is_again: false }
    } else {
        control.merge_branch(&asker, &at, request).await?
    };
    Ok(told.map(|answer| {
        Found(BranchMergeAnswer {
            branch: Branch::new(&answer.project, answer.branch),
            dry_run,
            applied: answer.taken.iter().filter_map(MergeChange::new).collect(),
            conflicts: answer.conflicts.iter().map(MergeConflict::new).collect(),
            operations: Operation::list(&at.project, answer.operations),
        })
    }))
}

fn choices(body: &BranchMergeRequest) -> Result<Choices, ApiError> {
    let others = body.default.as_deref().map(|text| parse_side("default", text)).transpose()?;
    let mut named = BTreeMap::new();
    for (index, choice) in body.resolve.iter().flatten().enumerate() {
        let thing = thing(index, choice)?;
        let side = parse_side(&format!("resolve[{index}].take"), &choice.take)?;
        if named.insert(thing.clone(), side).is_some() {
            return Err(ApiError::invalid(format_args!(
                "resolve[{index}] names the {thing} again; name one side for it"
            )));
        }
    }
    Ok(Choices { named, others })
}

fn thing(
    index: usize,
    MergeChoice { kind, name, take: _ }: &MergeChoice,
) -> Result<Thing, ApiError> {
    match kind.as_str() {
        "role" => Ok(Thing::Role(RoleName::parse_existing(name.as_str())?)),
        "database" => Ok(Thing::Database(DatabaseName::parse_existing(name.as_str())?)),
        _ => Err(ApiError::invalid(format_args!(
            "resolve[{index}].kind must be `role` or `database`"
        ))),
    }
}

fn parse_side(field: &str, text: &str) -> Result<Side, ApiError> {
    side(text)
        .ok_or_else(|| ApiError::invalid(format_args!("{field} must be `source` or `target`")))
}
