//! The clients that are libraries: each is used by a script of `tests/clients`, which prints what it
//! is given.

use super::report::Report;
use super::transcript::Transcript;
use super::{Stage, run};

/// Runs a script to its end, and compares what it printed and what it called.
async fn play(script: &str, client: &'static str, page: &str, snapshot: &str) {
    let Some(stage) = Stage::set().await else { return };
    let mut command = stage.installed.script(script);
    command
        .env("OFFSHOOT_BASE", stage.recorder.base())
        .env("OFFSHOOT_KEY", &stage.recorder.key)
        .env("OFFSHOOT_STEPS", stage.recorder.steps());
    let output = run(&mut command).await;
    let printed = String::from_utf8_lossy(&output.stdout);
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script} failed: {words}\n{printed}");
    let mut report = Report::of(client);
    report.add_announced(stage.recorder.take());
    report.check(page);
    let mut transcript = Transcript::default();
    transcript.add(script, &printed);
    insta::assert_snapshot!(snapshot, transcript.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_client_leads_a_project_through_its_life() {
    let client = "@neondatabase/api-client 2.7.3";
    play("api_client.mjs", client, "api-client.md", "api_client").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sdk_leads_a_project_through_its_life() {
    play("sdk.mjs", "@neon/sdk 6.1.2", "sdk.md", "sdk").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_client_leads_a_project_through_its_life() {
    play("python_client.py", "neon-api 0.3.0 (Python)", "python.md", "python").await;
}
