//! The commands on a stopped server's store: check, export and import.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::support::branch::password;
use super::support::home::Home;
use super::support::session::who;
use super::support::{OWNER, Server, run};

/// In how many places a store is damaged, one at a time.
const DAMAGES: usize = 8;

#[tokio::test]
async fn a_store_moves_to_another_directory_by_export_and_import() {
    let home = Arc::new(Home::new().with_flag("--stop-computes"));
    let server = Server::start_in(&home, "info");
    let main = server.create_project().await.main;
    let sally = password(&main.add_role("sally").await);
    let at_sally = main.api.get(&main.role_path("sally", "")).await.expect(200);
    let child = main.branch_off(json!({ "name": "child" })).await;
    let reset = main.reset_password("sally").await;
    server.stop();
    let file = home.path("export");
    let (code, words) = run(home.offshoot("export").arg("--output").arg(&file));
    assert_eq!(code, Some(0), "{words}");
    assert!(words.contains("secret.key"), "{words}");
    for secret in [&sally, &reset] {
        assert!(!contains(&fs::read(&file).expect("a file"), secret.as_bytes()));
    }
    let (code, words) = run(home.offshoot("export").arg("--output").arg(&file));
    assert_eq!(code, Some(1), "a file that exists is not written over: {words}");

    let fresh = Arc::new(Home::new());
    fs::create_dir(fresh.data_dir()).expect("a directory");
    fs::copy(home.data_dir().join("secret.key"), fresh.data_dir().join("secret.key"))
        .expect("a key");
    let (code, words) = run(fresh.offshoot("import").arg("--input").arg(&file));
    assert_eq!(code, Some(0), "{words}");
    let (code, words) = run(fresh.offshoot("import").arg("--input").arg(&file));
    assert_eq!(code, Some(1), "what is there is not written over: {words}");
    let (code, words) = run(&mut fresh.offshoot("check"));
    assert_eq!(code, Some(0), "{words}");

    // The ports are in the store, so those of the first home are used again.
    let second = Server::start_in(&fresh, "info");
    let (main, child) = (second.branch_like(&main), second.branch_like(&child));
    for (branch, secret) in [(&main, &reset), (&child, &sally)] {
        assert_eq!(branch.role_names().await, [OWNER, "sally", "web_access"]);
        assert_eq!(branch.reveal_password("sally").await, *secret);
    }
    let inherited = child.api.get(&child.role_path("sally", "")).await.expect(200);
    assert_eq!(inherited["role"]["created_at"], at_sally["role"]["created_at"]);
    let point = json!({ "parent_timestamp": at_sally["role"]["created_at"] });
    let past = main.branch_off(point).await;
    assert_eq!(past.reveal_password("sally").await, sally, "history moves too");
    let session = past.login_with("sally", &sally).await.expect("a session");
    assert_eq!(who(&session).await, "sally");
}

#[tokio::test]
async fn a_store_without_its_key_is_refused() {
    let home = Arc::new(Home::new());
    let server = Server::start_in(&home, "info");
    server.begin_project(json!({})).await;
    server.stop();
    fs::remove_file(home.data_dir().join("secret.key")).expect("a key");
    let (code, words) = run(&mut home.serve());
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("secret.key"), "{words}");
    assert!(!words.contains("panicked"), "{words}");
    assert!(!home.data_dir().join("secret.key").exists(), "no other key takes its place");
}

#[tokio::test]
async fn a_store_in_use_is_not_checked() {
    let server = Server::start_in(&Arc::new(Home::bare()), "info");
    let file = server.home.path("export");
    for command in [
        &mut server.home.offshoot("check"),
        server.home.offshoot("export").arg("--output").arg(&file),
    ] {
        let (code, words) = run(command);
        assert_eq!(code, Some(1), "{words}");
        assert!(words.contains("another"), "{words}");
        assert!(!words.contains("panicked"), "{words}");
    }
    assert_eq!(server.api.get("/projects").await.status, 200);
}

#[tokio::test]
async fn a_damaged_store_is_found_out_and_crashes_nothing() {
    let home = Arc::new(Home::new());
    let server = Server::start_in(&home, "info");
    let main = server.create_project().await.main;
    main.add_role("sally-of-the-store").await;
    server.stop();
    // What is looked at is a copy: sled tidies up when it is opened, and then notices more itself.
    let (damaged, mut found) = (Home::bare(), 0);
    copy(&home.data_dir().join("store"), &damaged.data_dir().join("store"));
    fs::copy(home.data_dir().join("secret.key"), damaged.data_dir().join("secret.key"))
        .expect("a key");
    let (code, sound) = run(&mut damaged.offshoot("check"));
    assert_eq!(code, Some(0), "{sound}");
    assert!(sound.contains(": 0 findings"), "{sound}");

    let db = fs::read(home.data_dir().join("store").join("db")).expect("sled's file");
    let of_a_role = position(&db, b"sally-of-the-store").expect("a name that is not compressed");
    let used = db.iter().rposition(|byte| *byte != 0).expect("a file that is not empty");
    for at in (0..DAMAGES).map(|number| used / DAMAGES * number + 7).chain([of_a_role]) {
        damage(&home, &damaged, at);
        let (code, words) = run(&mut damaged.offshoot("check"));
        assert!(!words.contains("panicked"), "damage at {at}: {words}");
        if code == Some(0) {
            // Not every byte matters: sled has some that were replaced by later ones.
            assert_eq!(words, sound, "damage at {at}");
            continue;
        }
        found += 1;
        let (code_of_server, words_of_server) = run(&mut damaged.serve());
        for (code, words) in [(code, words), (code_of_server, words_of_server)] {
            assert_eq!(code, Some(1), "damage at {at}: {words}");
            let advice = "import the last good export into a fresh data directory";
            assert!(words.contains(advice), "damage at {at}: {words}");
        }
    }
    assert!(DAMAGES / 2 <= found, "damage was found {found} times");
}

/// Copies a store, and flips a byte of the copy.
fn damage(from: &Home, to: &Home, at: usize) {
    let (from, to) = (from.data_dir().join("store"), to.data_dir().join("store"));
    copy(&from, &to);
    let mut db = fs::read(to.join("db")).expect("sled's file");
    db[at] ^= 0xff;
    fs::write(to.join("db"), db).expect("sled's file");
}

/// Copies a directory, in place of what was there.
fn copy(from: &Path, to: &Path) {
    if to.exists() {
        fs::remove_dir_all(to).expect("our directory");
    }
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a file");
        }
    }
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    position(bytes, wanted).is_some()
}
