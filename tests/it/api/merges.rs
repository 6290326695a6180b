//! Merges and differences, as clients ask for them.

use serde_json::{Value, json};

use super::plane::{Answer, TestProject};

fn id(branch: &str) -> &str {
    branch.trim_start_matches("/branches/")
}

async fn merge(project: &TestProject, source: &str, into: &str, mut body: Value) -> Answer {
    body["into"] = json!(id(into));
    project.ask("POST", &format!("{source}/merge"), body).await
}

/// Returns what an answer says was applied, a line each.
fn applied(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{:#}", answer.body);
    let lines = answer.body["applied"].as_array().expect("a list").iter().map(|change| {
        let text = |field: &str| change[field].as_str().expect("a text").to_owned();
        let attributes = change["attributes"].as_array().expect("a list").iter();
        let attributes: Vec<_> = attributes
            .map(|change| change["attribute"].as_str().expect("a name").to_owned())
            .collect();
        let attributes = attributes.join(" ");
        format!("{} {} {}: {attributes}", text("change"), text("kind"), text("name"))
    });
    lines.collect()
}

async fn create_database(project: &TestProject, branch: &str, name: &str, owner: &str) -> Value {
    let body = json!({ "database": { "name": name, "owner_name": owner } });
    let created = project.ask("POST", &format!("{branch}/databases"), body).await;
    assert_eq!(created.status, 201, "{:#}", created.body);
    created.body["database"].clone()
}

async fn password(project: &TestProject, branch: &str, role: &str) -> Value {
    let path = format!("{branch}/roles/{role}/reveal_password");
    project.ask("GET", &path, Value::Null).await.body["password"].clone()
}

async fn reset(project: &TestProject, branch: &str, role: &str) -> Value {
    let path = format!("{branch}/roles/{role}/reset_password");
    let answer = project.ask("POST", &path, Value::Null).await;
    assert_eq!(answer.status, 200, "{:#}", answer.body);
    answer.body["role"]["password"].clone()
}

#[tokio::test]
async fn a_branch_is_merged_into_its_parent_once_and_a_dry_run_foretells_it() {
    let project = TestProject::new().await;
    let main = project.main();
    project.create_role(&main, "gone").await;
    let preview = project.create_branch(json!({ "name": "preview" })).await;
    let sally = project.create_role(&preview, "sally").await;
    let shop = create_database(&project, &preview, "shop", "sally").await;
    project.ask("DELETE", &format!("{preview}/roles/gone"), Value::Null).await;

    let foretold = merge(&project, &preview, &main, json!({ "dry_run": true })).await;
    assert_eq!(
        applied(&foretold),
        [
            "removed role gone: name authentication_method password",
            "added role sally: name authentication_method password",
            "added database shop: name owner_name",
        ]
    );
    assert_eq!(
        (&foretold.body["dry_run"], &foretold.body["operations"]),
        (&json!(true), &json!([]))
    );
    assert_eq!(project.role_names(&main).await, ["gone", "neondb_owner"]);

    let merged = merge(&project, &preview, &main, json!({})).await;
    assert_eq!(applied(&merged), applied(&foretold));
    assert_eq!(merged.body["conflicts"], json!([]));
    assert_eq!(merged.body["branch"]["id"], id(&main));
    assert_eq!(merged.body["operations"][0]["action"], "apply_config");
    assert_eq!(merged.body["operations"][0]["branch_id"], id(&main));
    assert!(!merged.body.to_string().contains("npg_"), "a merge shows no password");
    assert_eq!(project.role_names(&main).await, ["neondb_owner", "sally"]);
    assert_eq!(password(&project, &main, "sally").await, sally["password"]);
    let found = project.ask("GET", &format!("{main}/databases/shop"), Value::Null).await;
    assert_eq!(found.body["database"]["id"], shop["id"], "a database keeps its id");

    let again = merge(&project, &preview, &main, json!({})).await;
    assert_eq!((applied(&again), &again.body["operations"]), (vec![], &json!([])));
}

#[tokio::test]
async fn what_both_branches_changed_is_a_conflict_until_a_side_is_named() {
    let project = TestProject::new().await;
    let main = project.main();
    project.create_role(&main, "sally").await;
    project.create_role(&main, "bob").await;
    let preview = project.create_branch(json!({ "name": "preview" })).await;
    project.create_role(&preview, "new").await;
    let theirs = reset(&project, &preview, "sally").await;
    let ours = reset(&project, &main, "sally").await;
    reset(&project, &preview, "bob").await;
    project.ask("DELETE", &format!("{main}/roles/bob"), Value::Null).await;

    let refused = merge(&project, &preview, &main, json!({})).await;
    refused.is_refused(409, "MERGE_CONFLICT");
    let conflicts = &refused.body["conflicts"];
    let why = |place: usize| [&conflicts[place]["name"], &conflicts[place]["why"]];
    assert_eq!(why(0), [&json!("bob"), &json!("removed_in_target")]);
    assert_eq!(why(1), [&json!("sally"), &json!("both_changed")]);
    assert_eq!(conflicts[1]["attributes"], json!(["password"]));
    assert_eq!(conflicts[1]["take"], json!(["source", "target"]));
    assert!(conflicts[0].get("target").is_none() && conflicts[0]["base"]["name"] == "bob");
    assert!(!refused.body.to_string().contains("npg_"), "a conflict shows no password");
    assert_eq!(project.role_names(&main).await, ["neondb_owner", "sally"], "all or nothing");
    assert_eq!(password(&project, &main, "sally").await, ours);
    let foretold = merge(&project, &preview, &main, json!({ "dry_run": true })).await;
    assert_eq!((foretold.status, &foretold.body["conflicts"]), (200, conflicts));

    let choice = json!({ "kind": "role", "name": "sally", "take": "source" });
    let half = merge(&project, &preview, &main, json!({ "resolve": [choice.clone()] })).await;
    half.is_refused(409, "MERGE_CONFLICT");
    assert_eq!(half.body["conflicts"].as_array().map(Vec::len), Some(1));
    let chosen = json!({ "resolve": [choice], "default": "target" });
    let merged = merge(&project, &preview, &main, chosen).await;
    assert_eq!(applied(&merged).len(), 2, "{:#}", merged.body);
    assert_eq!(project.role_names(&main).await, ["neondb_owner", "new", "sally"]);
    assert_eq!(password(&project, &main, "sally").await, theirs);
    assert_eq!(merge(&project, &preview, &main, json!({})).await.status, 200, "it is decided");
}

#[tokio::test]
async fn the_passwords_of_a_preview_never_reach_production_and_production_s_never_the_preview() {
    let project = TestProject::new().await;
    let main = project.main();
    project.create_role(&main, "sally").await;
    project.ask("PATCH", &main, json!({ "branch": { "protected": true } })).await;
    let preview = project.create_branch(json!({ "name": "preview" })).await;
    let (ours, theirs) =
        (password(&project, &main, "sally").await, password(&project, &preview, "sally").await);
    assert_ne!(ours, theirs);
    project.create_role(&main, "late").await;
    let newer = reset(&project, &main, "sally").await;

    let updated = merge(&project, &main, &preview, json!({})).await;
    assert_eq!(applied(&updated), ["added role late: name authentication_method password"]);
    assert_eq!(password(&project, &preview, "sally").await, theirs);
    let late = password(&project, &preview, "late").await;
    assert!(late.is_string() && late != password(&project, &main, "late").await, "{late}");
    let back = merge(&project, &preview, &main, json!({})).await;
    assert_eq!(applied(&back), Vec::<String>::new());
    assert_eq!(password(&project, &main, "sally").await, newer);

    let on_purpose = reset(&project, &preview, "sally").await;
    let merged = merge(&project, &preview, &main, json!({})).await;
    assert_eq!(applied(&merged), ["changed role sally: password"]);
    assert_eq!(password(&project, &main, "sally").await, on_purpose);
}

#[tokio::test]
async fn a_difference_tells_what_differs_and_never_a_password() {
    let project = TestProject::new().await;
    let main = project.main();
    project.create_role(&main, "gone").await;
    let before = project.create_role(&main, "sally").await["origin"]["revision"].clone();
    let preview = project.create_branch(json!({ "name": "preview" })).await;
    project.create_role(&preview, "new").await;
    project.ask("DELETE", &format!("{preview}/roles/gone"), Value::Null).await;
    reset(&project, &preview, "sally").await;
    create_database(&project, &preview, "shop", "sally").await;

    let diff = project.ask("GET", &format!("{preview}/roles/diff"), Value::Null).await;
    assert_eq!(diff.status, 200, "{:#}", diff.body);
    let of = |place: usize| {
        let found = &diff.body["differences"][place];
        [&found["name"], &found["change"], &found["same_password"]].map(Clone::clone)
    };
    assert_eq!(of(0), [json!("gone"), json!("removed"), Value::Null]);
    assert_eq!(of(1), [json!("new"), json!("added"), Value::Null]);
    assert_eq!(of(2), [json!("sally"), json!("changed"), json!(false)]);
    assert_eq!(diff.body["differences"][2]["attributes"], json!([{ "attribute": "password" }]));
    assert_eq!(diff.body["base"]["branch_id"], id(&main));
    assert!(!diff.body.to_string().contains("npg_"));

    let page = format!("{preview}/roles/diff?limit=2&base={}", id(&main));
    let first = project.ask("GET", &page, Value::Null).await.body;
    let cursor = first["pagination"]["cursor"].as_str().expect("a cursor");
    let second = project.ask("GET", &format!("{page}&cursor={cursor}"), Value::Null).await.body;
    assert_eq!(second["differences"], json!([diff.body["differences"][2]]));
    assert!(second.get("pagination").is_none());

    let databases = project.ask("GET", &format!("{preview}/databases/diff"), Value::Null).await;
    let found = &databases.body["differences"][0];
    assert_eq!([&found["name"], &found["change"]], [&json!("shop"), &json!("added")]);
    let then = format!("{main}/roles/diff?base={}&base_at={before}&at={before}", id(&main));
    let same = project.ask("GET", &then, Value::Null).await;
    assert_eq!((same.status, &same.body["differences"]), (200, &json!([])), "{:#}", same.body);
    let own = format!("{main}/roles/diff?base={}&base_at={}", id(&main), 1);
    let own = project.ask("GET", &own, Value::Null).await.body;
    assert_eq!(own["differences"].as_array().map(Vec::len), Some(2), "{own:#}");
    let root = project.ask("GET", &format!("{main}/roles/diff"), Value::Null).await;
    root.is_refused(400, "INVALID_REQUEST");
}

#[tokio::test]
async fn a_role_that_is_called_diff_is_a_role_like_others() {
    let project = TestProject::new().await;
    let main = project.main();
    let created = project.create_role(&main, "diff").await;
    let shown = project.ask("GET", &format!("{main}/roles/%64iff"), Value::Null).await;
    assert_eq!((shown.status, &shown.body["role"]["name"]), (200, &created["name"]));
    let reset = reset(&project, &main, "diff").await;
    assert_eq!(password(&project, &main, "diff").await, reset);
    let deleted = project.ask("DELETE", &format!("{main}/roles/diff"), Value::Null).await;
    assert_eq!(deleted.status, 200, "{:#}", deleted.body);
    assert_eq!(project.role_names(&main).await, ["neondb_owner"]);
}
