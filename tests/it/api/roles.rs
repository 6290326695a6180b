//! Roles and databases of a branch.

use serde_json::{Value, json};

use super::plane::TestProject;

#[tokio::test]
async fn a_role_shows_its_password_when_it_is_created_or_reset_and_when_it_is_asked_to() {
    let project = TestProject::new().await;
    let main = project.main();
    let created = project.create_role(&main, "sally").await;
    let role = format!("{main}/roles/sally");
    let shown = project.ask("GET", &role, Value::Null).await;
    assert_eq!(shown.body["role"].get("password"), None);
    for method in ["GET", "POST"] {
        let revealed = project.ask(method, &format!("{role}/reveal_password"), Value::Null).await;
        assert_eq!(revealed.body["password"], created["password"], "{method}");
    }
    let reset = project.ask("POST", &format!("{role}/reset_password"), Value::Null).await;
    assert_eq!(reset.status, 200);
    assert!(reset.body["role"]["password"].is_string());
    assert_ne!(reset.body["role"]["password"], created["password"]);
    let action = &reset.body["operations"][0]["action"];
    assert_eq!(action, "apply_config");
}

#[tokio::test]
async fn a_role_is_created_once_under_whatever_name_postgres_takes() {
    let project = TestProject::new().await;
    let main = project.main();
    project.create_role(&main, "we ird/n").await;
    let shown = project.ask("GET", &format!("{main}/roles/we%20ird%2Fn"), Value::Null).await;
    assert_eq!((shown.status, &shown.body["role"]["name"]), (200, &json!("we ird/n")));
    let again = json!({ "role": { "name": "we ird/n" } });
    let again = project.ask("POST", &format!("{main}/roles"), again).await;
    again.is_refused(409, "ROLE_ALREADY_EXISTS");
    let gone = project.ask("DELETE", &format!("{main}/roles/we%20ird%2Fn"), Value::Null).await;
    assert_eq!((gone.status, &gone.body["role"]["name"]), (200, &json!("we ird/n")));
    assert_eq!(project.role_names(&main).await, ["neondb_owner"]);
}

#[tokio::test]
async fn a_role_that_cannot_log_in_has_no_password() {
    let project = TestProject::new().await;
    let main = project.main();
    let group = json!({ "role": { "name": "group", "no_login": true } });
    let created = project.ask("POST", &format!("{main}/roles"), group).await;
    assert_eq!(created.body["role"].get("password"), None);
    assert_eq!(created.body["role"]["authentication_method"], "no_login");
    for (method, path) in [("GET", "reveal_password"), ("POST", "reset_password")] {
        let path = format!("{main}/roles/group/{path}");
        project.ask(method, &path, Value::Null).await.is_refused(412, "ROLE_HAS_NO_PASSWORD");
    }
}

#[tokio::test]
async fn a_role_that_owns_a_database_is_deleted_only_after_it() {
    let project = TestProject::new().await;
    let main = project.main();
    project.create_role(&main, "sally").await;
    let new = json!({ "database": { "name": "crm", "owner_name": "sally" } });
    let created = project.ask("POST", &format!("{main}/databases"), new).await;
    assert_eq!(created.status, 201, "{:#}", created.body);
    let role = format!("{main}/roles/sally");
    project.ask("DELETE", &role, Value::Null).await.is_refused(422, "ROLE_OWNS_DATABASE");
    let change = json!({ "database": { "name": "sales", "owner_name": "neondb_owner" } });
    let changed = project.ask("PATCH", &format!("{main}/databases/crm"), change).await;
    assert_eq!(changed.body["database"]["name"], "sales");
    assert_eq!(changed.body["database"]["id"], created.body["database"]["id"]);
    assert_eq!(project.ask("DELETE", &role, Value::Null).await.status, 200);
    let database = format!("{main}/databases/sales");
    assert_eq!(project.ask("GET", &database, Value::Null).await.status, 200);
    assert_eq!(project.ask("DELETE", &database, Value::Null).await.status, 200);
    project.ask("GET", &database, Value::Null).await.is_refused(404, "DATABASE_NOT_FOUND");
}

#[tokio::test]
async fn a_database_needs_an_owner_that_exists_and_a_change() {
    let project = TestProject::new().await;
    let databases = format!("{}/databases", project.main());
    let new = json!({ "database": { "name": "crm", "owner_name": "nobody" } });
    project.ask("POST", &databases, new).await.is_refused(422, "OWNER_NOT_FOUND");
    let nothing = json!({ "database": {} });
    let changed = project.ask("PATCH", &format!("{databases}/neondb"), nothing).await;
    changed.is_refused(400, "INVALID_REQUEST");
}
