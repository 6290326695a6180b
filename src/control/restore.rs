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
use crate::model::role::{Login, Role};
use crate::model::rules;
use crate::model::rules::branches::Cutoff;
use crate::model::rules::passwords::{Passwords, policy_of_restore};
use crate::model::rules::restore::Restoration;
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
        let cutoff = self.cutoff(&project, &source, request.point).await?;
        let policy = Some(policy_of_restore(&target, &source));
        let (cutoff, drawn) = self.passwords(&project, &view, &source.id, cutoff, policy).await?;
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

    /// Draws the passwords that `policy` calls for in the catalog of `source` at `cutoff`. Where
    /// there are any, the cutoff that is returned is one that no later commit moves.
    pub(super) async fn passwords(
        &self,
        project: &Project,
        view: &ProjectView,
        source: &BranchId,
        cutoff: Cutoff,
        policy: Option<PasswordPolicy>,
    ) -> Result<(Cutoff, Drawn)> {
        let shown = BTreeMap::new();
        match policy {
            None | Some(PasswordPolicy::Inherit) => {
                return Ok((cutoff, Drawn { passwords: Passwords::Inherited, shown }));
            }
            Some(PasswordPolicy::None) => {
                return Ok((cutoff, Drawn { passwords: Passwords::Unset, shown }));
            }
            Some(PasswordPolicy::Fresh) => {}
        }
        let cutoff = match cutoff {
            Cutoff::Past { .. } => cutoff,
            Cutoff::Head => {
                let newest = view.state.mark_before(source, Lsn(u64::MAX))?;
                Cutoff::Past {
                    revision: view.moment.revision,
                    at: view.moment.at,
                    lsn: newest.map(|mark| mark.lsn),
                }
            }
        };
        let Cutoff::Past { revision, .. } = cutoff else { unreachable!("it was just made past") };
        let past = self.inner.store.view_at::<Catalog>(self.log_of(&project.id)?, revision)?;
        let roles = past.state.roles(source)?;
        let names: Vec<_> =
            roles.into_iter().filter(needs_password).map(|role| role.name).collect();
        if MAX_DRAWN_PASSWORDS < names.len() {
            let (count, max) = (names.len(), MAX_DRAWN_PASSWORDS);
            return Err(Refusal::TooManyPasswords { count, max }.into());
        }
        let (control, project) = (self.clone(), project.clone());
        let draw = move || {
            let draw = |name: RoleName| {
                let drawn = control.draw_credential(&project.id, &name, project.store_passwords);
                (name, drawn)
            };
            names.into_iter().map(draw).collect::<Vec<_>>()
        };
        // Hashing takes a while, and would hold up whoever shares this thread.
        let drawn = tokio::task::spawn_blocking(draw).await.expect("drawing does not panic");
        let mut credentials = BTreeMap::new();
        let mut shown = shown;
        for (name, drawn) in drawn {
            shown.insert(name.clone(), drawn.password);
            credentials.insert(name, drawn.credential);
        }
        Ok((cutoff, Drawn { passwords: Passwords::Fresh(credentials), shown }))
    }
}

fn needs_password(role: &Role) -> bool {
    role.login != Login::Never
}
