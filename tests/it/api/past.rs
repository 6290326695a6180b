//! Looking back: what there was at a point.

use serde_json::{Value, json};

use super::plane::{Answer, TestProject};

impl TestProject {
    async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, Value::Null).await
    }

    /// Returns the names of a branch's roles at a point.
    async fn names_at(&self, branch: &str, at: &str) -> Vec<String> {
        let listed = self.get(&format!("{branch}/roles?at={at}")).await;
        assert_eq!(listed.status, 200, "{at}: {:#}", listed.body);
        let roles = listed.body["roles"].as_array().expect("roles").iter();
        roles.map(|role| role["name"].as_str().expect("a name").to_owned()).collect()
    }
}

/// Returns a time, a microsecond before it, and a microsecond after it.
fn around(at: &Value) -> [String; 3] {
    let at: chrono::DateTime<chrono::Utc> = at.as_str().expect("a time").parse().expect("RFC 3339");
    [-1, 0, 1].map(|micros| {
        let at = at + chrono::TimeDelta::microseconds(micros);
        at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
    })
}

#[tokio::test]
async fn a_role_is_there_from_the_very_time_that_its_creation_shows() {
    let project = TestProject::new().await;
    let main = project.main();
    let role = project.create_role(&main, "sally").await;
    let [before, at, after] = around(&role["created_at"]);
    for (point, is_there) in [(before, false), (at, true), (after, true)] {
        let names = project.names_at(&main, &point).await;
        assert_eq!(names.contains(&"sally".to_owned()), is_there, "{point}");
        let status = project.get(&format!("{main}/roles/sally?at={point}")).await.status;
        assert_eq!(status, if is_there { 200 } else { 404 }, "{point}");
    }
}

#[tokio::test]
async fn a_revision_that_was_shown_shows_the_same_again_whatever_happens_since() {
    let project = TestProject::new().await;
    let main = project.main();
    let old = project.create_role(&main, "sally").await;
    let then = project.get(&format!("{main}/roles")).await;
    let revision = then.headers["x-offshoot-revision"].to_str().expect("a number").to_owned();
    assert_eq!(json!(revision.parse::<u64>().expect("a number")), old["origin"]["revision"]);
    let role = format!("{main}/roles/sally");
    let reset = project.ask("POST", &format!("{role}/reset_password"), Value::Null).await;
    project.ask("DELETE", &role, Value::Null).await;
    let again = project.get(&format!("{main}/roles?at={revision}")).await;
    assert_eq!(again.body, then.body);
    assert_eq!(again.headers["x-offshoot-revision"], then.headers["x-offshoot-revision"]);
    let revealed = project.get(&format!("{role}/reveal_password?at={revision}")).await;
    assert_eq!(revealed.body["password"], old["password"]);
    assert_ne!(revealed.body["password"], reset.body["role"]["password"]);
    project.get(&format!("{role}/reveal_password")).await.is_refused(404, "ROLE_NOT_FOUND");
}

#[tokio::test]
async fn a_database_is_looked_at_under_the_name_and_owner_that_it_had() {
    let project = TestProject::new().await;
    let main = project.main();
    project.create_role(&main, "sally").await;
    let then = project.get(&format!("{main}/databases/neondb")).await;
    let revision = then.headers["x-offshoot-revision"].to_str().expect("a number").to_owned();
    let change = json!({ "database": { "name": "shop", "owner_name": "sally" } });
    project.ask("PATCH", &format!("{main}/databases/neondb"), change).await;
    let again = project.get(&format!("{main}/databases/neondb?at={revision}")).await;
    assert_eq!(again.body, then.body);
    let unborn = project.get(&format!("{main}/databases/shop?at={revision}")).await;
    unborn.is_refused(404, "DATABASE_NOT_FOUND");
    let listed = project.get(&format!("{main}/databases?at={revision}")).await.body;
    assert_eq!(listed["databases"][0], then.body["database"]);
}

#[tokio::test]
async fn a_branch_is_looked_at_under_the_name_that_it_had_and_after_its_end() {
    let project = TestProject::new().await;
    let dev = project.create_branch(json!({ "name": "dev" })).await;
    project.create_role(&dev, "sally").await;
    let then = project.get(&dev).await;
    let revision = then.headers["x-offshoot-revision"].to_str().expect("a number").to_owned();
    project.ask("PATCH", &dev, json!({ "branch": { "name": "qa" } })).await;
    assert_eq!(project.ask("DELETE", &dev, Value::Null).await.status, 200);
    project.get(&dev).await.is_refused(404, "BRANCH_NOT_FOUND");
    let again = project.get(&format!("{dev}?at={revision}")).await;
    assert_eq!(again.body, then.body);
    let roles = project.names_at(&dev, &revision).await;
    assert_eq!(roles, ["neondb_owner", "sally"]);
    let names = async |path: String| {
        let listed = project.get(&path).await.body;
        let branches = listed["branches"].as_array().expect("branches").clone();
        branches.into_iter().map(|branch| branch["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(format!("/branches?at={revision}&sort_by=name")).await, ["main", "dev"]);
    assert_eq!(names("/branches".into()).await, ["main"]);
    assert_eq!(names("/branches?at=1".into()).await, ["main"]);
}

#[tokio::test]
async fn before_its_birth_a_branch_has_what_its_source_had_and_nothing_after_the_cutoff() {
    let project = TestProject::new().await;
    let main = project.main();
    let first = project.create_role(&main, "first").await;
    let [before_first, at_first, _] = around(&first["created_at"]);
    let last = project.create_role(&main, "last").await;
    project.create_role(&main, "late").await;
    let child = project.create_branch(json!({ "parent_timestamp": last["created_at"] })).await;
    let born = project.get(&child).await.body["branch"]["created_at"].clone();
    let [before_birth, at_birth, _] = around(&born);
    let owner = ["neondb_owner"];
    assert_eq!(project.names_at(&child, &before_first).await, owner);
    assert_eq!(project.names_at(&child, &at_first).await, ["first", owner[0]]);
    for point in [before_birth.clone(), at_birth] {
        let names = project.names_at(&child, &point).await;
        assert_eq!(names, ["first", "last", owner[0]], "{point}");
    }
    // The branch itself was not there yet, and what was looked at says whose it is.
    project.get(&format!("{child}?at={before_birth}")).await.is_refused(404, "BRANCH_NOT_FOUND");
    let role = format!("{child}/roles/last");
    let secret = project.get(&format!("{role}/reveal_password?at={before_birth}")).await;
    secret.is_refused(404, "BRANCH_NOT_FOUND");
    let role = project.get(&format!("{role}?at={before_birth}")).await.body;
    assert_eq!(role["role"]["branch_id"], project.created["branch"]["id"]);
    let early = json!({ "parent_id": child.trim_start_matches("/branches/"),
        "parent_timestamp": before_birth });
    let early = project.ask("POST", "/branches", json!({ "branch": early })).await;
    early.is_refused(400, "WRONG_LSN_OR_TIMESTAMP");
}

#[tokio::test]
async fn a_branch_begins_and_is_restored_at_a_revision() {
    let project = TestProject::new().await;
    let main = project.main();
    let role = project.create_role(&main, "sally").await;
    let revision = role["origin"]["revision"].clone();
    project.create_role(&main, "late").await;
    let child = project.create_branch(json!({ "parent_revision": revision })).await;
    assert_eq!(project.role_names(&child).await, ["neondb_owner", "sally"]);
    let shown = project.get(&child).await.body["branch"].clone();
    assert_eq!(shown["parent_timestamp"], role["created_at"]);
    let id = project.created["branch"]["id"].clone();
    let back = json!({ "source_branch_id": id, "source_revision": 1 });
    let restored = project.ask("POST", &format!("{child}/restore"), back).await;
    assert_eq!(restored.status, 200, "{:#}", restored.body);
    assert_eq!(project.role_names(&child).await, ["neondb_owner"]);
    let early = json!({ "parent_id": shown["id"], "parent_revision": 1 });
    let early = project.ask("POST", "/branches", json!({ "branch": early })).await;
    early.is_refused(400, "WRONG_LSN_OR_TIMESTAMP");
    let late = json!({ "branch": { "parent_revision": 1_000_000 } });
    let late = project.ask("POST", "/branches", late).await;
    late.is_refused(400, "WRONG_LSN_OR_TIMESTAMP");
}

#[tokio::test]
async fn a_point_outside_the_history_is_refused_with_the_points_that_there_are() {
    let project = TestProject::new().await;
    let main = project.main();
    let created_at = project.created["branch"]["created_at"].as_str().expect("a time");
    for path in
        [format!("{main}/roles"), format!("{main}/databases"), main.clone(), "/branches".into()]
    {
        for (at, words) in [
            (
                "0",
                "revision 0 is outside the history of the project; it must lie between revision 1",
            ),
            ("1000000", "must lie between revision 1 and revision "),
            ("2001-01-01T00:00:00Z", &created_at[..19]),
            ("9000-01-01T00:00:00Z", &created_at[..19]),
            ("yesterday", "is not a time"),
            ("0/zz", "is not an LSN"),
        ] {
            let refused = project.get(&format!("{path}?at={at}")).await;
            refused.is_refused(400, "WRONG_LSN_OR_TIMESTAMP");
            let message = refused.body["message"].as_str().expect("a message");
            assert!(message.contains(words), "{path}?at={at}: {message}");
        }
    }
    let unknown = project.get(&format!("{main}/roles?at=0/1")).await;
    unknown.is_refused(400, "WRONG_LSN_OR_TIMESTAMP");
    let all = project.get("/branches?at=0/1").await;
    all.is_refused(400, "WRONG_LSN_OR_TIMESTAMP");
    assert!(all.body["message"].as_str().expect("a message").contains("one branch"));
    for at in ["1", "0/1"] {
        let nowhere = project.get(&format!("/branches/br-no-such-branch1/roles?at={at}")).await;
        nowhere.is_refused(404, "BRANCH_NOT_FOUND");
    }
}
