//! A server that is killed between a commit and what it is to tell of it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::server::{Home, PATIENCE, POLL, Remote};
use crate::webhooks::Receiver;

/// What servers are told whose receivers are on this machine.
const LOCAL: &[&str] = &["--webhook-http", "--webhook-networks", "127.0.0.1"];

/// How many roles are created.
const ROLES: usize = 5;

/// Creates a webhook for the receiver, and returns its path.
async fn webhook(remote: &Remote, receiver: &Receiver) -> String {
    let new = json!({ "url": receiver.url(), "name": "a receiver", "eventFilter": [] });
    let created = remote.ask_render(Method::POST, "/webhooks", &new).await.json(201);
    format!("/webhooks/{}", created["id"].as_str().expect("an id"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_before_the_server_was_killed_is_told_by_the_next_one() {
    let home = Home::new().serving(LOCAL);
    let mut server = home.serve();
    let project = server.remote.post("/projects", &json!({ "project": {} })).await.json(201);
    let (id, branch) = (&project["project"]["id"], &project["branch"]["id"]);
    let roles = format!("/projects/{id}/branches/{branch}/roles").replace('"', "");
    let receiver = Receiver::new().await;
    let address = receiver.address;
    let path = webhook(&server.remote, &receiver).await;
    drop(receiver);
    for number in 0..ROLES {
        let role = json!({ "role": { "name": format!("role_{number}") } });
        server.remote.post(&roles, &role).await.json(201);
    }
    server.process.kill();

    let receiver = Receiver::at(address).await;
    let next = home.serve();
    let mut told = Vec::new();
    let until = std::time::Instant::now() + PATIENCE;
    while told.len() < ROLES {
        assert!(std::time::Instant::now() < until, "only {told:?}");
        told.extend(receiver.take());
        tokio::time::sleep(POLL).await;
    }
    let mut names = Vec::new();
    for received in &told {
        let event = format!("/events/{}", received.header("webhook-id"));
        let shown = next.remote.ask_render(Method::GET, &event, &Value::Null).await.json(200);
        names.push(shown["details"]["username"].as_str().expect("a name").to_owned());
    }
    let expected: Vec<_> = (0..ROLES).map(|number| format!("role_{number}")).collect();
    assert_eq!(names, expected);
    let sent = next.remote.ask_render(Method::GET, &format!("{path}/events"), &Value::Null).await;
    let sent = sent.json(200);
    assert_eq!(sent[0]["webhookEvent"]["statusCode"], 204, "{sent}");
    let page = next.remote.http.get(format!("http://{}/metrics", next.remote.address));
    let page = page.send().await.expect("an answer").text().await.expect("a page");
    let taken = format!("offshoot_webhook_deliveries_total{{result=\"taken\"}} {ROLES}");
    assert!(page.contains(&taken), "{page}");
}
