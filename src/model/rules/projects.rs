//! Rules about projects.

use crate::model::annotation::Annotation;
use crate::model::branch::{Beginning, Branch, Lineage, PasswordPolicy};
use crate::model::change::Change;
use crate::model::endpoint::{Tuning, TuningChange};
use crate::model::id::{BranchId, ProjectId};
use crate::model::name::{BranchName, DatabaseName, ProjectName, RoleName};
use crate::model::operation::{Action, Subject};
use crate::model::origin::Origin;
use crate::model::project::{MaintenanceWindow, PgVersion, Project, ProjectSettings, Quota};
use crate::model::refusal::Refusal;
use crate::model::revision::Moment;
use crate::model::role::{Credential, Login, Role, Standing};
use crate::model::rules::branches::{self, Born};
use crate::model::rules::endpoints::{self, NewEndpoint};
use crate::model::rules::{Seed, databases, refuse, roles, schedule};
use crate::model::state::{Denied, Read, Write};

/// A project that is to be created, with all that it is born with.
#[derive(Clone, Debug)]
pub struct NewProject {
    /// Its id.
    pub id: ProjectId,
    /// Its name.
    pub name: ProjectName,
    /// The major version of its Postgres.
    pub pg_version: PgVersion,
    /// Whether passwords are kept.
    pub store_passwords: bool,
    /// How much history it keeps.
    pub history_retention_seconds: u32,
    /// The policy of new branches whose requests say none, where that is decided.
    pub password_policy: Option<PasswordPolicy>,
    /// What clients set and read back.
    pub settings: ProjectSettings,
    /// What clients tune for endpoints in general.
    pub endpoint_defaults: Tuning,
    /// The id of its default branch.
    pub branch: BranchId,
    /// The name of its default branch.
    pub branch_name: BranchName,
    /// What is noted about that.
    pub annotation: Annotation,
    /// The name of its first database.
    pub database: DatabaseName,
    /// The name of the role that owns the database.
    pub owner: RoleName,
    /// The owner's password.
    pub credential: Credential,
    /// Whether it is born with the role that the system keeps, as Neon's projects once were.
    pub has_system_role: bool,
    /// The endpoint of its default branch.
    pub endpoint: NewEndpoint,
}

/// What is to change about a project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectChange {
    /// Its new name, if it is to have one.
    pub name: Option<ProjectName>,
    /// How much history it is to keep, if that changes.
    pub history_retention_seconds: Option<u32>,
    /// Its password policy, if that changes.
    pub password_policy: Change<PasswordPolicy>,
    /// How much may be used, if that changes.
    pub quota: Option<Quota>,
    /// When it may be maintained, if that changes.
    pub maintenance: Option<MaintenanceWindow>,
    /// What changes of what clients tune for endpoints in general.
    pub endpoint_defaults: TuningChange,
}

impl ProjectChange {
    fn settings(&self, old: ProjectSettings) -> ProjectSettings {
        ProjectSettings {
            quota: self.quota.unwrap_or(old.quota),
            maintenance: self.maintenance.clone().or(old.maintenance),
        }
    }
}

/// Creates a project in a log of its own, which is still empty.
pub fn create<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    new: NewProject,
) -> Result<(Project, Born), Denied<S::Error>> {
    let project = Project {
        id: new.id,
        name: new.name,
        pg_version: new.pg_version,
        store_passwords: new.store_passwords,
        history_retention_seconds: new.history_retention_seconds,
        password_policy: new.password_policy,
        settings: new.settings,
        endpoint_defaults: new.endpoint_defaults,
        default_branch: new.branch.clone(),
        created_at: moment.at,
        updated_at: moment.at,
        deleted_at: None,
    };
    state.put_project(project.clone())?;
    let began = Beginning { moment, source: None };
    let born = Branch::new(new.branch, new.branch_name, Lineage::Root, began);
    let branch = Branch { annotation: new.annotation, ..born };
    let (branch, endpoint) = endpoints::put_new(state, moment, branch, new.endpoint)?;
    let origin = Origin { branch: branch.id.clone(), revision: moment.revision };
    let login = Login::Password(new.credential);
    let owner = roles::born(moment, origin.clone(), new.owner.clone(), login);
    // It is the original of the branch's credentials, and their first default.
    let standing = Some(Standing { promoted_at: Some(moment.at), acts_for: None });
    if new.has_system_role {
        let system = roles::born(moment, origin.clone(), RoleName::system(), Login::Never);
        state.put_role(&branch.id, Role { protected: true, ..system })?;
    }
    state.put_role(&branch.id, Role { standing, ..owner })?;
    state.put_database(&branch.id, databases::born(moment, origin, new.database, new.owner))?;
    let work = [(Action::CreateTimeline, Subject::Whole), (Action::StartCompute, Subject::Whole)];
    let operations = schedule(state, moment, seed, &branch, &work)?;
    Ok((project, Born { branch, endpoint: Some(endpoint), operations }))
}

/// Changes a project's settings.
pub fn update<S: Write>(
    state: &mut S,
    moment: Moment,
    id: &ProjectId,
    change: ProjectChange,
) -> Result<Project, Denied<S::Error>> {
    let project = get(state, id)?;
    let tuning = project.endpoint_defaults.with(change.endpoint_defaults);
    let project = Project {
        settings: change.settings(project.settings),
        endpoint_defaults: tuning.expect("a change whose limits were checked"),
        name: change.name.unwrap_or(project.name),
        history_retention_seconds: change
            .history_retention_seconds
            .unwrap_or(project.history_retention_seconds),
        password_policy: change.password_policy.of(project.password_policy),
        updated_at: moment.at,
        ..project
    };
    state.put_project(project.clone())?;
    Ok(project)
}

/// Deletes a project with all its branches. It is invisible at once; its computes follow.
pub fn delete<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    id: &ProjectId,
) -> Result<Project, Denied<S::Error>> {
    let project = get(state, id)?;
    if let Some(branch) = state.branches()?.into_iter().find(|branch| branch.protected) {
        return refuse(Refusal::ProjectHasProtected(branch.id));
    }
    for (index, branch) in (0..).zip(state.branches()?) {
        branches::remove(state, moment, Seed(seed.0.wrapping_add(index)), &branch)?;
    }
    let gone = Project { deleted_at: Some(moment.at), ..project.clone() };
    state.put_project(gone)?;
    Ok(project)
}

/// Returns the project of this state, unless it was deleted or not born.
pub fn get<S: Read>(state: &S, id: &ProjectId) -> Result<Project, Denied<S::Error>> {
    match state.project()? {
        Some(project) if project.deleted_at.is_none() => Ok(project),
        Some(_) | None => refuse(Refusal::ProjectMissing(id.clone())),
    }
}

/// Returns the project of this state, in which a rule about a branch of it runs.
pub(super) fn current<S: Read>(state: &S) -> Result<Project, S::Error> {
    Ok(state.project()?.expect("a branch is in a project"))
}
