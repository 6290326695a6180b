//! The metrics page of a real server, against its documentation.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;

use super::support::Server;
use super::support::home::Home;

/// Returns the name and the type of every metric on a page, as they are documented: the format
/// leaves `_total` and `_info` to the lines that follow.
fn shown(page: &str) -> BTreeSet<(String, String)> {
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types
        .map(|line| {
            let (name, kind) = line.split_once(' ').expect("a name and a type");
            let suffix = match kind {
                "counter" => "_total",
                "info" => "_info",
                _ => "",
            };
            (format!("{name}{suffix}"), kind.to_owned())
        })
        .collect()
}

/// Returns the name and the type of every metric in the table.
fn documented() -> BTreeSet<(String, String)> {
    let table = include_str!("../../../docs/metrics.md").lines();
    let rows = table.filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let (name, rest) = row.split_once("` | ").expect("a name");
        let (kind, _) = rest.split_once(" |").expect("a type");
        (name.to_owned(), kind.to_owned())
    })
    .collect()
}

/// Returns the number on the line that begins with `series`.
fn number(page: &str, series: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let line = line.unwrap_or_else(|| panic!("no {series} in:\n{page}"));
    line.parse().expect("a number")
}

#[tokio::test]
async fn every_metric_is_in_the_table_and_none_names_anybody() {
    let server = Server::start_in(&Arc::new(Home::bare()), "info");
    let project = server.begin_project(json!({ "name": "a-name-for-the-page" })).await;
    server.api.get("/no/such/path").await;
    let page = reqwest::get(format!("{}/metrics", server.api.origin())).await.expect("an answer");
    assert_eq!(page.status(), 200, "without a key");
    let kind = page.headers()["content-type"].to_str().expect("text").to_owned();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    let page = page.text().await.expect("a page");
    assert!(page.ends_with("# EOF\n"), "{page}");
    assert_eq!(shown(&page), documented());
    for name in [&project.id, &project.main.id, "a-name-for-the-page", "/no/such/path"] {
        assert!(!page.contains(name), "{name} in:\n{page}");
    }
    let requests = "offshoot_http_requests_total";
    let created = format!(r#"{requests}{{method="POST",route="/projects",status="201"}}"#);
    assert!((number(&page, &created) - 1.0).abs() < f64::EPSILON, "{page}");
    let unknown = format!(r#"{requests}{{method="GET",route="none",status="404"}}"#);
    assert!((number(&page, &unknown) - 1.0).abs() < f64::EPSILON, "{page}");
    assert!(1.0 <= number(&page, "offshoot_store_commits_total"), "{page}");
    assert!(1.0 <= number(&page, "offshoot_store_group_size_count"), "{page}");
    assert!(1.0 <= number(&page, "offshoot_disk_free_bytes"), "{page}");
}
