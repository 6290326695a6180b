//! Rules about endpoints.

use crate::model::branch::Branch;
use crate::model::endpoint::{Endpoint, EndpointState, Power, Site, Tuning, TuningChange};
use crate::model::id::{BranchId, EndpointId};
use crate::model::operation::{Action, Operation, Subject};
use crate::model::refusal::Refusal;
use crate::model::revision::Moment;
use crate::model::rules::{Seed, application, get_branch, refuse, schedule, supersede};
use crate::model::state::{Denied, Read, Write};

/// An endpoint and what is left to do about it.
pub type Changed = (Endpoint, Vec<Operation>);

/// An endpoint that is to be created.
#[derive(Clone, Debug)]
pub struct NewEndpoint {
    /// Its id.
    pub id: EndpointId,
    /// Where its Postgres comes from.
    pub site: Site,
    /// What the client tunes.
    pub tuning: Tuning,
}

/// Creates the endpoint of a branch that has none.
pub fn create<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    branch: &BranchId,
    new: NewEndpoint,
) -> Result<Changed, Denied<S::Error>> {
    let branch = get_branch(state, branch)?;
    if let Some(endpoint) = branch.endpoint {
        return refuse(Refusal::EndpointExists(endpoint));
    }
    let (branch, endpoint) = put_new(state, moment, branch, new)?;
    forget_foreign_marks(state, &endpoint)?;
    let action = match endpoint.site {
        Site::Local { .. } => Action::StartCompute,
        Site::Attached(_) => Action::ApplyConfig,
    };
    let operations = schedule(state, moment, seed, &branch, &[(action, Subject::Whole)])?;
    Ok((endpoint, operations))
}

/// Forgets the marks of the branch where an attached Postgres comes or goes: places in the log of
/// one Postgres mean nothing in that of another. A local compute's data stay with the branch.
fn forget_foreign_marks<S: Write>(
    state: &mut S,
    endpoint: &Endpoint,
) -> Result<(), Denied<S::Error>> {
    match endpoint.site {
        Site::Local { .. } => Ok(()),
        Site::Attached(_) => Ok(state.clear_marks(&endpoint.branch)?),
    }
}

/// Puts a new endpoint and binds it to its branch.
pub(super) fn put_new<S: Write>(
    state: &mut S,
    moment: Moment,
    branch: Branch,
    new: NewEndpoint,
) -> Result<(Branch, Endpoint), Denied<S::Error>> {
    let endpoint = Endpoint {
        id: new.id,
        branch: branch.id.clone(),
        site: new.site,
        desired: Power::Active,
        state: EndpointState::Init,
        tuning: new.tuning,
        created_at: moment.at,
        updated_at: moment.at,
        started_at: None,
        suspended_at: None,
    };
    let branch = Branch { endpoint: Some(endpoint.id.clone()), ..branch };
    state.put_branch(branch.clone())?;
    state.put_endpoint(endpoint.clone())?;
    Ok((branch, endpoint))
}

/// Deletes an endpoint. Its branch stays, and so does a local compute's data.
pub fn delete<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    id: &EndpointId,
) -> Result<Changed, Denied<S::Error>> {
    let endpoint = get(state, id)?;
    let branch = get_branch(state, &endpoint.branch)?;
    if branch.protected {
        return refuse(Refusal::BranchProtected(branch.id));
    }
    supersede(state, moment, &branch.id)?;
    forget_foreign_marks(state, &endpoint)?;
    let operations = match endpoint.site {
        Site::Local { .. } => {
            schedule(state, moment, seed, &branch, &[(Action::SuspendCompute, Subject::Whole)])?
        }
        Site::Attached(_) => Vec::new(),
    };
    state.put_branch(Branch { endpoint: None, ..branch })?;
    state.remove_endpoint(id)?;
    Ok((endpoint, operations))
}

/// Changes what clients tune. Nothing is left to do: a compute's size follows the machine's.
pub fn update<S: Write>(
    state: &mut S,
    moment: Moment,
    id: &EndpointId,
    change: TuningChange,
) -> Result<Changed, Denied<S::Error>> {
    let endpoint = get(state, id)?;
    let tuning = endpoint.tuning.with(change).expect("a change whose limits were checked");
    let endpoint = Endpoint { tuning, updated_at: moment.at, ..endpoint };
    state.put_endpoint(endpoint.clone())?;
    Ok((endpoint, Vec::new()))
}

/// Asks for an endpoint to stop and run again.
pub fn restart<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    id: &EndpointId,
) -> Result<Changed, Denied<S::Error>> {
    let endpoint = get(state, id)?;
    if let Site::Attached(_) = endpoint.site {
        return refuse(Refusal::EndpointAttached(endpoint.id));
    }
    let branch = get_branch(state, &endpoint.branch)?;
    let endpoint = Endpoint { desired: Power::Active, updated_at: moment.at, ..endpoint };
    state.put_endpoint(endpoint.clone())?;
    let work = [(Action::SuspendCompute, Subject::Whole), (Action::StartCompute, Subject::Whole)];
    let operations = schedule(state, moment, seed, &branch, &work)?;
    Ok((endpoint, operations))
}

/// Asks for an endpoint to run, or not to.
pub fn set_power<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    id: &EndpointId,
    desired: Power,
) -> Result<Changed, Denied<S::Error>> {
    let endpoint = get(state, id)?;
    if let Site::Attached(_) = endpoint.site {
        return refuse(Refusal::EndpointAttached(endpoint.id));
    }
    let branch = get_branch(state, &endpoint.branch)?;
    let endpoint = Endpoint { desired, updated_at: moment.at, ..endpoint };
    state.put_endpoint(endpoint.clone())?;
    let action = match desired {
        Power::Active => Action::StartCompute,
        Power::Idle => Action::SuspendCompute,
    };
    let operations = schedule(state, moment, seed, &branch, &[(action, Subject::Whole)])?;
    Ok((endpoint, operations))
}

/// Asks for a pass over a branch's Postgres.
pub fn reconcile<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    branch: &BranchId,
) -> Result<Vec<Operation>, Denied<S::Error>> {
    let branch = get_branch(state, branch)?;
    if branch.endpoint.is_none() {
        return refuse(Refusal::BranchWithoutEndpoint(branch.id));
    }
    let work = application(state, &branch, Subject::Whole)?;
    schedule(state, moment, seed, &branch, &work)
}

fn get<S: Read>(state: &S, id: &EndpointId) -> Result<Endpoint, Denied<S::Error>> {
    state.endpoint(id)?.ok_or_else(|| Denied::Refused(Refusal::EndpointMissing(id.clone())))
}
