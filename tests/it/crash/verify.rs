//! What must be true after the last start, whatever happened before.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::BufReader;

use futures_util::{StreamExt, stream};
use offshoot::model::revision::Revision;
use offshoot::store::engine::{Engine, LogId};
use offshoot::store::transfer;
use serde_json::Value;
use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;

use crate::crash::client::{Belief, Children, Client, Known};
use crate::crash::restorer::Restorer;
use crate::crash::{Project, text};
use crate::server::{Home, Remote};
use crate::store::load;

/// How many ask at once.
const CALLERS: usize = 8;

/// How many roles are logged in as, besides those whose password was reset.
const LOGINS: usize = 40;

/// How many dropped roles and replaced passwords are tried.
const REFUSALS: usize = 60;

/// What Postgres has besides the catalog's roles: its superuser and the group of all of them.
const OWN_ROLES: &[&str] = &["cloud_admin", "neon_superuser"];

/// A branch as the API shows it.
struct Branch {
    id: String,
    /// The connection string of the role that owns its database.
    uri: String,
    roles: BTreeSet<String>,
}

/// What was asked for while the server was killed, and what was heard of it.
pub struct Asked {
    pub clients: Vec<Client>,
    pub children: Children,
    pub restorer: Restorer,
}

pub async fn verify(home: &Home, project: &Project, asked: Asked) {
    let Asked { clients, children, mut restorer } = asked;
    let mut server = home.serve();
    let remote = server.remote.clone();
    restorer.go_on(&remote).await;
    assert_operations(&remote, &project.id).await;
    let branches = read_branches(&remote, &project.id).await;
    let all: Vec<&Known> = clients.iter().flat_map(|client| &client.roles).collect();
    assert_there_is_something_to_verify(&all);
    stream::iter(&all)
        .for_each_concurrent(CALLERS, |known| assert_known(&remote, &project.id, known))
        .await;
    restorer.verify(&remote).await;
    assert_children(&branches, project, &children);
    assert_no_others(&branches, project, &all);
    for branch in &branches {
        assert_postgres_agrees(branch).await;
    }
    assert_logins(&branches, &all).await;
    server.process.kill();
    assert_clean(home);
    assert_trimmed(home);
    assert_exported(home);
}

/// The store of a server that does not run is whole.
pub fn assert_clean(home: &Home) {
    let check = home.command("check").output().expect("a check");
    let said = [&check.stdout, &check.stderr].map(|said| String::from_utf8_lossy(said));
    assert!(check.status.success(), "{}{}", said[0], said[1]);
}

/// A run in which no export came to its end would show nothing about them.
fn assert_exported(home: &Home) {
    let exports = fs::read_dir(home.data_dir().join("exports")).expect("a directory of exports");
    let files = exports.map(|entry| entry.expect("an entry").path());
    let whole: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|end| end == "export")).collect();
    assert!(!whole.is_empty(), "no export came to its end");
    for path in whole {
        transfer::verify(BufReader::new(File::open(path).expect("an export")))
            .expect("a whole one");
    }
}

/// A run in which no history was trimmed would show nothing about that.
fn assert_trimmed(home: &Home) {
    let engine = load::open(&home.data_dir());
    let logs = engine.logs().expect("logs").into_iter();
    let mut projects = logs.filter(|log| *log != LogId::DIRECTORY);
    assert!(projects.all(|log| Revision::FIRST < engine.floor(log).expect("a floor")));
}

/// A run in which nothing was acknowledged, or nothing cut off, would show nothing.
fn assert_there_is_something_to_verify(all: &[&Known]) {
    let certain = all.iter().filter(|known| known.certain().is_some()).count();
    assert!(100 < certain, "only {certain} requests were answered");
    assert!(certain < all.len(), "no request was cut off");
    let is_dropped = |known: &&&Known| is_dropped(known);
    assert!(all.iter().any(|known| is_dropped(&known)), "no role was dropped");
}

fn is_dropped(known: &Known) -> bool {
    known.certain() == Some(&Belief::Absent) && known.former.is_some()
}

async fn assert_operations(remote: &Remote, project: &str) {
    let operations = remote.ended_operations(project).await;
    let ids: BTreeSet<_> = operations.iter().map(|operation| text(&operation["id"])).collect();
    assert_eq!(ids.len(), operations.len(), "an operation is listed twice");
    for operation in operations {
        assert_eq!(operation["status"], "finished", "{operation}");
    }
}

async fn read_branches(remote: &Remote, project: &str) -> Vec<Branch> {
    let listed = remote.get(&format!("/projects/{project}/branches")).await.json(200);
    let mut branches = Vec::new();
    for branch in listed["branches"].as_array().expect("a list") {
        let id = text(&branch["id"]);
        let path = format!("/projects/{project}/branches/{id}/roles");
        let answer = remote.get(&path).await.json(200);
        let names = names(&answer["roles"]);
        let roles: BTreeSet<_> = names.iter().cloned().collect();
        assert_eq!(roles.len(), names.len(), "a role of {id} is listed twice");
        let path = format!(
            "/projects/{project}/connection_uri?branch_id={id}&database_name=neondb\
             &role_name=neondb_owner"
        );
        let uri = text(&remote.get(&path).await.json(200)["uri"]);
        branches.push(Branch { id, uri, roles });
    }
    branches
}

fn names(list: &Value) -> Vec<String> {
    list.as_array().expect("a list").iter().map(|item| text(&item["name"])).collect()
}

/// A role is as one of the things that may be, and whole.
async fn assert_known(remote: &Remote, project: &str, known: &Known) {
    let path = format!("/projects/{project}/branches/{}/roles/{}", known.branch, known.name);
    let found = remote.get(&path).await;
    if found.status == 404 {
        assert!(known.beliefs.contains(&Belief::Absent), "{known:?} is lost");
        return;
    }
    let found = found.json(200);
    let revealed = remote.get(&format!("{path}/reveal_password")).await;
    let is_so = known.beliefs.iter().any(|belief| match belief {
        Belief::Absent => false,
        Belief::NoLogin => {
            found["role"]["authentication_method"] == "no_login" && revealed.status == 412
        }
        Belief::Password(password) => revealed.json(200)["password"] == **password,
        Belief::Unheard => revealed.json(200)["password"].is_string(),
    });
    assert!(is_so, "{known:?} is {found}");
}

/// Every branch whose creation was answered is there with what the answer said, and no branch is
/// there that nobody asked for.
fn assert_children(branches: &[Branch], project: &Project, children: &Children) {
    for child in &children.asked {
        let Some(answer) = &child.answer else { continue };
        let id = text(&answer["branch"]["id"]);
        let branch = branches.iter().find(|branch| branch.id == id);
        let branch = branch.unwrap_or_else(|| panic!("the branch {} is lost", child.name));
        let born: BTreeSet<_> = names(&answer["roles"]).into_iter().collect();
        assert_eq!(branch.roles, born, "the roles of {}", child.name);
    }
    assert!(
        branches.len() <= project.all.len() + children.asked.len(),
        "there are branches that nobody asked for"
    );
}

/// A branch has no role that nobody asked for.
fn assert_no_others(branches: &[Branch], project: &Project, all: &[&Known]) {
    for branch in branches.iter().filter(|branch| project.branches.contains(&branch.id)) {
        let asked = all.iter().filter(|known| known.branch == branch.id);
        let asked: BTreeSet<&str> = asked.map(|known| known.name.as_str()).collect();
        for role in &branch.roles {
            let is_known = asked.contains(role.as_str()) || role == "neondb_owner";
            assert!(is_known, "nobody asked for {role}");
        }
    }
}

/// A branch's Postgres has the roles of its catalog, no more and no fewer.
async fn assert_postgres_agrees(branch: &Branch) {
    let client = log_in(&branch.uri).await.expect("a login of the owner");
    let sql = "SELECT rolname FROM pg_roles WHERE oid >= 16384";
    let rows = client.query(sql, &[]).await.expect("a list of roles");
    let found: BTreeSet<String> = rows
        .iter()
        .map(|row| row.get(0))
        .filter(|name: &String| !OWN_ROLES.contains(&name.as_str()))
        .collect();
    assert_eq!(found, branch.roles, "Postgres and catalog of {}", branch.id);
}

/// Roles log in with the password that was returned last, and with no other; dropped ones do not.
async fn assert_logins(branches: &[Branch], all: &[&Known]) {
    let uri = |known: &Known| {
        let branch = branches.iter().find(|branch| branch.id == known.branch);
        &branch.expect("a branch of the project").uri
    };
    let is_reset = |known: &&&Known| known.former.is_some();
    let reset = all.iter().filter(is_reset);
    let others = all.iter().filter(|known| !is_reset(known) && known.certain().is_some());
    let good = reset.chain(others.take(LOGINS)).filter_map(|known| match known.certain() {
        Some(Belief::Password(password)) => Some((uri(known), &known.name, password)),
        Some(Belief::Absent | Belief::Unheard | Belief::NoLogin) | None => None,
    });
    stream::iter(good)
        .for_each_concurrent(CALLERS, |(uri, name, password)| async move {
            let client = log_in(&with(uri, name, password)).await;
            client.unwrap_or_else(|error| panic!("{name} cannot log in: {error:?}"));
        })
        .await;
    let bad = all.iter().filter(|known| known.certain().is_some());
    let bad = bad.filter_map(|known| Some((uri(known), &known.name, known.former.as_ref()?)));
    stream::iter(bad.take(REFUSALS))
        .for_each_concurrent(CALLERS, |(uri, name, password)| async move {
            let Err(error) = log_in(&with(uri, name, password)).await else {
                panic!("{name} logs in with a password that is no longer good");
            };
            assert_eq!(error.code(), Some(&SqlState::INVALID_PASSWORD), "{name}: {error:?}");
        })
        .await;
}

/// Returns a connection string of another role on the same branch.
fn with(uri: &str, name: &str, password: &str) -> String {
    let (_, place) = uri.split_once('@').expect("a URI with a role");
    format!("postgresql://{name}:{password}@{place}")
}

pub async fn log_in(uri: &str) -> Result<tokio_postgres::Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(uri, NoTls).await?;
    // It ends with the client; what went wrong, the client is told.
    tokio::spawn(connection);
    client.simple_query("SELECT 1").await?;
    Ok(client)
}
