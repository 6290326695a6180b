//! Reading: what Postgres has is read again only where something may have changed since.

use crate::compute::error::ComputeError;
use crate::compute::postgres::glance::{self, Glance};
use crate::compute::postgres::{Session, observe};
use crate::model::id::BranchId;
use crate::plan::observed::Observed;

/// How many roles a Postgres may have of which a session remembers what it has read.
const MAX_ROLES: usize = 1000;

/// What is known of what was read last.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// Nothing.
    None,
    /// Something was applied since. What is read next is worth remembering.
    Outdated,
    /// It can be found out whether that is still so, from how Postgres looked just before.
    Remembered { glance: Glance, observed: Box<Observed> },
}

/// Reads what Postgres has, with the marks of `branch`. Where it still has what was read last, that is who
/// is connected: a glance does not show them.
pub(super) async fn read(
    session: &mut Session,
    branch: &BranchId,
) -> Result<Observed, ComputeError> {
    let seen = match std::mem::replace(&mut session.reading, Reading::Outdated) {
        Reading::None => {
            session.reading = Reading::None;
            None
        }
        Reading::Outdated => glance::glance(session, None).await?,
        Reading::Remembered { glance, observed } => {
            let seen = glance::glance(session, Some(&glance)).await?;
            if seen.as_ref().is_some_and(|seen| seen.confirms(&glance)) {
                let connected = observe::connected(session).await?;
                let now = Observed { connected, ..(*observed).clone() };
                session.reading = Reading::Remembered { glance, observed };
                return Ok(now);
            }
            seen
        }
    };
    let observed = observe::observe(session, branch).await?;
    if let Some(seen) = seen.filter(|_| observed.roles.len() <= MAX_ROLES) {
        let (glance, observed) = (seen.glance, Box::new(observed.clone()));
        session.reading = Reading::Remembered { glance, observed };
    }
    Ok(observed)
}
