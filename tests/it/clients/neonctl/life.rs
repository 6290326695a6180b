//! The life of a project, as somebody types it.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

use super::{FORMS, Terminal, back, text};

#[tokio::test(flavor = "multi_thread")]
async fn neonctl_leads_a_project_through_its_life() {
    let Some(mut terminal) = Terminal::open().await else { return };
    let id = projects(&mut terminal).await;
    let before = roles(&mut terminal, &id).await;
    branches(&mut terminal, &id, &before).await;
    databases(&mut terminal, &id).await;
    back::lead(&mut terminal, &id, &before).await;
    connections(&mut terminal, &id).await;
    operations(&mut terminal, &id).await;
    end(&mut terminal, &id).await;
    terminal.report.check("neonctl.md");
    insta::assert_snapshot!("neonctl", terminal.transcript.text());
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|item| text(item, "/name")).collect()
}

async fn projects(terminal: &mut Terminal) -> String {
    let created = terminal.json(&["projects", "create", "--name", "shop"]).await;
    let id = text(&created, "/project/id").to_owned();
    terminal.stage.settle().await;
    let uri = text(&created, "/connection_uris/0/connection_uri");
    assert_eq!(terminal.logged_in(uri).await, "neondb_owner in neondb");
    let listed = terminal.each(&["projects", "list"]).await;
    assert_eq!(names(&listed["projects"]), ["shop"]);
    terminal.each(&["projects", "get", &id]).await;
    for (name, form) in [("second", "yaml"), ("third", "table")] {
        terminal.ok(&["projects", "create", "--name", name, "-o", form]).await;
        terminal.stage.settle().await;
        let other = terminal.stage.project_named(name).await;
        terminal.ok(&["projects", "delete", &other, "-o", form]).await;
    }
    let names = [&["--name", "Shop"][..], &["--name", "SHOP"], &["--name", "shop"]];
    terminal.by_forms(&["projects", "update", &id], names, &[]).await;
    terminal.refused(&["projects", "get", "no-such-12345678"]).await;
    // What is deleted is gone.
    terminal.each(&["projects", "list", "--recoverable-only"]).await;
    let gone = terminal.stage.project_named("shop").await.replace(char::is_numeric, "1");
    terminal.refused(&["projects", "recover", &gone]).await;
    id
}

/// Creates roles, and returns a time before the last of them was there.
async fn roles(terminal: &mut Terminal, id: &str) -> String {
    let of_main = ["--project-id", id, "--branch", "main"];
    for (form, name) in FORMS.iter().zip(["sally", "bob", "we ird/n@me"]) {
        let create = ["roles", "create", "--name", name, "-o", form];
        terminal.ok(&[&create[..], &of_main].concat()).await;
    }
    terminal.refused(&[&["roles", "create", "--name", "sally"][..], &of_main].concat()).await;
    let last = [&["roles", "create", "--name", "late"][..], &of_main].concat();
    let listed = terminal.each(&[&["roles", "list"][..], &of_main].concat()).await;
    assert_eq!(names(&listed), ["bob", "neondb_owner", "sally", "we ird/n@me"]);
    let newest = listed.as_array().expect("a list").iter().map(|role| text(role, "/created_at"));
    let before = until_the_next_millisecond(newest.max().expect("a role"));
    terminal.json(&last).await;
    let create = [&["roles", "create", "--name", "brief"][..], &of_main].concat();
    terminal.json(&create).await;
    let names = [&["we ird/n@me"][..], &["bob"], &["brief"]];
    terminal.by_forms(&["roles", "delete"], names, &of_main).await;
    terminal.refused(&[&["roles", "delete", "neondb_owner"][..], &of_main].concat()).await;
    terminal.stage.settle().await;
    before
}

/// neonctl takes a time for one only if it has whole seconds or milliseconds.
pub fn until_the_next_millisecond(time: &str) -> String {
    let time: DateTime<Utc> = time.parse().expect("a time");
    let millis = DateTime::from_timestamp_millis(time.timestamp_millis() + 1);
    millis.expect("a time").to_rfc3339_opts(SecondsFormat::Millis, true)
}

async fn branches(terminal: &mut Terminal, id: &str, before: &str) {
    let of = ["--project-id", id];
    let create = |name, rest: &[&'static str]| {
        [&["branches", "create", "--name", name][..], &of, rest]
            .concat()
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    for (name, rest) in [
        ("dev", &["-o", "json"][..]),
        ("idle", &["--no-compute", "-o", "yaml"]),
        ("of-main", &["--parent", "main", "--no-compute", "-o", "table"]),
    ] {
        let args = create(name, rest);
        terminal.ok(&args.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
    // A branch from before the last role was there.
    let past = [&["branches", "create", "--name", "past", "--parent", before][..], &of].concat();
    terminal.json(&past).await;
    terminal.stage.settle().await;
    let roles = ["roles", "list", "--project-id", id, "--branch"];
    let listed = terminal.each(&[&roles[..], &["past"]].concat()).await;
    assert_eq!(names(&listed), ["bob", "neondb_owner", "sally", "we ird/n@me"]);
    let listed = terminal.json(&[&roles[..], &["dev"]].concat()).await;
    assert_eq!(names(&listed), ["late", "neondb_owner", "sally"]);

    terminal.each(&[&["branches", "list"][..], &of].concat()).await;
    terminal.each(&[&["branches", "get", "dev"][..], &of].concat()).await;
    terminal.refused(&[&["branches", "get", "no-such"][..], &of].concat()).await;
    let names = [&["idle", "asleep"][..], &["asleep", "dreaming"], &["dreaming", "awake"]];
    terminal.by_forms(&["branches", "rename"], names, &of).await;
    let bare = create("bare", &["--no-compute", "-o", "json"]);
    terminal.ok(&bare.iter().map(String::as_str).collect::<Vec<_>>()).await;
    terminal.refused(&[&["branches", "add-compute", "awake"][..], &of].concat()).await;
    let computeless = [&["awake"][..], &["of-main"], &["bare"]];
    let read_write = [&of[..], &["--type", "read_write"]].concat();
    terminal.by_forms(&["branches", "add-compute"], computeless, &read_write).await;
    terminal.refused(&[&["branches", "create", "--name", "dev"][..], &of].concat()).await;
    let schema_only = ["branches", "create", "--name", "x", "--schema-only"];
    terminal.refused(&[&schema_only[..], &of].concat()).await;
    terminal.json(&[&["branches", "delete", "of-main"][..], &of].concat()).await;
    terminal.refused(&[&["branches", "delete", "main"][..], &of].concat()).await;
    terminal.stage.settle().await;
}

async fn databases(terminal: &mut Terminal, id: &str) {
    let of_past = ["--project-id", id, "--branch", "past"];
    let owner = ["--owner-name", "sally"];
    for (form, name) in FORMS.iter().zip(["orders", "stock", "a b/c"]) {
        let create = ["databases", "create", "--name", name, "-o", form];
        terminal.ok(&[&create[..], &owner, &of_past].concat()).await;
    }
    let listed = terminal.each(&[&["databases", "list"][..], &of_past].concat()).await;
    assert_eq!(names(&listed), ["a b/c", "neondb", "orders", "stock"]);
    for (form, name) in FORMS.iter().zip(["orders", "stock", "a b/c"]) {
        terminal.ok(&[&["databases", "delete", name, "-o", form][..], &of_past].concat()).await;
    }
    // Without an owner's name it takes the only role, and there are several.
    terminal.refused(&[&["databases", "create", "--name", "x"][..], &of_past].concat()).await;
    terminal.stage.settle().await;
}

async fn connections(terminal: &mut Terminal, id: &str) {
    let of = ["--project-id", id, "--role-name"];
    for branch in ["main", "dev", "past"] {
        let printed = [&["connection-string", branch][..], &of, &["sally"]].concat();
        let printed = terminal.ok(&printed).await;
        assert!(printed.contains("sslmode=require&channel_binding=require"), "{printed}");
        assert_eq!(terminal.logged_in(&printed).await, "sally in neondb");
        let pooled = [&["connection-string", branch, "--pooled"][..], &of, &["sally"]].concat();
        assert_eq!(terminal.ok(&pooled).await, printed, "there is no pooler");
    }
    let owner = [&of[..], &["neondb_owner"]].concat();
    terminal.each(&[&["connection-string", "dev", "--extended"][..], &owner].concat()).await;
    terminal.ok(&[&["connection-string", "dev", "--prisma"][..], &owner].concat()).await;
    terminal.refused(&[&["connection-string", "no-such"][..], &owner].concat()).await;
    terminal.refused(&["connection-string", "dev", "--project-id", id]).await;
    let nobody = [&["connection-string", "dev"][..], &of, &["nobody"]].concat();
    terminal.refused(&nobody).await;
    let psql = ["--", "-XAtqc", "SELECT session_user"];
    let printed = terminal.ok(&[&["psql", "dev"][..], &owner, &psql].concat()).await;
    assert_eq!(printed.trim(), "neondb_owner");
    // Who asks for the past is not connected to the head.
    let past = [&["connection-string", "main@2024-01-01T00:00:00Z"][..], &owner].concat();
    let past = terminal.ok(&past).await;
    let words = terminal.refused_login(&past).await;
    assert!(words.contains("neon_timestamp"), "{words}");
}

async fn operations(terminal: &mut Terminal, id: &str) {
    let listed = terminal.each(&["operations", "list", "--project-id", id]).await;
    let listed = listed.as_array().expect("a list");
    assert!(listed.iter().all(|operation| operation["status"] == "finished"), "{listed:#?}");
    assert_eq!(text(&listed[listed.len() - 1], "/action"), "create_timeline", "newest first");
}

async fn end(terminal: &mut Terminal, id: &str) {
    let of = ["--project-id", id];
    let names = [&["past"][..], &["dev"], &["awake"]];
    terminal.by_forms(&["branches", "delete"], names, &of).await;
    for branch in ["dev_old", "bare"] {
        terminal.json(&[&["branches", "delete", branch][..], &of].concat()).await;
    }
    let deleted = terminal.json(&["projects", "delete", id]).await;
    assert_eq!(text(&deleted, "/id"), id);
    let listed = terminal.json(&["projects", "list"]).await;
    assert_eq!(listed["projects"], serde_json::json!([]));
}
