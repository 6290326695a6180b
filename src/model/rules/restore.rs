//! The rule of restore and reset: a branch's catalog becomes another, or its own past.
//!
//! Nothing is rewound. The old catalog stays in the history, so that no reader and no child finds
//! its past changed, and undoing is another restore.

use std::collections::BTreeMap;

use crate::model::branch::{Beginning, Branch, BranchPoint, Lineage, Source};
use crate::model::id::BranchId;
use crate::model::name::BranchName;
use crate::model::operation::{Action, Operation, Subject};
use crate::model::point::Point;
use crate::model::refusal::Refusal;
use crate::model::revision::{Moment, Revision};
use crate::model::rules::branches::{Cutoff, children, outside_history};
use crate::model::rules::passwords::{self, Passwords};
use crate::model::rules::{Seed, application, expiry, get_branch, refuse, schedule};
use crate::model::state::{Denied, Read, Write};

/// A restore that is asked for.
#[derive(Clone, Debug)]
pub struct Restoration {
    /// The branch that is to be restored.
    pub target: BranchId,
    /// The branch whose catalog it is to have; it may be the target itself.
    pub source: BranchId,
    /// The last of the source's revisions that it is to have.
    pub cutoff: Cutoff,
    /// Under which id and name the target's present state is to be kept, if it is.
    pub preserve: Option<(BranchId, BranchName)>,
    /// What becomes of the passwords.
    pub passwords: Passwords,
}

/// Restores a branch. Its id, its name, its endpoint and its connection strings stay.
pub fn restore<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    asked: &Restoration,
) -> Result<(Branch, Vec<Operation>), Denied<S::Error>> {
    let target = get_branch(state, &asked.target)?;
    let source = get_branch(state, &asked.source)?;
    check(state, &target, asked)?;
    let policy = passwords::policy_of_restore(state, &target, &source)?;
    passwords::check(Some(policy), &asked.passwords)?;
    let password_policy = passwords::policy_of(state, &target)?;
    let own = match asked.passwords {
        Passwords::Inherited => BTreeMap::new(),
        Passwords::Fresh(_) | Passwords::Unset => passwords::own(state, &target.id)?,
    };
    if let Some((id, name)) = &asked.preserve {
        preserve(state, moment, &target, id, name)?;
    }
    let point = asked.cutoff.on(state, &source, moment)?;
    let is_reset = target.branch_point().is_some_and(|old| old.parent == source.id);
    let expiry =
        target.expiry.map(|old| if is_reset { expiry::restarted(old, moment) } else { old });
    let (cutoff, at) = (point.cutoff, point.at);
    let branch = Branch {
        lineage: lineage(&target, asked, point),
        began: Beginning { moment, source: Some(Source { branch: source.id.clone(), cutoff }) },
        expiry,
        password_policy,
        merges: Vec::new(),
        updated_at: moment.at,
        ..target
    };
    state.put_branch(branch.clone())?;
    if !state.copy_catalog(&branch.id, &source.id, cutoff)? {
        return refuse(outside_history(&source, at, moment.at));
    }
    passwords::settle(state, moment, &branch.id, &asked.passwords, &own)?;
    let mut work = vec![(Action::CreateBranch, Subject::Whole)];
    work.extend(application(state, &branch, Subject::Whole)?);
    let operations = schedule(state, moment, seed, &branch, &work)?;
    Ok((branch, operations))
}

/// Checks that a restore of `target` from `source` says from when, where it must.
pub fn check_point(target: &BranchId, source: &BranchId, point: Point) -> Result<(), Refusal> {
    if target == source && point == Point::Head {
        return Err(Refusal::RestoreWithoutPoint(target.clone()));
    }
    Ok(())
}

fn check<S: Read>(state: &S, target: &Branch, asked: &Restoration) -> Result<(), Denied<S::Error>> {
    if target.protected {
        return refuse(Refusal::BranchProtected(target.id.clone()));
    }
    let is_own = asked.source == target.id;
    let Some((_, name)) = &asked.preserve else {
        let why = if is_own {
            "from its own past puts what came after it aside"
        } else if children(state, &target.id)?.is_empty() {
            return Ok(());
        } else {
            "takes the branch from under its children"
        };
        return refuse(Refusal::RestoreWithoutBackup { branch: target.id.clone(), why });
    };
    match state.branch_named(name)? {
        Some(_) => refuse(Refusal::BranchExists(name.clone())),
        None => Ok(()),
    }
}

/// Keeps the target's present state as a branch of its own, in its place in the tree: its children
/// become that branch's.
fn preserve<S: Write>(
    state: &mut S,
    moment: Moment,
    target: &Branch,
    id: &BranchId,
    name: &BranchName,
) -> Result<(), Denied<S::Error>> {
    let cutoff = Revision(moment.revision.0 - 1);
    let source = Some(Source { branch: target.id.clone(), cutoff });
    let began = Beginning { moment, source };
    let kept = Branch::new(id.clone(), name.clone(), target.lineage.clone(), began);
    state.put_branch(Branch { password_policy: target.password_policy, ..kept })?;
    let is_there = state.copy_catalog(id, &target.id, cutoff)?;
    assert!(is_there, "the target exists before the commit that restores it");
    for child in children(state, &target.id)? {
        let Lineage::Child(point) = child.lineage else { continue };
        let lineage = Lineage::Child(BranchPoint { parent: id.clone(), ..point });
        state.put_branch(Branch { lineage, updated_at: moment.at, ..child })?;
    }
    Ok(())
}

/// Returns from where the target descends afterwards. After a reset that is a later point of its
/// parent; after a restore from itself, the branch that has its old state. A root stays one.
fn lineage(target: &Branch, asked: &Restoration, point: BranchPoint) -> Lineage {
    let Lineage::Child(old) = &target.lineage else { return Lineage::Root };
    match &asked.preserve {
        _ if old.parent == asked.source => Lineage::Child(point),
        Some((kept, _)) if asked.source == target.id => {
            Lineage::Child(BranchPoint { parent: kept.clone(), ..point })
        }
        Some(_) | None => target.lineage.clone(),
    }
}
