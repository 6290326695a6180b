//! Lists and their pages.

use serde_json::{Value, json};

use super::plane::{TestPlane, TestProject};

#[tokio::test]
async fn branches_are_paged_as_neon_s_command_line_does_it() {
    let project = TestProject::new().await;
    for name in ["a", "b", "c", "d"] {
        project.create_branch(json!({ "name": name })).await;
    }
    let all = project.ask("GET", "/branches", Value::Null).await;
    assert_eq!(all.body["branches"].as_array().map(Vec::len), Some(5));
    assert_eq!(all.body["annotations"], json!({}));
    let mut names = Vec::new();
    let mut path = "/branches?limit=2".to_owned();
    loop {
        let page = project.ask("GET", &path, Value::Null).await.body;
        let branches = page["branches"].as_array().expect("branches").iter();
        names.extend(branches.map(|branch| branch["name"].as_str().expect("a name").to_owned()));
        let Some(next) = page["pagination"]["next"].as_str() else { break };
        path = format!("/branches?limit=2&cursor={next}");
    }
    assert_eq!(names, ["d", "c", "b", "a", "main"]);
}

#[tokio::test]
async fn operations_are_paged_newest_first() {
    let project = TestProject::new().await;
    let all = project.ask("GET", "/operations", Value::Null).await.body;
    let all = all["operations"].as_array().expect("operations").clone();
    assert_eq!(all[1]["action"], "create_timeline");
    let first = project.ask("GET", "/operations?limit=1", Value::Null).await.body;
    let cursor = first["pagination"]["cursor"].as_str().expect("a cursor");
    let path = format!("/operations?limit=1&cursor={cursor}");
    let second = project.ask("GET", &path, Value::Null).await.body;
    assert_eq!([&first["operations"][0], &second["operations"][0]], [&all[0], &all[1]]);
    assert_eq!(second.get("pagination"), None);
    let id = all[0]["id"].as_str().expect("an id");
    let one = project.ask("GET", &format!("/operations/{id}"), Value::Null).await.body;
    assert_eq!(one["operation"], all[0]);
}

#[tokio::test]
async fn projects_are_paged_until_a_page_is_empty() {
    let plane = TestPlane::new().await;
    for name in ["a", "b", "c"] {
        let body = json!({ "project": { "name": name } }).to_string();
        assert_eq!(plane.ask("POST", "/projects", &body).await.status, 201);
    }
    let mut names = Vec::new();
    let mut path = "/projects?limit=2".to_owned();
    loop {
        let page = plane.ask("GET", &path, "").await.body;
        let projects = page["projects"].as_array().expect("projects").iter();
        names.extend(projects.map(|project| project["name"].as_str().expect("a name").to_owned()));
        let Some(cursor) = page["pagination"]["cursor"].as_str() else { break };
        path = format!("/projects?limit=2&cursor={cursor}");
    }
    names.sort();
    assert_eq!(names, ["a", "b", "c"]);
}

#[tokio::test]
async fn a_project_is_changed_and_deleted() {
    let project = TestProject::new().await;
    let change = json!({ "project": { "name": "store", "history_retention_seconds": 0 } });
    let changed = project.ask("PATCH", "", change).await;
    assert_eq!(changed.body["project"]["name"], "store");
    assert_eq!(changed.body["project"]["history_retention_seconds"], 0);
    let unserved = json!({ "project": { "settings": { "hipaa": true } } });
    project.ask("PATCH", "", unserved).await.is_refused(400, "NOT_SUPPORTED");
    assert_eq!(project.ask("DELETE", "", Value::Null).await.status, 200);
    project.ask("GET", "", Value::Null).await.is_refused(404, "PROJECT_NOT_FOUND");
    project.ask("DELETE", "", Value::Null).await.is_refused(404, "PROJECT_NOT_FOUND");
}
