//! Rules about rotations: how one begins, what its next stage is, and how it ends early.

use chrono::TimeDelta;

use crate::model::id::{BranchId, OperationId};
use crate::model::name::RoleName;
use crate::model::operation::{Operation, Status};
use crate::model::refusal::{CredentialRefusal, Refusal};
use crate::model::revision::{Moment, Timestamp};
use crate::model::role::{Login, Role, default_of};
use crate::model::rotation::{Drain, MAX_KEPT, Party, Rotation, RotationId, Stage};
use crate::model::rules::credentials::{self, Default};
use crate::model::rules::roles::{self, NewRole, OnOwned};
use crate::model::rules::{Seed, get_branch, refuse};
use crate::model::state::{Denied, Read, Write};

/// How long after its login was taken a credential is dropped though somebody is still connected with
/// it. That cuts nobody: who is in acts as the original.
const LINGER: TimeDelta = TimeDelta::hours(1);

/// A rotation that is asked for.
#[derive(Clone, Debug)]
pub struct NewRotation {
    /// The name of the credential that comes.
    pub name: RoleName,
    /// How it logs in.
    pub login: Login,
    /// What becomes of the sessions of the one that goes.
    pub drain: Drain,
    /// How long they are waited for.
    pub grace_seconds: u32,
    /// Why it is asked for.
    pub reason: Option<String>,
}

/// A rotation that moved, and what is left to do about it.
pub type Moved = (Rotation, Vec<Operation>);

/// Who was seen to be connected as the credential that goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Somebody, or nobody can tell.
    Somebody,
    /// Nobody, for as long as it takes to believe it.
    Nobody,
}

/// Begins a rotation: the new credential is created, and nothing else changes yet.
pub fn begin<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    branch: &BranchId,
    new: NewRotation,
) -> Result<Moved, Denied<S::Error>> {
    let (default, kept) = check(state, branch)?;
    let NewRotation { name, login, drain, grace_seconds, reason } = new;
    let role = NewRole::new(name, login);
    let (role, operations) =
        credentials::create(state, moment, seed, branch, role, Default::Stays)?;
    for old in kept.iter().take((kept.len() + 1).saturating_sub(MAX_KEPT)) {
        state.remove_rotation(branch, old.id)?;
    }
    let OperationId(id) = OperationId::at(moment.at, 0, seed.0);
    let rotation = Rotation {
        id: RotationId(id),
        branch: branch.clone(),
        keeps_original: default.is_original(),
        from: Party { name: default.name, born: default.born },
        to: Party { name: role.name, born: role.born },
        drain,
        grace_seconds,
        reason,
        stage: Stage::Planned,
        operation: first(&operations),
        deadline: None,
        created_at: moment.at,
        updated_at: moment.at,
        ended_at: None,
    };
    state.put_rotation(rotation.clone())?;
    Ok((rotation, operations))
}

/// Returns the credential that a rotation of a branch would replace, and the branch's rotations.
pub fn check<S: Read>(
    state: &S,
    branch: &BranchId,
) -> Result<(Role, Vec<Rotation>), Denied<S::Error>> {
    let record = state.branch(branch)?;
    let record = record.ok_or_else(|| Denied::Refused(Refusal::BranchMissing(branch.clone())))?;
    if record.endpoint.is_none() {
        return refuse(Refusal::BranchWithoutEndpoint(branch.clone()));
    }
    let kept = state.rotations(branch)?;
    if let Some(other) = kept.iter().find(|rotation| rotation.ended_at.is_none()) {
        return refuse(CredentialRefusal::RotationUnderWay(other.id));
    }
    match default_of(&state.roles(branch)?) {
        None => refuse(CredentialRefusal::NoCredential(branch.clone())),
        Some(default) => Ok((default.clone(), kept)),
    }
}

/// Moves a rotation to its next stage, if it is time for that.
pub fn advance<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    at: (&BranchId, RotationId),
    connected: Seen,
) -> Result<Option<Moved>, Denied<S::Error>> {
    let rotation = get(state, at)?;
    if rotation.ended_at.is_some() {
        return Ok(None);
    }
    let step = Step { moment, seed, branch: at.0 };
    let next = match (&rotation.stage, work(state, &rotation)?) {
        (_, Work::UnderWay) => return Ok(None),
        (reached, Work::Failed(error)) => {
            let step = after(reached).to_owned();
            Some(ended(rotation, Stage::Failed { step, error }, moment))
        }
        (Stage::Planned, Work::Done) => step.created(state, rotation)?,
        (Stage::Created, Work::Done) => step.promoted(state, rotation)?,
        (Stage::Promoted, Work::Done) => Some((moved(rotation, Stage::Draining), Vec::new())),
        (Stage::Draining, Work::Done) => step.login_revoked(state, rotation, connected)?,
        (Stage::LoginRevoked, Work::Done) => step.reassigned(state, rotation, connected)?,
        (Stage::Reassigned, Work::Done) => Some(ended(rotation, Stage::Dropped, moment)),
        (Stage::Dropped | Stage::Aborted | Stage::Failed { .. }, Work::Done) => None,
    };
    let Some((rotation, operations)) = next else { return Ok(None) };
    let rotation = Rotation { updated_at: moment.at, ..rotation };
    state.put_rotation(rotation.clone())?;
    Ok(Some((rotation, operations)))
}

/// How the work stands for which a rotation waits.
enum Work {
    UnderWay,
    Done,
    Failed(String),
}

fn work<S: Read>(state: &S, rotation: &Rotation) -> Result<Work, S::Error> {
    let found = match rotation.operation {
        None => None,
        Some(id) => state.operation(id)?,
    };
    Ok(match found.map(|operation| operation.status) {
        Some(Status::Scheduling | Status::Running { .. } | Status::Cancelling) => Work::UnderWay,
        Some(Status::Cancelled) => Work::Failed("its operation was cancelled".into()),
        Some(Status::Failed { error }) => Work::Failed(error),
        // Without an endpoint there is nothing to wait for, nor with one that is gone.
        None | Some(Status::Finished | Status::Skipped) => Work::Done,
    })
}

/// What a step needs to know besides the state and the rotation.
struct Step<'a> {
    moment: Moment,
    seed: Seed,
    branch: &'a BranchId,
}

/// A rotation at its next stage; none where it is not time for that.
type Next<E> = Result<Option<Moved>, Denied<E>>;

impl Step<'_> {
    fn created<S: Write>(&self, state: &S, rotation: Rotation) -> Next<S::Error> {
        match find(state, self.branch, &rotation.to)? {
            Some(_) => Ok(Some((moved(rotation, Stage::Created), Vec::new()))),
            None => Ok(Some(self.lost(rotation))),
        }
    }

    fn promoted<S: Write>(&self, state: &mut S, rotation: Rotation) -> Next<S::Error> {
        if find(state, self.branch, &rotation.to)?.is_none() {
            return Ok(Some(self.lost(rotation)));
        }
        let Self { moment, seed, branch } = *self;
        let name = rotation.to.name.clone();
        let (_, operations) = credentials::promote(state, moment, seed, branch, &name)?;
        let deadline = deadline(&rotation, moment.at);
        Ok(Some((Rotation { deadline, ..moved(rotation, Stage::Promoted) }, operations)))
    }

    fn login_revoked<S: Write>(
        &self,
        state: &mut S,
        rotation: Rotation,
        seen: Seen,
    ) -> Next<S::Error> {
        let Self { moment, seed, branch } = *self;
        let is_over = rotation.deadline.is_some_and(|deadline| deadline <= moment.at);
        let is_drained = seen == Seen::Nobody && rotation.drain != Drain::Never;
        if !is_over && !is_drained {
            return Ok(None);
        }
        let Some(from) = find(state, branch, &rotation.from)? else {
            return Ok(Some(ended(rotation, Stage::Dropped, moment)));
        };
        let roles = state.roles(branch)?;
        if default_of(&roles).is_none_or(|default| default.name == from.name) {
            // Somebody put it back, be it by a restore: it is what applications are shown.
            return Ok(Some(ended(rotation, Stage::Aborted, moment)));
        }
        let (_, operations) = credentials::revoke(state, moment, seed, branch, &from.name)?;
        Ok(Some(waiting(rotation, Stage::LoginRevoked, operations)))
    }

    fn reassigned<S: Write>(
        &self,
        state: &mut S,
        rotation: Rotation,
        seen: Seen,
    ) -> Next<S::Error> {
        let Self { moment, seed, branch } = *self;
        let lingers = moment.at < rotation.updated_at + LINGER;
        // Whoever is connected with the original, and is not to be cut, may stay.
        let is_free = rotation.keeps_original && rotation.drain != Drain::Terminate;
        if seen == Seen::Somebody && lingers && !is_free {
            return Ok(None);
        }
        if rotation.keeps_original {
            return Ok(Some(ended(rotation, Stage::LoginRevoked, moment)));
        }
        let Some(from) = find(state, branch, &rotation.from)? else {
            return Ok(Some(ended(rotation, Stage::Dropped, moment)));
        };
        let (_, operations) = credentials::drop(state, moment, seed, branch, &from)?;
        Ok(Some(waiting(rotation, Stage::Reassigned, operations)))
    }

    /// Ends a rotation whose new credential was deleted, or went with a restore.
    fn lost(&self, rotation: Rotation) -> Moved {
        let error = format!(
            "the new credential \"{}\" was deleted, or went with a restore of the branch; the old one \
             is as it was",
            rotation.to.name
        );
        let step = after(&rotation.stage).to_owned();
        ended(rotation, Stage::Failed { step, error }, self.moment)
    }
}

/// Ends the waiting for the old credential's sessions.
pub fn complete<S: Write>(
    state: &mut S,
    moment: Moment,
    at: (&BranchId, RotationId),
) -> Result<Rotation, Denied<S::Error>> {
    let rotation = get(state, at)?;
    if ![Stage::Promoted, Stage::Draining].contains(&rotation.stage) {
        return refuse(unfit(&rotation, "completed", &rotation.stage));
    }
    let deadline = Some(moment.at);
    let rotation = Rotation { deadline, updated_at: moment.at, ..rotation };
    state.put_rotation(rotation.clone())?;
    Ok(rotation)
}

/// Makes the old credential the default again. The new one goes if nobody was shown it yet, and is a
/// credential like any other otherwise.
pub fn abort<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    at: (&BranchId, RotationId),
) -> Result<Moved, Denied<S::Error>> {
    let (branch, _) = at;
    let rotation = get(state, at)?;
    if rotation.ended_at.is_some() || !rotation.stage.is_before_revocation() {
        return refuse(unfit(&rotation, "aborted", &rotation.stage));
    }
    let is_shown = ![Stage::Planned, Stage::Created].contains(&rotation.stage);
    let operations = match find(state, branch, &rotation.to)? {
        _ if is_shown => credentials::promote(state, moment, seed, branch, &rotation.from.name)?.1,
        Some(to) => roles::delete(state, moment, seed, (branch, &to.name), OnOwned::Reassign)?.1,
        None => Vec::new(),
    };
    let (rotation, _) = ended(rotation, Stage::Aborted, moment);
    let rotation = Rotation { updated_at: moment.at, ..rotation };
    state.put_rotation(rotation.clone())?;
    Ok((rotation, operations))
}

/// Returns a rotation of a branch.
pub fn get<S: Read>(
    state: &S,
    (branch, id): (&BranchId, RotationId),
) -> Result<Rotation, Denied<S::Error>> {
    get_branch(state, branch)?;
    let found = state.rotation(branch, id)?;
    found.ok_or_else(|| Denied::Refused(CredentialRefusal::RotationMissing(id).into()))
}

fn find<S: Read>(state: &S, branch: &BranchId, party: &Party) -> Result<Option<Role>, S::Error> {
    Ok(state.role(branch, &party.name)?.filter(|role| role.born == party.born))
}

fn unfit(rotation: &Rotation, what: &'static str, stage: &Stage) -> Refusal {
    CredentialRefusal::RotationBeyond { rotation: rotation.id, what, stage: stage.as_str() }.into()
}

/// Returns the name of the stage that comes after one.
fn after(stage: &Stage) -> &'static str {
    let next = match stage {
        Stage::Planned => Stage::Created,
        Stage::Created => Stage::Promoted,
        Stage::Promoted => Stage::Draining,
        Stage::Draining => Stage::LoginRevoked,
        Stage::LoginRevoked => Stage::Reassigned,
        Stage::Reassigned | Stage::Dropped | Stage::Aborted | Stage::Failed { .. } => {
            Stage::Dropped
        }
    };
    next.as_str()
}

fn deadline(rotation: &Rotation, promoted_at: Timestamp) -> Option<Timestamp> {
    let grace = TimeDelta::seconds(rotation.grace_seconds.into());
    (rotation.drain != Drain::Never).then(|| promoted_at + grace)
}

fn first(operations: &[Operation]) -> Option<OperationId> {
    operations.first().map(|operation| operation.id)
}

fn moved(rotation: Rotation, stage: Stage) -> Rotation {
    Rotation { stage, operation: None, ..rotation }
}

fn waiting(rotation: Rotation, stage: Stage, operations: Vec<Operation>) -> Moved {
    (Rotation { operation: first(&operations), ..moved(rotation, stage) }, operations)
}

fn ended(rotation: Rotation, stage: Stage, moment: Moment) -> Moved {
    (Rotation { ended_at: Some(moment.at), ..moved(rotation, stage) }, Vec::new())
}
