//! What passes cost beside the same SQL sent by psql: `cargo bench --bench passes`.
//!
//! Two servers of the same binaries with the same settings take turns: one is brought to its catalog
//! by a pass, the other is given by psql, in one transaction and many statements at a time, what the
//! plan of that pass says. `-- memory 100000` makes that many passes and prints what they leave in memory.

#![expect(clippy::print_stdout, reason = "a table is what this program is for")]
#![expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]

#[path = "catalog/figures.rs"]
#[expect(dead_code, reason = "the bench of the catalog uses all of it")]
mod figures;

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use offshoot::compute::local::LocalConfig;
use offshoot::compute::{AnyCompute, Compute, ComputeSite, Computes};
use offshoot::model::id::BranchId;
use offshoot::model::name::{COMPUTE_ADMIN, RoleName};
use offshoot::model::progress::Trace;
use offshoot::model::revision::Revision;
use offshoot::model::role::Login;
use offshoot::model::scram;
use offshoot::model::secret::{Password, Verifier};
use offshoot::plan::desired::{Desired, DesiredRole};
use offshoot::plan::{plan, sql};
use tempfile::TempDir;
use tokio_postgres::{Config, NoTls};

use self::figures::{Wanted, median, print, ratio};

/// How often the sides of a ratio take turns.
const ROUNDS: usize = 5;

/// How many roles there are.
const ROLES: u64 = 10_000;

/// How many passwords are set.
const PASSWORDS: u64 = 1_000;

/// How many statements psql sends at a time.
const AT_ONCE: usize = 500;

/// How often a pass is made, and rows are counted, in a turn.
const REPEATS: usize = 20;

/// How many passes are made until memory is looked at.
const STRIDE: usize = 10_000;

/// The salt of the verifiers. Their roles live for seconds.
const SALT: [u8; scram::SALT_BYTES] = [7; scram::SALT_BYTES];

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let arguments: Vec<_> = std::env::args().skip(1).filter(|it| it != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["memory", passes] => runtime.block_on(memory(passes.parse().expect("a number"))),
        _ => runtime.block_on(ratios()),
    }
}

async fn ratios() {
    println!("{ROLES} roles without passwords; {PASSWORDS} roles, each given one; {ROUNDS} turns");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let (mut settled, mut counted, mut looked) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (here, there) = (Server::start().await, Server::start().await);
        let roles = catalog(ROLES, 0);
        theirs.push(there.send(&there.script(&roles).await));
        ours.push(here.pass(&roles).await);
        looked.push(here.pass(&roles).await);
        here.settle(&roles).await;
        settled.push(here.repeat(&roles).await);
        counted.push(here.count().await);
    }
    let (mut passwords, mut their_passwords) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (here, there) = (Server::start().await, Server::start().await);
        for server in [&here, &there] {
            server.pass(&catalog(PASSWORDS, 0)).await;
        }
        let with_passwords = catalog(PASSWORDS, PASSWORDS);
        their_passwords.push(there.send(&there.script(&with_passwords).await));
        passwords.push(here.pass(&with_passwords).await);
    }
    println!("  a pass that makes the roles      {:>9.1} ms", median(&ours) * 1e3);
    println!("  psql, {AT_ONCE} statements at a time  {:>9.1} ms", median(&theirs) * 1e3);
    print("the former, by the latter", ratio(&ours, &theirs), Wanted::AtMost(1.2));
    println!("  a pass that sets the passwords   {:>9.1} ms", median(&passwords) * 1e3);
    println!("  psql                             {:>9.1} ms", median(&their_passwords) * 1e3);
    print("the former, by the latter", ratio(&passwords, &their_passwords), Wanted::AtMost(1.05));
    println!("  a pass that looks at everything  {:>9.2} ms", median(&looked) * 1e3);
    println!("  a pass where nothing has changed {:>9.2} ms", median(&settled) * 1e3);
    println!("  connect and count pg_authid      {:>9.2} ms", median(&counted) * 1e3);
    print("the former, by the latter", ratio(&settled, &counted), Wanted::AtMost(4.0));
}

/// Makes passes where nothing changes.
async fn memory(passes: usize) {
    let server = Server::start().await;
    let roles = catalog(100, 10);
    server.settle(&roles).await;
    for made in 1..=passes {
        server.pass(&roles).await;
        if made % STRIDE == 0 {
            println!("  after {made:>7} passes  {:>7} KiB", resident());
        }
    }
}

/// Returns how much memory this process has, in KiB.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

fn branch() -> BranchId {
    "br-bench".parse().expect("an id")
}

/// Returns a catalog of roles, the first of which have passwords.
fn catalog(roles: u64, passwords: u64) -> Desired {
    let verifier: Verifier = scram::verifier(&Password::new("npg_secret"), SALT);
    let mut desired = Desired::new(branch(), Revision(1 + passwords), [], []);
    for number in 0..roles {
        let login =
            if number < passwords { Login::Password(verifier.clone()) } else { Login::Unset };
        let role = DesiredRole {
            is_active: true,
            born: Revision(number + 1),
            login,
            valid_until: None,
            acts_for: None,
        };
        let name: RoleName = format!("role_{number}").parse().expect("a name");
        desired.roles.insert(name, role);
    }
    desired
}

/// A Postgres that ends with it.
struct Server {
    directory: TempDir,
    computes: Computes,
    compute: AnyCompute,
    port: u16,
}

impl Server {
    async fn start() -> Self {
        let directory = tempfile::Builder::new().prefix("offshoot-bench-").tempdir();
        let directory = directory.expect("a directory");
        let passable = fs::Permissions::from_mode(0o711);
        fs::set_permissions(directory.path(), passable).expect("a mode");
        let root = directory.path().join("computes");
        let config =
            LocalConfig { root, bin_dir: None, path: None, os_user: None, socket_dir: None };
        let computes = Computes::new(config).expect("a root directory");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let pg_version = *computes.installed_versions().last().expect("PostgreSQL");
        let compute = computes.get(&branch(), ComputeSite::Local { port, pg_version });
        compute.start().await.expect("a start");
        let server = Self { directory, computes, compute, port };
        // The tables of marks come with the first role.
        server.pass(&catalog(1, 0)).await;
        server
    }

    fn socket_directory(&self) -> PathBuf {
        self.directory.path().join("computes/run")
    }

    /// Makes a pass, and returns how many seconds it took.
    async fn pass(&self, desired: &Desired) -> f64 {
        let began = Instant::now();
        let converged = self.compute.converge(desired, &mut Trace::default()).await;
        let took = began.elapsed().as_secs_f64();
        assert_eq!(converged.expect("a pass").problems, []);
        took
    }

    /// Makes passes until one has nothing to look at.
    async fn settle(&self, desired: &Desired) {
        for _ in 0..10 {
            self.pass(desired).await;
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        }
    }

    /// Returns the median time of a pass.
    async fn repeat(&self, desired: &Desired) -> f64 {
        let mut times = Vec::new();
        for _ in 0..REPEATS {
            times.push(self.pass(desired).await);
        }
        median(&times)
    }

    /// Returns the median time that it takes to connect and to count roles.
    async fn count(&self) -> f64 {
        let mut times = Vec::new();
        for _ in 0..REPEATS {
            let began = Instant::now();
            let mut config = Config::new();
            config.host_path(self.socket_directory()).port(self.port).user(COMPUTE_ADMIN);
            let (client, connection) =
                config.dbname("postgres").connect(NoTls).await.expect("a login");
            let connection = tokio::spawn(connection);
            client.simple_query("SELECT count(*) FROM pg_authid").await.expect("a count");
            times.push(began.elapsed().as_secs_f64());
            drop(client);
            connection.await.expect("a task").expect("an end");
        }
        median(&times)
    }

    /// Returns what the next pass does, as psql can send it.
    async fn script(&self, desired: &Desired) -> String {
        let observed = self.compute.observe(&branch()).await.expect("a look");
        let plan = plan(desired, &observed);
        let statements: Vec<_> =
            plan.steps.iter().flat_map(|step| sql::statements(step, &branch())).collect();
        let chunks: Vec<_> = statements.chunks(AT_ONCE).map(|some| some.join("\\;\n")).collect();
        format!("BEGIN;\n{};\nCOMMIT;\n", chunks.join(";\n"))
    }

    /// Has psql send a script, and returns how many seconds it took.
    fn send(&self, script: &str) -> f64 {
        let file = self.directory.path().join("script.sql");
        fs::write(&file, script).expect("a file");
        let began = Instant::now();
        let output = Command::new("psql")
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-U", COMPUTE_ADMIN])
            .args(["-p", &self.port.to_string()])
            .arg("-h")
            .arg(self.socket_directory())
            .arg("-f")
            .arg(file)
            .output()
            .expect("psql, of postgresql-client");
        let took = began.elapsed().as_secs_f64();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        took
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let computes = self.computes.clone();
        let stop = || {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(computes.stop_all()).expect("an end");
        };
        std::thread::scope(|scope| scope.spawn(stop).join().expect("an end"));
    }
}
