//! Projects and branches, as people speak of them.

use std::time::{Duration, Instant};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tokio_postgres::{Client, Config, Error, NoTls};

use super::api::Api;
use super::session::{self, login};
use super::{OWNER, POLL};

/// How long operations may take.
const OPERATIONS_TIME: Duration = Duration::from_secs(60);

/// The statuses after which an operation changes no more.
const ENDED: &[&str] = &["finished", "failed", "skipped", "cancelled"];

/// The database with which every project is born.
pub const DATABASE: &str = "neondb";

/// A project and its default branch.
pub struct Project {
    pub id: String,
    pub main: Branch,
    /// The answer to its creation.
    pub created: Value,
}

impl Project {
    pub fn path(&self, rest: &str) -> String {
        format!("/projects/{}{rest}", self.id)
    }
}

/// A branch, and the endpoint that it was born with.
#[derive(Clone)]
pub struct Branch {
    pub api: Api,
    pub project: String,
    pub id: String,
    pub endpoint: Option<String>,
}

impl Branch {
    /// Returns the branch that an answer is about.
    pub fn born(api: &Api, project: &str, answer: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Self {
            api: api.clone(),
            project: project.to_owned(),
            id: text(&answer["branch"]["id"]).expect("an id"),
            endpoint: text(&answer["endpoints"][0]["id"]),
        }
    }

    pub fn path(&self, rest: &str) -> String {
        format!("/projects/{}/branches/{}{rest}", self.project, self.id)
    }

    pub fn endpoint_path(&self, rest: &str) -> String {
        let endpoint = self.endpoint.as_ref().expect("a branch with an endpoint");
        format!("/projects/{}/endpoints/{endpoint}{rest}", self.project)
    }

    pub fn role_path(&self, name: &str, rest: &str) -> String {
        self.path(&format!("/roles/{}{rest}", utf8_percent_encode(name, NON_ALPHANUMERIC)))
    }

    /// Creates a child with an endpoint, and waits until it runs. `birth` says how it is born.
    pub async fn branch_off(&self, birth: Value) -> Self {
        let (child, answer) = self.begin_child(birth).await;
        child.finish(&answer).await;
        child
    }

    /// Creates a child with an endpoint, and returns it with the answer.
    pub async fn begin_child(&self, mut birth: Value) -> (Self, Value) {
        birth["parent_id"] = json!(self.id);
        let body = json!({ "branch": birth, "endpoints": [{ "type": "read_write" }] });
        let path = format!("/projects/{}/branches", self.project);
        let answer = self.api.post(&path, &body).await.expect(201);
        (Self::born(&self.api, &self.project, &answer), answer)
    }

    /// Asks for a role, and returns the answer.
    pub async fn create_role(&self, name: &str) -> Value {
        let body = json!({ "role": { "name": name } });
        self.api.post(&self.path("/roles"), &body).await.expect(201)
    }

    /// Creates a role, waits until its Postgres has it, and returns the answer.
    pub async fn add_role(&self, name: &str) -> Value {
        let answer = self.create_role(name).await;
        self.finish(&answer).await;
        answer
    }

    /// Resets a password, waits until it is in force, and returns it.
    pub async fn reset_password(&self, name: &str) -> String {
        let path = self.role_path(name, "/reset_password");
        let answer = self.api.post_nothing(&path).await.expect(200);
        self.finish(&answer).await;
        password(&answer)
    }

    pub async fn reveal_password(&self, name: &str) -> String {
        let answer = self.api.get(&self.role_path(name, "/reveal_password")).await.expect(200);
        answer["password"].as_str().expect("a password").to_owned()
    }

    /// Deletes a role, and waits until its Postgres has it no more.
    pub async fn delete_role(&self, name: &str) {
        let answer = self.api.delete(&self.role_path(name, "")).await.expect(200);
        self.finish(&answer).await;
    }

    /// Restores or resets as `wish` says, waits until its Postgres has followed, and returns the
    /// answer.
    pub async fn restore(&self, wish: Value) -> Value {
        let answer = self.api.post(&self.path("/restore"), &wish).await.expect(200);
        self.finish(&answer).await;
        answer
    }

    /// Changes the branch's settings.
    pub async fn set(&self, change: Value) -> Value {
        let body = json!({ "branch": change });
        self.api.patch(&self.path(""), &body).await.expect(200)["branch"].take()
    }

    /// Returns the branch as it is shown.
    pub async fn shown(&self) -> Value {
        self.api.get(&self.path("")).await.expect(200)["branch"].take()
    }

    /// Returns the time of the last change of its roles and databases, which is a point that has it.
    pub async fn changed_at(&self) -> Value {
        self.shown().await["updated_at"].take()
    }

    pub async fn role_names(&self) -> Vec<String> {
        let answer = self.api.get(&self.path("/roles")).await.expect(200);
        let roles = answer["roles"].as_array().expect("a list").iter();
        roles.map(|role| role["name"].as_str().expect("a name").to_owned()).collect()
    }

    pub async fn suspend(&self) {
        let answer = self.api.post_nothing(&self.endpoint_path("/suspend")).await.expect(200);
        self.finish(&answer).await;
    }

    pub async fn endpoint(&self) -> Value {
        self.api.get(&self.endpoint_path("")).await.expect(200)["endpoint"].take()
    }

    pub async fn connection_uri(&self, role: &str) -> String {
        let role = utf8_percent_encode(role, NON_ALPHANUMERIC);
        let path = format!(
            "/projects/{}/connection_uri?branch_id={}&database_name={DATABASE}&role_name={role}",
            self.project, self.id
        );
        self.api.get(&path).await.expect(200)["uri"].as_str().expect("a URI").to_owned()
    }

    /// Logs in with the password that the catalog has.
    pub async fn login(&self, role: &str) -> Result<Client, Error> {
        login(&self.connection_uri(role).await).await
    }

    /// Logs in with another password.
    pub async fn login_with(&self, role: &str, password: &str) -> Result<Client, Error> {
        let mut config: Config = self.connection_uri(OWNER).await.parse().expect("a URI");
        let (client, connection) = config.user(role).password(password).connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Whether the branch's Postgres has a role of that name, asked as its owner.
    pub async fn has_in_postgres(&self, role: &str) -> bool {
        let owner = self.login(OWNER).await.expect("a session");
        session::has_role(&owner, role).await
    }

    /// Waits until every operation of an answer has ended well.
    pub async fn finish(&self, answer: &Value) {
        for operation in self.end(answer).await {
            assert_eq!(operation["status"], "finished", "{operation}");
        }
    }

    /// Waits until every operation of an answer has ended, and returns them as they are then.
    pub async fn end(&self, answer: &Value) -> Vec<Value> {
        let mut ended = Vec::new();
        for operation in answer["operations"].as_array().expect("operations") {
            ended.push(self.end_of(operation).await);
        }
        ended
    }

    async fn end_of(&self, operation: &Value) -> Value {
        let id = operation["id"].as_str().expect("an id");
        let path = format!("/projects/{}/operations/{id}", self.project);
        let until = Instant::now() + OPERATIONS_TIME;
        loop {
            let found = self.api.get(&path).await.expect(200)["operation"].take();
            if ENDED.contains(&found["status"].as_str().expect("a status")) {
                return found;
            }
            assert!(Instant::now() < until, "an operation does not end: {found}");
            tokio::time::sleep(POLL).await;
        }
    }
}

/// Returns the password in an answer about a role.
pub fn password(answer: &Value) -> String {
    answer["role"]["password"].as_str().expect("a password").to_owned()
}
