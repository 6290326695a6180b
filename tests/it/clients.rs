//! Neon's own clients against the real server, unpatched and at pinned versions. Each lives the life
//! of a project; what it prints is compared, and what it calls is written down in
//! `docs/compatibility`.

mod calls;
mod fuzz;
mod installed;
mod neonctl;
mod receivers;
mod recorder;
mod report;
mod scripts;
mod transcript;

use std::time::{Duration, Instant};

use crate::server::{Home, Server};
use installed::Installed;
pub use installed::neons_document;
use recorder::Recorder;

/// A server, and what stands before it and writes down what passes.
struct Stage {
    installed: Installed,
    recorder: Recorder,
    server: Server,
    home: Home,
}

impl Stage {
    /// Sets the stage; nothing where the clients are not installed, which it says.
    async fn set() -> Option<Self> {
        let installed = Installed::find()?;
        let home = Home::new();
        let server = home.serve();
        let recorder = Recorder::before(&server.remote).await;
        Some(Self { installed, recorder, server, home })
    }

    /// Returns the id of the project of that name.
    async fn project_named(&self, name: &str) -> String {
        let path = format!("/projects?search={name}");
        let listed = self.server.remote.get(&path).await.json(200);
        listed["projects"][0]["id"].as_str().expect("an id").to_owned()
    }

    /// Waits until no project has anything left to do.
    async fn settle(&self) {
        let listed = self.server.remote.get("/projects?limit=400").await.json(200);
        for project in listed["projects"].as_array().expect("a list") {
            let id = project["id"].as_str().expect("an id");
            for operation in self.server.remote.ended_operations(id).await {
                assert_eq!(operation["status"], "finished", "{operation}");
            }
        }
    }
}

/// How long a client may take for one step.
const CLIENT_TIME: Duration = Duration::from_secs(120);

/// How long drawn requests may take, all together.
const FUZZ_TIME: Duration = Duration::from_secs(6 * 60 * 60);

/// Runs a client to its end.
async fn run(command: &mut tokio::process::Command) -> std::process::Output {
    run_within(CLIENT_TIME, command).await
}

/// Runs a program to its end, which must come in time.
async fn run_within(time: Duration, command: &mut tokio::process::Command) -> std::process::Output {
    let started = Instant::now();
    let output = tokio::time::timeout(time, command.kill_on_drop(true).output()).await;
    let output = output.unwrap_or_else(|_| {
        panic!("{:?} still runs after {:?}", command.as_std(), started.elapsed())
    });
    output.expect("a program that runs")
}
