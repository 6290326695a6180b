//! Back up and restore, with the commands of the README; and a store that is checked first.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::support::branch::password;
use super::support::home::Home;
use super::support::{Server, eventually, run};

/// How many exports the server keeps.
const KEPT: usize = 2;

/// How long an export may take to appear.
const EXPORT_TIME: Duration = Duration::from_secs(60);

/// Returns the commands of the README's section on backups, one to a line.
fn commands() -> Vec<&'static str> {
    let readme = include_str!("../../../README.md");
    let (_, section) = readme.split_once("## Back up and restore\n").expect("the section");
    let (section, _) = section.split_once("\n## ").expect("a section after it");
    section.lines().filter_map(|line| line.strip_prefix("$ ")).collect()
}

/// Returns the exports that the server of a home keeps, oldest first.
fn exports(home: &Home) -> Vec<PathBuf> {
    let entries = fs::read_dir(home.data_dir().join("exports")).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let mut exports: Vec<_> = paths.filter(|path| path.extension().is_some()).collect();
    exports.sort();
    exports
}

/// Runs a command of the README where its directories are.
fn shell(home: &Home, command: &str) {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_offshoot"));
    let directory = program.parent().expect("a directory").display();
    let mut bash = Command::new("bash");
    bash.arg("-euc").arg(format!("PATH='{directory}':$PATH; {command}"));
    bash.current_dir(home.path(""));
    let (code, words) = run(&mut bash);
    assert_eq!(code, Some(0), "{command}: {words}");
}

#[tokio::test]
async fn the_readmes_commands_back_up_a_running_server_and_restore_it() {
    let home = Arc::new(Home::bare().with_flag("--export-every=1s").with_flag("--exports-kept=2"));
    std::os::unix::fs::symlink("data", home.path("offshoot-data")).expect("the README's name");
    let server = Server::start_in(&home, "info");
    let main = server.begin_project(json!({})).await.main;
    let sally = main.api.post(&main.path("/roles"), &json!({ "role": { "name": "sally" } })).await;
    let secret = password(&sally.expect(201));
    // The one that is being made may have begun before the role was there; the next one did not.
    let before = exports(&home);
    let are_new = || exports(&home).iter().filter(|path| !before.contains(path)).count() == KEPT;
    eventually(EXPORT_TIME, || are_new().then_some(())).expect("two exports");
    let (serve, others): (Vec<_>, Vec<_>) =
        commands().into_iter().partition(|command| command.starts_with("offshoot serve"));
    for command in others {
        shell(&home, command);
    }
    assert!(server.stop().success());

    assert_eq!(serve, ["offshoot serve --data-dir restored --check"]);
    fs::rename(home.data_dir(), home.path("lost")).expect("the old directory");
    fs::rename(home.path("restored"), home.data_dir()).expect("the restored directory");
    let checking = Arc::clone(&home);
    let server = Server::start_with(&checking, "info", &["--check"]);
    assert!(server.said().contains("found nothing wrong"), "{}", server.said());
    let restored = server.branch_like(&main);
    assert_eq!(restored.reveal_password("sally").await, secret);
}

#[tokio::test]
async fn an_export_is_imported_only_where_the_key_of_its_secrets_is() {
    let home = Arc::new(Home::bare());
    let server = Server::start_in(&home, "info");
    server.begin_project(json!({})).await;
    assert!(server.stop().success());
    let file = home.path("export");
    let (code, words) = run(home.offshoot("export").arg("--output").arg(&file));
    assert_eq!(code, Some(0), "{words}");

    let fresh = Arc::new(Home::bare());
    let (code, words) = run(fresh.offshoot("import").arg("--input").arg(&file));
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("secret.key") && words.contains("put a copy"), "{words}");

    let other = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    fs::write(fresh.data_dir().join("secret.key"), other).expect("another key");
    let (code, words) = run(fresh.offshoot("import").arg("--input").arg(&file));
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("is not the key with which"), "{words}");
    assert!(!fresh.data_dir().join("store").exists(), "nothing of it is there");

    fs::copy(home.data_dir().join("secret.key"), fresh.data_dir().join("secret.key"))
        .expect("the key");
    let (code, words) = run(fresh.offshoot("import").arg("--input").arg(&file));
    assert_eq!(code, Some(0), "{words}");
}

#[tokio::test]
async fn a_store_with_a_damaged_row_is_not_served_where_it_is_checked_first() {
    let home = Arc::new(Home::bare());
    let server = Server::start_in(&home, "info");
    server.begin_project(json!({})).await;
    assert!(server.stop().success());
    damage_oldest_row(&home);
    let (code, words) = run(home.serve().arg("--check"));
    assert_eq!(code, Some(1), "{words}");
    for part in ["is damaged", "1 findings", "import the last good export", "exports"] {
        assert!(words.contains(part), "no `{part}` in: {words}");
    }
    assert!(!words.contains("listening on"), "{words}");
}

/// Changes the first row of the directory in a way that sled does not notice.
fn damage_oldest_row(home: &Home) {
    let path = home.data_dir().join("store");
    let db = eventually(EXPORT_TIME, || sled::open(&path).ok()).expect("a database");
    let directory: Vec<u8> = [b"C", &[0; 8][..]].concat();
    let (key, value) = db.scan_prefix(directory).next_back().expect("a row").expect("a row");
    let mut value = value.to_vec();
    *value.last_mut().expect("a byte") ^= 1;
    db.insert(key, value).expect("an insert");
    db.flush().expect("a flush");
}
