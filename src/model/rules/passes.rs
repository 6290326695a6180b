//! Rules about what a pass leaves behind.

use crate::model::endpoint::{Endpoint, EndpointState};
use crate::model::id::{BranchId, EndpointId};
use crate::model::operation::{Action, Event, Operation, Retry, Subject};
use crate::model::revision::{Moment, Revision, Timestamp};
use crate::model::state::{Denied, Mark, Write};

/// After how many failed passes in a row an operation is given up. With the pause growing to a
/// minute, that is about a quarter of an hour. The catalog stands, and passes go on.
pub const MAX_FAILURES: u32 = 20;

/// How much of an error is kept, in characters.
pub const MAX_ERROR_CHARS: usize = 1000;

/// What a pass left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The branch.
    pub branch: BranchId,
    /// The endpoint that the pass found; what it left speaks of no other.
    pub endpoint: Option<EndpointId>,
    /// The revision that the pass read. What came later is the next pass's.
    pub revision: Revision,
    /// How it went.
    pub outcome: Outcome,
}

/// How a pass went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything that could be done was.
    Done {
        /// Whether the compute runs; absent where the branch has no endpoint any more.
        left: Option<EndpointState>,
        /// What its Postgres had, where it was asked.
        mark: Option<Mark>,
        /// What could not be done, and no retry would mend.
        problems: Vec<Problem>,
        /// What could not be done yet, while everything else was.
        delayed: Vec<Problem>,
        /// When the next pass is due.
        next: Timestamp,
    },
    /// It failed as a whole, and another may succeed.
    Delayed(Retry),
    /// It failed as a whole, and no other would succeed.
    Hopeless {
        /// Why, and what to do about it.
        error: String,
    },
}

/// Something that could not be done, and that no retry would mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What it is about.
    pub subject: Subject,
    /// What is wrong, and what to do about it.
    pub message: String,
}

/// Notes what a pass left behind: ends the operations that it did, and counts its failure on the
/// others. Returns the operations that changed.
pub fn record<S: Write>(
    state: &mut S,
    moment: Moment,
    report: &Report,
) -> Result<Vec<Operation>, Denied<S::Error>> {
    let mut changed = Vec::new();
    for operation in state.unfinished(&report.branch)? {
        if report.revision < operation.revision {
            continue;
        }
        let event = event(&operation, &report.outcome);
        let operation =
            operation.after(event, moment.at).expect("an unfinished operation takes any event");
        state.put_operation(operation.clone())?;
        changed.push(operation);
    }
    if let Outcome::Done { left, mark, problems: _, delayed: _, next: _ } = &report.outcome {
        let now = state.branch(&report.branch)?.and_then(|branch| branch.endpoint);
        // The endpoint may have been replaced while the pass was under way.
        if let Some(id) = now.filter(|id| report.endpoint.as_ref() == Some(id)) {
            if let Some(mark) = mark {
                state.put_mark(&report.branch, *mark)?;
            }
            if let Some(left) = left {
                leave(state, moment, &id, *left)?;
            }
        }
    }
    Ok(changed)
}

/// Whether a problem keeps an operation from being done. One that brings an endpoint to all that
/// its catalog has is not done while anything is missing; one that stops it never cares.
fn concerns(problem: &Problem, operation: &Operation) -> bool {
    match operation.action {
        Action::StartCompute | Action::ApplyConfig | Action::SyncDbsAndRolesFromCompute => {
            operation.subject == Subject::Whole || problem.subject == operation.subject
        }
        Action::CreateTimeline
        | Action::CreateBranch
        | Action::DeleteTimeline
        | Action::SuspendCompute => false,
    }
}

fn bounded(error: &str) -> String {
    error.chars().take(MAX_ERROR_CHARS).collect()
}

fn event(operation: &Operation, outcome: &Outcome) -> Event {
    match outcome {
        Outcome::Done { problems, delayed, next, left: _, mark: _ } => {
            let found = |among: &[Problem]| {
                let mut among = among.iter().filter(|problem| concerns(problem, operation));
                among.next().map(|problem| problem.message.clone())
            };
            match (found(problems), found(delayed)) {
                (Some(error), _) => Event::GaveUp { error: bounded(&error) },
                (None, Some(error)) => delay(operation, &Retry { error, at: *next }),
                (None, None) => Event::Succeeded,
            }
        }
        Outcome::Delayed(retry) => delay(operation, retry),
        Outcome::Hopeless { error } => Event::GaveUp { error: bounded(error) },
    }
}

/// Counts a failure, unless there were enough of them.
fn delay(operation: &Operation, Retry { error, at }: &Retry) -> Event {
    let error = bounded(error);
    if operation.failures + 1 < MAX_FAILURES {
        Event::Delayed(Retry { error, at: *at })
    } else {
        Event::GaveUp { error }
    }
}

fn leave<S: Write>(
    state: &mut S,
    moment: Moment,
    id: &EndpointId,
    left: EndpointState,
) -> Result<(), Denied<S::Error>> {
    let Some(endpoint) = state.endpoint(id)? else { return Ok(()) };
    if endpoint.state == left {
        return Ok(());
    }
    let (started_at, suspended_at) = match left {
        EndpointState::Active => (Some(moment.at), endpoint.suspended_at),
        EndpointState::Idle => (endpoint.started_at, Some(moment.at)),
        EndpointState::Init => (endpoint.started_at, endpoint.suspended_at),
    };
    state.put_endpoint(Endpoint {
        state: left,
        started_at,
        suspended_at,
        updated_at: moment.at,
        ..endpoint
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::OperationId;
    use crate::model::operation::Status;

    fn operation(action: Action, subject: Subject, failures: u32) -> Operation {
        Operation {
            id: OperationId::at(Timestamp::UNIX_EPOCH, 0, 0),
            branch: "br-a".parse().expect("an id"),
            endpoint: None,
            action,
            subject,
            status: Status::Running { retry: None },
            revision: Revision(1),
            failures,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn role(name: &str) -> Subject {
        Subject::Role(name.parse().expect("a name"))
    }

    fn problem() -> Vec<Problem> {
        vec![Problem { subject: role("bob"), message: "bob owns a table".into() }]
    }

    fn done(problems: Vec<Problem>, delayed: Vec<Problem>) -> Outcome {
        Outcome::Done { left: None, mark: None, problems, delayed, next: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn a_problem_with_one_role_fails_what_is_about_it_or_about_everything() {
        let outcome = done(problem(), vec![]);
        let gave_up = Event::GaveUp { error: "bob owns a table".into() };
        for (action, subject, expected) in [
            (Action::ApplyConfig, role("bob"), gave_up.clone()),
            (Action::ApplyConfig, role("alice"), Event::Succeeded),
            (Action::StartCompute, Subject::Whole, gave_up),
            (Action::SuspendCompute, Subject::Whole, Event::Succeeded),
            (Action::DeleteTimeline, Subject::Whole, Event::Succeeded),
        ] {
            assert_eq!(event(&operation(action, subject, 0), &outcome), expected, "{action:?}");
        }
    }

    #[test]
    fn what_is_delayed_is_tried_again_a_bounded_number_of_times() {
        let outcome = done(vec![], problem());
        let event =
            |failures| event(&operation(Action::ApplyConfig, role("bob"), failures), &outcome);
        assert!(matches!(event(0), Event::Delayed(_)));
        assert!(matches!(event(MAX_FAILURES - 2), Event::Delayed(_)));
        assert!(matches!(event(MAX_FAILURES - 1), Event::GaveUp { .. }));
    }
}
