//! Webhooks as requests ask for them, and what is refused about them.

use std::sync::Arc;

use offshoot::control::Settings;
use offshoot::reach::{Allowed, Reach, SystemResolver};
use serde_json::{Value, json};

use super::plane::{Answer, TestPlane, TestProject};

const URL: &str = "https://receiver.example/offshoot";

fn new(url: &str) -> Value {
    json!({
        "ownerId": "org-offshoot",
        "url": url,
        "name": "credentials",
        "enabled": true,
        "eventFilter": [],
    })
}

async fn create(plane: &TestPlane, name: &str) -> Value {
    let mut body = new(URL);
    body["name"] = name.into();
    let created = plane.ask_render("POST", "/webhooks", &body).await;
    assert_eq!(created.status, 201, "{:#}", created.body);
    created.body
}

async fn get(plane: &TestPlane, path: &str) -> Answer {
    plane.ask_render("GET", path, &Value::Null).await
}

fn path(webhook: &Value) -> String {
    format!("/webhooks/{}", webhook["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn a_webhook_lives_as_with_render() {
    let plane = TestPlane::new().await;
    let created = create(&plane, "credentials").await;
    let secret = created["secret"].as_str().expect("a secret");
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{secret}");
    let shown = get(&plane, &path(&created)).await;
    let mut expected = created.clone();
    expected["secret"] = json!("");
    assert_eq!((shown.status, &shown.body), (200, &expected));
    let change = json!({ "name": "other", "eventFilter": ["role_created", "branch_deleted"] });
    let changed = plane.ask_render("PATCH", &path(&created), &change).await;
    assert_eq!(changed.status, 200, "{:#}", changed.body);
    assert_eq!((&changed.body["name"], &changed.body["url"]), (&json!("other"), &json!(URL)));
    assert_eq!(changed.body["eventFilter"], json!(["role_created", "branch_deleted"]));
    let disabled = plane.ask_render("PATCH", &path(&created), &json!({ "enabled": false })).await;
    assert_eq!(disabled.body["enabled"], false);
    assert_eq!(disabled.body["disabledReason"], "a request disabled it");
    let deleted = plane.ask_render("DELETE", &path(&created), &Value::Null).await;
    assert_eq!((deleted.status, &deleted.body), (204, &Value::Null));
    get(&plane, &path(&created)).await.is_refused_by_render(404, "WEBHOOK_NOT_FOUND");
    assert_eq!(get(&plane, "/webhooks").await.body, json!([]));
}

#[tokio::test]
async fn webhooks_are_listed_page_by_page_without_their_secrets() {
    let plane = TestPlane::new().await;
    let names = ["a", "b", "c", "d", "e"];
    for name in names {
        create(&plane, name).await;
    }
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = get(&plane, &format!("/webhooks?limit=2&cursor={cursor}")).await.body;
        let page = page.as_array().expect("a page");
        found.extend(page.iter().map(|item| item["webhook"]["name"].clone()));
        assert!(page.iter().all(|item| item["webhook"]["secret"] == ""));
        let Some(last) = page.last().filter(|_| page.len() == 2) else { break };
        cursor = last["cursor"].as_str().expect("a cursor").to_owned();
    }
    assert_eq!(found, names.map(Value::from));
    assert_eq!(get(&plane, "/webhooks?ownerId=org-other").await.body, json!([]));
    let ours = get(&plane, "/webhooks?ownerId=org-offshoot").await.body;
    assert_eq!(ours.as_array().map(Vec::len), Some(5));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_in_words() {
    let plane = TestPlane::new().await;
    let with = |field: &str, value: Value| {
        let mut body = new(URL);
        body[field] = value;
        body
    };
    let long = format!("https://receiver.example/{}", "x".repeat(2048));
    for (body, code, words) in [
        (
            with("eventFilter", json!(["postgres_exploded"])),
            "INVALID_REQUEST",
            "`postgres_exploded`",
        ),
        (
            with("eventFilter", json!(["role_created", ""])),
            "INVALID_REQUEST",
            "there are postgres_",
        ),
        (with("eventFilter", json!("role_created")), "INVALID_REQUEST", "eventFilter"),
        (with("ownerId", json!("org-other")), "INVALID_REQUEST", "org-offshoot"),
        (with("name", json!("")), "INVALID_REQUEST", "1 to 200 characters"),
        (with("name", json!("x".repeat(201))), "INVALID_REQUEST", "1 to 200 characters"),
        (with("enabled", json!("yes")), "INVALID_REQUEST", "enabled"),
        (json!({ "name": "a" }), "INVALID_REQUEST", "url"),
        (new(""), "INVALID_REQUEST", "absolute URL"),
        (new("receiver.example"), "INVALID_REQUEST", "absolute URL"),
        (new("ftp://receiver.example"), "INVALID_REQUEST", "https://"),
        (new("https://me:secret@receiver.example"), "INVALID_REQUEST", "password"),
        (new("https://receiver.example/#a"), "INVALID_REQUEST", "fragment"),
        (new(&long), "INVALID_REQUEST", "2048 bytes"),
        (new("http://receiver.example/"), "WEBHOOK_TARGET_REFUSED", "https://"),
        (new("https://127.0.0.1/"), "WEBHOOK_TARGET_REFUSED", "127.0.0.1"),
        (new("https://localhost:8080/"), "WEBHOOK_TARGET_REFUSED", "not a public address"),
        (new("https://169.254.169.254/latest"), "WEBHOOK_TARGET_REFUSED", "169.254.169.254"),
        (new("https://10.1.2.3/"), "WEBHOOK_TARGET_REFUSED", "10.1.2.3"),
        (new("https://100.64.0.1/"), "WEBHOOK_TARGET_REFUSED", "100.64.0.1"),
        (new("https://[::1]/"), "WEBHOOK_TARGET_REFUSED", "::1"),
        (new("https://[::ffff:10.0.0.1]/"), "WEBHOOK_TARGET_REFUSED", "10.0.0.1"),
        (new("https://[fd00::1]/"), "WEBHOOK_TARGET_REFUSED", "fd00::1"),
        (new("https://2130706433/"), "WEBHOOK_TARGET_REFUSED", "127.0.0.1"),
    ] {
        let refused = plane.ask_render("POST", "/webhooks", &body).await;
        refused.is_refused_by_render(400, code);
        let message = refused.body["message"].as_str().expect("a message");
        assert!(message.contains(words) && !message.contains("secret@"), "{body}: {message}");
    }
    assert_eq!(get(&plane, "/webhooks").await.body, json!([]));
    let created = create(&plane, "a").await;
    let change = json!({ "url": "https://10.1.2.3/" });
    let refused = plane.ask_render("PATCH", &path(&created), &change).await;
    refused.is_refused_by_render(400, "WEBHOOK_TARGET_REFUSED");
    assert_eq!(get(&plane, &path(&created)).await.body["url"], URL);
}

#[tokio::test]
async fn what_the_operator_allows_is_not_refused() {
    let networks = vec!["10.0.0.0/8".parse().expect("a network")];
    let allowed = Allowed { http: true, networks };
    let reach = Arc::new(Reach::new(allowed, Box::new(SystemResolver)));
    let plane = TestPlane::with_settings(Settings { reach, ..Settings::default() }).await;
    let created = plane.ask_render("POST", "/webhooks", &new("http://10.1.2.3:8080/a?b=c")).await;
    assert_eq!(created.status, 201, "{:#}", created.body);
    let refused = plane.ask_render("POST", "/webhooks", &new("http://192.168.0.1/")).await;
    refused.is_refused_by_render(400, "WEBHOOK_TARGET_REFUSED");
}

#[tokio::test]
async fn there_are_only_so_many_webhooks() {
    let plane = TestPlane::new().await;
    for number in 0..100 {
        create(&plane, &format!("hook {number}")).await;
    }
    let refused = plane.ask_render("POST", "/webhooks", &new(URL)).await;
    refused.is_refused_by_render(400, "WEBHOOKS_LIMIT_EXCEEDED");
    assert!(refused.body["message"].as_str().is_some_and(|text| text.contains("delete one first")));
}

#[tokio::test]
async fn what_is_not_there_is_told_so() {
    let plane = TestPlane::new().await;
    let webhook = path(&create(&plane, "a").await);
    let (nobody, nothing) = ("/webhooks/whk-0000000fvvvvvvvvvvvv", "evt-vvvvvvvvvvvvvvvvvvvv");
    let (code, since) = ("WEBHOOK_NOT_FOUND", json!({ "since": "2026-01-01T00:00:00Z" }));
    for nobody in [nobody, "/webhooks/1", "/webhooks/whk-1", "/webhooks/evt-00000000000000000000"] {
        for (method, rest, body) in [
            ("GET", "", Value::Null),
            ("PATCH", "", json!({ "enabled": false })),
            ("DELETE", "", Value::Null),
            ("GET", "/events", Value::Null),
            ("POST", "/replay", since.clone()),
            ("POST", "/secret/rotate", Value::Null),
            ("POST", &format!("/events/{nothing}/resend"), Value::Null),
        ] {
            let asked = format!("{nobody}{rest}");
            plane.ask_render(method, &asked, &body).await.is_refused_by_render(404, code);
        }
    }
    for nothing in [nothing, "evt-1", "whk-00000000000000000000", "%F0%9F%A6%80"] {
        let missing = get(&plane, &format!("/events/{nothing}")).await;
        missing.is_refused_by_render(404, "EVENT_NOT_FOUND");
        let resend = format!("{webhook}/events/{nothing}/resend");
        let missing = plane.ask_render("POST", &resend, &Value::Null).await;
        missing.is_refused_by_render(404, "EVENT_NOT_FOUND");
    }
}

#[tokio::test]
async fn what_is_sent_again_must_be_asked_for_within_reason() {
    let plane = TestPlane::new().await;
    let webhook = path(&create(&plane, "a").await);
    let replay = format!("{webhook}/replay");
    for since in ["2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "yesterday"] {
        let refused = plane.ask_render("POST", &replay, &json!({ "since": since })).await;
        refused.is_refused_by_render(400, "INVALID_REQUEST");
    }
    for overlap in [json!(-1), json!(2_592_001), json!("1h")] {
        let body = json!({ "overlap_seconds": overlap });
        let refused = plane.ask_render("POST", &format!("{webhook}/secret/rotate"), &body).await;
        refused.is_refused_by_render(400, "INVALID_REQUEST");
    }
    for query in ["limit=0", "limit=101", "cursor=1", "sentBefore=soon", "sentAfter=1"] {
        let refused = get(&plane, &format!("{webhook}/events?{query}")).await;
        refused.is_refused_by_render(400, "INVALID_REQUEST");
    }
    plane.ask_render("PATCH", &webhook, &json!({ "enabled": false })).await;
    let since = chrono::DateTime::from_timestamp(0, 0).expect("a time").to_rfc3339();
    let refused = plane.ask_render("POST", &replay, &json!({ "since": since })).await;
    refused.is_refused_by_render(400, "WEBHOOK_DISABLED");
}

#[tokio::test]
async fn a_key_of_one_project_opens_no_webhook_and_its_own_project_s_events() {
    let project = TestProject::new().await;
    let plane = project.plane();
    let webhook = path(&create(plane, "a").await);
    let key = async |project: &Value| {
        let body = json!({ "key_name": "ci", "project_id": project }).to_string();
        let created = plane.ask("POST", "/organizations/org-offshoot/api_keys", &body).await;
        created.body["key"].as_str().expect("a key").to_owned()
    };
    let other = plane.ask("POST", "/projects", r#"{"project":{}}"#).await.body;
    let (own, others) =
        (key(&project.created["project"]["id"]).await, key(&other["project"]["id"]).await);
    for (method, path) in [
        ("GET", "/v1/webhooks".to_owned()),
        ("POST", "/v1/webhooks".to_owned()),
        ("GET", format!("/v1{webhook}")),
        ("DELETE", format!("/v1{webhook}")),
        ("GET", format!("/v1{webhook}/events")),
    ] {
        let body = if method == "POST" { new(URL).to_string() } else { String::new() };
        let refused = plane.ask_at(&own, method, &path, &body).await;
        refused.is_refused_by_render(404, "OUTSIDE_SCOPE");
    }
    // The project's first commit made a branch: that is its first event.
    let postgres = get(plane, "/postgres?name=main").await.body;
    let alias = postgres
        .as_array()
        .expect("a page")
        .iter()
        .find(|item| item["postgres"]["projectId"] == project.created["project"]["id"]);
    let alias = alias.expect("a database")["postgres"]["id"].as_str().expect("an id").to_owned();
    let log = alias.parse::<offshoot::model::alias::Alias>().expect("an alias").log;
    let revision = offshoot::model::revision::Revision(1);
    let event = offshoot::model::event::EventId { log, revision, index: 0 };
    let event = format!("/v1/events/{event}");
    let shown = plane.ask_at(&own, "GET", &event, "").await;
    assert_eq!((shown.status, &shown.body["type"]), (200, &json!("branch_created")));
    assert_eq!(shown.body["serviceId"], alias);
    let hidden = plane.ask_at(&others, "GET", &event, "").await;
    hidden.is_refused_by_render(404, "EVENT_NOT_FOUND");
}
