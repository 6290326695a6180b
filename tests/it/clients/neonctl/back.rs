//! Going back, as somebody types it: resets, restores, another default branch, ends, and how schemas
//! differ.

use chrono::{SecondsFormat, TimeDelta};
use offshoot::clock::{Clock, SystemClock};

use super::life::until_the_next_millisecond;
use super::{Terminal, text};

/// Leads the branches `dev` and `past` of `main` back and forth. At the time `before`, the last role
/// was not there.
pub async fn lead(terminal: &mut Terminal, id: &str, before: &str) {
    let of = ["--project-id", id];
    schemas(terminal, &of).await;
    resets(terminal, &of).await;
    restores(terminal, &of, before).await;
    defaults_and_ends(terminal, &of).await;
    terminal.stage.settle().await;
}

async fn schemas(terminal: &mut Terminal, of: &[&str]) {
    let owner = [of, &["--role-name", "neondb_owner", "--database-name", "neondb"]].concat();
    for (branch, table) in [("main", "id int, body text"), ("dev", "id int, text text")] {
        let sql = format!("CREATE TABLE notes ({table})");
        let psql = ["--", "-XAtqc", sql.as_str()];
        terminal.ok(&[&["psql", branch][..], &owner, &psql].concat()).await;
    }
    let diff = [&["branches", "schema-diff", "main", "dev"][..], of].concat();
    let whole = terminal.ok(&diff).await;
    for line in ["-    body text", "+    text text"] {
        assert!(whole.contains(line), "{whole}");
    }
    let one = terminal.ok(&[&diff[..], &["--database", "neondb"]].concat()).await;
    assert_eq!(one, whole);
    let with_parent = [&["branches", "schema-diff", "dev", "^parent"][..], of].concat();
    assert_eq!(terminal.ok(&with_parent).await, whole);
}

async fn resets(terminal: &mut Terminal, of: &[&str]) {
    let branches = [&["dev"][..], &["past"], &["dev"]];
    terminal.by_forms(&["branches", "reset"], branches, &[of, &["--parent"]].concat()).await;
    terminal.refused(&[&["branches", "reset", "main", "--parent"][..], of].concat()).await;
    let roles = terminal.json(&[&["roles", "list", "--branch", "past"][..], of].concat()).await;
    assert!(roles.to_string().contains("\"late\""), "{roles:#}");
}

async fn restores(terminal: &mut Terminal, of: &[&str], before: &str) {
    let dev = terminal.json(&[&["branches", "get", "dev"][..], of].concat()).await;
    let then = format!("^self@{}", until_the_next_millisecond(text(&dev, "/updated_at")));
    let source = format!("main@{before}");
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    let refused = ["branches", "restore", "dev", then.as_str()];
    terminal.refused(&[&refused[..], of].concat()).await;
    let restores = [
        &["dev", then.as_str(), "--preserve-under-name", "dev_old"][..],
        &["past", source.as_str()],
        &["dev", "main"],
    ];
    terminal.by_forms(&["branches", "restore"], restores, of).await;
    let roles = terminal.json(&[&["roles", "list", "--branch", "past"][..], of].concat()).await;
    assert!(!roles.to_string().contains("\"late\""), "{roles:#}");
}

async fn defaults_and_ends(terminal: &mut Terminal, of: &[&str]) {
    let branches = [&["dev"][..], &["past"], &["main"]];
    terminal.by_forms(&["branches", "set-default"], branches, of).await;
    let tomorrow = SystemClock.now() + TimeDelta::days(1);
    let tomorrow = tomorrow.to_rfc3339_opts(SecondsFormat::Millis, true);
    let ends = [&["awake", "--expires-at", &tomorrow][..], &["past", "--expires-at", &tomorrow]];
    let ends = [ends[0], ends[1], &["awake"]];
    terminal.by_forms(&["branches", "set-expiration"], ends, of).await;
    terminal.json(&[&["branches", "set-expiration", "past"][..], of].concat()).await;
    let main = ["branches", "set-expiration", "main", "--expires-at", &tomorrow];
    terminal.refused(&[&main[..], of].concat()).await;
}
