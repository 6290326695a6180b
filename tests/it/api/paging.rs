//! Pages of many branches: all of them are there once, in order, whatever comes and goes meanwhile.

use std::collections::BTreeSet;

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use super::plane::TestProject;

/// How many branches are created at once.
const AT_ONCE: usize = 256;

/// Creates branches until there are `wanted`, the default branch among them.
async fn fill(project: &TestProject, from: usize, wanted: usize) {
    let create = |number: usize| project.create_branch(json!({ "name": format!("b{number:05}") }));
    let created = stream::iter(from..wanted).map(create).buffer_unordered(AT_ONCE);
    assert_eq!(created.collect::<Vec<_>>().await.len(), wanted - from);
}

fn names(page: &Value) -> Vec<String> {
    let branches = page["branches"].as_array().expect("a list").iter();
    branches.map(|branch| branch["name"].as_str().expect("a name").to_owned()).collect()
}

async fn page(project: &TestProject, query: &str) -> Value {
    let answer = project.ask("GET", &format!("/branches{query}"), Value::Null).await;
    assert_eq!(answer.status, 200, "{:#}", answer.body);
    answer.body
}

/// Turns pages as Neon's clients do: until there is no next one, or it is empty. `meanwhile` happens
/// after each.
async fn turn(
    project: &TestProject,
    query: &str,
    mut meanwhile: impl AsyncFnMut(usize),
) -> Vec<String> {
    let mut found = Vec::new();
    let mut cursor = String::new();
    for turned in 0.. {
        let shown = page(project, &format!("?{query}{cursor}")).await;
        found.extend(names(&shown));
        let Some(next) = shown["pagination"]["next"].as_str() else { break };
        assert!(!names(&shown).is_empty(), "an empty page has a next one");
        cursor = format!("&cursor={next}");
        meanwhile(turned).await;
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_one_to_ten_thousand_branches_is_as_it_should_be() {
    let project = TestProject::new().await;
    assert_eq!(names(&page(&project, "?search=nothing&limit=1").await), Vec::<String>::new());
    let mut count = 1;
    for wanted in [1, 400, 401, 10_000] {
        fill(&project, count, wanted).await;
        count = wanted;
        assert_eq!(names(&page(&project, "").await).len(), wanted, "unpaged lists have all");
        let counted = project.ask("GET", "/branches/count", Value::Null).await;
        assert_eq!(counted.body["count"], wanted);
        // By 400 there are many pages below, too.
        let limits: &[usize] = if wanted < 1000 { &[399, 400, 10_000] } else { &[10_000] };
        for limit in limits {
            let query = format!("sort_by=name&sort_order=asc&limit={limit}");
            let found = turn(&project, &query, async |_| {}).await;
            assert_eq!(found.len(), wanted, "by {limit}");
            assert!(found.is_sorted_by(|a, b| a < b), "by {limit}");
        }
        let newest = turn(&project, "limit=400", async |_| {}).await;
        assert_eq!(newest.iter().collect::<BTreeSet<_>>().len(), wanted);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_stays_where_it_is_while_branches_come_and_go() {
    let project = TestProject::new().await;
    fill(&project, 1, 100).await;
    let ids: Vec<_> = page(&project, "?sort_by=name&sort_order=asc").await["branches"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|branch| branch["id"].as_str().expect("an id").to_owned())
        .collect();
    for query in ["sort_by=name&sort_order=asc", "sort_by=created_at&sort_order=desc"] {
        let before: BTreeSet<_> = names(&page(&project, "").await).into_iter().collect();
        let mut gone = BTreeSet::new();
        let found = turn(&project, &format!("{query}&limit=10"), async |turned| {
            // The branch with which a page ended is among those that go.
            let name = format!("b{:05}", turned * 10 + 9);
            let id = &ids[turned * 10 + 9];
            let path = format!("/branches/{id}");
            if project.ask("DELETE", &path, Value::Null).await.status == 200 {
                gone.insert(name);
            }
            project.create_branch(json!({ "name": format!("new-{query}-{turned}") })).await;
        })
        .await;
        let unique: BTreeSet<_> = found.iter().cloned().collect();
        assert_eq!(unique.len(), found.len(), "a branch was shown twice");
        for name in before.difference(&gone) {
            assert!(unique.contains(name), "{name} was there all the time, and not shown");
        }
    }
}
