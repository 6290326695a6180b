//! `offshoot plan` and `offshoot reconcile`: commands that talk to a running server.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::cli::{print, say, words};
use crate::client::{At, Client};
use crate::config::DEFAULT_ORIGIN;
use crate::wire::neon::operations::Operation;

/// How long to wait before looking at an operation again.
const POLL: Duration = Duration::from_millis(200);

/// How often an operation is looked at: for about a quarter of an hour, after which it is given up by
/// the server, too.
const MAX_LOOKS: usize = 4500;

/// The branch of a server that a command is about.
#[derive(Debug, Args)]
pub(super) struct Remote {
    /// Where the server listens.
    #[arg(long, env = "OFFSHOOT_URL", default_value = DEFAULT_ORIGIN, value_name = "URL")]
    url: String,
    /// The API key. Give it in the environment: others on this machine can see command lines.
    #[arg(long, env = "OFFSHOOT_API_KEY", hide_env_values = true, value_name = "KEY")]
    api_key: String,
    /// The project's id.
    #[arg(long, env = "OFFSHOOT_PROJECT", value_name = "ID")]
    project: String,
    /// The branch's id.
    #[arg(long, env = "OFFSHOOT_BRANCH", value_name = "ID")]
    branch: String,
    /// Print the API's answer rather than words.
    #[arg(long)]
    json: bool,
}

impl Remote {
    fn at(&self) -> At {
        At { project: self.project.clone(), branch: self.branch.clone() }
    }

    fn client(&self) -> Client {
        Client::new(&self.url, &self.api_key)
    }

    /// Prints an answer, as JSON or in words.
    fn show<T: Serialize>(&self, answer: &T, words: impl FnOnce(&T) -> String) {
        if self.json {
            print(&serde_json::to_string_pretty(answer).expect("a shape of string keys"));
        } else {
            print(words(answer).trim_end());
        }
    }
}

/// Prints what a pass would do.
pub(super) fn plan(remote: &Remote) -> anyhow::Result<ExitCode> {
    let answer = remote.client().reconcile(&remote.at(), true)?;
    remote.show(&answer, |answer| answer.plan.as_ref().map(words::plan).unwrap_or_default());
    Ok(ExitCode::SUCCESS)
}

/// Asks for a pass, and waits until its operations have ended.
pub(super) fn reconcile(remote: &Remote) -> anyhow::Result<ExitCode> {
    let client = remote.client();
    let mut answer = client.reconcile(&remote.at(), false)?;
    for operation in &mut answer.operations {
        *operation = end_of(&client, operation.clone())?;
    }
    let is_good = answer.operations.iter().all(|operation| operation.status == "finished");
    remote.show(&answer, |answer| words::operations(&answer.operations));
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn end_of(client: &Client, mut operation: Operation) -> anyhow::Result<Operation> {
    for _ in 0..MAX_LOOKS {
        if !matches!(&*operation.status, "scheduling" | "running") {
            return Ok(operation);
        }
        thread::sleep(POLL);
        operation = client.operation(&operation.project_id, &operation.id)?;
    }
    say(&format!("operation {} goes on; look at it again later", operation.id));
    Ok(operation)
}
