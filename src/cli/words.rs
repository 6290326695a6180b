//! Words: the API's answers as text for people.

use std::fmt::Write as _;

use crate::wire::neon::operations::Operation;
use crate::wire::neon::plans::{Plan, PlanConnections, PlanObject, PlanStep};

/// Returns what a pass would do.
pub(super) fn plan(plan: &Plan) -> String {
    let Plan { revision, steps, problems } = plan;
    if steps.is_empty() && problems.is_empty() {
        return format!(
            "Nothing to do: Postgres has what the catalog wants at revision {revision}."
        );
    }
    let mut text =
        format!("{} to bring Postgres to revision {revision}\n", count(steps.len(), "step"));
    let mut is_within = false;
    for (number, step) in (1..).zip(steps) {
        if step.in_transaction != is_within {
            is_within = step.in_transaction;
            text += if is_within { "\nIn one transaction:\n" } else { "\nOne by one after it:\n" };
        }
        text += &described(number, step);
    }
    if !problems.is_empty() {
        text += "\nNot done:\n";
        for problem in problems {
            let _ = writeln!(text, "  - {}", problem.message);
        }
    }
    text
}

fn described(number: usize, step: &PlanStep) -> String {
    let mut text = format!("\n  {number}. {}\n", step.summary);
    let mut database = None;
    for statement in &step.statements {
        if database != Some(&statement.database_name) {
            database = Some(&statement.database_name);
            let _ = writeln!(text, "       -- in database {}", statement.database_name);
        }
        let _ = writeln!(text, "       {};", statement.sql);
    }
    if step.statements.is_empty() {
        text += "       -- only Offshoot's own notes\n";
    }
    let mut line = |title: &str, things: Vec<String>| {
        if !things.is_empty() {
            let _ = writeln!(text, "     {title}: {}", things.join(", "));
        }
    };
    line("touches", step.objects.iter().map(object).collect());
    line("connected", step.connections.iter().map(connections).collect());
    line("risks", step.risks.clone());
    text
}

fn object(object: &PlanObject) -> String {
    match (&object.database_name, object.owned_objects, object.granted_objects) {
        (Some(database), Some(owned), Some(granted)) => format!(
            "{} of role {} in database {database} (granted {granted})",
            count(owned as usize, "object"),
            object.name
        ),
        _ => format!("{} {}", object.kind, object.name),
    }
}

fn connections(connections: &PlanConnections) -> String {
    let PlanConnections { role_name, of_application } = connections;
    let from = of_application.address.map_or_else(|| "this machine".into(), |it| it.to_string());
    format!(
        "{} of role {role_name} to database {} ({}, from {from})",
        count(of_application.open_connections as usize, "session"),
        of_application.database_name,
        if of_application.application_name.is_empty() {
            "no application name"
        } else {
            &of_application.application_name
        },
    )
}

/// Returns what became of operations.
pub(super) fn operations(operations: &[Operation]) -> String {
    operations.iter().fold(String::new(), |mut text, operation| {
        let Operation { action, status, id, error, .. } = operation;
        let _ = writeln!(text, "{action} {status} ({id})");
        if let Some(error) = error {
            let _ = writeln!(text, "  {error}");
        }
        text
    })
}

fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}
