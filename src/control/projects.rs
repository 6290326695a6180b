//! Use cases about projects.

use tokio_util::sync::CancellationToken;

use crate::control::connection::Connection;
use crate::control::once::{Done, MAX_OPERATIONS};
use crate::control::secrets::Secrets;
use crate::control::{Asker, BranchRef, Caller, ControlError, ControlPlane, Result, Told};
use crate::entropy;
use crate::model::annotation::Annotation;
use crate::model::branch::{Branch, PasswordPolicy};
use crate::model::cause::{Cause, Deed, Topic};
use crate::model::database::Database;
use crate::model::endpoint::{Endpoint, Site, Tuning};
use crate::model::event::LOG_BITS;
use crate::model::id::ProjectId;
use crate::model::name::{BranchName, DatabaseName, NameError, ProjectName, RoleName};
use crate::model::operation::Operation;
use crate::model::project::{PgVersion, Project, ProjectSettings};
use crate::model::refusal::Refusal;
use crate::model::revision::{Moment, Revision};
use crate::model::role::Role;
use crate::model::rules;
use crate::model::rules::endpoints::NewEndpoint;
use crate::model::rules::projects::{NewProject, ProjectChange};
use crate::model::secret::Password;
use crate::model::state::Read;
use crate::room::Writer;
use crate::store::ProjectView;
use crate::store::catalog::Catalog;
use crate::store::directory::Directory;
use crate::store::engine::LogId;
use crate::store::receipts::Receipts;

/// The default branch's name where the request says none.
const BRANCH_NAME: &str = "main";

/// The first database's name where the request says none.
const DATABASE_NAME: &str = "neondb";

/// How often a log is drawn for a project: that one is taken does not happen twice.
const MAX_DRAWS: usize = 4;

/// What a request says about a new project. What it leaves out is decided here.
#[derive(Clone, Debug, Default)]
pub struct ProjectRequest {
    /// Its name; its id where there is none.
    pub name: Option<ProjectName>,
    /// The version of its Postgres; the one that the server prefers where there is none.
    pub pg_version: Option<PgVersion>,
    /// Whether passwords are kept; they are where nothing is said.
    pub store_passwords: Option<bool>,
    /// How much history it keeps.
    pub history_retention_seconds: Option<u32>,
    /// The policy of new branches whose requests say none.
    pub password_policy: Option<PasswordPolicy>,
    /// The name of its default branch.
    pub branch_name: Option<BranchName>,
    /// The name of its first database.
    pub database_name: Option<DatabaseName>,
    /// The name of the role that owns the database.
    pub role_name: Option<RoleName>,
    /// What is noted about its default branch.
    pub annotation: Annotation,
    /// What clients set and read back.
    pub settings: ProjectSettings,
    /// What the request tunes about its endpoints.
    pub tuning: Option<Tuning>,
}

/// A project as it was born.
#[derive(Debug)]
pub struct CreatedProject {
    /// The project.
    pub project: Project,
    /// Its default branch.
    pub branch: Branch,
    /// The branch's endpoint.
    pub endpoint: Endpoint,
    /// The branch's roles.
    pub roles: Vec<Role>,
    /// The password of the role that owns the database.
    pub owner_password: Password,
    /// The branch's databases.
    pub databases: Vec<Database>,
    /// What is left to do.
    pub operations: Vec<Operation>,
    /// How the owner connects.
    pub connection: Connection,
}

/// Which projects to list.
#[derive(Clone, Debug)]
pub struct ProjectQuery {
    /// Only those with this in their name or id, in upper or lower case.
    pub search: Option<String>,
    /// Only this one, if it is one of them.
    pub only: Option<ProjectId>,
    /// Only those after this one.
    pub cursor: Option<ProjectId>,
    /// How many.
    pub limit: usize,
}

/// Some projects.
#[derive(Debug)]
pub struct ProjectPage {
    /// The projects, by id.
    pub projects: Vec<Project>,
    /// Whether others come after them.
    pub has_more: bool,
}

impl ControlPlane {
    /// Creates a project with all that it is born with.
    pub async fn create_project(
        &self,
        asker: &Asker,
        request: ProjectRequest,
    ) -> Result<Told<CreatedProject>> {
        if let Some(done) = self.done_in_log(asker, LogId::DIRECTORY)? {
            return self.created_project(&done);
        }
        let secrets = self.draw_secrets();
        let new = self.new_project(&secrets, request)?;
        let site = new.endpoint.site.clone();
        let done = self.write_project(asker, secrets, new).await;
        self.settle_site(Some(&site), &done);
        self.created_project(&done?)
    }

    /// Writes a project's log, and then the directory: a crash in between leaves a log that
    /// nobody finds, and a request that nobody answered. The directory decides whether the request
    /// is carried out.
    async fn write_project(
        &self,
        asker: &Asker,
        secrets: Secrets,
        new: NewProject,
    ) -> Result<Done<Directory>> {
        let id = new.id.clone();
        let cause = asker.asks(Deed::CreateProject, Topic::Whole);
        let log = self.write_log(asker, &cause, new).await?;
        let what = (asker.asks(Deed::CreateProject, Topic::Project(id.clone())), Some(secrets));
        let add = move |directory: &mut Directory, _| Ok(directory.put_project(id.clone(), log)?);
        let done = self.carry_out_in_log(asker, LogId::DIRECTORY, what, add).await;
        let is_unlisted = match &done {
            Ok(done) => done.is_again,
            Err(error) => matches!(error, ControlError::Refused(_)),
        };
        if is_unlisted {
            // Nobody ever finds the log. What is left of it goes when the server starts again.
            self.inner.store.remove(log, &CancellationToken::new()).await.ok();
        }
        done
    }

    /// Writes the first commit of a log that no other project has or had, while any of its rows are
    /// left.
    async fn write_log(&self, asker: &Asker, cause: &Cause, new: NewProject) -> Result<LogId> {
        let seed = self.seed();
        for _ in 0..MAX_DRAWS {
            let drawn = entropy::bits(self.entropy()) >> (u64::BITS - LOG_BITS);
            let log = LogId(drawn.max(1));
            if self.inner.store.extent(log).is_some() {
                continue;
            }
            let (new, attempt) = (new.clone(), asker.attempt.clone());
            let create = move |state: &mut Catalog, moment: Moment| {
                if moment.revision != Revision::FIRST {
                    return Ok(false);
                }
                rules::projects::create(state, moment, seed, new.clone())?;
                // With it, the log is not trimmed before the answer cannot be asked for any more.
                if let Some(attempt) = &attempt {
                    state.put_receipt(attempt, moment, None)?;
                }
                Ok(true)
            };
            if self.write(Writer::Request, log, cause.clone(), create).await?.0 {
                return Ok(log);
            }
        }
        Err(ControlError::Busy)
    }

    /// Returns the project that a request created, as it was born.
    fn created_project(&self, done: &Done<Directory>) -> Result<Told<CreatedProject>> {
        let Topic::Project(id) = &done.topic else {
            unreachable!("the request was about a project");
        };
        self.get_project(id)?;
        let view: ProjectView = self.inner.store.view_at(self.log_of(id)?, Revision::FIRST)?;
        let state = &view.state;
        let project = state.project()?.expect("a project is there from its first commit on");
        let branch = state.branch(&project.default_branch)?.expect("a project's first branch");
        let endpoint = state.endpoints()?.pop().expect("a project is born with an endpoint");
        let (roles, databases) = (state.roles(&branch.id)?, state.databases(&branch.id)?);
        let database = databases.first().expect("a project is born with a database");
        let owner = state.role(&branch.id, &database.owner)?.expect("a database has an owner");
        let connection = self.connect(&project, &endpoint, &owner, database.name.clone())?;
        let at = BranchRef { project: project.id.clone(), branch: branch.id.clone() };
        let owner_password = done.secrets().password(&at, &owner.name);
        let operations = state.operations_of(view.moment, MAX_OPERATIONS)?;
        Ok(done.told(CreatedProject {
            // It is shown now, whether it is stored or not.
            connection: Connection { password: Some(owner_password.clone()), ..connection },
            project,
            branch,
            endpoint,
            roles,
            owner_password,
            databases,
            operations,
        }))
    }

    fn new_project(&self, secrets: &Secrets, request: ProjectRequest) -> Result<NewProject> {
        let id = self.draw_project_id();
        let database = request.database_name.unwrap_or_else(default_database);
        let owner = match request.role_name.or_else(|| self.inner.settings.account.clone()) {
            Some(owner) => owner,
            None => owner_of(&database).unwrap_or_else(|_| default_owner()),
        };
        let store_passwords = request.store_passwords.unwrap_or(true);
        let at = BranchRef { project: id.clone(), branch: self.draw_branch_id() };
        let credential = self.draw_credential(secrets, &at, &owner, store_passwords);
        Ok(NewProject {
            name: request
                .name
                .unwrap_or_else(|| id.as_str().parse().expect("an id is short enough for a name")),
            pg_version: self.pg_version(request.pg_version)?,
            store_passwords,
            history_retention_seconds: request
                .history_retention_seconds
                .unwrap_or(Project::DEFAULT_RETENTION_SECONDS),
            password_policy: request.password_policy,
            settings: request.settings,
            endpoint_defaults: request.tuning.unwrap_or_default(),
            branch: at.branch,
            branch_name: request
                .branch_name
                .unwrap_or_else(|| BRANCH_NAME.parse().expect("a legal name")),
            annotation: request.annotation,
            database,
            owner,
            credential,
            has_system_role: self.inner.settings.account.is_some(),
            endpoint: NewEndpoint {
                id: self.draw_endpoint_id(),
                site: self.draw_site()?,
                tuning: request.tuning.unwrap_or_default(),
            },
            id,
        })
    }

    fn pg_version(&self, wanted: Option<PgVersion>) -> Result<PgVersion> {
        let installed = &self.inner.settings.installed;
        match wanted {
            None => Ok(self.inner.settings.preferred.unwrap_or(PgVersion::DEFAULT)),
            Some(wanted) if installed.contains(&wanted) => Ok(wanted),
            Some(wanted) => {
                let found: Vec<String> =
                    installed.iter().map(|version| version.number().to_string()).collect();
                let found = if found.is_empty() { "none".into() } else { found.join(", ") };
                Err(Refusal::PgVersionNotInstalled { wanted: wanted.number(), found }.into())
            }
        }
    }

    /// Draws a port for a local compute.
    pub(super) fn draw_site(&self) -> Result<Site> {
        let port = self.inner.ports.draw().ok_or(Refusal::PortsExhausted)?;
        Ok(Site::Local { port })
    }

    /// Lists projects by id.
    pub fn list_projects(&self, query: &ProjectQuery) -> Result<ProjectPage> {
        let mut projects = Vec::new();
        let search = query.search.as_ref().map(|text| text.to_lowercase());
        for (id, log) in self.directory().state.projects()? {
            if query.cursor.as_ref().is_some_and(|cursor| id <= *cursor) {
                continue;
            }
            let view: ProjectView = self.inner.store.view(log);
            let Some(project) = view.state.project()? else { continue };
            let is_wanted = project.deleted_at.is_none()
                && query.only.as_ref().is_none_or(|only| id == *only)
                && search.as_ref().is_none_or(|text| {
                    project.name.as_str().to_lowercase().contains(text)
                        || id.as_str().contains(text)
                });
            if is_wanted {
                projects.push(project);
            }
            if query.limit < projects.len() {
                projects.pop();
                return Ok(ProjectPage { projects, has_more: true });
            }
        }
        Ok(ProjectPage { projects, has_more: false })
    }

    /// Returns a project.
    pub fn get_project(&self, id: &ProjectId) -> Result<Project> {
        Ok(self.view(id)?.0)
    }

    /// Changes a project's settings.
    pub async fn update_project(
        &self,
        caller: &Caller,
        id: &ProjectId,
        change: ProjectChange,
    ) -> Result<Project> {
        let project = id.clone();
        self.commit(caller.asks(Deed::UpdateProject, Topic::Whole), id, move |state, moment| {
            rules::projects::update(state, moment, &project, change.clone())
        })
        .await
    }

    /// Deletes a project. It is gone at once; its computes follow.
    pub async fn delete_project(&self, caller: &Caller, id: &ProjectId) -> Result<Project> {
        let (project, seed) = (id.clone(), self.seed());
        let endpoints = self.list_endpoints(id)?;
        let deleted = self
            .commit(caller.asks(Deed::DeleteProject, Topic::Whole), id, move |state, moment| {
                rules::projects::delete(state, moment, seed, &project)
            })
            .await?;
        for endpoint in &endpoints {
            self.give_back_port(endpoint);
        }
        Ok(deleted)
    }
}

fn default_database() -> DatabaseName {
    DATABASE_NAME.parse().expect("a legal name")
}

/// Returns the name of a database's owner where nobody says one, as Neon forms it. It is too long
/// where the database's name is.
fn owner_of(database: &DatabaseName) -> std::result::Result<RoleName, NameError> {
    format!("{database}_owner").parse()
}

fn default_owner() -> RoleName {
    owner_of(&default_database()).expect("a legal name")
}
