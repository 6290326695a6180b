//! Going back: a branch becomes its parent, its own past or another branch, and its Postgres
//! follows.

use serde_json::{Value, json};

use super::support::branch::{Branch, password};
use super::support::session::{ask, login, refused, who};
use super::support::{OWNER, Server};

#[tokio::test]
async fn a_reset_brings_what_the_parent_has_and_takes_the_rest() {
    let server = Server::start();
    let main = server.create_project().await.main;
    let first = password(&main.add_role("a").await);
    let child = main.branch_off(json!({ "name": "child" })).await;
    let uri = child.connection_uri(OWNER).await;
    let kept = child.login(OWNER).await.expect("a session");
    let second = main.reset_password("a").await;
    let of_b = password(&main.add_role("b").await);
    let of_c = password(&child.add_role("c").await);
    let own = child.reset_password("a").await;

    let answer = child.restore(json!({ "source_branch_id": main.id })).await;
    assert_eq!(answer["branch"]["id"], child.id);
    assert_eq!(answer["branch"]["parent_id"], main.id);
    assert_eq!(answer["branch"]["restored_from"], main.id);
    assert_eq!(answer["branch"]["last_reset_at"], answer["branch"]["updated_at"]);
    assert_eq!(child.role_names().await, ["a", "b", OWNER, "web_access"]);
    opens(&child, "a", &second).await;
    opens(&child, "b", &of_b).await;
    for (role, password) in [("a", &first), ("a", &own), ("c", &of_c)] {
        refused(child.login_with(role, password).await);
    }
    assert!(!child.has_in_postgres("c").await);
    assert_eq!(child.connection_uri(OWNER).await, uri, "the connection string stays");
    assert_eq!(child.endpoint().await["id"].as_str(), child.endpoint.as_deref());
    assert_eq!(who(&kept).await, OWNER, "nobody is cut off");
    opens(&main, "a", &second).await;
}

#[tokio::test]
async fn a_branch_goes_back_to_its_past_and_from_there_again_to_its_present() {
    let server = Server::start();
    let main = server.create_project().await.main;
    let a = [password(&main.add_role("a").await), main.reset_password("a").await];
    let b = password(&main.add_role("b").await);
    add_database(&main, "shop").await;
    let then = main.changed_at().await;
    let child = main.branch_off(json!({ "name": "child" })).await;
    let later = main.reset_password("a").await;
    main.delete_role("b").await;
    let other_b = password(&main.add_role("b").await);
    let c = password(&main.add_role("c").await);
    main.finish(&main.api.delete(&main.path("/databases/shop")).await.expect(200)).await;
    add_database(&main, "store").await;
    let uri = main.connection_uri(OWNER).await;

    let wish = json!({ "source_branch_id": main.id, "source_timestamp": then });
    let message = main.api.post(&main.path("/restore"), &wish).await;
    let message = message.refused(400, "INVALID_REQUEST");
    assert!(message.contains("give preserve_under_name"), "{message}");
    let mut wish = wish;
    wish["preserve_under_name"] = json!("present");
    let answer = main.restore(wish).await;
    assert_eq!(answer["branch"].get("parent_id"), None, "a root stays one");
    assert_eq!(main.role_names().await, ["a", "b", OWNER, "web_access"]);
    assert_eq!(databases(&main).await, ["neondb", "shop"]);
    opens(&main, "a", &a[1]).await;
    opens(&main, "b", &b).await;
    for (role, password) in [("a", &a[0]), ("a", &later), ("b", &other_b), ("c", &c)] {
        refused(main.login_with(role, password).await);
    }
    assert_eq!(main.connection_uri(OWNER).await, uri, "the connection string stays");

    let present = named(&main, "present").await;
    assert_eq!(present.role_names().await, ["a", "b", "c", OWNER, "web_access"]);
    assert_eq!(present.shown().await.get("parent_id"), None, "it takes the old place");
    assert_eq!(child.shown().await["parent_id"], present.id);
    opens(&child, "b", &b).await;

    // Undoing is another restore.
    main.restore(json!({ "source_branch_id": present.id })).await;
    assert_eq!(databases(&main).await, ["neondb", "store"]);
    opens(&main, "a", &later).await;
    opens(&main, "b", &other_b).await;
    opens(&main, "c", &c).await;
    for (role, password) in [("a", &a[1]), ("b", &b)] {
        refused(main.login_with(role, password).await);
    }
}

#[tokio::test]
async fn a_suspended_branch_goes_back_and_sleeps_again() {
    let server = Server::start();
    let main = server.create_project().await.main;
    let child = main.branch_off(json!({ "name": "child" })).await;
    let of_c = password(&child.add_role("c").await);
    child.suspend().await;
    let answer = child.restore(json!({ "source_branch_id": main.id })).await;
    assert_eq!(actions(&answer), ["create_branch", "apply_config", "suspend_compute"]);
    assert_eq!(server.home.postmaster(&child.id), None, "it is down afterwards");
    let answer = child.api.post_nothing(&child.endpoint_path("/start")).await.expect(200);
    child.finish(&answer).await;
    refused(child.login_with("c", &of_c).await);
    opens(&child, OWNER, &main.reveal_password(OWNER).await).await;
}

#[tokio::test]
async fn a_branch_can_go_back_while_its_postgres_starts_for_the_first_time() {
    let server = Server::start();
    let main = server.create_project().await.main;
    let before = main.changed_at().await;
    let of_a = password(&main.add_role("a").await);
    let (child, born) = main.begin_child(json!({ "name": "child" })).await;
    let wish = json!({ "source_branch_id": main.id, "source_timestamp": before });
    let answer = child.restore(wish).await;
    child.finish(&born).await;
    assert_eq!(actions(&answer), ["create_branch", "apply_config"]);
    refused(child.login_with("a", &of_a).await);
    assert!(!child.has_in_postgres("a").await);
    child.restore(json!({ "source_branch_id": main.id })).await;
    opens(&child, "a", &of_a).await;
}

async fn opens(branch: &Branch, role: &str, password: &str) {
    let session = branch.login_with(role, password).await.expect("a session");
    assert_eq!(who(&session).await, role);
}

async fn add_database(branch: &Branch, name: &str) {
    let body = json!({ "database": { "name": name, "owner_name": OWNER } });
    branch.finish(&branch.api.post(&branch.path("/databases"), &body).await.expect(201)).await;
}

/// Returns the databases that the branch's Postgres has, by asking each whether it takes sessions.
async fn databases(branch: &Branch) -> Vec<&'static str> {
    let uri = branch.connection_uri(OWNER).await;
    let mut found = Vec::new();
    for name in ["neondb", "shop", "store"] {
        if let Ok(session) = login(&uri.replace("/neondb", &format!("/{name}"))).await {
            assert_eq!(ask(&session, "SELECT current_database()::text").await, name);
            found.push(name);
        }
    }
    found
}

async fn named(like: &Branch, name: &str) -> Branch {
    let listed = like.api.get(&format!("/projects/{}/branches", like.project)).await.expect(200);
    let branches = listed["branches"].as_array().expect("a list").iter();
    let mut ids = branches.filter(|branch| branch["name"] == name).map(|branch| &branch["id"]);
    let id = ids.next().and_then(Value::as_str).expect("a branch of that name").to_owned();
    Branch { id, endpoint: None, ..like.clone() }
}

fn actions(answer: &Value) -> Vec<&str> {
    let operations = answer["operations"].as_array().expect("a list").iter();
    operations.map(|operation| operation["action"].as_str().expect("a word")).collect()
}
