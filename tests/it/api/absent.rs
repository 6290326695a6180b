//! What is not there, or cannot be.

use offshoot::control::Settings;
use serde_json::{Value, json};

use super::plane::{TestPlane, TestProject};

#[tokio::test]
async fn deleting_what_is_not_there_succeeds_without_a_body() {
    let project = TestProject::new().await;
    let main = project.main();
    for path in [
        format!("{main}/roles/nobody"),
        format!("{main}/roles/{}", "x".repeat(64)),
        format!("{main}/databases/nothing"),
        format!("{main}/databases/postgres"),
        "/branches/br-no-such-branch1".to_owned(),
        "/branches/main".to_owned(),
        "/endpoints/ep-no-such-endpoint".to_owned(),
        "/endpoints/7".to_owned(),
    ] {
        project.ask("DELETE", &path, Value::Null).await.is_empty();
    }
}

#[tokio::test]
async fn what_should_hold_the_deleted_thing_must_be_there() {
    let project = TestProject::new().await;
    for (path, code) in [
        ("/branches/br-no-such-branch1/roles/sally", "BRANCH_NOT_FOUND"),
        ("/branches/no%20id/roles/sally", "BRANCH_NOT_FOUND"),
        ("/branches/br-no-such-branch1/databases/shop", "BRANCH_NOT_FOUND"),
    ] {
        project.ask("DELETE", path, Value::Null).await.is_refused(404, code);
    }
    for path in [
        "/projects/no-such-project-1",
        "/projects/No%20Id",
        "/projects/no-such-project-1/branches/br-a",
        "/projects/no-such-project-1/branches/no%20id",
        "/projects/no-such-project-1/endpoints/7",
        "/projects/no-such-project-1/branches/br-a/roles/sally",
    ] {
        project.ask_plane("DELETE", path).await.is_refused(404, "PROJECT_NOT_FOUND");
    }
}

#[tokio::test]
async fn what_cannot_be_a_name_or_an_id_is_answered_like_what_is_unknown() {
    let project = TestProject::new().await;
    let main = project.main();
    for (path, code) in [
        ("/branches/br-no-such-branch1".to_owned(), "BRANCH_NOT_FOUND"),
        ("/branches/%F0%9F%A6%80".to_owned(), "BRANCH_NOT_FOUND"),
        (format!("{main}/roles/{}", "x".repeat(64)), "ROLE_NOT_FOUND"),
        (format!("{main}/roles/a%00b"), "ROLE_NOT_FOUND"),
        (format!("{main}/databases/template1"), "DATABASE_NOT_FOUND"),
        ("/endpoints/main".to_owned(), "ENDPOINT_NOT_FOUND"),
        ("/operations/7".to_owned(), "OPERATION_NOT_FOUND"),
        ("/operations/0190b6a1-9d0c-7b5e-8a53-0a4c7c5d2f11".to_owned(), "OPERATION_NOT_FOUND"),
    ] {
        project.ask("GET", &path, Value::Null).await.is_refused(404, code);
    }
}

#[tokio::test]
async fn a_project_is_born_with_one_role_where_no_account_is_named() {
    let project = TestProject::new().await;
    let listed = project.ask("GET", &format!("{}/roles", project.main()), Value::Null).await;
    for roles in [&listed.body["roles"], &project.created["roles"]] {
        let names: Vec<_> = roles.as_array().expect("a list").iter().map(|r| &r["name"]).collect();
        assert_eq!(names, ["neondb_owner"]);
    }
}

#[tokio::test]
async fn the_role_of_the_system_can_be_neither_deleted_nor_reset() {
    let account = Some("casey".parse().expect("a name"));
    let settings = Settings { account, ..Settings::default() };
    let project = TestPlane::with_settings(settings).await.create_project().await;
    let role = format!("{}/roles/web_access", project.main());
    project.ask("DELETE", &role, Value::Null).await.is_refused(422, "ROLE_PROTECTED");
    let reset = format!("{role}/reset_password");
    project.ask("POST", &reset, Value::Null).await.is_refused(422, "ROLE_PROTECTED");
    let new = json!({ "role": { "name": "web_access" } });
    let created = project.ask("POST", &format!("{}/roles", project.main()), new).await;
    created.is_refused(400, "NAME_RESERVED");
}
