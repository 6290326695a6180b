//! What stands around a project, as somebody types it: who they are, keys, lists of addresses, and
//! the directory in which they work.

use std::fs;

use serde_json::json;

use super::{FORMS, Terminal, text};

/// The organization.
const ORGANIZATION: &str = "org-offshoot";

#[tokio::test(flavor = "multi_thread")]
async fn neonctl_knows_the_account_and_the_only_project() {
    let Some(mut terminal) = Terminal::open().await else { return };
    for args in [&["me"][..], &["orgs", "list"], &["api-keys", "list"]] {
        terminal.each(args).await;
    }
    terminal.refused(&["branches", "list"]).await;
    let created = terminal.json(&["projects", "create", "--name", "shop"]).await;
    terminal.stage.settle().await;
    only_project(&mut terminal).await;
    keys(&mut terminal, text(&created, "/project/id")).await;
    addresses(&mut terminal).await;
    directory(&mut terminal, text(&created, "/project/id")).await;
    terminal.report.check("neonctl-account.md");
    insta::assert_snapshot!("neonctl_account", terminal.transcript.text());
}

/// Without a project's id it takes the only one, and without a role's name the only one.
async fn only_project(terminal: &mut Terminal) {
    let listed = terminal.json(&["branches", "list"]).await;
    assert_eq!(text(&listed, "/0/name"), "main");
    let printed = terminal.ok(&["connection-string"]).await;
    assert_eq!(terminal.logged_in(&printed).await, "neondb_owner in neondb");
    let psql = ["psql", "main", "--", "-XAtqc", "SELECT session_user"];
    assert_eq!(terminal.ok(&psql).await.trim(), "neondb_owner");
    terminal.json(&["databases", "create", "--name", "orders"]).await;
    terminal.stage.settle().await;
    terminal.each(&["status"]).await;
    terminal.each(&["projects", "list", "--org-id", ORGANIZATION]).await;
    terminal.refused(&["projects", "list", "--org-id", "org-of-somebody"]).await;
}

async fn keys(terminal: &mut Terminal, project: &str) {
    let of = ["--org-id", ORGANIZATION];
    for form in FORMS {
        terminal.ok(&["api-keys", "create", "--name", "laptop", "-o", form]).await;
    }
    let scoped = ["api-keys", "create", "--name", "ci", "--project-id", project];
    let scoped = terminal.json(&scoped).await;
    terminal.json(&[&["api-keys", "create", "--name", "all"][..], &of].concat()).await;
    terminal.each(&[&["api-keys", "list"][..], &of].concat()).await;
    let listed = terminal.each(&["api-keys", "list"]).await;
    for (key, form) in listed.as_array().expect("a list").iter().zip(FORMS) {
        let id = key["id"].to_string();
        terminal.ok(&["api-keys", "revoke", &id, "-o", form]).await;
    }
    let id = scoped["id"].to_string();
    terminal.json(&[&["api-keys", "revoke", &id][..], &of].concat()).await;
    terminal.refused(&["api-keys", "revoke", &id]).await;
    assert_eq!(terminal.json(&["api-keys", "list"]).await, json!([]));
}

async fn addresses(terminal: &mut Terminal) {
    // Nobody would be kept out by a list of addresses, so none is taken.
    let words = terminal.refused(&["ip-allow", "add", "192.0.2.1", "192.0.2.2"]).await;
    assert!(words.contains("nobody is kept out by a list of addresses"), "{words}");
    let listed = terminal.each(&["ip-allow", "list"]).await;
    assert_eq!(listed["IP_addresses"], json!([]), "{listed:#}");
    terminal.json(&["ip-allow", "reset"]).await;
}

/// The directory in which somebody works remembers a project and a branch.
async fn directory(terminal: &mut Terminal, project: &str) {
    terminal.ok(&["set-context", "--project-id", project]).await;
    terminal.json(&["projects", "create", "--name", "other"]).await;
    terminal.stage.settle().await;
    // There are two projects now; the file says which.
    terminal.json(&["operations", "list"]).await;
    terminal.ok(&["link", "--project-id", project, "--branch", "main", "--no-env-pull"]).await;
    terminal.ok(&["env", "pull", "-s", "postgres", "--file", ".env"]).await;
    let words = terminal.refused(&["env", "pull", "-s", "ai-gateway", "--file", ".env"]).await;
    assert!(words.contains("Branch credentials isn't available"), "{words}");
    // What a branch here does not have is gone without, and the rest is written.
    terminal.ok(&["env", "pull", "--file", ".env.all"]).await;
    terminal.ok(&["link", "--project-id", project, "--branch", "main"]).await;
    for file in [".env", ".env.all"] {
        let file = terminal.stage.installed.home().join(file);
        let variables = fs::read_to_string(file).expect("a file of variables");
        for name in ["DATABASE_URL=", "DATABASE_URL_UNPOOLED="] {
            let line = variables.lines().find_map(|line| line.strip_prefix(name));
            let uri = line.unwrap_or_else(|| panic!("no {name} in {variables}")).trim_matches('"');
            assert_eq!(terminal.logged_in(uri).await, "neondb_owner in neondb");
        }
    }
    terminal.each(&["status"]).await;
    terminal.ok(&["checkout", "main"]).await;
}
