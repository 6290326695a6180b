//! The past of a project: states at points, and whence a branch came.

use crate::control::{BranchRef, ControlPlane, Result};
use crate::model::branch::{Branch, Source};
use crate::model::database::Database;
use crate::model::id::{BranchId, ProjectId};
use crate::model::name::{DatabaseName, RoleName};
use crate::model::point::Point;
use crate::model::project::Project;
use crate::model::refusal::{Refusal, time_text};
use crate::model::revision::{Moment, Revision, Timestamp};
use crate::model::role::Role;
use crate::model::state::Read;
use crate::store::engine::LogId;
use crate::store::{ProjectView, Store, StoreError};

/// A project's log, to be looked at from any point on.
#[derive(Clone)]
pub struct Past {
    pub(super) store: Store,
    pub(super) log: LogId,
}

/// A project's state at a point.
pub struct ProjectAt {
    /// The project, as it was.
    pub project: Project,
    /// The state.
    pub view: ProjectView,
}

/// What a branch had at a point.
pub struct BranchAt {
    /// The state of the whole project.
    pub at: ProjectAt,
    /// The branch that was asked for.
    pub asked: BranchId,
    /// The one that is looked at: the same, or, before that was born, the one from which it was to
    /// be copied.
    pub branch: BranchId,
}

impl Past {
    /// Returns the past that `log` keeps.
    #[must_use]
    pub fn new(store: Store, log: LogId) -> Self {
        Self { store, log }
    }

    /// Returns the newest commit.
    #[must_use]
    pub fn head(&self) -> Moment {
        self.view_head().moment
    }

    pub(super) fn view_head(&self) -> ProjectView {
        self.store.view(self.log)
    }

    /// Returns the oldest commit whose state can be asked for.
    pub fn floor(&self) -> Result<Moment> {
        Ok(self.store.floor(self.log)?.expect("a project is born in some commit"))
    }

    /// Checks that there is a state of `revision`.
    pub fn check(&self, revision: Revision) -> Result<Revision> {
        let (floor, head) = (self.floor()?.revision, self.head().revision);
        if (floor..=head).contains(&revision) {
            return Ok(revision);
        }
        let text = |revision| format!("revision {revision}");
        let (earliest, latest) = (text(floor), text(head));
        Err(Refusal::PointOutsideHistory { asked: text(revision), earliest, latest }.into())
    }

    /// Returns the last revision at or before `at`. What is found stays true: every commit that is
    /// not seen yet is later than any time before `horizon`.
    pub async fn revision_at(&self, at: Timestamp, horizon: Timestamp) -> Result<Revision> {
        let floor = self.floor()?;
        if at < floor.at || horizon <= at {
            let (earliest, latest) = (time_text(floor.at), time_text(horizon));
            let asked = format!("timestamp {}", time_text(at));
            return Err(Refusal::PointOutsideHistory { asked, earliest, latest }.into());
        }
        if self.head().at <= at {
            // Commits that are under way may still come before the time.
            self.store.settle(self.log).await?;
        }
        let moment = self.store.moment_at(self.log, at)?;
        Ok(moment.expect("a time from the floor on is that of some commit").revision)
    }

    pub(super) fn view(&self, revision: Revision) -> Result<ProjectView> {
        Ok(self.store.view_at(self.log, revision)?)
    }

    /// Returns the project at `revision`.
    pub fn project(&self, revision: Revision) -> Result<ProjectAt> {
        let view = self.view(revision)?;
        let project = view.state.project()?.expect("a project is there from its first commit on");
        Ok(ProjectAt { project, view })
    }

    /// Returns what a branch had at `revision`. Before it was born, that is what the branch had from
    /// which it was to be copied, and nothing later than the cutoff.
    pub fn branch(&self, id: &BranchId, revision: Revision) -> Result<BranchAt> {
        let missing = || Refusal::BranchMissing(id.clone());
        let at = self.project(revision)?;
        if at.view.state.branch(id)?.is_some() {
            return Ok(BranchAt { at, asked: id.clone(), branch: id.clone() });
        }
        let (mut revision, mut branch) = (revision, id.clone());
        let mut born = self.view_head().state.branch(id)?.ok_or_else(missing)?;
        // Each source is looked at earlier than the one before, so this comes to an end.
        loop {
            let source = self.source_at_birth(&born)?.ok_or_else(missing)?;
            revision = revision.min(source.cutoff);
            branch.clone_from(&source.branch);
            let at = self.project(revision)?;
            if at.view.state.branch(&branch)?.is_some() {
                return Ok(BranchAt { at, asked: id.clone(), branch });
            }
            let copied = self.view(source.cutoff)?.state.branch(&branch)?;
            born = copied.expect("a branch is copied from one that was there at the cutoff");
        }
    }

    /// Returns the revision of the commit in which a branch was born; none where that is below the
    /// floor.
    pub(super) fn birth(&self, branch: &Branch) -> Result<Option<Revision>> {
        match self.store.moment_at(self.log, branch.created_at) {
            Ok(moment) => Ok(moment.map(|moment| moment.revision)),
            Err(StoreError::BelowFloor { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns from what a branch was copied when it was born. A restore since then does not count.
    pub(super) fn source_at_birth(&self, branch: &Branch) -> Result<Option<Source>> {
        let Some(birth) = self.birth(branch)? else { return Ok(None) };
        let born = self.view(birth)?.state.branch(&branch.id)?;
        Ok(born.and_then(|born| born.began.source))
    }
}

impl ProjectAt {
    /// Returns the commit whose state this is.
    #[must_use]
    pub fn moment(&self) -> Moment {
        self.view.moment
    }

    /// Returns all branches that there were, by id.
    pub fn branches(&self) -> Result<Vec<Branch>> {
        Ok(self.view.state.branches()?)
    }
}

impl BranchAt {
    /// Returns the commit whose state this is.
    #[must_use]
    pub fn moment(&self) -> Moment {
        self.at.moment()
    }

    /// Returns the branch that was asked for, if it was there.
    pub fn record(&self) -> Result<Branch> {
        let found = self.at.view.state.branch(&self.branch)?;
        let found = found.filter(|_| self.branch == self.asked);
        found.ok_or_else(|| Refusal::BranchMissing(self.asked.clone()).into())
    }

    /// Returns its roles, by name.
    pub fn roles(&self) -> Result<Vec<Role>> {
        Ok(self.at.view.state.roles(&self.branch)?)
    }

    /// Returns a role.
    pub fn role(&self, name: &RoleName) -> Result<Role> {
        let role = self.at.view.state.role(&self.branch, name)?;
        role.ok_or_else(|| Refusal::RoleMissing(name.clone()).into())
    }

    /// Returns its databases, by name.
    pub fn databases(&self) -> Result<Vec<Database>> {
        Ok(self.at.view.state.databases(&self.branch)?)
    }

    /// Returns a database.
    pub fn database(&self, name: &DatabaseName) -> Result<Database> {
        let database = self.at.view.state.database(&self.branch, name)?;
        database.ok_or_else(|| Refusal::DatabaseMissing(name.clone()).into())
    }
}

impl ControlPlane {
    /// Returns the past of a project that is there.
    pub(super) fn past(&self, project: &ProjectId) -> Result<Past> {
        self.view(project)?;
        Ok(Past::new(self.inner.store.clone(), self.log_of(project)?))
    }

    /// Returns a project as it was at a point.
    pub async fn project_at(&self, id: &ProjectId, point: Point) -> Result<ProjectAt> {
        let past = self.past(id)?;
        let revision = match point {
            Point::Lsn(lsn) => return Err(Refusal::LsnWithoutBranch(lsn).into()),
            Point::Head => past.head().revision,
            Point::Revision(revision) => past.check(revision)?,
            Point::Time(at) => past.revision_at(at, self.horizon(past.head())).await?,
        };
        past.project(revision)
    }

    /// Returns what a branch had at a point.
    pub async fn branch_at(&self, at: &BranchRef, point: Point) -> Result<BranchAt> {
        let past = self.past(&at.project)?;
        let revision = self.revision_of(&past, at, point).await?;
        past.branch(&at.branch, revision)
    }

    /// Returns the revision that a point on a branch names.
    pub(super) async fn revision_of(
        &self,
        past: &Past,
        at: &BranchRef,
        point: Point,
    ) -> Result<Revision> {
        match point {
            Point::Head => Ok(past.head().revision),
            Point::Revision(revision) => past.check(revision),
            Point::Time(time) => past.revision_at(time, self.horizon(past.head())).await,
            Point::Lsn(lsn) => self.revision_at_lsn(past, at, lsn).await,
        }
    }
}
