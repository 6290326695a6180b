//! Use cases about the credentials of a branch: the roles with which applications connect.

use crate::control::roles::shown;
use crate::control::{Asker, BranchRef, Caller, Connection, ControlPlane, Result, ShownRole, Told};
use crate::entropy;
use crate::model::cause::{Deed, Topic};
use crate::model::database::Database;
use crate::model::name::RoleName;
use crate::model::operation::Operation;
use crate::model::refusal::{CredentialRefusal, Refusal};
use crate::model::role::{Login, Role, default_of};
use crate::model::rules::credentials::{self, Default};
use crate::model::rules::roles::NewRole;
use crate::model::session::{Sessions, count_of};
use crate::model::state::Read;
use crate::store::catalog::Catalog;

/// What the names of credentials begin with whose requests say none.
const PREFIX: &str = "user_";

const ALPHANUMERICS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// How many characters follow.
const CHARS: usize = 8;

/// A credential, as it is listed.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The role.
    pub role: Role,
    /// Whether it is the one that applications are shown.
    pub is_default: bool,
    /// How many sessions it has open; none where nobody can tell.
    pub open_sessions: Option<u32>,
}

impl ControlPlane {
    /// Lists the credentials of a branch that can log in, oldest first, with the sessions that they
    /// have open just now.
    pub async fn list_credentials(&self, at: &BranchRef) -> Result<Vec<Credential>> {
        let (_, view) = self.view_branch(at)?;
        let roles = view.state.roles(&at.branch)?;
        let sessions = self.sessions(at).await;
        Ok(listed(&roles, sessions.as_deref()))
    }

    /// Creates a credential and makes it the default. Its password is shown this once.
    pub async fn create_credential(
        &self,
        asker: &Asker,
        at: &BranchRef,
        name: Option<RoleName>,
    ) -> Result<Told<ShownRole>> {
        if let Some(done) = self.done_before(asker, &at.project)? {
            return shown(&done);
        }
        let (project, _) = self.view_branch(at)?;
        let name = name.unwrap_or_else(|| self.draw_username());
        let secrets = self.draw_secrets();
        let credential = self.draw_credential(&secrets, at, &name, project.store_passwords);
        let (branch, seed) = (at.branch.clone(), self.seed());
        let topic = Topic::Role(branch.clone(), name.clone());
        let new = NewRole::new(name, Login::Password(credential));
        let what = (asker.asks(Deed::CreateCredential, topic), Some(secrets));
        let create = move |state: &mut Catalog, moment| {
            credentials::create(state, moment, seed, &branch, new.clone(), Default::Moves)
        };
        shown(&self.carry_out(asker, &at.project, what, create).await?)
    }

    /// Deletes a credential; the original one only loses its login.
    pub async fn delete_credential(
        &self,
        caller: &Caller,
        at: &BranchRef,
        name: &RoleName,
    ) -> Result<(Role, Vec<Operation>)> {
        let (branch, name, seed) = (at.branch.clone(), name.clone(), self.seed());
        let topic = Topic::Role(branch.clone(), name.clone());
        self.commit(
            caller.asks(Deed::DeleteCredential, topic),
            &at.project,
            move |state, moment| credentials::delete(state, moment, seed, &branch, &name),
        )
        .await
    }

    /// Makes a role the default credential.
    pub async fn promote_credential(
        &self,
        caller: &Caller,
        at: &BranchRef,
        name: &RoleName,
    ) -> Result<(Role, Vec<Operation>)> {
        let (branch, name, seed) = (at.branch.clone(), name.clone(), self.seed());
        let topic = Topic::Role(branch.clone(), name.clone());
        let cause = caller.asks(Deed::PromoteCredential, topic);
        self.commit(cause, &at.project, move |state, moment| {
            credentials::promote(state, moment, seed, &branch, &name)
        })
        .await
    }

    /// Returns how the default credential connects to the first database of its branch.
    pub fn default_connection(&self, at: &BranchRef) -> Result<Connection> {
        let (project, view) = self.view_branch(at)?;
        let branch = view.state.branch(&at.branch)?;
        let without_endpoint = || Refusal::BranchWithoutEndpoint(at.branch.clone());
        let endpoint = branch.and_then(|branch| branch.endpoint).ok_or_else(without_endpoint)?;
        let endpoint = view.state.endpoint(&endpoint)?.ok_or_else(without_endpoint)?;
        let roles = view.state.roles(&at.branch)?;
        let no_credential = || Refusal::from(CredentialRefusal::NoCredential(at.branch.clone()));
        let role = default_of(&roles).ok_or_else(no_credential)?;
        let databases = view.state.databases(&at.branch)?;
        let no_database = || Refusal::from(CredentialRefusal::NoDatabase(at.branch.clone()));
        let database = first_of(&databases).ok_or_else(no_database)?;
        let connection = self.connect(&project, &endpoint, role, database.name.clone())?;
        match (&role.login, &connection.password) {
            (Login::Never | Login::Unset, _) => {
                Err(Refusal::RolePasswordUnset(role.name.clone()).into())
            }
            (Login::Password(_), None) => Err(Refusal::PasswordsNotStored.into()),
            (Login::Password(_), Some(_)) => Ok(connection),
        }
    }

    pub(super) fn draw_username(&self) -> RoleName {
        let tail = entropy::text(self.entropy(), ALPHANUMERICS, CHARS);
        format!("{PREFIX}{tail}").parse().expect("a legal name")
    }
}

/// Returns the credentials among the roles of a branch, oldest first.
fn listed(roles: &[Role], sessions: Option<&[Sessions]>) -> Vec<Credential> {
    let default = default_of(roles).map(|role| &role.name);
    let listed = |role: &Role| Credential {
        role: role.clone(),
        is_default: default == Some(&role.name),
        open_sessions: sessions.map(|sessions| count_of(sessions, &role.name)),
    };
    let live = roles.iter().filter(|role| role.live().is_some());
    let mut listed: Vec<_> = live.map(listed).collect();
    listed.sort_by_key(|credential| credential.role.created_at);
    listed
}

/// Returns the database that is meant when none is named: the oldest.
pub(super) fn first_of(databases: &[Database]) -> Option<&Database> {
    databases.iter().min_by_key(|database| database.id)
}
