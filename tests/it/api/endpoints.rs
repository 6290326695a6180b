//! Projects as they are born, endpoints, and how to connect.

use serde_json::{Value, json};

use super::plane::{TestPlane, TestProject};

#[tokio::test]
async fn a_project_is_born_with_all_that_it_takes_to_connect() {
    let project = TestProject::new().await;
    let created = &project.created;
    let owner = created["roles"].as_array().expect("roles");
    let owner = owner.iter().find(|role| role["name"] == "neondb_owner").expect("the owner");
    let connection = &created["connection_uris"][0];
    let parameters = &connection["connection_parameters"];
    assert_eq!(parameters["password"], owner["password"]);
    assert_eq!(
        (&parameters["hostname"], &parameters["database"]),
        (&json!("127.0.0.1"), &json!("neondb"))
    );
    for field in ["host", "hostname", "port"] {
        assert_eq!(parameters[field], created["endpoints"][0][field]);
    }
    let asked = "/connection_uri?database_name=neondb&role_name=neondb_owner&pooled=True";
    let answered = project.ask("GET", asked, Value::Null).await;
    assert_eq!(answered.body["uri"], connection["connection_uri"]);
    assert_eq!(created["branch"]["default"], true);
    assert_eq!(created["endpoints"][0]["pending_state"], "active");
    let actions = created["operations"].as_array().expect("operations").iter();
    let actions: Vec<_> = actions.map(|operation| &operation["action"]).collect();
    assert_eq!(actions, ["create_timeline", "start_compute"]);
}

#[tokio::test]
async fn a_connection_is_shown_for_nothing_but_what_is_there() {
    let project = TestProject::new().await;
    let child = project.create_branch(json!({})).await;
    let child = child.trim_start_matches("/branches/");
    for (query, code) in [
        ("database_name=none&role_name=neondb_owner".to_owned(), "DATABASE_NOT_FOUND"),
        ("database_name=neondb&role_name=nobody".to_owned(), "ROLE_NOT_FOUND"),
        ("database_name=neondb&role_name=neondb_owner&branch_id=x".to_owned(), "BRANCH_NOT_FOUND"),
        (
            format!("database_name=neondb&role_name=neondb_owner&branch_id={child}"),
            "ENDPOINT_NOT_FOUND",
        ),
    ] {
        let refused = project.ask("GET", &format!("/connection_uri?{query}"), Value::Null).await;
        refused.is_refused(404, code);
    }
}

#[tokio::test]
async fn an_endpoint_is_suspended_started_and_deleted() {
    let project = TestProject::new().await;
    let id = project.created["endpoints"][0]["id"].as_str().expect("an id");
    let path = format!("/endpoints/{id}");
    let suspended = project.ask("POST", &format!("{path}/suspend"), Value::Null).await;
    assert_eq!(suspended.body["operations"][0]["action"], "suspend_compute");
    let started = project.ask("POST", &format!("{path}/start"), Value::Null).await;
    assert_eq!(started.body["endpoint"]["pending_state"], "active");
    let another = json!({ "endpoint": {
        "branch_id": project.created["branch"]["id"], "type": "read_write" } });
    let another = project.ask("POST", "/endpoints", another).await;
    another.is_refused(409, "ENDPOINT_ALREADY_EXISTS");
    assert_eq!(project.ask("DELETE", &path, Value::Null).await.status, 200);
    project.ask("DELETE", &path, Value::Null).await.is_empty();
    let listed = project.ask("GET", &format!("{}/endpoints", project.main()), Value::Null).await;
    assert_eq!(listed.body["endpoints"], json!([]));
}

#[tokio::test]
async fn an_attached_endpoint_is_reached_where_it_is_and_never_started() {
    let project = TestProject::new().await;
    let child = project.create_branch(json!({})).await;
    let branch = child.trim_start_matches("/branches/");
    let attached = json!({ "host": "db.example.com", "user": "admin", "password": "hunter2" });
    let new = json!({ "endpoint": {
        "branch_id": branch, "type": "read_write", "attached": attached } });
    let created = project.ask("POST", "/endpoints", new).await;
    assert_eq!(created.status, 201, "{:#}", created.body);
    let endpoint = &created.body["endpoint"];
    assert_eq!(
        (&endpoint["host"], &endpoint["port"]),
        (&json!("db.example.com:5432"), &json!(5432))
    );
    assert_eq!(endpoint["attached"]["sslmode"], "require");
    assert!(!created.body.to_string().contains("hunter2"));
    let id = endpoint["id"].as_str().expect("an id");
    for verb in ["start", "suspend"] {
        let refused = project.ask("POST", &format!("/endpoints/{id}/{verb}"), Value::Null).await;
        refused.is_refused(422, "ENDPOINT_ATTACHED");
    }
}

#[tokio::test]
async fn one_who_waits_for_an_operation_is_answered_after_that_time_at_the_latest() {
    // Nothing ever ends an operation here, for there is no reconciler.
    let project = TestProject::new().await;
    let id = project.created["operations"][1]["id"].as_str().expect("an id");
    let path = format!("/operations/{id}?wait=50ms");
    let answer = project.ask("GET", &path, Value::Null).await;
    assert_eq!(answer.body["operation"]["status"], "scheduling");
}

#[tokio::test]
async fn an_endpoint_is_tuned_as_its_project_says_where_its_request_does_not() {
    let body = r#"{"project":{"default_endpoint_settings":{"autoscaling_limit_max_cu":2}}}"#;
    let plane = TestPlane::new().await;
    let created = plane.ask("POST", "/projects", body).await.body;
    let project = TestProject::of(plane, created);
    let tuned = |endpoint: &Value| {
        let fields = ["autoscaling_limit_min_cu", "autoscaling_limit_max_cu"];
        let limits = fields.map(|field| endpoint[field].as_f64().expect("a number"));
        (limits, endpoint["suspend_timeout_seconds"].as_i64().expect("a number"))
    };
    assert_eq!(tuned(&project.created["endpoints"][0]), ([0.25, 2.0], 0));
    let settings = json!({ "suspend_timeout_seconds": 600, "autoscaling_limit_min_cu": 1 });
    let defaults = json!({ "project": { "default_endpoint_settings": settings } });
    assert_eq!(project.ask("PATCH", "", defaults).await.status, 200);
    for (asked, expected) in [
        (json!({}), ([1.0, 2.0], 600)),
        (json!({ "suspend_timeout_seconds": -1 }), ([1.0, 2.0], -1)),
        // What is asked for counts, and the other limit gives way.
        (json!({ "autoscaling_limit_min_cu": 4 }), ([4.0, 4.0], 600)),
        (json!({ "autoscaling_limit_max_cu": 0.5 }), ([0.5, 0.5], 600)),
    ] {
        let mut endpoint = asked.clone();
        endpoint["type"] = "read_write".into();
        let with_branch = json!({ "endpoints": [endpoint] });
        let created = project.ask("POST", "/branches", with_branch).await.body;
        assert_eq!(tuned(&created["endpoints"][0]), expected, "{asked}");
        let branch = project.create_branch(json!({})).await;
        endpoint["branch_id"] = branch.rsplit('/').next().expect("an id").into();
        let later = project.ask("POST", "/endpoints", json!({ "endpoint": endpoint })).await.body;
        assert_eq!(tuned(&later["endpoint"]), expected, "{asked}");
    }
}
