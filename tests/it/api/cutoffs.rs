//! Cutoffs, whatever the clock did and in whatever zone a time is written.

use std::sync::Arc;

use chrono::{DateTime, FixedOffset, SecondsFormat, TimeDelta};
use offshoot::clock::ManualClock;
use serde_json::json;

use super::plane::{TestPlane, TestProject};

/// How far the clock moves between two commits, in microseconds.
const MOVES: [(i64, &str); 5] = [
    (0, "it stands still, and both come in one microsecond"),
    (1, "it goes on"),
    (-1, "it goes back a little"),
    (-3_600_000_000, "it is set back by an hour"),
    (400 * 24 * 3_600_000_000, "it jumps forward by more than a year"),
];

/// How far east of Greenwich a time is written, in seconds.
const ZONES: [i32; 4] = [0, 2 * 3600, 19_800, -8 * 3600];

async fn has_last(project: &TestProject, parent_timestamp: &str) -> bool {
    let child = project.create_branch(json!({ "parent_timestamp": parent_timestamp })).await;
    let listed = project.ask("GET", &format!("{child}/roles"), json!(null)).await;
    let roles = listed.body["roles"].as_array().expect("roles").clone();
    assert!(roles.iter().any(|role| role["name"] == "first"), "{parent_timestamp}");
    roles.iter().any(|role| role["name"] == "last")
}

#[tokio::test]
async fn a_cutoff_is_right_whatever_the_clock_does_and_in_every_zone() {
    for (micros, what) in MOVES {
        let start = "2026-03-29T00:59:59.999999Z".parse().expect("a time");
        let clock = Arc::new(ManualClock::at(start));
        let project = TestPlane::with_clock(clock.clone()).await.create_project().await;
        let main = project.main();
        let first = project.create_role(&main, "first").await;
        clock.advance_micros(micros);
        let last = project.create_role(&main, "last").await;
        let time = |role: &serde_json::Value| -> DateTime<FixedOffset> {
            role["created_at"].as_str().expect("a time").parse().expect("RFC 3339")
        };
        let (first, last) = (time(&first), time(&last));
        assert!(first < last, "{what}");
        for seconds in ZONES {
            let zone = FixedOffset::east_opt(seconds).expect("a zone");
            let written = |at: DateTime<FixedOffset>| {
                at.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Micros, false)
            };
            assert!(!has_last(&project, &written(first)).await, "{what}, {seconds}");
            let before = last - TimeDelta::microseconds(1);
            assert!(!has_last(&project, &written(before)).await, "{what}, {seconds}");
            assert!(has_last(&project, &written(last)).await, "{what}, {seconds}");
        }
    }
}
