//! What stands around branches: permissions, settings, counts and what is always empty.

use serde_json::{Value, json};

use super::plane::TestProject;

#[tokio::test]
async fn a_permission_is_granted_once_listed_and_revoked() {
    let project = TestProject::new().await;
    let body = json!({ "email": "casey@example.com" });
    let granted = project.ask("POST", "/permissions", body.clone()).await;
    assert_eq!((granted.status, &granted.body["granted_to_email"]), (200, &body["email"]));
    let again = project.ask("POST", "/permissions", body).await;
    again.is_refused(409, "PERMISSION_ALREADY_EXISTS");
    let listed = project.ask("GET", "/permissions", Value::Null).await;
    assert_eq!(listed.body["project_permissions"], json!([granted.body]));
    let path = format!("/permissions/{}", granted.body["id"].as_str().expect("an id"));
    let revoked = project.ask("DELETE", &path, Value::Null).await;
    assert!(revoked.body["revoked_at"].is_string(), "{:#}", revoked.body);
    for path in [path.as_str(), "/permissions/7"] {
        let refused = project.ask("DELETE", path, Value::Null).await;
        refused.is_refused(404, "PERMISSION_NOT_FOUND");
    }
    let nobody = project.ask("POST", "/permissions", json!({ "email": "nobody" })).await;
    nobody.is_refused(400, "INVALID_REQUEST");
}

#[tokio::test]
async fn settings_are_kept_and_given_back_and_what_is_absent_stays() {
    let project = TestProject::new().await;
    let window = json!({ "weekdays": [1, 7], "start_time": "02:00", "end_time": "03:30" });
    for settings in [
        json!({ "allowed_ips": { "ips": [], "protected_branches_only": false } }),
        json!({ "quota": { "written_data_bytes": 7 } }),
        json!({ "maintenance_window": window }),
    ] {
        let body = json!({ "project": { "settings": settings } });
        assert_eq!(project.ask("PATCH", "", body).await.status, 200);
    }
    let defaults = json!({ "autoscaling_limit_max_cu": 2.0, "suspend_timeout_seconds": 600 });
    let body = json!({ "project": { "default_endpoint_settings": defaults } });
    assert_eq!(project.ask("PATCH", "", body).await.status, 200);
    let shown = project.ask("GET", "", Value::Null).await.body["project"].take();
    // Nobody would be kept out by it.
    let settings = json!({ "allowed_ips": { "ips": ["192.0.2.1"] } });
    let refused = project.ask("PATCH", "", json!({ "project": { "settings": settings } })).await;
    refused.is_refused(400, "NOT_SUPPORTED");
    let expected = json!({ "ips": [], "protected_branches_only": false });
    assert_eq!(shown["settings"]["allowed_ips"], expected);
    assert_eq!(shown["settings"]["quota"], json!({ "written_data_bytes": 7 }));
    assert_eq!(shown["settings"]["maintenance_window"], window);
    assert_eq!(
        shown["default_endpoint_settings"],
        json!({
            "autoscaling_limit_min_cu": 0.25,
            "autoscaling_limit_max_cu": 2.0,
            "suspend_timeout_seconds": 600,
        })
    );
}

#[tokio::test]
async fn branches_are_counted_and_projects_are_searched_in_upper_or_lower_case() {
    let project = TestProject::new().await;
    project.create_branch(json!({ "name": "Preview/1" })).await;
    project.create_branch(json!({ "name": "preview/2" })).await;
    for (query, expected) in [("", 3), ("?search=PREVIEW", 2), ("?search=nothing", 0)] {
        let path = format!("/branches/count{query}");
        let counted = project.ask("GET", &path, Value::Null).await;
        assert_eq!(counted.body, json!({ "count": expected }), "{query}");
    }
    for (search, expected) in [("SHOP", 1), ("sHo", 1), ("x", 0)] {
        let found = project.ask_plane("GET", &format!("/projects?search={search}")).await;
        let found = found.body["projects"].as_array().expect("a list").len();
        assert_eq!(found, expected, "{search}");
    }
}

#[tokio::test]
async fn what_branches_have_not_is_empty_for_those_that_there_are() {
    let project = TestProject::new().await;
    for what in ["buckets", "functions"] {
        let path = format!("{}/{what}", project.main());
        assert_eq!(project.ask("GET", &path, Value::Null).await.body, json!({ what: [] }));
        let path = format!("/branches/br-no-such-branch1/{what}");
        project.ask("GET", &path, Value::Null).await.is_refused(404, "BRANCH_NOT_FOUND");
    }
    // An empty list of these would be taken for a service that makes some; Neon's clients look for
    // the words "does not exist".
    let path = format!("{}/credentials", project.main());
    let absent = project.ask("GET", &path, Value::Null).await;
    let message = absent.body["message"].as_str().expect("a message").to_owned();
    absent.is_refused(404, "NOT_FOUND");
    assert!(message.contains("does not exist"), "{message}");
}

#[tokio::test]
async fn an_endpoint_is_tuned_and_restarted() {
    let project = TestProject::new().await;
    let id = project.created["endpoints"][0]["id"].as_str().expect("an id").to_owned();
    let path = format!("/endpoints/{id}");
    let tune = |endpoint: Value| project.ask("PATCH", &path, json!({ "endpoint": endpoint }));
    let changed = tune(json!({ "autoscaling_limit_min_cu": 2, "suspend_timeout_seconds": -1 }));
    let changed = changed.await.body;
    assert_eq!(changed["operations"], json!([]));
    assert_eq!(changed["endpoint"]["autoscaling_limit_max_cu"], 2.0);
    let changed = tune(json!({ "autoscaling_limit_max_cu": 1 })).await.body;
    assert_eq!(changed["endpoint"]["autoscaling_limit_min_cu"], 1.0);
    assert_eq!(changed["endpoint"]["suspend_timeout_seconds"], -1);
    let crossed = json!({ "autoscaling_limit_min_cu": 2, "autoscaling_limit_max_cu": 1 });
    tune(crossed).await.is_refused(400, "INVALID_REQUEST");
    tune(json!({ "branch_id": "br-other" })).await.is_refused(400, "NOT_SUPPORTED");
    tune(json!({ "disabled": true })).await.is_refused(400, "NOT_SUPPORTED");
    let restarted = project.ask("POST", &format!("{path}/restart"), Value::Null).await.body;
    let operations = restarted["operations"].as_array().expect("a list").iter();
    let actions: Vec<_> = operations.map(|operation| &operation["action"]).collect();
    assert_eq!(actions, ["suspend_compute", "start_compute"]);
}
