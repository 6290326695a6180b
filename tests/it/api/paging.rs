//! Pages of many branches: all of them are there once, in order, whatever comes and goes meanwhile.

use std::collections::BTreeSet;

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use super::plane::{TestPlane, TestProject};

/// How many branches are created at once.
const AT_ONCE: usize = 256;

/// How many pages a list has at the most.
const MAX_PAGES: usize = 100;

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

/// Turns the pages of a list whose cursor says where the next begins. `meanwhile` happens after each.
async fn turn_list(
    plane: &TestPlane,
    (path, list): (&str, &str),
    limit: usize,
    mut meanwhile: impl AsyncFnMut(),
) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut cursor = String::new();
    for _ in 0..MAX_PAGES {
        let shown = plane.ask("GET", &format!("{path}?limit={limit}{cursor}"), "").await;
        assert_eq!(shown.status, 200, "{:#}", shown.body);
        let items = shown.body[list].as_array().expect("a list");
        assert!(items.len() <= limit, "{}", items.len());
        found.extend(items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()));
        let Some(next) = shown.body["pagination"]["cursor"].as_str() else { return found };
        cursor = format!("&cursor={next}");
        meanwhile().await;
    }
    panic!("a list of {} and more does not end", found.len());
}

/// Creates a project and returns its id.
async fn create_project(plane: &TestPlane) -> String {
    let created = plane.ask("POST", "/projects", r#"{"project":{}}"#).await;
    assert_eq!(created.status, 201, "{:#}", created.body);
    created.body["project"]["id"].as_str().expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_none_to_401_projects_is_as_it_should_be() {
    let plane = TestPlane::new().await;
    let mut created = BTreeSet::new();
    for wanted in [0, 1, 400, 401] {
        let missing = stream::iter(created.len()..wanted).map(|_| create_project(&plane));
        created.extend(missing.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await);
        let limits: &[usize] = if wanted == 1 { &[1, 400] } else { &[7, 399, 400] };
        for limit in limits {
            let found = turn_list(&plane, ("/projects", "projects"), *limit, async || {}).await;
            assert_eq!(found.len(), wanted, "by {limit}");
            assert!(found.iter().eq(&created), "by {limit}");
        }
    }
    let unpaged = plane.ask("GET", "/projects", "").await.body;
    assert_eq!(unpaged["projects"].as_array().map(Vec::len), Some(10), "as Neon's");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_projects_stays_where_it_is_while_others_come_and_go() {
    let project = TestProject::new().await;
    let plane = project.plane();
    let mut kept = BTreeSet::new();
    for _ in 0..30 {
        kept.insert(create_project(plane).await);
    }
    let mut doomed: Vec<_> = kept.iter().step_by(3).cloned().collect();
    kept.retain(|id| !doomed.contains(id));
    let found = turn_list(plane, ("/projects", "projects"), 4, async || {
        create_project(plane).await;
        if let Some(id) = doomed.pop() {
            plane.ask("DELETE", &format!("/projects/{id}"), "").await;
        }
    })
    .await;
    let unique: BTreeSet<_> = found.iter().cloned().collect();
    assert_eq!(unique.len(), found.len(), "a project was shown twice");
    assert!(unique.is_superset(&kept), "one was there all the time, and not shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_operations_is_as_it_should_be_and_stays_so_while_others_come() {
    let project = TestProject::new().await;
    let (plane, path) = (project.plane(), project.path("/operations"));
    let list = (&*path, "operations");
    // A project is born with two.
    let mut count = 2;
    for wanted in [2, 400, 401, 1001] {
        for number in count..wanted {
            project.create_role(&project.main(), &format!("role-{number}")).await;
        }
        count = wanted;
        for limit in [1.max(wanted / 4), 399, 400, 1000] {
            let found = turn_list(plane, list, limit, async || {}).await;
            assert_eq!(found.len(), wanted, "by {limit}");
            assert!(found.is_sorted_by(|newer, older| older < newer), "by {limit}");
        }
        let unpaged = plane.ask("GET", &path, "").await.body;
        let shown = unpaged["operations"].as_array().map(Vec::len);
        assert_eq!(shown, Some(wanted.min(1000)), "as many as Neon's");
    }
    let before = turn_list(plane, list, 1000, async || {}).await;
    let mut names = 0..;
    let found = turn_list(plane, list, 100, async || {
        let name = format!("late-{}", names.next().expect("a number"));
        project.create_role(&project.main(), &name).await;
    })
    .await;
    assert_eq!(found, before, "what came meanwhile is newer than the page that was turned");
}
