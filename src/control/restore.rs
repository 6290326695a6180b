//! Use cases of restore and reset, and of the passwords that come with a catalog.

use std::collections::BTreeMap;

use crate::control::{BranchRef, Caller, ControlError, ControlPlane, Result};
use crate::model::branch::{Branch, PasswordPolicy};
use crate::model::cause::{Deed, Topic};
use crate::model::id::BranchId;
use crate::model::lsn::Lsn;
use crate::model::name::{BranchName, RoleName};
use crate::model::operation::Operation;
use crate::model::point::Point;
use crate::model::project::Project;
use crate::model::refusal::Refusal;
use crate::model::role::{DrawnCredential, Login, Role};
use crate::model::rules;
use crate::model::rules::branches::Cutoff;
use crate::model::rules::passwords::{self, Passwords, own_of, policy_of_restore};
use crate::model::rules::restore::{Restoration, check_point};
use crate::model::secret::Password;
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

/// What becomes of the passwords in a catalog that is copied, and the ones that were drawn.
pub(super) struct Drawn {
    pub(super) passwords: Passwords,
    pub(super) shown: BTreeMap<RoleName, Password>,
}

impl ControlPlane {
    /// Makes a branch's catalog that of another, or its own past. Its id, its endpoint and its
    /// connection strings stay.
    pub async fn restore_branch(
        &self,
        caller: &Caller,
        at: &BranchRef,
        request: RestoreRequest,
    ) -> Result<(Project, Branch, Vec<Operation>)> {
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
        let (cutoff, drawn) = self.passwords(copying, policy).await?;
        let preserve = request.preserve_under_name.map(|name| (self.draw_branch_id(), name));
        let restoration = Restoration {
            target: target.id,
            source: source.id,
            cutoff,
            preserve,
            passwords: drawn.passwords,
        };
        let seed = self.seed();
        let cause = caller.asks(Deed::RestoreBranch, Topic::Branch(at.branch.clone()));
        let (branch, operations) = self
            .commit(cause, &at.project, move |state, moment| {
                rules::restore::restore(state, moment, seed, &restoration)
            })
            .await?;
        Ok((self.get_project(&at.project)?, branch, operations))
    }

    /// Draws the passwords that `policy` calls for. Where there are any, the cutoff that is
    /// returned is one that no later commit moves.
    pub(super) async fn passwords(
        &self,
        copying: Copying<'_>,
        policy: Option<PasswordPolicy>,
    ) -> Result<(Cutoff, Drawn)> {
        let passwords = match policy {
            None | Some(PasswordPolicy::Inherit) => Passwords::Inherited,
            Some(PasswordPolicy::None) => Passwords::Unset,
            Some(PasswordPolicy::Fresh) => return self.fresh_passwords(copying).await,
        };
        Ok((copying.cutoff, Drawn { passwords, shown: BTreeMap::new() }))
    }

    async fn fresh_passwords(&self, copying: Copying<'_>) -> Result<(Cutoff, Drawn)> {
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
        let drawn = self.draw_credentials(taker, project.store_passwords, names).await?;
        let (mut credentials, mut shown) = (BTreeMap::new(), BTreeMap::new());
        for (name, DrawnCredential { password, credential }) in drawn {
            shown.insert(name.clone(), password);
            credentials.insert(name, credential);
        }
        let passwords = Passwords::Fresh(credentials);
        Ok((Cutoff::Past { revision, at, lsn }, Drawn { passwords, shown }))
    }

    /// Draws a password for each of several roles of a branch.
    pub(super) async fn draw_credentials(
        &self,
        at: BranchRef,
        is_stored: bool,
        names: Vec<RoleName>,
    ) -> Result<Vec<(RoleName, DrawnCredential)>> {
        if MAX_DRAWN_PASSWORDS < names.len() {
            let (count, max) = (names.len(), MAX_DRAWN_PASSWORDS);
            return Err(Refusal::TooManyPasswords { count, max }.into());
        }
        let control = self.clone();
        let draw = move || {
            let draw = |name: RoleName| {
                let drawn = control.draw_credential(&at, &name, is_stored);
                (name, drawn)
            };
            names.into_iter().map(draw).collect()
        };
        // Hashing takes a while, and would hold up whoever shares this thread.
        Ok(tokio::task::spawn_blocking(draw).await.expect("drawing does not panic"))
    }
}
