//! A branch or an endpoint that is named and not there: no answer is about another.

use offshoot::api;
use offshoot::api::Route;
use serde_json::{Value, json};

use super::plane::{Answer, TestPlane, TestProject};

/// An id of the right form that nobody has.
const NOBODY: &str = "br-nobody-here-a1b2c3d4";

/// The id of a rotation that nobody has.
const NO_ROTATION: &str = "01990000-0000-7000-8000-000000000000";

/// The id of a drift that nobody has.
const NO_DRIFT: &str = "dr-0123456789abcdef";

/// Returns a project and the ids of a branch and an endpoint that are another project's.
async fn beside_another() -> (TestProject, String, String) {
    let project = TestPlane::new().await.create_project().await;
    let other = project.plane().ask("POST", "/projects", r#"{"project":{}}"#).await.body;
    let id = |value: &Value| value.as_str().expect("an id").to_owned();
    let (branch, endpoint) = (id(&other["branch"]["id"]), id(&other["endpoints"][0]["id"]));
    (project, branch, endpoint)
}

/// Returns a body that a route would take, were the rest of the request all right.
fn body(route: &Route, project: &TestProject) -> Value {
    let main = &project.created["branch"]["id"];
    match route.operation {
        "updateProjectBranch" => json!({ "branch": { "name": "x" } }),
        "restoreProjectBranch" => {
            json!({ "source_branch_id": main, "source_revision": 1, "preserve_under_name": "y" })
        }
        "mergeProjectBranch" => json!({ "into": main }),
        "createProjectBranchRole" => json!({ "role": { "name": "x" } }),
        "updateProjectBranchRole" => json!({ "role": { "expires_at": null } }),
        "createProjectBranchDatabase" => {
            json!({ "database": { "name": "x", "owner_name": "neondb_owner" } })
        }
        "updateProjectBranchDatabase" => json!({ "database": { "name": "x" } }),
        "setProjectBranchDriftPolicy" => json!({ "policy": {} }),
        "updateProjectEndpoint" => json!({ "endpoint": { "suspend_timeout_seconds": 60 } }),
        _ => Value::Null,
    }
}

/// Asks on a route for things that the default branch has, of `branch` and `endpoint`.
async fn asked(project: &TestProject, route: &Route, branch: &str, endpoint: &str) -> Answer {
    let path = route
        .path
        .strip_prefix("/projects/{project_id}")
        .expect("a path in a project")
        .replace("{branch_id}", branch)
        .replace("{endpoint_id}", endpoint)
        .replace("{role_name}", "neondb_owner")
        .replace("{username}", "neondb_owner")
        .replace("{rotation_id}", NO_ROTATION)
        .replace("{drift_id}", NO_DRIFT)
        .replace("{database_name}", "neondb");
    assert!(!path.contains('{'), "{path}");
    let is_about_schema = route.operation.contains("Schema");
    let path = if is_about_schema { format!("{path}?db_name=neondb") } else { path };
    project.ask(route.method.as_str(), &path, body(route, project)).await
}

#[tokio::test]
async fn no_path_falls_back_to_the_default_branch_or_another_project_s() {
    let (project, branch, endpoint) = beside_another().await;
    let before = project.ask("GET", "/audit", Value::Null).await.body;
    let named = |route: &&Route| route.path.contains("{branch_id}");
    for route in api::routes().filter(named) {
        for branch in [&*branch, NOBODY, "main"] {
            let answer = asked(&project, route, branch, &endpoint).await;
            if route.operation == "deleteProjectBranch" {
                answer.is_empty();
            } else {
                answer.is_refused(404, "BRANCH_NOT_FOUND");
            }
        }
    }
    let named = |route: &&Route| route.path.contains("{endpoint_id}");
    for route in api::routes().filter(named) {
        for endpoint in [&*endpoint, "ep-nobody-here-a1b2c3d4", "1"] {
            let answer = asked(&project, route, &branch, endpoint).await;
            if route.operation == "deleteProjectEndpoint" {
                answer.is_empty();
            } else {
                answer.is_refused(404, "ENDPOINT_NOT_FOUND");
            }
        }
    }
    let after = project.ask("GET", "/audit", Value::Null).await.body;
    assert_eq!(after, before, "something was changed");
}

#[tokio::test]
async fn no_query_or_body_falls_back_to_the_default_branch_or_another_project_s() {
    let (project, branch, endpoint) = beside_another().await;
    let before = project.ask("GET", "/audit", Value::Null).await.body;
    let main = project.main();
    let uri = "/connection_uri?role_name=neondb_owner&database_name=neondb";
    for branch in [&*branch, NOBODY, "main"] {
        let asked = [
            ("GET", format!("{uri}&branch_id={branch}"), Value::Null),
            ("POST", "/branches".into(), json!({ "branch": { "parent_id": branch } })),
            ("POST", format!("{main}/restore"), json!({ "source_branch_id": branch })),
            ("POST", format!("{main}/merge"), json!({ "into": branch })),
            ("GET", format!("{main}/roles/diff?base={branch}"), Value::Null),
            (
                "POST",
                "/endpoints".into(),
                json!({ "endpoint": { "branch_id": branch, "type": "read_write" } }),
            ),
        ];
        for (method, path, body) in asked {
            project.ask(method, &path, body).await.is_refused(404, "BRANCH_NOT_FOUND");
        }
        // The audit tells of branches that are gone, too, and of this one there is nothing to tell.
        let path = format!("/audit?branch_id={branch}");
        let audit = project.ask("GET", &path, Value::Null).await;
        assert!(audit.status == 400 || audit.body["entries"] == json!([]), "{:#}", audit.body);
    }
    let path = format!("{uri}&endpoint_id={endpoint}");
    project.ask("GET", &path, Value::Null).await.is_refused(404, "ENDPOINT_NOT_FOUND");
    // One of the same project that serves another branch is no better.
    let child = json!({ "branch": {}, "endpoints": [{ "type": "read_write" }] });
    let child = project.ask("POST", "/branches", child).await.body;
    let path =
        format!("{uri}&endpoint_id={}", child["endpoints"][0]["id"].as_str().expect("an id"));
    project.ask("GET", &path, Value::Null).await.is_refused(404, "ENDPOINT_NOT_FOUND");
    let created = project.ask("GET", "/audit", Value::Null).await.body;
    let count = |audit: &Value| audit["entries"].as_array().expect("a list").len();
    assert_eq!(count(&created), count(&before) + 1, "something else was changed");
}
