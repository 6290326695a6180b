//! Requests that nobody would write: schemathesis draws them from `openapi.yaml`, and the real server
//! answers each as that file says, or as a request that is none, and never with an error of its own.

use std::path::Path;

use futures_util::future::join_all;

use super::{FUZZ_TIME, Stage, run_within};
use crate::support::variable;

/// How many requests are drawn at most for each operation, besides those that try every field once,
/// and how many there must be in all.
const EXAMPLES: usize = 100;
const REQUESTS: usize = 5_000;

/// The operations of which each program draws the requests.
const SHARES: [[&str; 2]; 2] = [["--include-method", "GET"], ["--exclude-method", "GET"]];

/// The variables that have more drawn.
const EXAMPLES_VARIABLE: &str = "OFFSHOOT_FUZZ_EXAMPLES";
const REQUESTS_VARIABLE: &str = "OFFSHOOT_FUZZ_REQUESTS";

/// What every answer must be.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_schema_conformance,response_headers_conformance";

/// The server gives up on a request after thirty seconds, and says so.
const ANSWER_SECONDS: &str = "31";

#[tokio::test(flavor = "multi_thread")]
async fn drawn_requests_are_answered_as_the_contract_says_and_leave_a_whole_store() {
    let Some(mut stage) = Stage::set().await else { return };
    // Something to be found by requests that guess well, and a server that has seen use.
    let project = serde_json::json!({ "project": {} });
    stage.server.remote.post("/projects", &project).await.json(201);
    stage.settle().await;
    // Drawing takes more time than answering, and one program draws one request after the other.
    let drawn = SHARES.map(|share| draw(&stage, share));
    let count: usize = join_all(drawn).await.into_iter().sum();
    let wanted = number(REQUESTS_VARIABLE).unwrap_or(REQUESTS);
    assert!(wanted <= count, "only {count} requests; set {EXAMPLES_VARIABLE} higher");

    assert_eq!(stage.server.remote.get("/projects?limit=400").await.status, 200);
    stage.server.process.terminate();
    assert!(stage.server.process.wait(FUZZ_TIME).success());
    let checked = stage.home.command("check").output().expect("a check");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

/// Draws requests of a share of the operations, and returns how many.
async fn draw(stage: &Stage, share: [&str; 2]) -> usize {
    let examples = number(EXAMPLES_VARIABLE).unwrap_or(EXAMPLES);
    let mut command = stage.installed.schemathesis();
    command
        .arg("run")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.yaml"))
        .args(["--url", &format!("http://{}", stage.server.remote.address)])
        .args(["-H", &format!("Authorization: Bearer {}", stage.server.remote.key)])
        .args(["--phases", "coverage,fuzzing", "--checks", CHECKS])
        .args(share)
        .args(["--max-examples", &examples.to_string()])
        .args(["--generation-database", "none", "--warnings", "off", "--no-color"])
        .args(["--max-response-time", ANSWER_SECONDS])
        .args(["--request-timeout", "60"]);
    let output = run_within(FUZZ_TIME, &mut command).await;
    let words = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{words}{}", String::from_utf8_lossy(&output.stderr));
    let count = words.lines().find_map(|line| line.trim().split_once(" generated,"));
    count.and_then(|(number, _)| number.parse().ok()).expect("a count")
}

fn number(name: &str) -> Option<usize> {
    variable(name).map(|text| text.to_str().and_then(|text| text.parse().ok()).expect("a number"))
}
