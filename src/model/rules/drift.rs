//! Rules about drift: what is kept of it, and what somebody decides.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::branch::Branch;
use crate::model::drift::{
    Adoption, Deviation, Drift, DriftId, DriftPolicy, Item, Kind, MAX_ENDED, MAX_OPEN, Response,
    Verdict,
};
use crate::model::id::BranchId;
use crate::model::name::{DatabaseName, RoleName};
use crate::model::operation::{Action, Operation, Subject};
use crate::model::refusal::DriftRefusal;
use crate::model::revision::{Moment, Timestamp};
use crate::model::role::{Credential, Login, Role};
use crate::model::rules::databases::DatabaseChange;
use crate::model::rules::roles::{OnOwned, born, get_changeable, origin};
use crate::model::rules::{Seed, changed_by, databases, get_branch, refuse, roles, schedule};
use crate::model::secret::Verifier;
use crate::model::state::{Denied, WriteDrift};

/// What is to be kept of a look: what is new or has another end, and what is forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// Drifts that began, changed or ended.
    pub put: Vec<Drift>,
    /// Ended ones of which there are too many.
    pub forgotten: Vec<DriftId>,
}

impl News {
    /// Returns what a look at `at` tells that is not kept yet. Of too much, what is to be acted on
    /// comes first.
    #[must_use]
    pub fn of(branch: &BranchId, kept: &[Drift], found: &[Deviation], at: Timestamp) -> Self {
        let known: BTreeMap<_, _> = kept.iter().map(|drift| (&drift.item, drift)).collect();
        let mut found: Vec<_> = found.iter().collect();
        found.sort_by_key(|found| matches!(found.response, Response::Reported | Response::Ignored));
        found.truncate(MAX_OPEN);
        let mut put = Vec::new();
        for deviation in &found {
            let open = known.get(&deviation.item).filter(|known| known.ended_at.is_none());
            let same = open.filter(|known| known.print == deviation.print);
            let now = kept_of(branch, deviation, same.copied(), at);
            if same.is_none_or(|known| *known != &now) {
                put.push(now);
            }
        }
        let seen: BTreeSet<_> = found.iter().map(|found| &found.item).collect();
        let gone = kept.iter().filter(|it| it.ended_at.is_none() && !seen.contains(&it.item));
        put.extend(gone.map(|drift| Drift { ended_at: Some(at), ..drift.clone() }));
        let is_put = |item: &Item| put.iter().any(|drift| drift.item == *item);
        let mut ended: Vec<_> = kept.iter().filter(|it| it.ended_at.is_some()).collect();
        ended.retain(|drift| !is_put(&drift.item));
        ended.sort_by_key(|drift| drift.ended_at);
        let ends = put.iter().filter(|drift| drift.ended_at.is_some()).count();
        let excess = (ended.len() + ends).saturating_sub(MAX_ENDED).min(ended.len());
        let forgotten = ended.drain(..excess).map(|drift| drift.item.id()).collect();
        Self { put, forgotten }
    }

    /// Whether there is nothing to be kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.put.is_empty() && self.forgotten.is_empty()
    }
}

fn kept_of(branch: &BranchId, found: &Deviation, known: Option<&Drift>, at: Timestamp) -> Drift {
    let Deviation { item, desired, found, print, response, .. } = found.clone();
    Drift {
        branch: branch.clone(),
        item,
        desired,
        found,
        print,
        response,
        verdict: known.and_then(|known| known.verdict),
        since: known.map_or(at, |known| known.since),
        ended_at: None,
    }
}

/// Keeps what a look found, and returns what was new in it.
pub fn record<S: WriteDrift>(
    state: &mut S,
    moment: Moment,
    branch: &BranchId,
    found: &[Deviation],
) -> Result<News, Denied<S::Error>> {
    if state.branch(branch)?.is_none() {
        return Ok(News::default());
    }
    let news = News::of(branch, &state.drifts(branch)?, found, moment.at);
    for drift in &news.put {
        state.put_drift(drift.clone())?;
    }
    for id in &news.forgotten {
        state.remove_drift(branch, *id)?;
    }
    Ok(news)
}

/// Sets what a branch does about drift.
pub fn set_policy<S: WriteDrift>(
    state: &mut S,
    branch: &BranchId,
    policy: DriftPolicy,
) -> Result<DriftPolicy, Denied<S::Error>> {
    get_branch(state, branch)?;
    for (attribute, wanted) in &policy.0 {
        if !attribute.allows(*wanted) {
            return refuse(DriftRefusal::PolicyImpossible(*attribute, *wanted));
        }
    }
    state.put_drift_policy(branch, policy.clone())?;
    Ok(policy)
}

/// Carries out what somebody decided about something that was found.
pub fn decide<S: WriteDrift>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    branch: &BranchId,
    (found, verdict): (&Deviation, Verdict),
) -> Result<Vec<Operation>, Denied<S::Error>> {
    let branch = get_branch(state, branch)?;
    let id = found.item.id();
    let operations = match verdict {
        Verdict::Ignore => Vec::new(),
        Verdict::Revert if !found.is_revertible => {
            return refuse(DriftRefusal::NotRevertible(found.item.attribute));
        }
        Verdict::Revert => {
            let work = [(Action::ApplyConfig, subject(&found.item))];
            schedule(state, moment, seed, &branch, &work)?
        }
        Verdict::Adopt => match &found.adoption {
            None => return refuse(DriftRefusal::NotAdoptable(found.item.attribute)),
            Some(adoption) => adopt(state, moment, seed, branch.clone(), adoption)?,
        },
    };
    let known = state.drift(&branch.id, id)?;
    let same = known.filter(|known| known.ended_at.is_none() && known.print == found.print);
    let response = match verdict {
        Verdict::Adopt => Response::Adopted,
        Verdict::Revert => Response::Enforced,
        Verdict::Ignore => Response::Ignored,
    };
    let kept = kept_of(&branch.id, found, same.as_ref(), moment.at);
    state.put_drift(Drift { verdict: Some(verdict), response, ..kept })?;
    Ok(operations)
}

/// Returns what of the catalog an item is about.
fn subject(item: &Item) -> Subject {
    let name = item.name.as_str();
    let named = match item.kind {
        Kind::Role => RoleName::parse_existing(name).map(Subject::Role),
        Kind::Database => DatabaseName::parse_existing(name).map(Subject::Database),
    };
    named.unwrap_or(Subject::Whole)
}

fn adopt<S: WriteDrift>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    branch: Branch,
    adoption: &Adoption,
) -> Result<Vec<Operation>, Denied<S::Error>> {
    let id = branch.id.clone();
    let credential = |verifier: &Verifier| Credential {
        verifier: verifier.clone(),
        sealed: None,
        branch: id.clone(),
    };
    match adoption {
        Adoption::Password { name, verifier, over } => {
            let role = get_changeable(state, &id, name)?;
            if role.login.of(|credential| credential.verifier.clone()) != *over {
                return refuse(DriftRefusal::Moved);
            }
            let (origin, updated_at) = (origin(&branch, moment), moment.at);
            let login = Login::Password(credential(verifier));
            let role = Role { login, stands_for: None, origin, updated_at, ..role };
            state.put_role(&id, role)?;
            synced(state, moment, seed, branch, Subject::Role(name.clone()))
        }
        Adoption::Role { name, login } => {
            if state.role(&id, name)?.is_none() {
                let origin = origin(&branch, moment);
                let role = born(moment, origin, name.clone(), login.of(credential));
                state.put_role(&id, role)?;
            }
            synced(state, moment, seed, branch, Subject::Role(name.clone()))
        }
        Adoption::Database { name, owner } => {
            if state.database(&id, name)?.is_none() {
                databases::check_owner(state, &branch, owner)?;
                let origin = origin(&branch, moment);
                let database = databases::born(moment, origin, name.clone(), owner.clone());
                state.put_database(&id, database)?;
            }
            synced(state, moment, seed, branch, Subject::Database(name.clone()))
        }
        Adoption::Owner { name, owner } => {
            let change = DatabaseChange { name: None, owner: Some(owner.clone()) };
            Ok(databases::update(state, moment, seed, &id, name, change)?.1)
        }
        Adoption::DropRole { name } => {
            Ok(roles::delete(state, moment, seed, (&id, name), OnOwned::Reassign)?.1)
        }
        Adoption::DropDatabase { name } => Ok(databases::delete(state, moment, seed, &id, name)?.1),
    }
}

/// Notes a change of the branch's roles or databases that came from its Postgres.
fn synced<S: WriteDrift>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    branch: Branch,
    subject: Subject,
) -> Result<Vec<Operation>, Denied<S::Error>> {
    let work = [(Action::SyncDbsAndRolesFromCompute, subject)];
    changed_by(state, moment, seed, branch, &work)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::drift::{Attribute, Side, print_of};
    use chrono::TimeDelta;

    fn branch() -> BranchId {
        "br-a".parse().expect("an id")
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    fn found(name: &str, found: &str, response: Response) -> Deviation {
        Deviation {
            item: Item { kind: Kind::Role, name: name.into(), attribute: Attribute::Login },
            side: Side::Postgres,
            desired: "LOGIN".into(),
            found: found.into(),
            print: print_of(&[found]),
            response,
            is_told: false,
            adoption: None,
            is_revertible: true,
        }
    }

    fn look(kept: &[Drift], found: &[Deviation], second: i64) -> Vec<Drift> {
        let news = News::of(&branch(), kept, found, at(second));
        let mut all: BTreeMap<_, _> =
            kept.iter().map(|drift| (drift.item.clone(), drift.clone())).collect();
        all.extend(news.put.into_iter().map(|drift| (drift.item.clone(), drift)));
        all.retain(|item, _| !news.forgotten.contains(&item.id()));
        all.into_values().collect()
    }

    #[test]
    fn a_drift_keeps_its_time_and_its_verdict_until_something_else_is_found() {
        let first = found("bob", "NOLOGIN", Response::Reported);
        let mut kept = look(&[], std::slice::from_ref(&first), 1);
        kept[0].verdict = Some(Verdict::Ignore);
        let same = look(&kept, &[Deviation { response: Response::Ignored, ..first.clone() }], 2);
        assert_eq!((same[0].since, same[0].verdict), (at(1), Some(Verdict::Ignore)));
        assert!(
            News::of(
                &branch(),
                &same,
                &[Deviation { response: Response::Ignored, ..first }],
                at(3)
            )
            .is_empty()
        );
        let other = look(&same, &[found("bob", "other", Response::Reported)], 4);
        assert_eq!((other[0].since, other[0].verdict), (at(4), None));
        let ended = look(&other, &[], 5);
        assert_eq!((ended[0].since, ended[0].ended_at), (at(4), Some(at(5))));
        let again = look(&ended, &[found("bob", "other", Response::Reported)], 6);
        assert_eq!((again[0].since, again[0].ended_at), (at(6), None));
    }

    #[test]
    fn of_too_much_what_is_to_be_acted_on_is_kept_first_and_what_ended_first_is_forgotten() {
        let many = |count: usize| {
            let each =
                (0..count).map(|index| found(&format!("r{index:04}"), "x", Response::Reported));
            each.collect::<Vec<_>>()
        };
        let mut crowd = many(MAX_OPEN + 1);
        crowd.push(found("zoe", "x", Response::Enforced));
        let kept = look(&[], &crowd, 1);
        assert_eq!(kept.len(), MAX_OPEN);
        assert!(kept.iter().any(|drift| drift.item.name == "zoe"));
        let first = look(&look(&[], &many(1), 1), &[], 2);
        let ended = look(&look(&first, &crowd[1..=MAX_ENDED], 3), &[], 4);
        assert_eq!(ended.len(), MAX_ENDED);
        assert!(!ended.iter().any(|drift| drift.item.name == "r0000"));
    }
}
