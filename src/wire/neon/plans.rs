//! Passes that somebody asks for, and what they would do. Neon's API has nothing like them.

use serde::{Deserialize, Serialize};

use crate::model::planned;
use crate::model::preview::Holding;
use crate::model::rules::passes;
use crate::model::session;
use crate::wire::neon::operations::Operation;
use crate::wire::neon::rotations::ApplicationConnections;

/// What a request says about a pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconcileRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}

/// What a pass would do, where that was all that was asked, or the operations that it ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconcileAnswer {
    pub dry_run: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    pub operations: Vec<Operation>,
}

/// What a pass would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub revision: u64,
    pub steps: Vec<PlanStep>,
    pub problems: Vec<PlanProblem>,
}

/// A step of a pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanStep {
    pub summary: String,
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub in_transaction: bool,
    pub statements: Vec<PlanStatement>,
    pub objects: Vec<PlanObject>,
    pub connections: Vec<PlanConnections>,
    pub risks: Vec<String>,
}

/// A statement that Postgres would be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanStatement {
    pub database_name: String,
    pub sql: String,
}

/// Something that a step changes, takes away or hands over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanObject {
    pub kind: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owned_objects: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_objects: Option<u32>,
}

/// The connections of one role to one database, of one application from one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanConnections {
    pub role_name: String,
    #[serde(flatten)]
    pub of_application: ApplicationConnections,
}

/// What a pass cannot do, and no retry would mend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanProblem {
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub message: String,
}

impl From<planned::Planned> for Plan {
    fn from(planned: planned::Planned) -> Self {
        let planned::Planned { revision, steps, problems } = planned;
        Self {
            revision: revision.0,
            steps: steps.into_iter().map(PlanStep::from).collect(),
            problems: problems.into_iter().map(PlanProblem::from).collect(),
        }
    }
}

impl From<planned::PlannedStep> for PlanStep {
    fn from(step: planned::PlannedStep) -> Self {
        let planned::PlannedStep {
            summary,
            subject,
            is_together,
            statements,
            touched,
            sessions,
            risks,
        } = step;
        let (kind, name) = planned::kind_and_name(&subject);
        Self {
            summary,
            kind: kind.to_owned(),
            name: name.map(str::to_owned),
            in_transaction: is_together,
            statements: statements.into_iter().map(PlanStatement::from).collect(),
            objects: touched.into_iter().map(PlanObject::from).collect(),
            connections: sessions.into_iter().map(PlanConnections::from).collect(),
            risks: risks.into_iter().map(|risk| risk.as_str().to_owned()).collect(),
        }
    }
}

impl From<planned::Statement> for PlanStatement {
    fn from(planned::Statement { database, sql }: planned::Statement) -> Self {
        Self { database_name: database, sql }
    }
}

impl From<planned::Touched> for PlanObject {
    fn from(touched: planned::Touched) -> Self {
        let plain = |kind: &str, name| Self {
            kind: kind.to_owned(),
            name,
            database_name: None,
            owned_objects: None,
            granted_objects: None,
        };
        match touched {
            planned::Touched::Role(name) => plain("role", name),
            planned::Touched::Database(name) => plain("database", name),
            planned::Touched::Holding { role, holding } => {
                let Holding { database, owned, granted } = holding;
                Self {
                    database_name: database,
                    owned_objects: Some(owned),
                    granted_objects: Some(granted),
                    ..plain("holding", role)
                }
            }
        }
    }
}

impl From<session::Sessions> for PlanConnections {
    fn from(sessions: session::Sessions) -> Self {
        Self { role_name: sessions.role.clone(), of_application: sessions.into() }
    }
}

impl From<passes::Problem> for PlanProblem {
    fn from(problem: passes::Problem) -> Self {
        let passes::Problem { subject, message, fault: _, code: _ } = problem;
        let (kind, name) = planned::kind_and_name(&subject);
        Self { kind: kind.to_owned(), name: name.map(str::to_owned), message }
    }
}
