//! A disk that really fills up: a small file system of the test's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};

use super::support::Server;
use super::support::home::Home;

/// How large the file system is, in MiB; it is in memory.
const SIZE_MIB: u64 = 48;

/// What the server is told to leave free.
const MIN_FREE: &str = "--min-free-bytes=25165824";

const FLOOR_MIB: u64 = 24;

/// A file system in memory, mounted for as long as this lives.
struct Mounted(PathBuf);

impl Mounted {
    /// Mounts a small file system; nothing where the machine does not let us.
    fn at(path: PathBuf) -> Option<Self> {
        fs::create_dir(&path).expect("a directory");
        let options = format!("size={SIZE_MIB}m,mode=0700");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "offshoot-test"]).arg(&path);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then_some(Self(path))
    }

    /// Writes a file that leaves this much free.
    fn fill(&self, free_mib: u64) {
        let ballast = self.ballast();
        drop(fs::remove_file(&ballast));
        let found = rustix::fs::statvfs(&self.0).expect("a file system");
        let free = found.f_bavail * found.f_frsize;
        let bytes = free.saturating_sub(free_mib << 20);
        fs::write(ballast, vec![1; usize::try_from(bytes).expect("a small file")]).expect("room");
    }

    fn empty(&self) {
        fs::remove_file(self.ballast()).expect("the ballast");
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        Command::new("umount").arg("--lazy").arg(&self.0).status().ok();
    }
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn skip() {
    eprintln!("skipped: this machine lets nobody mount a file system here");
}

async fn refused(server: &Server, path: &str, body: &Value) -> String {
    server.api.post(path, body).await.refused(507, "INSUFFICIENT_STORAGE")
}

#[tokio::test]
async fn a_disk_that_fills_up_stops_changes_and_nothing_else_until_there_is_room() {
    let home = Arc::new(Home::new().with_flag(MIN_FREE).with_flag("--stop-computes"));
    let Some(disk) = Mounted::at(home.data_dir()) else { return skip() };
    let server = Server::start_in(&home, "info");
    // What was accepted is brought to its end below the floor: down to a quarter of it.
    let project = server.begin_project(json!({})).await;
    disk.fill(FLOOR_MIB / 2);
    project.main.finish(&project.created).await;
    let roles = project.main.path("/roles");
    let bob = json!({ "role": { "name": "bob" } });
    let message = refused(&server, &roles, &bob).await;
    assert!(message.contains("24.0 MiB are needed"), "{message}");
    disk.fill(1);
    refused(&server, &roles, &bob).await;
    assert!(!project.main.role_names().await.contains(&"bob".to_owned()), "reads go on");
    disk.empty();
    project.main.add_role("bob").await;
    assert!(server.said().contains("changes are refused until there is room"));
    assert!(server.stop().success());
    // A server that has no room at all says so before it opens anything.
    disk.fill(1);
    let (code, words) = super::support::run(&mut home.serve());
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("6.0 MiB are needed"), "{words}");
    disk.empty();
    let server = Server::start_in(&home, "info");
    let main = server.branch_like(&project.main);
    assert!(main.role_names().await.contains(&"bob".to_owned()));
    assert!(Path::new(&home.data_dir()).join("exports").is_dir());
}
