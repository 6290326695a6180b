//! Progress: what passes planned and did for an operation, in words for people.
//!
//! It is a report and nothing more: no pass reads it. All of it is bounded, and there is never a
//! password or a verifier in it, because the words come from steps, which do not show theirs.

use crate::model::fault::Fault;
use crate::model::name::RoleName;
use crate::model::operation::Subject;

/// How many lines of a plan are kept of each operation, and how many steps.
pub const MAX_LINES: usize = 16;

/// How long a line is at the most, in bytes.
pub const MAX_LINE_BYTES: usize = 200;

/// How many errors about roles are kept of each operation.
pub const MAX_ROLE_ERRORS: usize = 8;

/// How long such an error is at the most, in bytes.
pub const MAX_ROLE_ERROR_BYTES: usize = 400;

/// What passes planned and did for an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// What the last pass that found something to do planned, in the order in which it was to be
    /// done.
    pub plan: Vec<String>,
    /// How many lines of that plan are left out.
    pub plan_left_out: u32,
    /// What the last pass did; where it found nothing left to do, what was planned before, too.
    pub steps: Vec<Done>,
    /// How many steps are left out.
    pub steps_left_out: u32,
    /// What could not be done about roles.
    pub role_errors: Vec<RoleError>,
    /// Of what kind the failure of the last pass was, if it failed.
    pub fault: Option<Fault>,
}

/// A step that a pass took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// What it was.
    pub what: String,
    /// How it ended.
    pub end: StepEnd,
    /// How long it took, in milliseconds, where that was measured: what is done in one transaction
    /// is measured as one.
    pub millis: Option<u32>,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepEnd {
    /// It was done.
    Done,
    /// It failed.
    Failed,
    /// Others were in its way, and it is tried again.
    Delayed,
}

impl StepEnd {
    /// Returns its name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Delayed => "delayed",
        }
    }
}

/// What could not be done about a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleError {
    /// The role.
    pub role: RoleName,
    /// Of what kind the failure is.
    pub fault: Fault,
    /// Postgres's code for it, where it was Postgres that said so.
    pub code: Option<String>,
    /// What is wrong, and what to do about it.
    pub message: String,
}

/// What a pass planned and did, while it is under way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    plan: Vec<(Subject, String)>,
    steps: Vec<(Subject, Done)>,
}

impl Trace {
    /// Notes what is to be done.
    pub fn plans(&mut self, subject: Subject, what: String) {
        self.plan.push((subject, what));
    }

    /// Notes what was done.
    pub fn did(&mut self, subject: Subject, what: &str, end: StepEnd, millis: Option<u32>) {
        self.steps.push((subject, Done { what: cut(what, MAX_LINE_BYTES), end, millis }));
    }

    /// Returns what concerns an operation about `subject`, given what earlier passes left.
    #[must_use]
    pub fn progress(&self, subject: &Subject, before: Progress) -> Progress {
        let concerns =
            |of: &Subject| *subject == Subject::Whole || *of == Subject::Whole || of == subject;
        let steps = self.steps.iter().filter(|(of, _)| concerns(of)).map(|(_, done)| done.clone());
        if self.steps.is_empty() {
            return Progress { role_errors: vec![], fault: None, ..before };
        }
        if self.plan.is_empty() {
            // Of a pass before, what was planned stays, and not what every pass does.
            let planned = before.steps.iter().filter(|done| done.millis.is_none()).cloned();
            let (steps, steps_left_out) = bounded(planned.chain(steps));
            let steps_left_out = before.steps_left_out + steps_left_out;
            return Progress { steps, steps_left_out, role_errors: vec![], fault: None, ..before };
        }
        let plan = self.plan.iter().filter(|(of, _)| concerns(of));
        let (plan, plan_left_out) = bounded(plan.map(|(_, what)| cut(what, MAX_LINE_BYTES)));
        let (steps, steps_left_out) = bounded(steps);
        Progress { plan, plan_left_out, steps, steps_left_out, role_errors: vec![], fault: None }
    }
}

fn bounded<T>(lines: impl Iterator<Item = T>) -> (Vec<T>, u32) {
    let mut lines: Vec<_> = lines.collect();
    let left_out = lines.len().saturating_sub(MAX_LINES);
    lines.truncate(MAX_LINES);
    (lines, u32::try_from(left_out).unwrap_or(u32::MAX))
}

/// Returns the first bytes of a text, and says where some were left out.
#[must_use]
pub fn cut(text: &str, max_bytes: usize) -> String {
    const MARK: &str = "…";
    if text.len() <= max_bytes {
        return text.to_owned();
    }
    let longest = max_bytes - MARK.len();
    let end = (0..=longest).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    format!("{}{MARK}", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str) -> Subject {
        Subject::Role(name.parse().expect("a name"))
    }

    fn traced(roles: &[&str]) -> Trace {
        let mut trace = Trace::default();
        for name in roles {
            trace.plans(role(name), format!("create role {name}"));
            trace.did(role(name), &format!("create role {name}"), StepEnd::Done, None);
        }
        trace.did(Subject::Whole, "look again", StepEnd::Done, Some(1));
        trace
    }

    #[test]
    fn an_operation_is_told_what_concerns_it() {
        let progress = traced(&["alice", "bob"]).progress(&role("bob"), Progress::default());
        assert_eq!(progress.plan, ["create role bob"]);
        let steps: Vec<_> = progress.steps.iter().map(|done| done.what.as_str()).collect();
        assert_eq!(steps, ["create role bob", "look again"]);
        let whole = traced(&["alice", "bob"]).progress(&Subject::Whole, Progress::default());
        assert_eq!(whole.plan.len(), 2);
    }

    #[test]
    fn a_pass_that_finds_nothing_to_do_keeps_what_the_one_before_planned() {
        let first = traced(&["bob"]).progress(&role("bob"), Progress::default());
        let second = traced(&[]).progress(&role("bob"), first);
        let third = traced(&[]).progress(&role("bob"), second.clone());
        assert_eq!((second.plan.len(), second.steps.len()), (1, 2));
        assert_eq!(third, second);
        assert_eq!(Trace::default().progress(&role("bob"), third), second);
    }

    #[test]
    fn what_is_kept_is_bounded_and_says_how_much_is_not() {
        let names: Vec<_> = (0..40).map(|number| format!("role{number}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let progress = traced(&names).progress(&Subject::Whole, Progress::default());
        assert_eq!((progress.plan.len(), progress.plan_left_out), (MAX_LINES, 24));
        assert_eq!((progress.steps.len(), progress.steps_left_out), (MAX_LINES, 25));
        let long = cut(&"é".repeat(400), MAX_LINE_BYTES);
        assert!(long.len() <= MAX_LINE_BYTES && long.ends_with("é…"), "{long}");
    }
}
