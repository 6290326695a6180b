//! Histories, the audit, and what a cutoff left out.

use serde_json::{Value, json};

use super::plane::TestProject;

impl TestProject {
    /// Returns the entries of a history, page by page.
    async fn entries(&self, path: &str, limit: usize) -> Vec<Value> {
        let separator = if path.contains('?') { '&' } else { '?' };
        let (mut entries, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = format!("{path}{separator}limit={limit}{cursor}");
            let answer = self.ask("GET", &page, Value::Null).await;
            assert_eq!(answer.status, 200, "{page}: {:#}", answer.body);
            let found = answer.body["entries"].as_array().expect("entries");
            assert!(found.len() <= limit, "{page}");
            entries.extend(found.clone());
            let Some(next) = answer.body["pagination"]["cursor"].as_str() else {
                assert_eq!(answer.body["end"], "beginning", "{:#}", answer.body);
                return entries;
            };
            cursor = format!("&cursor={next}");
        }
    }

    fn main_id(&self) -> Value {
        self.created["branch"]["id"].clone()
    }
}

fn told<'a>(entries: &'a [Value], field: &str) -> Vec<&'a str> {
    entries.iter().map(|entry| entry[field].as_str().unwrap_or("-")).collect()
}

/// Returns the changes of an entry as `attribute: before -> after`.
fn changes(entry: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let changes = entry["changes"].as_array().expect("changes").iter();
    changes
        .map(|change| {
            let of = change["role_name"].as_str().or(change["database_name"].as_str());
            let of = of.map(|name| format!("{name}.")).unwrap_or_default();
            let (before, after) = (text(&change["before"]), text(&change["after"]));
            format!("{of}{}: {before} -> {after}", text(&change["attribute"]))
        })
        .collect()
}

#[tokio::test]
async fn the_history_of_a_role_tells_who_did_what_and_never_a_secret() {
    let project = TestProject::new().await;
    let main = project.main();
    let created = project.create_role(&main, "sally").await;
    let role = format!("{main}/roles/sally");
    let reset = project.ask("POST", &format!("{role}/reset_password"), Value::Null).await;
    let expiry = json!({ "role": { "expires_at": "2030-01-01T00:00:00Z" } });
    project.ask("PATCH", &role, expiry).await;
    project.ask("DELETE", &role, Value::Null).await;
    project.create_role(&main, "sally").await;
    let entries = project.entries(&format!("{role}/history"), 100).await;
    let deeds = ["create_role", "delete_role", "update_role", "reset_role_password", "create_role"];
    assert_eq!(told(&entries, "action"), deeds);
    let expires = "2030-01-01T00:00:00.000000Z";
    assert_eq!(changes(&entries[4])[0], "name: - -> sally");
    assert_eq!(changes(&entries[3]), ["password: - -> -"]);
    assert_eq!(changes(&entries[2]), [format!("expires_at: - -> {expires}")]);
    assert_eq!(changes(&entries[1]).last(), Some(&format!("expires_at: {expires} -> -")));
    let asked = &entries[3];
    assert_eq!(asked["at"], reset.body["role"]["updated_at"]);
    assert_eq!(asked["operations"], reset.body["operations"]);
    let request = reset.headers["x-request-id"].to_str().expect("an id");
    let caller =
        json!({ "key_id": 0, "key": "admin", "request_id": request, "address": "192.0.2.7" });
    assert_eq!((&asked["caller"], &asked["role_name"]), (&caller, &json!("sally")));
    assert_eq!(entries[4]["revision"], created["origin"]["revision"]);
    let all = json!(entries).to_string();
    for secret in [&created["password"], &reset.body["role"]["password"], &json!("SCRAM")] {
        assert!(!all.contains(secret.as_str().expect("a secret")));
    }
    assert_eq!(project.entries(&format!("{role}/history"), 1).await, entries);
    let earlier = format!("{role}/history?at={}", entries[3]["revision"]);
    assert_eq!(project.entries(&earlier, 100).await, entries[3..]);
}

#[tokio::test]
async fn what_a_branch_was_born_with_has_the_history_of_where_it_comes_from() {
    let project = TestProject::new().await;
    let main = project.main();
    let role = project.create_role(&main, "sally").await;
    project.ask("POST", &format!("{main}/roles/sally/reset_password"), Value::Null).await;
    let child = project.create_branch(json!({ "parent_timestamp": role["created_at"] })).await;
    let id = child.trim_start_matches("/branches/");
    // A restore that changes nothing about the role is no event of it; one that does is.
    let back = |revision: &Value, name: &str| json!({ "source_branch_id": id, "source_revision": revision, "preserve_under_name": name });
    let born = project.entries(&format!("{child}/history"), 9).await[0]["revision"].clone();
    project.create_role(&child, "other").await;
    project.ask("POST", &format!("{child}/restore"), back(&born, "kept-1")).await;
    project.ask("POST", &format!("{child}/roles/sally/reset_password"), Value::Null).await;
    project.ask("POST", &format!("{child}/restore"), back(&born, "kept-2")).await;
    let entries = project.entries(&format!("{child}/roles/sally/history"), 2).await;
    let deeds = ["restore_branch", "reset_role_password", "create_branch", "create_role"];
    assert_eq!(told(&entries, "action"), deeds);
    let main_id = project.main_id();
    let branches = [id, id, id, main_id.as_str().expect("an id")];
    assert_eq!(told(&entries, "branch_id"), branches);
    assert_eq!(changes(&entries[0]), ["password: - -> -"]);
    assert_eq!(changes(&entries[2]), [""; 0], "it was inherited as it was");
    let other = project.entries(&format!("{child}/roles/other/history"), 2).await;
    assert_eq!(told(&other, "action"), ["restore_branch", "create_role"]);
    assert_eq!(changes(&other[0])[0], "name: other -> -");
    assert_eq!(
        project.entries(&format!("{child}/roles/nobody/history"), 9).await,
        [Value::Null; 0]
    );
}

#[tokio::test]
async fn the_history_of_a_branch_tells_all_that_is_about_it() {
    let project = TestProject::new().await;
    let main = project.main();
    let child = project.create_branch(json!({ "name": "dev" })).await;
    let id = child.trim_start_matches("/branches/");
    project.create_role(&main, "elsewhere").await;
    project.create_role(&child, "sally").await;
    let new = json!({ "database": { "name": "crm", "owner_name": "sally" } });
    project.ask("POST", &format!("{child}/databases"), new).await;
    let change = json!({ "database": { "name": "sales", "owner_name": "neondb_owner" } });
    project.ask("PATCH", &format!("{child}/databases/crm"), change).await;
    project.ask("PATCH", &child, json!({ "branch": { "name": "qa", "protected": true } })).await;
    project.ask("PATCH", &child, json!({ "branch": { "protected": false } })).await;
    let reset = json!({ "source_branch_id": project.main_id() });
    project.ask("POST", &format!("{child}/restore"), reset).await;
    project.ask("POST", &format!("{child}/set_as_default"), Value::Null).await;
    let entries = project.entries(&format!("{child}/history"), 3).await;
    let deeds = [
        "set_default_branch",
        "restore_branch",
        "update_branch",
        "update_branch",
        "update_database",
        "create_database",
        "create_role",
        "create_branch",
    ];
    assert_eq!(told(&entries, "action"), deeds);
    assert!(told(&entries, "branch_id").iter().all(|branch| *branch == id));
    assert_eq!(changes(&entries[0]), ["default: false -> true"]);
    let restored = changes(&entries[1]);
    for change in
        ["elsewhere.name: - -> elsewhere", "sally.name: sally -> -", "sales.name: sales -> -"]
    {
        assert!(restored.contains(&change.to_owned()), "{change}: {restored:#?}");
    }
    assert_eq!(changes(&entries[3]), ["name: dev -> qa", "protected: false -> true"]);
    assert_eq!(changes(&entries[4]), ["name: crm -> sales", "owner_name: sally -> neondb_owner"]);
    let inherited = project.entries(&format!("{child}/history?include=inherited"), 3).await;
    assert_eq!(told(&inherited, "action")[7..], ["create_branch", "create_project"]);
    let other = project.entries(&format!("{main}/history"), 100).await;
    assert_eq!(told(&other, "action"), ["set_default_branch", "create_role", "create_project"]);
    assert_eq!(changes(&other[0]), ["default: true -> false"]);
}

#[tokio::test]
async fn the_audit_finds_what_is_looked_for_and_the_branches_that_are_gone() {
    let project = TestProject::new().await;
    let main = project.main();
    let dev = project.create_branch(json!({ "name": "dev" })).await;
    let id = dev.trim_start_matches("/branches/");
    project.create_role(&main, "sally").await;
    let sally = project.create_role(&dev, "sally").await;
    let refused = project.ask("DELETE", &main, Value::Null).await;
    let gone = project.ask("DELETE", &dev, Value::Null).await;
    let request = |answer: &super::plane::Answer| {
        answer.headers["x-request-id"].to_str().expect("an id").to_owned()
    };
    let at = sally["created_at"].as_str().expect("a time");
    let all = project.entries("/audit", 100).await;
    let deeds = ["delete_branch", "create_role", "create_role", "create_branch", "create_project"];
    assert_eq!(told(&all, "action"), deeds);
    for (filter, expected) in [
        (String::new(), &[0, 1, 2, 3, 4][..]),
        (format!("branch_id={id}"), &[0, 1, 3]),
        (format!("branch_id={id}&role_name=sally"), &[1]),
        ("role_name=sally".into(), &[1, 2]),
        ("action=create_role,delete_branch".into(), &[0, 1, 2]),
        ("action=create_branch&action=create_project".into(), &[3, 4]),
        ("action=record_pass".into(), &[]),
        ("key_id=0".into(), &[0, 1, 2, 3, 4]),
        ("key_id=2".into(), &[]),
        (format!("request_id={}", request(&gone)), &[0]),
        (format!("request_id={}", request(&refused)), &[]),
        (format!("since={at}"), &[0, 1]),
        (format!("until={at}"), &[1, 2, 3, 4]),
        (format!("since={at}&until={at}"), &[1]),
        ("until=2001-01-01T00:00:00Z".into(), &[]),
        ("since=9000-01-01T00:00:00Z".into(), &[]),
    ] {
        let expected: Vec<_> = expected.iter().map(|index: &usize| all[*index].clone()).collect();
        for limit in [1, 100] {
            let found = project.entries(&format!("/audit?{filter}"), limit).await;
            assert_eq!(told(&found, "revision"), told(&expected, "revision"));
            assert_eq!(found, expected, "{filter}");
        }
    }
    let then = format!("{dev}/history?at={}", sally["origin"]["revision"]);
    assert_eq!(told(&project.entries(&then, 9).await, "action"), ["create_role", "create_branch"]);
    let now = project.ask("GET", &format!("{dev}/history"), Value::Null).await;
    now.is_refused(404, "BRANCH_NOT_FOUND");
}

#[tokio::test]
async fn a_history_that_nobody_can_tell_is_refused() {
    let project = TestProject::new().await;
    let main = project.main();
    let far = "eyJicmFuY2hfaWQiOiJici1hIiwicmV2aXNpb24iOjk5OTk5fQ";
    for (path, words) in [
        (format!("{main}/history?limit=0"), "`limit` must be a number from 1 to 100"),
        (format!("{main}/history?limit=101"), "`limit` must be a number from 1 to 100"),
        (format!("{main}/history?cursor=x"), "`cursor` is not one that a page ended with"),
        (format!("{main}/history?include=all"), "`include` must be `passes`, `inherited` or both"),
        (format!("{main}/roles/sally/history?cursor=e30"), "`cursor` is not one"),
        ("/audit?cursor=x".into(), "`cursor` is not one that a page ended with"),
        ("/audit?action=rename_role".into(), "`action` must be among create_project, "),
        ("/audit?key_id=admin".into(), "`key_id` must be the number of a key"),
        ("/audit?request_id=7".into(), "`request_id` must be a UUID"),
        ("/audit?branch_id=main".into(), "`branch_id` must be the id of a branch"),
    ] {
        let refused = project.ask("GET", &path, Value::Null).await;
        refused.is_refused(400, "INVALID_REQUEST");
        let message = refused.body["message"].as_str().expect("a message");
        assert!(message.contains(words), "{path}: {message}");
    }
    for path in [
        format!("{main}/history?cursor={far}"),
        format!("{main}/roles/sally/history?at=yesterday"),
        "/audit?since=yesterday".into(),
    ] {
        let refused = project.ask("GET", &path, Value::Null).await;
        refused.is_refused(400, "WRONG_LSN_OR_TIMESTAMP");
    }
}

#[tokio::test]
async fn the_answer_to_a_branch_s_creation_tells_what_the_cutoff_left_out_and_why() {
    let project = TestProject::new().await;
    let main = project.main();
    for name in ["dropped", "kept", "reset"] {
        project.create_role(&main, name).await;
    }
    let cutoff = project.create_role(&main, "last").await;
    let late = project.create_role(&main, "late").await;
    let path = format!("{main}/roles/reset/reset_password");
    let reset = project.ask("POST", &path, Value::Null).await.body["role"].clone();
    let dropped = project.ask("DELETE", &format!("{main}/roles/dropped"), Value::Null).await;
    let change = json!({ "database": { "owner_name": "kept" } });
    project.ask("PATCH", &format!("{main}/databases/neondb"), change).await;
    let new = json!({ "branch": { "parent_timestamp": cutoff["created_at"] } });
    let created = project.ask("POST", "/branches", new).await;
    let left_out = &created.body["left_out"];
    let roles = json!([
        { "name": "dropped", "why": "dropped_after_cutoff", "origin": dropped.body["role"]["origin"] },
        { "name": "late", "why": "created_after_cutoff", "origin": late["origin"] },
        { "name": "reset", "why": "changed_after_cutoff", "origin": reset["origin"] },
    ]);
    assert_eq!(left_out["roles"], roles);
    assert_eq!(left_out["databases"][0]["why"], "changed_after_cutoff");
    assert_eq!(left_out["databases"][0]["name"], "neondb");
    assert_eq!(left_out["source_branch_id"], project.main_id());
    assert_eq!(left_out["cutoff"], cutoff["origin"]["revision"]);
    assert_eq!(left_out["truncated"], false);
    let child = format!("/branches/{}", created.body["branch"]["id"].as_str().expect("an id"));
    let explained = project.ask("GET", &format!("{child}/roles?explain=true"), Value::Null).await;
    assert_eq!(explained.body["left_out"]["roles"], roles);
    assert_eq!(explained.body["left_out"].get("databases"), None);
    let path = format!("{child}/databases?explain=True");
    let databases = project.ask("GET", &path, Value::Null).await.body;
    assert_eq!(databases["left_out"]["databases"], left_out["databases"]);
    let plain = project.ask("GET", &format!("{child}/roles"), Value::Null).await.body;
    assert_eq!(plain.get("left_out"), None);
    // What the branch has of its own is nothing that it lacks.
    project.create_role(&child, "late").await;
    project.ask("DELETE", &format!("{child}/roles/dropped"), Value::Null).await;
    let explained = project.ask("GET", &format!("{child}/roles?explain=true"), Value::Null).await;
    assert_eq!(explained.body["left_out"]["roles"], json!([roles[2]]));
    let root = project.ask("GET", &format!("{main}/roles?explain=true"), Value::Null).await.body;
    assert_eq!(root.get("left_out"), None, "{root:#}");
    let whole = project.ask("POST", "/branches", Value::Null).await.body;
    assert_eq!(whole["left_out"]["roles"], json!([]));
}

#[tokio::test]
async fn what_was_left_out_is_listed_up_to_a_bound() {
    let project = TestProject::new().await;
    let main = project.main();
    let cutoff = project.create_role(&main, "first").await["created_at"].clone();
    for number in 0..101 {
        let body = json!({ "role": { "name": format!("r{number:03}"), "no_login": true } });
        project.ask("POST", &format!("{main}/roles"), body).await;
    }
    let new = json!({ "branch": { "parent_timestamp": cutoff } });
    let left_out = project.ask("POST", "/branches", new).await.body["left_out"].clone();
    assert_eq!(left_out["roles"].as_array().map(Vec::len), Some(100));
    assert_eq!(left_out["truncated"], true);
}
