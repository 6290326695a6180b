//! Use cases about endpoints.

use std::result;

use crate::control::draw::login_context;
use crate::control::once::Done;
use crate::control::{Asker, BranchRef, Caller, ControlPlane, EndpointRef, Result, Told};
use crate::model::cause::{Deed, Topic};
use crate::model::endpoint::{Attachment, Endpoint, Power, Site, TlsMode, Tuning, TuningChange};
use crate::model::id::{BranchId, EndpointId, ProjectId};
use crate::model::project::Project;
use crate::model::refusal::Refusal;
use crate::model::revision::Moment;
use crate::model::rules;
use crate::model::rules::endpoints::{Changed, NewEndpoint};
use crate::model::secret::Password;
use crate::model::state::{Denied, Read};
use crate::store::StoreError;
use crate::store::catalog::Catalog;

/// What a request says about a new endpoint.
#[derive(Clone, Debug)]
pub struct EndpointRequest {
    /// The branch that it is to serve.
    pub branch: BranchId,
    /// The Postgres that already runs; none where Offshoot is to run one.
    pub attached: Option<AttachRequest>,
    /// What the request tunes, where the project's defaults do not do.
    pub tuning: TuningChange,
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
        asker: &Asker,
        project: &ProjectId,
        request: EndpointRequest,
    ) -> Result<Told<Changed>> {
        if let Some(done) = self.done_before(asker, project)? {
            return changed(&done);
        }
        let EndpointRequest { branch, attached, tuning } = request;
        let tuning = tuning_of_new(&self.get_project(project)?, tuning);
        let id = self.draw_endpoint_id();
        let site = match attached {
            None => self.draw_site()?,
            Some(attached) => Site::Attached(self.seal_login(&id, attached)),
        };
        let new = NewEndpoint { id, site: site.clone(), tuning };
        let seed = self.seed();
        let topic = Topic::Endpoint(branch.clone(), new.id.clone());
        let what = (asker.asks(Deed::CreateEndpoint, topic), None);
        let create = move |state: &mut Catalog, moment| {
            rules::endpoints::create(state, moment, seed, &branch, new.clone())
        };
        let done = self.carry_out(asker, project, what, create).await;
        self.settle_site(Some(&site), &done);
        changed(&done?)
    }

    /// Gives the port of a new endpoint back if there is no such endpoint now.
    pub(super) fn settle_site<C>(&self, site: Option<&Site>, done: &Result<Done<C>>) {
        let is_taken = done.as_ref().is_ok_and(|done| !done.is_again);
        if let (Some(Site::Local { port }), false) = (site, is_taken) {
            self.inner.ports.give_back(*port);
        }
    }

    fn seal_login(&self, id: &EndpointId, request: AttachRequest) -> Attachment {
        let AttachRequest { host, port, database, user, password, tls } = request;
        let password = self.inner.vault.seal(self.entropy(), &login_context(id), &password);
        Attachment { host, port, database, user, password, tls }
    }

    /// Deletes an endpoint. Its branch stays, and so does the data of a local compute.
    pub async fn delete_endpoint(&self, caller: &Caller, at: &EndpointRef) -> Result<Changed> {
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
    ) -> Result<Changed> {
        let id = at.endpoint.clone();
        let cause = caller.asks(Deed::UpdateEndpoint, self.topic(at)?);
        self.commit(cause, &at.project, move |state, moment| {
            rules::endpoints::update(state, moment, &id, change)
        })
        .await
    }

    /// Asks for an endpoint to stop and run again. Its sessions end.
    pub async fn restart_endpoint(&self, asker: &Asker, at: &EndpointRef) -> Result<Told<Changed>> {
        let (id, seed) = (at.endpoint.clone(), self.seed());
        let restart =
            move |state: &mut Catalog, moment| rules::endpoints::restart(state, moment, seed, &id);
        self.change(asker, Deed::RestartEndpoint, at, restart).await
    }

    /// Asks for an endpoint to run.
    pub async fn start_endpoint(&self, asker: &Asker, at: &EndpointRef) -> Result<Told<Changed>> {
        self.set_power(asker, Deed::StartEndpoint, at, Power::Active).await
    }

    /// Asks for an endpoint to stop.
    pub async fn suspend_endpoint(&self, asker: &Asker, at: &EndpointRef) -> Result<Told<Changed>> {
        self.set_power(asker, Deed::SuspendEndpoint, at, Power::Idle).await
    }

    async fn set_power(
        &self,
        asker: &Asker,
        deed: Deed,
        at: &EndpointRef,
        desired: Power,
    ) -> Result<Told<Changed>> {
        let (id, seed) = (at.endpoint.clone(), self.seed());
        let set = move |state: &mut Catalog, moment| {
            rules::endpoints::set_power(state, moment, seed, &id, desired)
        };
        self.change(asker, deed, at, set).await
    }

    async fn change(
        &self,
        asker: &Asker,
        deed: Deed,
        at: &EndpointRef,
        rule: impl FnMut(&mut Catalog, Moment) -> result::Result<Changed, Denied<StoreError>>
        + Send
        + 'static,
    ) -> Result<Told<Changed>> {
        if let Some(done) = self.done_before(asker, &at.project)? {
            return changed(&done);
        }
        let what = (asker.asks(deed, self.topic(at)?), None);
        changed(&self.carry_out(asker, &at.project, what, rule).await?)
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

/// Returns what is tuned of a new endpoint of a project.
pub(super) fn tuning_of_new(project: &Project, change: TuningChange) -> Tuning {
    project.endpoint_defaults.with(change).expect("a change whose limits were checked")
}

/// Returns the endpoint that a request created or changed.
fn changed(done: &Done<Catalog>) -> Result<Told<Changed>> {
    let Topic::Endpoint(_, id) = &done.topic else {
        unreachable!("the request was about an endpoint");
    };
    let endpoint = done.view.state.endpoint(id)?.expect("an endpoint that the commit put");
    Ok(done.told((endpoint, done.operations()?)))
}
