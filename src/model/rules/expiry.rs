//! Rules about what goes by itself when its time has come.

use chrono::TimeDelta;

use crate::model::branch::{Branch, Expiry};
use crate::model::id::BranchId;
use crate::model::name::RoleName;
use crate::model::project::Project;
use crate::model::refusal::{Refusal, time_text};
use crate::model::revision::{Moment, Timestamp};
use crate::model::rules::roles::OnOwned;
use crate::model::rules::{Seed, branches, refuse, roles};
use crate::model::state::{Denied, Read, Write};

/// How far away the end of a branch can be at the most, in days.
pub const MAX_BRANCH_DAYS: i64 = 30;

/// How far away the end of a role can be at the most, in days: ten years.
pub const MAX_ROLE_DAYS: i64 = 3650;

/// Returns the end of a branch that is to be at `at`.
pub(super) fn of_branch(at: Timestamp, moment: Moment) -> Result<Expiry, Refusal> {
    check_range(at, moment, MAX_BRANCH_DAYS)?;
    let rounded_up = at - moment.at + TimeDelta::microseconds(999_999);
    let ttl_seconds = u32::try_from(rounded_up.num_seconds()).expect("at most 30 days");
    Ok(Expiry { at, ttl_seconds })
}

/// Returns the end of a branch whose time starts again.
pub(super) fn restarted(expiry: Expiry, moment: Moment) -> Expiry {
    Expiry { at: moment.at + TimeDelta::seconds(expiry.ttl_seconds.into()), ..expiry }
}

/// Checks that a role can end at `at`.
pub(super) fn check_role(at: Timestamp, moment: Moment) -> Result<(), Refusal> {
    check_range(at, moment, MAX_ROLE_DAYS)
}

fn check_range(at: Timestamp, moment: Moment, max_days: i64) -> Result<(), Refusal> {
    let latest = moment.at + TimeDelta::days(max_days);
    if moment.at < at && at <= latest {
        return Ok(());
    }
    Err(Refusal::ExpiryOutOfRange {
        asked: time_text(at),
        earliest: time_text(moment.at),
        latest: time_text(latest),
    })
}

/// Checks that a branch may go by itself.
pub(super) fn check_branch<S: Read>(
    state: &S,
    project: &Project,
    branch: &Branch,
) -> Result<(), Denied<S::Error>> {
    let why = if project.default_branch == branch.id {
        "is the project's default branch"
    } else if branch.protected {
        "is protected"
    } else if branches::first_child(state, &branch.id)?.is_some() {
        "has child branches"
    } else {
        return Ok(());
    };
    refuse(Refusal::BranchCannotExpire { branch: branch.id.clone(), why })
}

/// Checks that a branch does not go by itself, since it is to become what must not.
pub(super) fn check_lasting(branch: &Branch, what: &'static str) -> Result<(), Refusal> {
    match branch.expiry {
        None => Ok(()),
        Some(_) => Err(Refusal::BranchExpires { branch: branch.id.clone(), what }),
    }
}

/// Deletes a branch whose time has come; nothing happens to another.
pub fn expire_branch<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    id: &BranchId,
) -> Result<Option<branches::Deleted>, Denied<S::Error>> {
    let has_come = |branch: &Branch| branch.expiry.is_some_and(|expiry| expiry.at <= moment.at);
    match state.branch(id)?.filter(has_come) {
        None => Ok(None),
        Some(_) => branches::delete(state, moment, seed, id).map(Some),
    }
}

/// Drops a role whose time has come; nothing happens to another.
pub fn expire_role<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    branch: &BranchId,
    name: &RoleName,
) -> Result<Option<roles::Changed>, Denied<S::Error>> {
    let found = state.role(branch, name)?;
    match found.filter(|role| role.expires_at.is_some_and(|at| at <= moment.at)) {
        None => Ok(None),
        Some(_) => roles::delete(state, moment, seed, (branch, name), OnOwned::Reassign).map(Some),
    }
}
