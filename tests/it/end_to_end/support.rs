//! What the tests speak with: a server of their own, and its API as people use it.

pub mod api;
pub mod branch;
pub mod cluster;
pub mod home;
pub mod mounted;
pub mod session;
mod template;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use api::Api;
use branch::{Branch, Project};
use home::Home;

/// The role that owns a new project's database, as the server is told.
pub const OWNER: &str = "casey";

/// How long a server may take until it listens.
const START_TIME: Duration = Duration::from_secs(60);

/// How long a server may take to stop.
const STOP_TIME: Duration = Duration::from_secs(40);

/// How long to wait before looking again.
pub const POLL: Duration = Duration::from_millis(20);

/// The words before a server's address.
const GREETING: &str = "listening on ";

/// A server that runs, and is stopped at the latest when the test ends.
pub struct Server {
    pub home: Arc<Home>,
    pub api: Api,
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Server {
    /// Starts a server on fresh directories.
    pub fn start() -> Self {
        Self::start_in(&Arc::new(Home::new()), "info")
    }

    /// Starts a server on directories that may have been another's.
    pub fn start_in(home: &Arc<Home>, log: &str) -> Self {
        Self::start_with(home, log, &[])
    }

    /// Starts a server that is told this besides what its home says.
    pub fn start_with(home: &Arc<Home>, log: &str, flags: &[&str]) -> Self {
        let mut command = home.serve();
        command.args(["--log", log]).args(flags).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program");
        let said = Arc::new(Mutex::new(String::new()));
        let address = listen(&mut child, Arc::clone(&said));
        // From here on the child is stopped whatever happens.
        let mut server = Self { home: Arc::clone(home), api: Api::nowhere(), child, said };
        let Ok(address) = address.recv_timeout(START_TIME) else {
            panic!("the server does not listen: {}", server.said());
        };
        server.api = Api::new(&address, &home.admin_key());
        server
    }

    /// Returns everything that the server has written to its standard error stream.
    pub fn said(&self) -> String {
        self.said.lock().expect("a lock that no panic poisons").clone()
    }

    /// Creates a project and waits until its Postgres runs.
    pub async fn create_project(&self) -> Project {
        let project = self.begin_project(json!({})).await;
        project.main.finish(&project.created).await;
        project
    }

    /// Creates a project and does not wait for anything.
    pub async fn begin_project(&self, wishes: Value) -> Project {
        let created = self.api.post("/projects", &json!({ "project": wishes })).await.expect(201);
        let id = created["project"]["id"].as_str().expect("an id").to_owned();
        let main = Branch::born(&self.api, &id, &created);
        Project { id, main, created }
    }

    /// Returns the branch as this server has it.
    pub fn branch_like(&self, branch: &Branch) -> Branch {
        Branch { api: self.api.clone(), ..branch.clone() }
    }

    /// Tells the server to stop, as a service manager does, and waits until it has.
    pub fn stop(mut self) -> ExitStatus {
        self.end().expect("an end in time")
    }

    /// Kills the server, so that it has no time for anything, and returns what it had said.
    pub fn crash(mut self) -> String {
        self.child.kill().expect("a server that runs");
        self.child.wait().expect("an end");
        self.said()
    }

    fn end(&mut self) -> Option<ExitStatus> {
        if let Ok(Some(status)) = self.child.try_wait() {
            return Some(status);
        }
        signal(self.child.id(), Signal::TERM);
        let ended = eventually(STOP_TIME, || self.child.try_wait().ok().flatten());
        if ended.is_none() {
            self.child.kill().ok();
            self.child.wait().ok();
        }
        ended
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
        if thread::panicking() {
            // The test harness shows this with the failure.
            #[expect(clippy::print_stderr, reason = "what a failed test is understood by")]
            {
                eprintln!("the server said:\n{}", self.said());
            }
        }
    }
}

/// Keeps what a server says, and passes on its address.
fn listen(child: &mut Child, said: Arc<Mutex<String>>) -> Receiver<String> {
    let stderr = child.stderr.take().expect("a child with a pipe");
    let (sender, address) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            pass_on(&line, &sender);
            let mut said = said.lock().expect("a lock that no panic poisons");
            said.push_str(&line);
            said.push('\n');
        }
    });
    address
}

fn pass_on(line: &str, sender: &Sender<String>) {
    if let Some((_, rest)) = line.split_once(GREETING) {
        let address = rest.split(';').next().expect("a first part");
        sender.send(address.to_owned()).ok();
    }
}

/// Runs a command to its end, and returns its exit code and everything it wrote.
pub fn run(command: &mut Command) -> (Option<i32>, String) {
    let output = command.stdin(Stdio::null()).output().expect("a program that runs");
    let mut words = String::from_utf8_lossy(&output.stdout).into_owned();
    words.push_str(&String::from_utf8_lossy(&output.stderr));
    (output.status.code(), words)
}

/// Sends a signal to a process that may have ended.
pub fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        kill_process(pid, signal).ok();
    }
}

/// Looks again and again until something is there, or the time is up.
pub fn eventually<T>(time: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let until = std::time::Instant::now() + time;
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if until <= std::time::Instant::now() {
            return None;
        }
        thread::sleep(POLL);
    }
}
