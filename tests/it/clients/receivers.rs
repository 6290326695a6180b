//! The receivers of events that Standard Webhooks' own people write, unpatched and at pinned versions:
//! what the real server sends verifies there.

use std::process::Stdio;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::installed::Installed;
use crate::server::{Home, PATIENCE, Remote};

const NO_MATCH: &str = "No matching signature found";

/// A receiver, and what it says.
struct Receiver {
    /// It ends with this.
    _child: Child,
    secrets: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Receiver {
    fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("a receiver that starts");
        let secrets = child.stdin.take().expect("a pipe");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Self { _child: child, secrets, lines }
    }

    async fn line(&mut self) -> Value {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await;
        let line = line.expect("a word in time").expect("a pipe").expect("a receiver that runs");
        serde_json::from_str(&line).expect("JSON")
    }

    async fn tell(&mut self, secret: &Value) {
        let line = format!("{}\n", secret.as_str().expect("a secret"));
        self.secrets.write_all(line.as_bytes()).await.expect("a pipe");
    }
}

async fn create_role(remote: &Remote, project: &Value, name: &str) {
    let (id, branch) = (&project["project"]["id"], &project["branch"]["id"]);
    let path = format!("/projects/{id}/branches/{branch}/roles").replace('"', "");
    remote.post(&path, &json!({ "role": { "name": name } })).await.json(201);
}

/// Has a receiver verify what is sent before, while and after its secret is rotated.
async fn verify(script: &str) {
    let Some(installed) = Installed::find() else { return };
    let home =
        Home::new().serving(&["--webhook-http", "--webhook-networks", "127.0.0.0/8,10.0.0.0/8"]);
    let server = home.serve();
    let remote = &server.remote;
    let mut receiver = Receiver::start(&mut installed.script(script));
    let port = receiver.line().await["port"].clone();
    let project = remote.post("/projects", &json!({ "project": {} })).await.json(201);
    let new = json!({
        "ownerId": "org-offshoot",
        "url": format!("http://127.0.0.1:{port}/hook"),
        "name": "a receiver",
        "enabled": true,
        "eventFilter": [],
    });
    let webhook = remote.ask_render(Method::POST, "/webhooks", &new).await.json(201);
    receiver.tell(&webhook["secret"]).await;
    create_role(remote, &project, "one").await;
    let told = receiver.line().await;
    let created = "postgres_credentials_created";
    assert_eq!(told["found"], json!([created]), "{told}");
    assert_eq!(told["changed"], json!([NO_MATCH]), "{told}");
    let rotate = format!("/webhooks/{}/secret/rotate", webhook["id"]).replace('"', "");
    let rotated = remote.ask_render(Method::POST, &rotate, &Value::Null).await.json(200);
    receiver.tell(&rotated["secret"]).await;
    create_role(remote, &project, "two").await;
    assert_eq!(receiver.line().await["found"], json!([created, created]));
    let at_once = json!({ "overlap_seconds": 0 });
    let rotated = remote.ask_render(Method::POST, &rotate, &at_once).await.json(200);
    receiver.tell(&rotated["secret"]).await;
    create_role(remote, &project, "three").await;
    let told = receiver.line().await;
    assert_eq!(told["found"], json!([NO_MATCH, NO_MATCH, created]), "{told}");
    // Its receiver asks for the rest with the id that it was told.
    let event = format!("/events/{}", told["body"]["data"]["id"]).replace('"', "");
    let shown = remote.ask_render(Method::GET, &event, &Value::Null).await.json(200);
    assert_eq!(shown["details"]["username"], "three");
    let sent = format!("/webhooks/{}/events", webhook["id"]).replace('"', "");
    let sent = remote.ask_render(Method::GET, &sent, &Value::Null).await.json(200);
    let statuses: Vec<_> = sent.as_array().expect("a page").iter().collect();
    assert!(statuses.iter().all(|item| item["webhookEvent"]["statusCode"] == 204), "{sent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_verifies_with_standard_webhooks_for_javascript() {
    verify("receive.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_verifies_with_standard_webhooks_for_python() {
    verify("receive.py").await;
}
