//! Use cases about rotations of a branch's default credential.

use crate::control::once::Done;
use crate::control::{Asker, BranchRef, Caller, ControlPlane, Result, Told};
use crate::model::cause::{Deed, Topic};
use crate::model::endpoint::{EndpointState, Site};
use crate::model::name::RoleName;
use crate::model::operation::Operation;
use crate::model::preview::{Exchange, Preview};
use crate::model::refusal::Refusal;
use crate::model::role::{Login, Role, original_of};
use crate::model::rotation::{Drain, Rotation, RotationId};
use crate::model::rules::rotations::{self, NewRotation, Seen};
use crate::model::secret::Password;
use crate::model::session::Sessions;
use crate::model::state::Read;
use crate::room::Writer;
use crate::store::ProjectView;
use crate::store::catalog::Catalog;

use super::passes::Surveyed;

/// What a request says about a rotation.
#[derive(Clone, Debug)]
pub struct RotationRequest {
    /// The name of the new credential; a drawn one where there is none.
    pub username: Option<RoleName>,
    /// What becomes of the old one's sessions.
    pub drain: Drain,
    /// How long they are waited for.
    pub grace_seconds: u32,
    /// Why it is asked for.
    pub reason: Option<String>,
}

/// A rotation that a request moved.
#[derive(Debug)]
pub struct ShownRotation {
    /// The rotation.
    pub rotation: Rotation,
    /// The new credential's password, where the request created it.
    pub password: Option<Password>,
    /// What is left to do.
    pub operations: Vec<Operation>,
}

/// A rotation, and who is connected as the credential that goes; nothing where nobody can tell.
pub type Watched = (Rotation, Option<Vec<Sessions>>);

impl ControlPlane {
    /// Begins a rotation, and returns it with the new credential's password.
    pub async fn begin_rotation(
        &self,
        asker: &Asker,
        at: &BranchRef,
        request: RotationRequest,
    ) -> Result<Told<ShownRotation>> {
        if let Some(done) = self.done_before(asker, &at.project)? {
            return begun(&done);
        }
        let (project, _) = self.view_branch(at)?;
        let RotationRequest { username, drain, grace_seconds, reason } = request;
        let name = username.unwrap_or_else(|| self.draw_username());
        let secrets = self.draw_secrets();
        let credential = self.draw_credential(&secrets, at, &name, project.store_passwords);
        let login = Login::Password(credential);
        let (branch, seed) = (at.branch.clone(), self.seed());
        let topic = Topic::Role(branch.clone(), name.clone());
        let new = NewRotation { name, login, drain, grace_seconds, reason };
        let what = (asker.asks(Deed::BeginRotation, topic), Some(secrets));
        let begin = move |state: &mut Catalog, moment| {
            rotations::begin(state, moment, seed, &branch, new.clone())
        };
        begun(&self.carry_out(asker, &at.project, what, begin).await?)
    }

    /// Returns what a rotation would do, and does nothing.
    pub async fn preview_rotation(
        &self,
        at: &BranchRef,
        username: Option<RoleName>,
    ) -> Result<Preview> {
        let (_, view) = self.view_branch(at)?;
        let (default, _) = rotations::check(&view.state, &at.branch)?;
        let roles = view.state.roles(&at.branch)?;
        let to = username.unwrap_or_else(|| self.draw_username());
        if roles.iter().any(|role| role.name == to) {
            return Err(Refusal::RoleExists(to).into());
        }
        let original = original_of(&roles).map(|role| role.name.clone());
        let from = default.name.clone();
        let exchange = Exchange { from: from.clone(), to: to.clone(), original };
        let effect = match self.inner.probes.get() {
            None => None,
            Some(probes) => (probes.effect)(at.clone(), exchange).await,
        };
        let sessions = self.sessions_as(at, &from).await;
        let mut accepted_by = Vec::new();
        for branch in view.state.branches()?.into_iter().filter(|branch| branch.id != at.branch) {
            let found = view.state.role(&branch.id, &from)?;
            if found.is_some_and(|role| shares_password(&role, &default)) {
                accepted_by.push(branch);
            }
        }
        let keeps_original = default.is_original();
        Ok(Preview { from, to, keeps_original, effect, sessions, accepted_by })
    }

    /// Lists the rotations of a branch, newest first.
    pub fn list_rotations(&self, at: &BranchRef) -> Result<Vec<Rotation>> {
        let (_, view) = self.view_branch(at)?;
        let mut found = view.state.rotations(&at.branch)?;
        found.reverse();
        Ok(found)
    }

    /// Returns a rotation, and who is connected as the credential that goes.
    pub async fn get_rotation(&self, at: &BranchRef, id: RotationId) -> Result<Watched> {
        let (_, view) = self.view_branch(at)?;
        let rotation = rotations::get(&view.state, (&at.branch, id))?;
        let sessions = self.sessions_as(at, &rotation.from.name).await;
        Ok((rotation, sessions))
    }

    /// Returns who is connected as a role. Nobody is where the branch has no endpoint, or one that
    /// sleeps.
    pub async fn sessions_as(&self, at: &BranchRef, name: &RoleName) -> Option<Vec<Sessions>> {
        if self.is_asleep(at).ok()? {
            return Some(Vec::new());
        }
        let mut sessions = self.sessions(at).await?;
        sessions.retain(|sessions| sessions.role == name.as_str());
        Some(sessions)
    }

    fn is_asleep(&self, at: &BranchRef) -> Result<bool> {
        let endpoints = self.list_branch_endpoints(at)?;
        let is_asleep = |site: &Site, state| match site {
            Site::Local { .. } => state != EndpointState::Active,
            Site::Attached(_) => false,
        };
        Ok(endpoints.iter().all(|endpoint| is_asleep(&endpoint.site, endpoint.state)))
    }

    /// Ends the waiting for the sessions of the credential that goes.
    pub async fn complete_rotation(
        &self,
        asker: &Asker,
        at: &BranchRef,
        id: RotationId,
    ) -> Result<Told<ShownRotation>> {
        if let Some(done) = self.done_before(asker, &at.project)? {
            return ended_early(&done, at, id);
        }
        let branch = at.branch.clone();
        let cause = asker.asks(Deed::CompleteRotation, Topic::Branch(branch.clone()));
        let complete =
            move |state: &mut Catalog, moment| rotations::complete(state, moment, (&branch, id));
        ended_early(&self.carry_out(asker, &at.project, (cause, None), complete).await?, at, id)
    }

    /// Makes the credential that was to go the default again.
    pub async fn abort_rotation(
        &self,
        asker: &Asker,
        at: &BranchRef,
        id: RotationId,
    ) -> Result<Told<ShownRotation>> {
        if let Some(done) = self.done_before(asker, &at.project)? {
            return ended_early(&done, at, id);
        }
        let (branch, seed) = (at.branch.clone(), self.seed());
        let cause = asker.asks(Deed::AbortRotation, Topic::Branch(branch.clone()));
        let abort =
            move |state: &mut Catalog, moment| rotations::abort(state, moment, seed, (&branch, id));
        ended_early(&self.carry_out(asker, &at.project, (cause, None), abort).await?, at, id)
    }

    /// Returns the rotations of a project that have not ended.
    pub fn rotations_under_way(&self, surveyed: &Surveyed) -> Result<Vec<(BranchRef, Rotation)>> {
        let view: ProjectView = self.inner.store.view(surveyed.log);
        let mut found = Vec::new();
        for branch in view.state.rotating_branches()? {
            let at = BranchRef { project: surveyed.project.clone(), branch };
            let kept = view.state.rotations(&at.branch)?.into_iter();
            let open = kept.filter(|rotation| rotation.ended_at.is_none());
            found.extend(open.map(|rotation| (at.clone(), rotation)));
        }
        Ok(found)
    }

    /// Moves a rotation to its next stage, if it is time for that.
    pub async fn advance_rotation(
        &self,
        at: &BranchRef,
        id: RotationId,
        connected: Seen,
    ) -> Result<Option<Rotation>> {
        let (branch, seed) = (at.branch.clone(), self.seed());
        let topic = Topic::Branch(branch.clone());
        let cause = Caller::offshoot().asks(Deed::AdvanceRotation, topic);
        let advance = move |state: &mut _, moment| {
            rotations::advance(state, moment, seed, (&branch, id), connected)
        };
        let (moved, _) = self.commit_as(Writer::Offshoot, cause, &at.project, advance).await?;
        Ok(moved.map(|(rotation, _)| rotation))
    }
}

/// Returns the rotation that a request began.
fn begun(done: &Done<Catalog>) -> Result<Told<ShownRotation>> {
    let Topic::Role(branch, name) = &done.topic else {
        unreachable!("the request was about the new credential");
    };
    let newest = done.view.state.rotations(branch)?.pop();
    let rotation = newest.expect("a rotation that the commit put");
    let at = BranchRef { project: done.project()?.id, branch: branch.clone() };
    let password = Some(done.secrets().password(&at, name));
    Ok(done.told(ShownRotation { rotation, password, operations: done.operations()? }))
}

/// Returns a rotation whose waiting, or which itself, a request ended.
fn ended_early(
    done: &Done<Catalog>,
    at: &BranchRef,
    id: RotationId,
) -> Result<Told<ShownRotation>> {
    let found = done.view.state.rotation(&at.branch, id)?;
    let rotation = found.expect("a rotation that the commit put");
    Ok(done.told(ShownRotation { rotation, password: None, operations: done.operations()? }))
}

/// Whether two roles log in with the same password.
fn shares_password(one: &Role, other: &Role) -> bool {
    let verifier = |role: &Role| role.login.credential().map(|it| it.verifier.clone());
    verifier(one).is_some() && verifier(one) == verifier(other)
}
