//! Use cases about endpoints.

use crate::control::draw::login_context;
use crate::control::{BranchRef, Caller, ControlPlane, EndpointRef, Result};
use crate::model::cause::{Deed, Topic};
use crate::model::endpoint::{Attachment, Endpoint, Power, Site, TlsMode, Tuning, TuningChange};
use crate::model::id::{BranchId, EndpointId, ProjectId};
use crate::model::operation::Operation;
use crate::model::refusal::Refusal;
use crate::model::rules;
use crate::model::rules::endpoints::NewEndpoint;
use crate::model::secret::Password;
use crate::model::state::Read;

/// What a request says about a new endpoint.
#[derive(Clone, Debug)]
pub struct EndpointRequest {
    /// The branch that it is to serve.
    pub branch: BranchId,
    /// The Postgres that already runs; none where Offshoot is to run one.
    pub attached: Option<AttachRequest>,
    /// What the request tunes.
    pub tuning: Tuning,
}

/// The address and the administrative login of a Postgres that already runs.
#[derive(Clone, Debug)]
pub struct AttachRequest {
    /// Its host name or address.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
    /// The database to which the administrator connects.
    pub database: String,
    /// The administrator's name.
    pub user: String,
    /// The administrator's password.
    pub password: Password,
    /// Whether and how the connection is encrypted.
    pub tls: TlsMode,
}

impl ControlPlane {
    /// Lists the endpoints of a project, by id.
    pub fn list_endpoints(&self, id: &ProjectId) -> Result<Vec<Endpoint>> {
        let (_, view) = self.view(id)?;
        Ok(view.state.endpoints()?)
    }

    /// Lists the endpoints of a branch.
    pub fn list_branch_endpoints(&self, at: &BranchRef) -> Result<Vec<Endpoint>> {
        let (_, view) = self.view(&at.project)?;
        let branch = view.state.branch(&at.branch)?;
        let branch = branch.ok_or_else(|| Refusal::BranchMissing(at.branch.clone()))?;
        match branch.endpoint {
            None => Ok(Vec::new()),
            Some(id) => Ok(view.state.endpoint(&id)?.into_iter().collect()),
        }
    }

    /// Returns an endpoint.
    pub fn get_endpoint(&self, at: &EndpointRef) -> Result<Endpoint> {
        let (_, view) = self.view(&at.project)?;
        let endpoint = view.state.endpoint(&at.endpoint)?;
        endpoint.ok_or_else(|| Refusal::EndpointMissing(at.endpoint.clone()).into())
    }

    /// Creates the endpoint of a branch.
    pub async fn create_endpoint(
        &self,
        caller: &Caller,
        project: &ProjectId,
        request: EndpointRequest,
    ) -> Result<(Endpoint, Vec<Operation>)> {
        let EndpointRequest { branch, attached, tuning } = request;
        let id = self.draw_endpoint_id();
        let site = match attached {
            None => self.draw_site()?,
            Some(attached) => Site::Attached(self.seal_login(&id, attached)),
        };
        let new = NewEndpoint { id, site: site.clone(), tuning };
        let seed = self.seed();
        let topic = Topic::Endpoint(branch.clone(), new.id.clone());
        let created = self
            .commit(caller.asks(Deed::CreateEndpoint, topic), project, move |state, moment| {
                rules::endpoints::create(state, moment, seed, &branch, new.clone())
            })
            .await;
        created.inspect_err(|_| {
            if let Site::Local { port } = site {
                self.inner.ports.give_back(port);
            }
        })
    }

    fn seal_login(&self, id: &EndpointId, request: AttachRequest) -> Attachment {
        let AttachRequest { host, port, database, user, password, tls } = request;
        let password = self.inner.vault.seal(self.entropy(), &login_context(id), &password);
        Attachment { host, port, database, user, password, tls }
    }

    /// Deletes an endpoint. Its branch stays, and so does the data of a local compute.
    pub async fn delete_endpoint(
        &self,
        caller: &Caller,
        at: &EndpointRef,
    ) -> Result<(Endpoint, Vec<Operation>)> {
        let (id, seed) = (at.endpoint.clone(), self.seed());
        let topic = self.topic(at)?;
        let deleted = self
            .commit(caller.asks(Deed::DeleteEndpoint, topic), &at.project, move |state, moment| {
                rules::endpoints::delete(state, moment, seed, &id)
            })
            .await?;
        self.give_back_port(&deleted.0);
        Ok(deleted)
    }

    /// Changes what clients tune of an endpoint.
    pub async fn update_endpoint(
        &self,
        caller: &Caller,
        at: &EndpointRef,
        change: TuningChange,
    ) -> Result<(Endpoint, Vec<Operation>)> {
        let id = at.endpoint.clone();
        let cause = caller.asks(Deed::UpdateEndpoint, self.topic(at)?);
        self.commit(cause, &at.project, move |state, moment| {
            rules::endpoints::update(state, moment, &id, change)
        })
        .await
    }

    /// Asks for an endpoint to stop and run again. Its sessions end.
    pub async fn restart_endpoint(
        &self,
        caller: &Caller,
        at: &EndpointRef,
    ) -> Result<(Endpoint, Vec<Operation>)> {
        let (id, seed) = (at.endpoint.clone(), self.seed());
        let cause = caller.asks(Deed::RestartEndpoint, self.topic(at)?);
        self.commit(cause, &at.project, move |state, moment| {
            rules::endpoints::restart(state, moment, seed, &id)
        })
        .await
    }

    /// Asks for an endpoint to run.
    pub async fn start_endpoint(
        &self,
        caller: &Caller,
        at: &EndpointRef,
    ) -> Result<(Endpoint, Vec<Operation>)> {
        self.set_power(caller, Deed::StartEndpoint, at, Power::Active).await
    }

    /// Asks for an endpoint to stop.
    pub async fn suspend_endpoint(
        &self,
        caller: &Caller,
        at: &EndpointRef,
    ) -> Result<(Endpoint, Vec<Operation>)> {
        self.set_power(caller, Deed::SuspendEndpoint, at, Power::Idle).await
    }

    async fn set_power(
        &self,
        caller: &Caller,
        deed: Deed,
        at: &EndpointRef,
        desired: Power,
    ) -> Result<(Endpoint, Vec<Operation>)> {
        let (id, seed) = (at.endpoint.clone(), self.seed());
        let cause = caller.asks(deed, self.topic(at)?);
        self.commit(cause, &at.project, move |state, moment| {
            rules::endpoints::set_power(state, moment, seed, &id, desired)
        })
        .await
    }

    fn topic(&self, at: &EndpointRef) -> Result<Topic> {
        Ok(Topic::Endpoint(self.get_endpoint(at)?.branch, at.endpoint.clone()))
    }

    pub(super) fn give_back_port(&self, endpoint: &Endpoint) {
        match endpoint.site {
            Site::Local { port } => self.inner.ports.give_back(port),
            Site::Attached(_) => {}
        }
    }
}
