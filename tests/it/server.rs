//! The real server, run for a test: the binary in directories and on ports of its own, and the
//! Postgres processes that it leaves behind.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Method, RequestBuilder};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::contract::exchange::{self, Exchange};

/// How long anything may take that takes no time at all on a machine that is not busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often a test looks again.
pub const POLL: Duration = Duration::from_millis(20);

/// How many ports a server has for its computes.
const PORTS: u16 = 16;

/// Below the ones that the machine gives to outgoing connections.
const FIRST_PORT: u16 = 20_000;

/// How many ranges of ports there are to choose from.
const RANGES: u16 = 700;

/// How many of the last words of a server are kept, in lines.
const LAST_WORDS: usize = 40;

/// What would change a server, if it were set where the tests are run.
const VARIABLES: &[&str] = &[
    "OFFSHOOT_ACCOUNT",
    "OFFSHOOT_CACHE_MIB",
    "OFFSHOOT_LOG",
    "OFFSHOOT_LOG_FORMAT",
    "OFFSHOOT_STOP_COMPUTES",
    "OFFSHOOT_WEBHOOK_HTTP",
    "OFFSHOOT_WEBHOOK_NETWORKS",
    "OFFSHOOT_WELCOME",
];

/// Where a server keeps everything. In the end, whatever Postgres still runs in it is stopped.
pub struct Home {
    dir: TempDir,
    ports: (u16, u16),
    /// What its servers are told besides.
    arguments: Vec<String>,
}

impl Home {
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("offshoot-it-").tempdir().expect("a directory");
        // As root, Postgres runs as another user, who must get at its data.
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).expect("an open directory");
        Self { dir, ports: free_ports(), arguments: Vec::new() }
    }

    /// Tells the servers something besides.
    pub fn serving(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(ToString::to_string));
        self
    }

    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn compute_dir(&self) -> PathBuf {
        let path = self.dir.path().join("computes");
        path.canonicalize().unwrap_or(path)
    }

    /// Returns a command of the binary on this home's data directory.
    pub fn command(&self, name: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_offshoot"));
        for variable in VARIABLES {
            command.env_remove(variable);
        }
        command.arg(name).arg("--data-dir").arg(self.data_dir()).stdin(Stdio::null());
        command
    }

    /// Starts a server, and does not wait for anything.
    pub fn launch(&self) -> Process {
        let (first, last) = self.ports;
        let child = self
            .command("serve")
            .args(["--listen", "127.0.0.1:0", "--compute-ports", &format!("{first}-{last}")])
            .arg("--compute-dir")
            .arg(self.dir.path().join("computes"))
            .args(&self.arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a server that starts");
        Process::of(child)
    }

    /// Starts a server, and waits until it takes requests.
    pub fn serve(&self) -> Server {
        let process = self.launch();
        let address = process.address();
        let key = fs::read_to_string(self.data_dir().join("admin.key")).expect("an admin key");
        let http = Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client");
        Server { process, remote: Remote { address, key: key.trim().to_owned(), http } }
    }

    /// Returns the processes of every Postgres that runs here, by the directory of its data. The
    /// processes that a Postgres starts itself are not among them.
    pub fn postmasters(&self) -> BTreeMap<PathBuf, Vec<u32>> {
        let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let processes = postgres_processes(&self.compute_dir());
        for (pid, process) in &processes {
            let is_child = processes.get(&process.parent).is_some_and(|p| p.data == process.data);
            if !is_child {
                found.entry(process.data.clone()).or_default().push(*pid);
            }
        }
        found
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let until = Instant::now() + PATIENCE;
        loop {
            let mut running: Vec<u32> = self.postmasters().into_values().flatten().collect();
            running.extend(initdbs(&self.compute_dir()));
            if running.is_empty() || until < Instant::now() {
                break;
            }
            for pid in running {
                signal(pid, Signal::QUIT);
            }
            std::thread::sleep(POLL);
        }
    }
}

/// A process of the server. It is killed in the end.
pub struct Process {
    child: Child,
    said: Arc<Mutex<VecDeque<String>>>,
    listens: mpsc::Receiver<SocketAddr>,
}

impl Process {
    fn of(mut child: Child) -> Self {
        let stderr = child.stderr.take().expect("a child with a pipe");
        let said = Arc::new(Mutex::new(VecDeque::new()));
        let (told, listens) = mpsc::channel();
        let heard = Arc::clone(&said);
        std::thread::spawn(move || listen_to(stderr, &heard, &told));
        Self { child, said, listens }
    }

    fn address(&self) -> SocketAddr {
        self.listens.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            panic!("a server that listens, but its last words were:\n{}", self.last_words())
        })
    }

    pub fn last_words(&self) -> String {
        let said = self.said.lock().expect("a lock that no panic poisons");
        said.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    /// Kills the server as a power cut would, and waits until it is gone.
    pub fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().expect("a child that ends");
    }

    /// Asks the server to stop.
    pub fn terminate(&self) {
        signal(self.child.id(), Signal::TERM);
    }

    /// Waits for the end of the server, which must come within `deadline`.
    pub fn wait(&mut self, deadline: Duration) -> ExitStatus {
        let until = Instant::now() + deadline;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child that can be waited for") {
                return status;
            }
            assert!(Instant::now() < until, "the server still runs:\n{}", self.last_words());
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn listen_to(
    stderr: ChildStderr,
    said: &Mutex<VecDeque<String>>,
    listens: &mpsc::Sender<SocketAddr>,
) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        let address = line.split_once("listening on http://").and_then(|(_, rest)| {
            rest.split(';').next().and_then(|address| address.trim().parse().ok())
        });
        if let Some(address) = address {
            // A test that never asks where it listens has dropped the other end.
            listens.send(address).ok();
        }
        let mut said = said.lock().expect("a lock that no panic poisons");
        said.push_back(line);
        if LAST_WORDS < said.len() {
            said.pop_front();
        }
    }
}

/// A server that takes requests.
pub struct Server {
    pub process: Process,
    pub remote: Remote,
}

/// How a server is reached.
#[derive(Clone)]
pub struct Remote {
    pub address: SocketAddr,
    pub key: String,
    pub http: Client,
}

/// What a server answered.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Remote {
    /// Returns a request with the key, to a path under the base.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}/api/v2{path}", self.address);
        self.http.request(method, url).bearer_auth(&self.key)
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await.expect("an answer")
    }

    /// Asks as Render's clients do.
    pub async fn ask_render(&self, method: Method, path: &str, body: &Value) -> Answer {
        let url = format!("http://{}/v1{path}", self.address);
        let request = self.http.request(method, url).bearer_auth(&self.key);
        let request = if body.is_null() { request } else { request.json(body) };
        send(request).await.expect("an answer")
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        send(self.request(Method::POST, path).json(body)).await.expect("an answer")
    }

    /// Pages through every operation of a project, newest first.
    pub async fn operations(&self, project: &str) -> Vec<Value> {
        let mut operations = Vec::new();
        let mut path = format!("/projects/{project}/operations?limit=1000");
        loop {
            let page = self.get(&path).await.json(200);
            operations.extend(page["operations"].as_array().expect("a list").iter().cloned());
            let Some(cursor) = page["pagination"]["cursor"].as_str() else { return operations };
            path = format!("/projects/{project}/operations?limit=1000&cursor={cursor}");
        }
    }

    /// Waits until every operation of a project has ended, and returns them.
    pub async fn ended_operations(&self, project: &str) -> Vec<Value> {
        let until = Instant::now() + PATIENCE;
        loop {
            let operations = self.operations(project).await;
            let goes_on = |operation: &&Value| {
                matches!(operation["status"].as_str(), Some("running" | "scheduling"))
            };
            let Some(left) = operations.iter().find(goes_on) else { return operations };
            assert!(Instant::now() < until, "an operation does not end: {left}");
            tokio::time::sleep(POLL).await;
        }
    }
}

impl Answer {
    /// Returns the body of an answer that must have this status.
    #[track_caller]
    pub fn json(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        serde_json::from_str(&self.text).expect("a body of JSON")
    }

    pub fn content_type(&self) -> Option<&str> {
        self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok())
    }
}

/// Sends a request. An error means that nobody knows whether it was carried out.
pub async fn send(request: RequestBuilder) -> Result<Answer, reqwest::Error> {
    let (client, request) = request.build_split();
    let request = request?;
    let (method, path) = (request.method().to_string(), request.url().path().to_owned());
    let response = client.execute(request).await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let answer = Answer { status, headers, text: response.text().await? };
    let content_type = answer.content_type().map(str::to_owned);
    let answered = answer.text.clone();
    exchange::check(&Exchange { method, path, status, content_type, answered });
    Ok(answer)
}

fn free_ports() -> (u16, u16) {
    let own = u16::try_from(std::process::id() % u32::from(RANGES)).expect("a small number");
    let is_free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    (0..RANGES)
        .map(|next| FIRST_PORT + (own + next) % RANGES * PORTS)
        .map(|first| (first, first + PORTS - 1))
        .find(|(first, last)| (*first..=*last).all(is_free))
        .expect("a range of free ports")
}

/// A Postgres process.
struct PostgresProcess {
    data: PathBuf,
    parent: u32,
}

/// Finds the Postgres processes at work somewhere under `root`.
fn postgres_processes(root: &Path) -> BTreeMap<u32, PostgresProcess> {
    if !cfg!(target_os = "linux") {
        return pid_files(root);
    }
    let entries = fs::read_dir("/proc").expect("a list of processes").filter_map(Result::ok);
    entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let data = fs::read_link(entry.path().join("cwd")).ok()?;
            let exe = fs::read_link(entry.path().join("exe")).ok()?;
            let is_postgres = exe.file_name()?.to_str()?.starts_with("postgres");
            let status = fs::read_to_string(entry.path().join("status")).ok()?;
            let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
            let parent = parent.trim().parse().ok()?;
            (is_postgres && data.starts_with(root))
                .then_some((pid, PostgresProcess { data, parent }))
        })
        .collect()
}

/// Finds the `initdb` that a server did not live to see the end of. It works from elsewhere.
fn initdbs(root: &Path) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let root = root.display().to_string();
    let found = entries.filter_map(|entry| {
        let path = entry.ok()?.path();
        let command = fs::read(path.join("cmdline")).ok()?;
        let command = String::from_utf8_lossy(&command).into_owned();
        let is_ours = command.contains("initdb") && command.contains(&root);
        path.file_name()?.to_str()?.parse().ok().filter(|_| is_ours)
    });
    found.collect()
}

/// Finds postmasters where there is no `/proc`: by what they wrote down themselves.
fn pid_files(root: &Path) -> BTreeMap<u32, PostgresProcess> {
    let Ok(entries) = fs::read_dir(root) else { return BTreeMap::new() };
    entries
        .filter_map(|entry| {
            let data = entry.ok()?.path().join("data");
            let file = fs::read_to_string(data.join("postmaster.pid")).ok()?;
            let pid = file.lines().next()?.trim().parse().ok()?;
            Some((pid, PostgresProcess { data, parent: 0 }))
        })
        .collect()
}

fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a number of a process");
    // It may have ended by itself just now.
    kill_process(pid, signal).ok();
}
