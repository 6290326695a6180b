//! Branches and their points in time.

use serde_json::{Value, json};

use super::plane::{TestPlane, TestProject};

#[tokio::test]
async fn a_branch_begins_at_the_very_moment_that_a_role_was_shown_to_be_created_at() {
    let project = TestProject::new().await;
    let main = project.main();
    project.create_role(&main, "before").await;
    let created_at = project.create_role(&main, "during").await["created_at"].clone();
    project.create_role(&main, "after").await;
    let child = project.create_branch(json!({ "parent_timestamp": created_at })).await;
    assert_eq!(project.role_names(&child).await, ["before", "during", "neondb_owner"]);
    let shown = project.ask("GET", &child, Value::Null).await;
    assert_eq!(shown.body["branch"]["parent_timestamp"], created_at);
    assert_eq!(shown.body["branch"]["parent_id"], project.created["branch"]["id"]);
    assert_eq!(shown.body["annotation"]["value"], json!({}));
}

#[tokio::test]
async fn a_branch_needs_no_body_and_begins_at_the_newest_state_of_the_default_branch() {
    let project = TestProject::new().await;
    let password = project.create_role(&project.main(), "sally").await["password"].clone();
    let created = project.ask("POST", "/branches", Value::Null).await;
    assert_eq!(created.status, 201);
    assert_eq!(created.body["endpoints"], json!([]));
    assert_eq!(created.body.get("connection_uris"), None);
    let id = created.body["branch"]["id"].as_str().expect("an id");
    let reveal = format!("/branches/{id}/roles/sally/reveal_password");
    assert_eq!(project.ask("GET", &reveal, Value::Null).await.body["password"], password);
}

#[tokio::test]
async fn a_point_that_is_none_is_refused_with_the_points_that_there_are() {
    let project = TestProject::new().await;
    let created_at = project.created["branch"]["created_at"].as_str().expect("a time");
    for branch in [
        json!({ "parent_timestamp": "2026-01-31T12:00:00" }),
        json!({ "parent_timestamp": "yesterday" }),
        json!({ "parent_timestamp": "2001-01-01T00:00:00Z" }),
        json!({ "parent_timestamp": "9000-01-01T00:00:00Z" }),
        json!({ "parent_lsn": "xyz" }),
        json!({ "parent_lsn": "0/1", "parent_timestamp": created_at }),
    ] {
        let refused = project.ask("POST", "/branches", json!({ "branch": branch })).await;
        refused.is_refused(400, "WRONG_LSN_OR_TIMESTAMP");
        let message = refused.body["message"].as_str().expect("a message");
        assert!(message.contains(&created_at[..19]), "{branch}: {message}");
    }
    let nowhere = json!({ "branch": { "parent_id": "br-no-such-branch1", "parent_lsn": "xyz" } });
    let refused = project.ask("POST", "/branches", nowhere).await;
    refused.is_refused(404, "BRANCH_NOT_FOUND");
}

#[tokio::test]
async fn a_name_is_one_branch_s_at_a_time() {
    let project = TestProject::new().await;
    let child = project.create_branch(json!({ "name": "dev" })).await;
    let again = json!({ "branch": { "name": "dev" } });
    project.ask("POST", "/branches", again.clone()).await.is_refused(409, "BRANCH_ALREADY_EXISTS");
    project.ask("PATCH", &child, again).await.is_refused(400, "INVALID_REQUEST");
    let renamed = project.ask("PATCH", &child, json!({ "branch": { "name": "qa" } })).await;
    assert_eq!((renamed.status, &renamed.body["branch"]["name"]), (200, &json!("qa")));
    assert_eq!(renamed.body["operations"], json!([]));
}

#[tokio::test]
async fn the_default_branch_and_parents_are_not_deleted() {
    let project = TestProject::new().await;
    let child = project.create_branch(json!({ "name": "dev" })).await;
    let id = child.trim_start_matches("/branches/");
    let grandchild = project.create_branch(json!({ "parent_id": id })).await;
    let main = project.ask("DELETE", &project.main(), Value::Null).await;
    main.is_refused(422, "BRANCH_IS_DEFAULT");
    let refused = project.ask("DELETE", &child, Value::Null).await;
    refused.is_refused(422, "BRANCH_HAS_CHILDREN");
    for branch in [grandchild, child] {
        assert_eq!(project.ask("DELETE", &branch, Value::Null).await.status, 200);
        project.ask("DELETE", &branch, Value::Null).await.is_empty();
    }
}

#[tokio::test]
async fn what_is_noted_about_a_branch_is_shown_with_it_and_with_no_other() {
    let plane = TestPlane::new().await;
    let request = json!({ "project": { "branch": { "annotations": { "tool": "setup" } } } });
    let created = plane.ask("POST", "/projects", &request.to_string()).await;
    let project = TestProject::of(plane, created.body);
    let noted = json!({ "github-commit-ref": "dev", "ünïcode": "" });
    let child = json!({ "branch": { "name": "dev" }, "annotation_value": noted });
    let child = project.ask("POST", "/branches", child).await.body["branch"].take();
    let other = project.create_branch(json!({ "parent_id": child["id"] })).await;
    let project = project.restarted().await;
    let path = format!("/branches/{}", child["id"].as_str().expect("an id"));
    let shown = project.ask("GET", &path, Value::Null).await.body["annotation"].take();
    let expected = json!({
        "object": { "type": "console/branch", "id": child["id"] },
        "value": noted,
        "created_at": child["created_at"],
        "updated_at": child["created_at"],
    });
    assert_eq!(shown, expected);
    let of_other = project.ask("GET", &other, Value::Null).await.body["annotation"].take();
    assert_eq!(of_other["value"], json!({}), "a child has not its parent's");
    let listed = project.ask("GET", "/branches", Value::Null).await.body["annotations"].take();
    let main = project.created["branch"]["id"].as_str().expect("an id");
    assert_eq!(listed[child["id"].as_str().expect("an id")], expected);
    assert_eq!(listed[main]["value"], json!({ "tool": "setup" }));
    assert_eq!(listed.as_object().expect("a map").len(), 2);
    // Whatever changes about the branch, that stays.
    project.ask("PATCH", &path, json!({ "branch": { "name": "renamed" } })).await;
    assert_eq!(project.ask("GET", &path, Value::Null).await.body["annotation"], expected);
}

#[tokio::test]
async fn an_annotation_that_is_none_is_refused_by_its_name() {
    let project = TestProject::new().await;
    let many: serde_json::Map<_, _> = (0..51).map(|key| (key.to_string(), json!(""))).collect();
    for (annotation, message) in [
        (json!({ "a": "b".repeat(4096) }), "annotation_value: keys and texts have 4096 bytes"),
        (Value::from(many), "annotation_value: at most 50 texts"),
        (json!({ "a": 1 }), "annotation_value"),
        (json!("a"), "annotation_value"),
    ] {
        let refused = project.ask("POST", "/branches", json!({ "annotation_value": annotation }));
        let refused = refused.await;
        assert_eq!(refused.status, 400, "{:?}", refused.body);
        let told = refused.body["message"].as_str().expect("a message");
        assert!(told.contains(message), "{told}");
    }
}
