//! What reaches the log, and what must not.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::{Value, json};

use super::plane::{KEY, TestProject};

/// All that this program logs. One for all tests: what is logged where a test has none of its own
/// could otherwise be switched off for those that have.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn of_this_program() -> &'static Self {
        static LOG: OnceLock<Log> = OnceLock::new();
        LOG.get_or_init(|| {
            let log = Self::default();
            let writer = log.clone();
            let subscriber = tracing_subscriber::fmt()
                .with_max_level(tracing::Level::TRACE)
                .with_ansi(false)
                .with_writer(move || writer.clone())
                .finish();
            tracing::subscriber::set_global_default(subscriber).expect("the only subscriber");
            log
        })
    }

    fn text(&self) -> String {
        let bytes = self.0.lock().expect("a lock that no panic poisons").clone();
        String::from_utf8(bytes).expect("UTF-8")
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("a lock that no panic poisons").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_has_a_line_for_each_request_under_its_id() {
    let log = Log::of_this_program();
    let project = TestProject::new().await;
    let id = project.created["project"]["id"].as_str().expect("an id");
    let roles = format!("{}/roles", project.main());
    let answered = project.ask("POST", &roles, json!({ "role": {} })).await;
    let request = answered.headers["x-request-id"].to_str().expect("an id");
    let text = log.text();
    let lines: Vec<_> = text.lines().filter(|line| line.contains(request)).collect();
    let answered = "answered POST /projects/{project_id}/branches/{branch_id}/roles with 400";
    let line = lines.iter().find(|line| line.contains(answered)).expect("a line about the answer");
    assert!(line.contains(&format!("project.id=\"{id}\"")), "{line}");
    assert!(line.contains("branch.id=\"br-"), "{line}");
}

#[tokio::test]
async fn no_password_and_no_key_reaches_the_log() {
    let log = Log::of_this_program();
    let project = TestProject::new().await;
    let main = project.main();
    let sally = project.create_role(&main, "sally").await;
    let reset = format!("{main}/roles/sally/reset_password");
    let reset = project.ask("POST", &reset, Value::Null).await;
    let asked = "/connection_uri?database_name=neondb&role_name=sally&token=in-the-query";
    assert_eq!(project.ask("GET", asked, Value::Null).await.status, 200);
    let child = project.create_branch(json!({})).await;
    let branch = child.trim_start_matches("/branches/");
    for (host, status) in [("", 400), ("db.example.com", 201)] {
        let attached = json!({ "host": host, "user": "admin", "password": "in-the-body" });
        let new = json!({ "endpoint": {
            "branch_id": branch, "type": "read_write", "attached": attached } });
        assert_eq!(project.ask("POST", "/endpoints", new).await.status, status);
    }
    let text = log.text();
    let owner = &project.created["connection_uris"][0]["connection_parameters"];
    for password in [&owner["password"], &sally["password"], &reset.body["role"]["password"]] {
        let password = password.as_str().expect("a password");
        assert!(!text.contains(password), "a password is in the log");
    }
    for secret in [KEY, "Bearer", "in-the-query", "in-the-body"] {
        assert!(!text.contains(secret), "{secret} is in the log");
    }
}
