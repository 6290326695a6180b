//! Use cases of restore and reset, and of the passwords that come with a catalog.

use std::collections::BTreeMap;

use crate::control::branches::changed;
use crate::control::secrets::Secrets;
use crate::control::{Asker, BranchRef, ChangedBranch, ControlError, ControlPlane, Result, Told};
use crate::model::branch::PasswordPolicy;
use crate::model::cause::{Deed, Topic};
use crate::model::id::BranchId;
use crate::model::lsn::Lsn;
use crate::model::name::{BranchName, RoleName};
use crate::model::point::Point;
use crate::model::project::Project;
use crate::model::refusal::Refusal;
use crate::model::role::{Credential, Login, Role};
use crate::model::rules;
use crate::model::rules::branches::Cutoff;
use crate::model::rules::passwords::{self, Passwords, own_of, policy_of_restore};
use crate::model::rules::restore::{Restoration, check_point};
use crate::model::state::Read;
use crate::store::ProjectView;
use crate::store::catalog::Catalog;

/// How many passwords are drawn for one request at the most. Each costs some milliseconds.
pub const MAX_DRAWN_PASSWORDS: usize = 500;

/// What a request says about a restore.
#[derive(Clone, Debug)]
pub struct RestoreRequest {
    /// The branch whose catalog it is to have; it may be the branch itself.
    pub source: BranchId,
    /// Where on the source.
    pub point: Point,
    /// Under which name the present state is to be kept, if it is.
    pub preserve_under_name: Option<BranchName>,
}

/// A catalog that is to be copied.
pub(super) struct Copying<'a> {
    pub(super) project: &'a Project,
    pub(super) view: &'a ProjectView,
    /// The branch that takes it. It may not be there yet.
    pub(super) taker: &'a BranchId,
    /// The branch whose catalog it is.
    pub(super) source: &'a BranchId,
    /// The last of the source's revisions that is copied.
    pub(super) cutoff: Cutoff,
}

impl ControlPlane {
    /// Makes a branch's catalog that of another, or its own past. Its id, its endpoint and its
    /// connection strings stay.
    pub async fn restore_branch(
        &self,
        asker: &Asker,
        at: &BranchRef,
        request: RestoreRequest,
    ) -> Result<Told<ChangedBranch>> {
        if let Some(done) = self.done_before(asker, &at.project)? {
            return changed(&done);
        }
        let (project, view) = self.view(&at.project)?;
        let get = |id: &BranchId| {
            let found = view.state.branch(id)?;
            found.ok_or_else(|| ControlError::from(Refusal::BranchMissing(id.clone())))
        };
        let target = get(&at.branch)?;
        let source = get(&request.source)?;
        check_point(&target.id, &source.id, request.point)?;
        let cutoff = self.cutoff(&project, &source, request.point).await?;
        let policy = Some(policy_of_restore(&view.state, &target, &source)?);
        let (taker, source_id) = (&target.id, &source.id);
        let copying = Copying { project: &project, view: &view, taker, source: source_id, cutoff };
        // Nobody is shown these: they are no part of what is told.
        let secrets = self.draw_secrets();
        let (cutoff, passwords) = self.passwords(&secrets, copying, policy).await?;
        let preserve = request.preserve_under_name.map(|name| (self.draw_branch_id(), name));
        let restoration =
            Restoration { target: target.id, source: source.id, cutoff, preserve, passwords };
        let seed = self.seed();
        let cause = asker.asks(Deed::RestoreBranch, Topic::Branch(at.branch.clone()));
        let restore = move |state: &mut Catalog, moment| {
            rules::restore::restore(state, moment, seed, &restoration)
        };
        changed(&self.carry_out(asker, &at.project, (cause, None), restore).await?)
    }

    /// Draws the passwords that `policy` calls for. Where there are any, the cutoff that is
    /// returned is one that no later commit moves.
    pub(super) async fn passwords(
        &self,
        secrets: &Secrets,
        copying: Copying<'_>,
        policy: Option<PasswordPolicy>,
    ) -> Result<(Cutoff, Passwords)> {
        let passwords = match policy {
            None | Some(PasswordPolicy::Inherit) => Passwords::Inherited,
            Some(PasswordPolicy::None) => Passwords::Unset,
            Some(PasswordPolicy::Fresh) => return self.fresh_passwords(secrets, copying).await,
        };
        Ok((copying.cutoff, passwords))
    }

    async fn fresh_passwords(
        &self,
        secrets: &Secrets,
        copying: Copying<'_>,
    ) -> Result<(Cutoff, Passwords)> {
        let Copying { project, view, taker, source, cutoff } = copying;
        let (revision, at, lsn) = match cutoff {
            Cutoff::Past { revision, at, lsn } => (revision, at, lsn),
            Cutoff::Head => {
                let newest = view.state.mark_before(source, Lsn(u64::MAX))?;
                (view.moment.revision, view.moment.at, newest.map(|mark| mark.lsn))
            }
        };
        let past = self.inner.store.view_at::<Catalog>(self.log_of(&project.id)?, revision)?;
        let own = passwords::own(&view.state, taker)?;
        let needs_password = |role: &Role| {
            let has_own = own.contains_key(&role.name) || own_of(taker, role).is_some();
            role.login != Login::Never && !has_own
        };
        let roles = past.state.roles(source)?.into_iter();
        let names: Vec<_> = roles.filter(needs_password).map(|role| role.name).collect();
        let taker = BranchRef { project: project.id.clone(), branch: taker.clone() };
        let is_stored = project.store_passwords;
        let credentials = self.draw_credentials(secrets, taker, is_stored, names).await?;
        Ok((Cutoff::Past { revision, at, lsn }, Passwords::Fresh(credentials)))
    }

    /// Draws a password for each of several roles of a branch.
    pub(super) async fn draw_credentials(
        &self,
        secrets: &Secrets,
        at: BranchRef,
        is_stored: bool,
        names: Vec<RoleName>,
    ) -> Result<BTreeMap<RoleName, Credential>> {
        if MAX_DRAWN_PASSWORDS < names.len() {
            let (count, max) = (names.len(), MAX_DRAWN_PASSWORDS);
            return Err(Refusal::TooManyPasswords { count, max }.into());
        }
        let (control, secrets) = (self.clone(), secrets.clone());
        let draw = move || {
            let credential =
                |name: &RoleName| control.draw_credential(&secrets, &at, name, is_stored);
            names.into_iter().map(|name| (name.clone(), credential(&name))).collect()
        };
        // Hashing takes a while, and would hold up whoever shares this thread.
        Ok(tokio::task::spawn_blocking(draw).await.expect("drawing does not panic"))
    }
}
