//! Render's credentials of a branch.

use serde_json::{Value, json};

use super::plane::{Answer, TestProject};

/// Returns the id of the branch in Render's form.
async fn postgres(project: &TestProject) -> String {
    let listed = project.plane().ask_render("GET", "/postgres", &Value::Null).await;
    assert_eq!(listed.status, 200, "{:#}", listed.body);
    listed.body[0]["postgres"]["id"].as_str().expect("an id").to_owned()
}

async fn ask(project: &TestProject, method: &str, path: &str, body: Value) -> Answer {
    let id = postgres(project).await;
    project.plane().ask_render(method, &format!("/postgres/{id}{path}"), &body).await
}

async fn names(project: &TestProject) -> Vec<(String, bool)> {
    let listed = ask(project, "GET", "/credentials", Value::Null).await;
    let listed = listed.body.as_array().expect("a list").clone();
    let name = |user: &Value| user["username"].as_str().expect("a name").to_owned();
    listed.iter().map(|user| (name(user), user["default"] == json!(true))).collect()
}

fn pairs(expected: &[(&str, bool)]) -> Vec<(String, bool)> {
    expected.iter().map(|(name, default)| ((*name).to_owned(), *default)).collect()
}

impl Answer {
    /// Checks that the answer is an error in Render's form.
    #[track_caller]
    pub(super) fn is_refused_by_render(&self, status: u16, code: &str) {
        assert_eq!((self.status, &self.body["code"]), (status, &json!(code)), "{:#}", self.body);
        assert!(self.body["id"].is_string() && self.body["message"].is_string());
        assert_eq!(self.body.get("request_id"), None);
    }
}

#[tokio::test]
async fn a_new_credential_is_the_default_and_stands_in_the_connection_string() {
    let project = TestProject::new().await;
    assert_eq!(names(&project).await, pairs(&[("neondb_owner", true)]));
    let created = ask(&project, "POST", "/credentials", json!({ "username": "app_2" })).await;
    assert_eq!((created.status, &created.body["default"]), (202, &json!(true)));
    let password = created.body["password"].as_str().expect("a password");
    assert_eq!(names(&project).await, pairs(&[("neondb_owner", false), ("app_2", true)]));
    let info = ask(&project, "GET", "/connection-info", Value::Null).await;
    assert_eq!(info.body["password"], password);
    let uri = info.body["externalConnectionString"].as_str().expect("a URI");
    assert!(uri.starts_with(&format!("postgresql://app_2:{password}@127.0.0.1:")), "{uri}");
    let psql = info.body["psqlCommand"].as_str().expect("a command");
    assert!(psql.ends_with("-U app_2 neondb") && psql.contains(password), "{psql}");
    let shown = ask(&project, "GET", "", Value::Null).await;
    assert_eq!(shown.body["databaseUser"], "app_2");
    // Neon's clients see an ordinary role.
    let role = project.ask("GET", &format!("{}/roles/app_2", project.main()), Value::Null).await;
    assert_eq!(role.status, 200);
}

#[tokio::test]
async fn a_credential_is_deleted_unless_it_is_the_default() {
    let project = TestProject::new().await;
    let drawn = ask(&project, "POST", "/credentials", Value::Null).await;
    let name = drawn.body["username"].as_str().expect("a drawn name");
    assert!(name.starts_with("user_"), "{name}");
    let default = format!("/credentials/{name}");
    let refused = ask(&project, "DELETE", &default, Value::Null).await;
    refused.is_refused_by_render(400, "CREDENTIAL_IS_DEFAULT");
    let promoted = ask(&project, "PUT", "/credentials/neondb_owner/default", Value::Null).await;
    assert_eq!((promoted.status, &promoted.body["default"]), (200, &json!(true)));
    let deleted = ask(&project, "DELETE", &default, Value::Null).await;
    assert_eq!((deleted.status, deleted.body), (200, json!({})));
    assert_eq!(names(&project).await, pairs(&[("neondb_owner", true)]));
    let again = ask(&project, "DELETE", &default, Value::Null).await;
    again.is_refused_by_render(404, "CREDENTIAL_NOT_FOUND");
}

#[tokio::test]
async fn a_name_that_a_url_would_break_is_refused() {
    let project = TestProject::new().await;
    let long = "x".repeat(64);
    for (name, code) in [
        ("a#b", "INVALID_REQUEST"),
        ("a/b", "INVALID_REQUEST"),
        ("we ird", "INVALID_REQUEST"),
        ("Upper", "INVALID_REQUEST"),
        ("1st", "INVALID_REQUEST"),
        ("é", "INVALID_REQUEST"),
        ("..", "INVALID_REQUEST"),
        ("", "INVALID_REQUEST"),
        (long.as_str(), "INVALID_REQUEST"),
        ("pg_boss", "NAME_RESERVED"),
        ("postgres", "NAME_RESERVED"),
        ("neondb_owner", "ROLE_ALREADY_EXISTS"),
    ] {
        let refused = ask(&project, "POST", "/credentials", json!({ "username": name })).await;
        refused.is_refused_by_render(400, code);
    }
    for body in [json!({ "username": 7 }), json!(["app"])] {
        let refused = ask(&project, "POST", "/credentials", body).await;
        refused.is_refused_by_render(400, "INVALID_REQUEST");
    }
    assert_eq!(names(&project).await, pairs(&[("neondb_owner", true)]));
}

#[tokio::test]
async fn a_branch_is_found_by_either_id_and_a_foreign_one_is_not() {
    let project = TestProject::new().await;
    let main = project.main().replace("/branches/", "");
    let dpg = postgres(&project).await;
    for id in [&main, &dpg] {
        let path = format!("/postgres/{id}");
        let shown = project.plane().ask_render("GET", &path, &Value::Null).await;
        assert_eq!((shown.status, &shown.body["branchId"]), (200, &json!(main)));
    }
    let other = dpg.replace("1-a", "2-a");
    for id in ["dpg-", "dpg-00000000000000000000-a", "br-none", "main", "%00", &other] {
        let path = format!("/postgres/{id}/credentials");
        let refused = project.plane().ask_render("GET", &path, &Value::Null).await;
        refused.is_refused_by_render(404, "BRANCH_NOT_FOUND");
    }
    let made = project.plane().ask("POST", "/projects", r#"{"project":{}}"#).await;
    let elsewhere = made.body["project"]["id"].as_str().expect("an id").to_owned();
    let body = json!({ "key_name": "ci", "project_id": elsewhere }).to_string();
    let key = project.plane().ask("POST", "/organizations/org-offshoot/api_keys", &body).await;
    let key = key.body["key"].as_str().expect("a key");
    for id in [&main, &dpg] {
        let path = format!("/v1/postgres/{id}");
        let refused = project.plane().ask_at(key, "GET", &path, "").await;
        refused.is_refused_by_render(404, "BRANCH_NOT_FOUND");
    }
    let listed = project.plane().ask_at(key, "GET", "/v1/postgres", "").await;
    assert_eq!(listed.body.as_array().expect("a list").len(), 1);
    assert_eq!(listed.body[0]["postgres"]["projectId"], elsewhere);
}

#[tokio::test]
async fn who_has_no_key_or_takes_a_wrong_path_is_told_in_renders_form() {
    let project = TestProject::new().await;
    let plane = project.plane();
    plane.ask_at("none", "GET", "/v1/postgres", "").await.is_refused_by_render(401, "UNAUTHORIZED");
    plane.ask_at("none", "GET", "/v1/x", "").await.is_refused_by_render(401, "UNAUTHORIZED");
    let unknown = plane.ask_render("GET", "/services", &Value::Null).await;
    unknown.is_refused_by_render(404, "NOT_FOUND");
    let wrong = plane.ask_render("DELETE", "/postgres", &Value::Null).await;
    wrong.is_refused_by_render(405, "METHOD_NOT_ALLOWED");
    for query in ["limit=0", "limit=101", "cursor=x", "createdAfter=yesterday"] {
        let refused = plane.ask_render("GET", &format!("/postgres?{query}"), &Value::Null).await;
        refused.is_refused_by_render(400, "INVALID_REQUEST");
    }
}

#[tokio::test]
async fn branches_are_listed_page_by_page_and_by_what_they_are() {
    let project = TestProject::new().await;
    for name in ["dev", "qa"] {
        project.create_branch(json!({ "name": name })).await;
    }
    let list = async |query: &str| {
        let path = format!("/postgres?{query}");
        let listed = project.plane().ask_render("GET", &path, &Value::Null).await;
        let listed = listed.body.as_array().expect("a list").clone();
        let name = |item: &Value| item["postgres"]["name"].as_str().expect("a name").to_owned();
        let last = listed.last().map(|item| item["cursor"].as_str().expect("one").to_owned());
        (listed.iter().map(name).collect::<Vec<_>>(), last)
    };
    let (all, _) = list("").await;
    assert_eq!(all, ["main", "dev", "qa"]);
    let mut found = Vec::new();
    let mut query = "limit=1".to_owned();
    while let (page, Some(cursor)) = list(&query).await {
        found.extend(page);
        query = format!("limit=1&cursor={cursor}");
    }
    assert_eq!(found, all);
    assert_eq!(list("name=qa,main").await.0, ["main", "qa"]);
    assert_eq!(list("name=qa&region=frankfurt").await.0, Vec::<String>::new());
    assert_eq!(list("createdBefore=2001-01-01T00:00:00Z").await.0, Vec::<String>::new());
    // Without an endpoint there is nothing to connect to.
    let query = "/postgres?name=dev&limit=1";
    let dev = project.plane().ask_render("GET", query, &Value::Null).await;
    let dev = &dev.body[0]["postgres"];
    assert_eq!((&dev["status"], &dev["databaseName"]), (&json!("unavailable"), &json!("neondb")));
    let path = format!("/postgres/{}/connection-info", dev["id"].as_str().expect("an id"));
    let refused = project.plane().ask_render("GET", &path, &Value::Null).await;
    refused.is_refused_by_render(404, "ENDPOINT_NOT_FOUND");
}
