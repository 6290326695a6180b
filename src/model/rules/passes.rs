//! Rules about what a pass leaves behind.

use crate::model::endpoint::{Endpoint, EndpointState};
use crate::model::fault::Fault;
use crate::model::id::{BranchId, EndpointId};
use crate::model::operation::{Action, Event, Operation, Retry, Subject};
use crate::model::progress::{
    MAX_ROLE_ERROR_BYTES, MAX_ROLE_ERRORS, Progress, RoleError, Trace, cut,
};
use crate::model::revision::{Moment, Revision, Timestamp};
use crate::model::state::{Denied, Mark, Write};

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
    /// What it planned and did.
    pub trace: Trace,
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
    /// It failed as a whole.
    Failed {
        /// Why, and what to do about it.
        error: String,
        /// Of what kind that is, and so whether another may succeed.
        fault: Fault,
        /// When the next pass is due.
        next: Timestamp,
        /// Whether the compute runs, where the pass came to know that nevertheless.
        left: Option<EndpointState>,
    },
}

/// Something that could not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What it is about.
    pub subject: Subject,
    /// What is wrong, and what to do about it.
    pub message: String,
    /// Of what kind it is.
    pub fault: Fault,
    /// Postgres's code for it, where it was Postgres that said so.
    pub code: Option<String>,
}

impl Problem {
    /// Returns what keeps something from being done until people have decided.
    #[must_use]
    pub fn new(subject: Subject, message: String) -> Self {
        Self { subject, message, fault: Fault::Blocked, code: None }
    }
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
        let progress = progress(&operation, report);
        let operation =
            operation.after(event, moment.at).expect("an unfinished operation takes any event");
        let operation = Operation { progress, ..operation };
        state.put_operation(operation.clone())?;
        changed.push(operation);
    }
    let (left, mark) = match &report.outcome {
        Outcome::Done { left, mark, problems: _, delayed: _, next: _ } => (*left, *mark),
        Outcome::Failed { left, error: _, fault: _, next: _ } => (*left, None),
    };
    let now = state.branch(&report.branch)?.and_then(|branch| branch.endpoint);
    // The endpoint may have been replaced while the pass was under way.
    if let Some(id) = now.filter(|id| report.endpoint.as_ref() == Some(id)) {
        if let Some(mark) = mark {
            state.put_mark(&report.branch, mark)?;
        }
        if let Some(left) = left {
            leave(state, moment, &id, left)?;
        }
    }
    Ok(changed)
}

/// Returns what is told of a pass to those who look at an operation.
fn progress(operation: &Operation, report: &Report) -> Progress {
    let mut progress = report.trace.progress(&operation.subject, operation.progress.clone());
    match &report.outcome {
        Outcome::Done { problems, delayed, left: _, mark: _, next: _ } => {
            let found = problems.iter().chain(delayed);
            let concerning: Vec<_> = found.filter(|it| concerns(it, operation)).collect();
            progress.fault = concerning.first().map(|problem| problem.fault);
            let errors = concerning.into_iter().filter_map(role_error);
            progress.role_errors = errors.take(MAX_ROLE_ERRORS).collect();
        }
        Outcome::Failed { fault, error: _, next: _, left: _ } => progress.fault = Some(*fault),
    }
    progress
}

fn role_error(problem: &Problem) -> Option<RoleError> {
    let Problem { subject: Subject::Role(role), message, fault, code } = problem else {
        return None;
    };
    Some(RoleError {
        role: role.clone(),
        fault: *fault,
        code: code.clone(),
        message: cut(message, MAX_ROLE_ERROR_BYTES),
    })
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
                among.iter().find(|problem| concerns(problem, operation)).cloned()
            };
            match (found(problems), found(delayed)) {
                (Some(problem), _) => Event::GaveUp { error: bounded(&problem.message) },
                (None, Some(problem)) => fail(operation, problem.fault, &problem.message, *next),
                (None, None) => Event::Succeeded,
            }
        }
        // Whatever is wrong with roles, it was stopped.
        Outcome::Failed { left: Some(EndpointState::Idle), .. }
            if operation.action == Action::SuspendCompute =>
        {
            Event::Succeeded
        }
        Outcome::Failed { error, fault, next, left: _ } => fail(operation, *fault, error, *next),
    }
}

/// Counts a failure, unless there were enough of its kind.
fn fail(operation: &Operation, fault: Fault, error: &str, at: Timestamp) -> Event {
    let error = bounded(error);
    if fault.patience().is_some_and(|patience| operation.failures + 1 < patience) {
        Event::Delayed(Retry { error, at })
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
    use crate::model::fault::{MAX_FAILURES, MAX_UNKNOWN_FAILURES};
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
            progress: Progress::default(),
            drops: None,
            retry_of: None,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn role(name: &str) -> Subject {
        Subject::Role(name.parse().expect("a name"))
    }

    fn problem() -> Vec<Problem> {
        vec![Problem::new(role("bob"), "bob owns a table".into())]
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
        for (fault, patience) in
            [(Fault::Busy, MAX_FAILURES), (Fault::Unknown, MAX_UNKNOWN_FAILURES)]
        {
            let delayed = problem().into_iter().map(|problem| Problem { fault, ..problem });
            let outcome = done(vec![], delayed.collect());
            let event =
                |failures| event(&operation(Action::ApplyConfig, role("bob"), failures), &outcome);
            assert!(matches!(event(0), Event::Delayed(_)));
            assert!(matches!(event(patience - 2), Event::Delayed(_)));
            assert!(matches!(event(patience - 1), Event::GaveUp { .. }));
        }
    }

    #[test]
    fn a_suspension_is_done_whatever_else_failed() {
        let failed = |left| Outcome::Failed {
            error: "its schema belongs to somebody else".into(),
            fault: Fault::Administrator,
            next: Timestamp::UNIX_EPOCH,
            left,
        };
        let suspend = operation(Action::SuspendCompute, Subject::Whole, 0);
        let left = Some(EndpointState::Idle);
        assert_eq!(event(&suspend, &failed(left)), Event::Succeeded);
        assert!(matches!(event(&suspend, &failed(None)), Event::GaveUp { .. }));
        let apply = operation(Action::ApplyConfig, Subject::Whole, 0);
        assert!(matches!(event(&apply, &failed(left)), Event::GaveUp { .. }));
    }

    #[test]
    fn an_operation_tells_the_errors_of_the_roles_that_it_is_about() {
        let report = Report {
            branch: "br-a".parse().expect("an id"),
            endpoint: None,
            revision: Revision(1),
            outcome: done(problem(), vec![]),
            trace: Trace::default(),
        };
        for (subject, count) in [(Subject::Whole, 1), (role("bob"), 1), (role("alice"), 0)] {
            let told = progress(&operation(Action::ApplyConfig, subject, 0), &report);
            assert_eq!(told.role_errors.len(), count);
        }
    }
}
