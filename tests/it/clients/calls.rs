//! Every call of Neon's API: whether it is served here, and which clients were seen to make it; and that
//! every call of ours is made by some client, Neon's or Render's.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::report;
use crate::contract::exchange::{neons, ours};

/// The pages that the runs of Neon's clients write, and the clients' names.
const NEONS: &[(&str, &str)] = &[
    ("neonctl", include_str!("../../../docs/compatibility/neonctl.md")),
    ("neonctl", include_str!("../../../docs/compatibility/neonctl-account.md")),
    ("api-client", include_str!("../../../docs/compatibility/api-client.md")),
    ("sdk", include_str!("../../../docs/compatibility/sdk.md")),
    ("Python", include_str!("../../../docs/compatibility/python.md")),
];

/// The same of Render's clients.
const RENDERS: &[(&str, &str)] = &[
    ("render", include_str!("../../../docs/compatibility/render-python.md")),
    ("render-api", include_str!("../../../docs/compatibility/render-api.md")),
    ("openapi-fetch", include_str!("../../../docs/compatibility/openapi-fetch.md")),
];

/// Operations of ours that no client is seen to call, each with tests of its own: monitors call the
/// first, and neither Neon's API nor Render's has the next. Events are called for by those who were told of
/// one, and the receivers of `receivers.rs` are.
const UNCALLED: &[&str] = &[
    "getHealth",
    "getReadiness",
    "getMetrics",
    "listProjectAudit",
    "getProjectBranchHistory",
    "getProjectBranchRoleHistory",
    "updateProjectBranchRole",
    "mergeProjectBranch",
    "diffProjectBranchRoles",
    "diffProjectBranchDatabases",
    "setDefaultProjectBranchCredential",
    "rotateProjectBranchCredentials",
    "listProjectBranchRotations",
    "getProjectBranchRotation",
    "completeProjectBranchRotation",
    "abortProjectBranchRotation",
    "reconcileProjectBranch",
    "cancelProjectOperation",
    "retryProjectOperation",
    "resend-webhook-event",
    "replay-webhook",
    "rotate-webhook-secret",
    "retrieve-event",
    "getProjectBranchDrift",
    "listProjectBranchDriftHistory",
    "getProjectBranchDriftPolicy",
    "setProjectBranchDriftPolicy",
    "adoptProjectBranchDrift",
    "revertProjectBranchDrift",
    "ignoreProjectBranchDrift",
    "getProjectBranchRoleDeletion",
    "deactivateProjectBranchRole",
    "activateProjectBranchRole",
];

/// Returns which clients got a success from each operation, by their pages.
fn callers(pages: &[(&'static str, &str)]) -> BTreeMap<String, Vec<&'static str>> {
    let mut callers: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (client, page) in pages {
        let mut called = BTreeSet::new();
        for call in page.split('`').collect::<Vec<_>>().windows(2) {
            let successes = [" 200", " 201", " 202", " 204"];
            let is_success = successes.iter().any(|end| call[1].starts_with(end));
            if is_success {
                called.insert(call[0].to_owned());
            }
        }
        for operation in called {
            let known = callers.entry(operation).or_default();
            if !known.contains(client) {
                known.push(*client);
            }
        }
    }
    callers
}

#[test]
fn every_operation_is_called_by_a_client() {
    let callers = callers(&[NEONS, RENDERS].concat());
    for operation in ours().operations() {
        let is_called = callers.contains_key(&operation.id);
        let is_excepted = UNCALLED.contains(&operation.id.as_str());
        assert_ne!(is_called, is_excepted, "{}", operation.id);
    }
}

#[test]
fn the_table_of_calls_says_what_is_served() {
    let Some(neons) = neons() else { return };
    let callers = callers(NEONS);
    let mut rows = Vec::new();
    let mut served = 0;
    for operation in neons.operations() {
        let own = ours().operations().iter().find(|own| {
            own.method == operation.method && shape(&own.path) == shape(&operation.path)
        });
        served += usize::from(own.is_some());
        let clients = own.and_then(|own| callers.get(&own.id)).map(|names| names.join(", "));
        let is_served = if own.is_some() { "yes" } else { "no" };
        rows.push(format!(
            "| `{} {}` | {is_served} | {} |\n",
            operation.method,
            operation.path,
            clients.unwrap_or_default()
        ));
    }
    rows.sort_by_key(|row| row.split_whitespace().nth(2).map(str::to_owned));
    let mut page = String::from(
        "# The calls of Neon's API\n\nWritten by `tests/it/clients` from the document that \
         @neondatabase/api-client 2.7.3 brings, from\n`openapi.yaml`, and from the runs of the \
         clients: who is named got a success.\n\n| call | served | called by |\n|---|---|---|\n",
    );
    page.push_str(&rows.concat());
    write!(page, "\n{served} of {} are served.\n", rows.len()).expect("a text");
    report::check_page("calls.md", &page);
}

/// Returns a path whose parameters have no names.
fn shape(path: &str) -> Vec<&str> {
    path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part }).collect()
}
