//! What to do: the difference between the desired and the observed state of one Postgres, as
//! ordered steps.
//!
//! # Invariants
//!
//! * Nothing here performs I/O. Equal inputs give equal plans: every collection is ordered.
//! * Only what Offshoot's own marks speak of is ever changed. A role is ours if a mark names its
//!   oid, a database if a mark names its oid or, before the oid could be noted, its name and owner.
//! * What somebody changed by hand is put back only where that is kept already, so that it was told.

pub mod desired;
pub mod drift;
pub mod effects;
pub mod index;
pub mod observed;
pub mod sql;
pub mod step;

mod databases;
mod roles;

use std::collections::BTreeMap;
use std::iter;

use crate::model::drift::Deviation;
use crate::model::operation::Subject;
use crate::model::rules::passes::Problem;
use crate::plan::desired::Desired;
use crate::plan::index::Index;
use crate::plan::observed::Observed;
use crate::plan::step::{Stage, Step};

/// The steps that take a Postgres from what was observed to what is desired, and what they cannot
/// bring about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "a plan changes nothing until its steps are applied"]
pub struct Plan {
    /// The steps, in the order in which they are to be applied.
    pub steps: Vec<Step>,
    /// What cannot be done, and no retry would mend.
    pub problems: Vec<Problem>,
    /// What somebody changed by hand.
    pub deviations: Vec<Deviation>,
}

/// A part of the work that failed. It is left out of the next plan of the same attempt, so that it
/// cannot keep the rest from being done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aside {
    /// At which stage it failed. What a role is given and what is taken from its dropped namesake
    /// have the same subject, and one must not keep the other from being done.
    pub stage: Stage,
    /// What failed, and why.
    pub problem: Problem,
    /// How long it is left out.
    pub until: Until,
}

/// How long a part of the work is left out that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Until the next round of the same attempt, which sees what has changed meanwhile.
    NextRound,
    /// Until the next attempt, which may succeed with nothing changed by hand.
    NextAttempt,
    /// Until somebody mends it.
    Mended,
}

/// Returns the plan that takes `observed` to `desired`.
pub fn plan(desired: &Desired, observed: &Observed) -> Plan {
    plan_around(desired, observed, &[])
}

/// Returns the plan that takes `observed` to `desired` in all but what was set `aside`.
pub fn plan_around(desired: &Desired, observed: &Observed, aside: &[Aside]) -> Plan {
    let mut draft = Draft {
        desired,
        observed,
        index: Index::of(observed),
        aside,
        steps: Vec::new(),
        problems: Vec::new(),
        deviations: Vec::new(),
    };
    let roles = roles::plan(&mut draft);
    let databases = databases::plan(&mut draft, &roles);
    roles::clean_up(&mut draft, &roles, &databases);
    let Draft { mut steps, mut problems, mut deviations, .. } = draft;
    // A stable sort: within its stage, a step stays where its planner put it.
    steps.sort_by_key(Step::stage);
    let lasting = aside.iter().filter(|aside| aside.until == Until::Mended);
    problems.extend(lasting.map(|aside| aside.problem.clone()));
    deviations.sort_by(|one, other| one.item.cmp(&other.item));
    Plan { steps, problems, deviations }
}

/// Returns this name, or one that begins so where somebody has it.
fn free_name<T>(name: &str, taken: &BTreeMap<String, T>) -> String {
    let numbered = (1..=taken.len()).map(|number| format!("{name}_{number}"));
    let mut names = iter::once(name.to_owned()).chain(numbered);
    names.find(|name| !taken.contains_key(name)).expect("more names than are taken")
}

/// A plan while it is being made.
struct Draft<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    index: Index<'a>,
    aside: &'a [Aside],
    steps: Vec<Step>,
    problems: Vec<Problem>,
    deviations: Vec<Deviation>,
}

impl Draft<'_> {
    /// Whether this part of the work was set aside.
    fn is_aside(&self, stage: Stage, subject: &Subject) -> bool {
        self.aside.iter().any(|aside| aside.stage == stage && aside.problem.subject == *subject)
    }

    fn problem(&mut self, subject: Subject, message: String) {
        self.problems.push(Problem::new(subject, message));
    }
}
