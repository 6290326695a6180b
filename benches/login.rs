//! How long until a role can log in with a new password, and how many roles a second become durable.
//!
//! `cargo bench --bench login` starts the real server, and beside it a Postgres of the same binaries
//! with the same settings. In turns, a role's password is reset over the API, which draws it, derives
//! its verifier, writes both down durably, and has a reconciler see to the Postgres; and a superuser's
//! session, which is open already, says `ALTER ROLE .. PASSWORD '..'`, after which a row is appended to
//! a file and synced. Both are timed until Postgres has the new verifier, which another superuser's
//! session looks for, and until a login with the password has succeeded. So is a role's creation. Then
//! roles are made over the API alone, by one caller and by many.

use std::error::Error;
use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use offshoot::model::scram;
use offshoot::model::secret::Password;
use reqwest::Client;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::sleep;
use tokio_postgres::NoTls;

/// How many roles are made in either way.
const PAIRS: usize = 40;

/// How many come first that do not count.
const WARM_UP: usize = 5;

/// How long roles are made by so many callers.
const RATE_TIME: Duration = Duration::from_secs(5);

/// How many callers there are, and how many there are then.
const CALLERS: [usize; 2] = [1, 64];

/// How long anything may take before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long to wait before it is looked for a verifier again, or the next login is tried.
const POLL: Duration = Duration::from_micros(500);

/// How much a row of the store has, about.
const ROW_BYTES: usize = 1024;

/// The salt of the plain roles' verifiers. They live for seconds.
const SALT: [u8; scram::SALT_BYTES] = [7; scram::SALT_BYTES];

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

#[expect(clippy::print_stdout, reason = "what the bench is for")]
#[tokio::main]
async fn main() -> Result<()> {
    let dir = tempfile::Builder::new().prefix("offshoot-bench-").tempdir()?;
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755))?;
    let offshoot = Offshoot::start(&dir).await?;
    let (bin, settings) = offshoot.postgres()?;
    let plain = Plain::start(&dir, &bin, settings).await?;
    println!("until Postgres has a new password, and until its role is logged in; {PAIRS} pairs:");
    for (what, with_us, without) in [
        (Deed::Reset, "POST reset_password", "ALTER ROLE by a superuser"),
        (Deed::Create, "POST roles", "CREATE ROLE by a superuser"),
    ] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for number in 0..WARM_UP + PAIRS {
            let pair = (offshoot.time(what, number).await?, plain.time(what, number).await?);
            if WARM_UP <= number {
                ours.push(pair.0);
                theirs.push(pair.1);
            }
        }
        let (ours, theirs) = (medians(&ours), medians(&theirs));
        println!("  {with_us:<28} {:>8.2} ms {:>8.2} ms", ours[0] * 1e3, ours[1] * 1e3);
        println!("  {without:<28} {:>8.2} ms {:>8.2} ms", theirs[0] * 1e3, theirs[1] * 1e3);
        let ratios = [ours[0] / theirs[0], ours[1] / theirs[1]];
        println!("  ratio                        {:>8.2}    {:>8.2}", ratios[0], ratios[1]);
    }
    println!("durable roles a second over HTTP:");
    for callers in CALLERS {
        println!("  {callers:>2} callers  {:>8.0}", offshoot.rate(callers).await?);
    }
    Ok(())
}

/// What is timed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deed {
    Create,
    Reset,
}

/// How long it took until Postgres had a verifier, and until the role was logged in.
type Times = [Duration; 2];

fn medians(pairs: &[Times]) -> [f64; 2] {
    [0, 1].map(|which| {
        let mut times: Vec<_> = pairs.iter().map(|times| times[which]).collect();
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64()
    })
}

/// Returns the verifier of a role, if it has one.
async fn verifier(superuser: &tokio_postgres::Client, role: &str) -> Result<Option<String>> {
    let sql = "SELECT rolpassword FROM pg_authid WHERE rolname = $1";
    let row = superuser.query_opt(sql, &[&role]).await?;
    Ok(row.and_then(|row| row.get(0)))
}

/// Tries to log in until it succeeds.
async fn log_in(uri: &str) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    loop {
        match tokio_postgres::connect(uri, NoTls).await {
            Ok((client, connection)) => {
                let connection = tokio::spawn(connection);
                client.simple_query("SELECT 1").await?;
                drop(client);
                return Ok(connection.await??);
            }
            Err(error) if until < Instant::now() => return Err(error.into()),
            Err(_) => sleep(POLL).await,
        }
    }
}

/// The server, with a project.
struct Offshoot {
    server: Child,
    computes: PathBuf,
    http: Client,
    key: String,
    roles: String,
    /// Where its project's Postgres is: the host, the port and the database.
    place: String,
    /// A session in it that looks for verifiers.
    watch: Option<tokio_postgres::Client>,
}

impl Offshoot {
    async fn start(dir: &TempDir) -> Result<Self> {
        let (data, computes) = (dir.path().join("data"), dir.path().join("computes"));
        let port = free_port()?;
        let mut server = Command::new(env!("CARGO_BIN_EXE_offshoot"))
            .args(["serve", "--listen", "127.0.0.1:0", "--log", "info,offshoot::api=warn"])
            .args(["--compute-ports", &format!("{port}-{port}")])
            .args([Path::new("--data-dir"), &data, Path::new("--compute-dir"), &computes])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let address = address(server.stderr.take().ok_or("a pipe")?)?;
        let key = fs::read_to_string(data.join("admin.key"))?.trim().to_owned();
        let http = Client::builder().no_proxy().build()?;
        let base = format!("http://{address}/projects");
        let mut offshoot = Self {
            server,
            computes,
            http,
            key,
            roles: String::new(),
            place: String::new(),
            watch: None,
        };
        let created = offshoot.post(&base, &json!({ "project": {} })).await?;
        let text = |value: &Value| value.as_str().map(str::to_owned).ok_or("a text");
        let (project, branch) = (text(&created["project"]["id"])?, text(&created["branch"]["id"])?);
        offshoot.roles = format!("{base}/{project}/branches/{branch}/roles");
        let uri = text(&created["connection_uris"][0]["connection_uri"])?;
        log_in(&uri).await?;
        offshoot.place = uri.split_once('@').ok_or("a URI with a role")?.1.to_owned();
        let sockets = offshoot.computes.join("run");
        offshoot.watch = Some(superuser(&sockets, port, "cloud_admin").await?);
        Ok(offshoot)
    }

    async fn post(&self, url: &str, body: &Value) -> Result<Value> {
        let request = self.http.post(url).bearer_auth(&self.key).json(body);
        Ok(request.send().await?.error_for_status()?.json().await?)
    }

    async fn create(&self, name: &str) -> Result<Value> {
        self.post(&self.roles, &json!({ "role": { "name": name } })).await
    }

    /// Measures from a request until its role can log in, and until it has.
    async fn time(&self, deed: Deed, number: usize) -> Result<Times> {
        let watch = self.watch.as_ref().ok_or("a session that watches")?;
        let name = match deed {
            Deed::Create => format!("timed_{number}"),
            Deed::Reset => "reset".into(),
        };
        if (deed, number) == (Deed::Reset, 0) {
            self.create(&name).await?;
        }
        let before = verifier(watch, &name).await?;
        let started = Instant::now();
        let created = match deed {
            Deed::Create => self.create(&name).await?,
            Deed::Reset => {
                self.post(&format!("{}/{name}/reset_password", self.roles), &json!({})).await?
            }
        };
        let password = created["role"]["password"].as_str().ok_or("a password")?;
        let mut found = before.clone();
        while found == before {
            if started + PATIENCE < Instant::now() {
                return Err("the Postgres never gets the verifier".into());
            }
            sleep(POLL).await;
            found = verifier(watch, &name).await?;
        }
        let ready = started.elapsed();
        log_in(&format!("postgresql://{name}:{password}@{}", self.place)).await?;
        Ok([ready, started.elapsed()])
    }

    /// Counts the roles that so many callers make a second.
    async fn rate(&self, callers: usize) -> Result<f64> {
        let started = Instant::now();
        let until = started + RATE_TIME;
        let made = try_join_all((0..callers).map(|caller| async move {
            let mut made = 0_u32;
            while Instant::now() < until {
                self.create(&format!("rate_{callers}_{caller}_{made}")).await?;
                made += 1;
            }
            Result::Ok(made)
        }));
        let made: u32 = made.await?.into_iter().sum();
        Ok(f64::from(made) / started.elapsed().as_secs_f64())
    }

    /// Returns where its Postgres has its binaries, and the settings with which it was started, but
    /// for its place. So another can have the same.
    fn postgres(&self) -> Result<(PathBuf, Vec<String>)> {
        let data = data_directories(&self.computes)?.pop().ok_or("a data directory")?;
        // It writes down how it was started: the program, and each argument in quotes.
        let line = fs::read_to_string(data.join("postmaster.opts"))?;
        let program = line.split(' ').next().ok_or("a program")?;
        let bin = Path::new(program).parent().ok_or("a directory")?.to_owned();
        let own = ["port=", "unix_socket_directories=", "hba_file=", "ident_file="];
        let settings = line.split('"').filter(|word| word.contains('=') && !word.contains(' '));
        let shared = settings.filter(|word| !own.iter().any(|own| word.starts_with(own)));
        Ok((bin, shared.map(str::to_owned).collect()))
    }
}

impl Drop for Offshoot {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
        for data in data_directories(&self.computes).unwrap_or_default() {
            let file = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
            stop(file.lines().next().and_then(|pid| pid.trim().parse().ok()));
        }
    }
}

fn data_directories(computes: &Path) -> Result<Vec<PathBuf>> {
    let homes = fs::read_dir(computes)?.filter_map(std::result::Result::ok);
    Ok(homes.map(|home| home.path().join("data")).filter(|data| data.is_dir()).collect())
}

/// Kills a Postgres, whose files nobody needs any more, and waits until it is gone.
fn stop(pid: Option<i32>) {
    let Some(pid) = pid.and_then(Pid::from_raw) else { return };
    kill_process(pid, Signal::QUIT).ok();
    let until = Instant::now() + PATIENCE;
    while rustix::process::test_kill_process(pid).is_ok() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until the server says where it listens, and goes on listening to it.
fn address(stderr: ChildStderr) -> Result<String> {
    let mut lines = BufReader::new(stderr).lines();
    let mut said = String::new();
    for line in lines.by_ref() {
        let line = line?;
        if let Some((_, rest)) = line.split_once("listening on http://") {
            let address = rest.split(';').next().unwrap_or(rest).trim().to_owned();
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(address);
        }
        said.push_str(&line);
    }
    Err(format!("the server ended: {said}").into())
}

/// A Postgres that nobody manages, and a superuser's session in it.
struct Plain {
    server: Child,
    port: u16,
    superuser: tokio_postgres::Client,
    notes: File,
}

impl Plain {
    async fn start(dir: &TempDir, bin: &Path, settings: Vec<String>) -> Result<Self> {
        let (home, port) = (dir.path().join("plain"), free_port()?);
        fs::create_dir(&home)?;
        let account = account()?;
        if let Some((uid, gid)) = account {
            chown(&home, Some(uid), Some(gid))?;
        }
        let command = |program: &str| {
            let mut command = Command::new(bin.join(program));
            command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
            if let Some((uid, gid)) = account {
                command.uid(uid).gid(gid);
            }
            command
        };
        let data = home.join("data");
        let made = command("initdb")
            .arg("--pgdata")
            .arg(&data)
            .args(["--username=admin", "--auth=scram-sha-256", "--auth-local=trust"])
            .args(["--encoding=UTF8", "--locale=C", "--no-sync"])
            .stderr(Stdio::null())
            .status()?;
        if !made.success() {
            return Err("initdb failed".into());
        }
        let mut postgres = command("postgres");
        for setting in settings {
            postgres.arg("-c").arg(setting);
        }
        let sockets = home.display();
        let server = postgres
            .arg("-D")
            .arg(&data)
            .args(["-c", &format!("port={port}")])
            .args(["-c", &format!("unix_socket_directories={sockets}")])
            .stderr(Stdio::null())
            .spawn()?;
        let superuser = superuser(&home, port, "admin").await?;
        let notes = File::create(dir.path().join("notes"))?;
        Ok(Self { server, port, superuser, notes })
    }

    /// Measures from the statement about a role until it can log in, and until it has.
    async fn time(&self, deed: Deed, number: usize) -> Result<Times> {
        let (mut name, password) = (format!("timed_{number}"), format!("pw_{number}"));
        let sql = match deed {
            Deed::Create => {
                // Who uses this in earnest derives the verifier beforehand, or sends the password in
                // clear.
                let verifier = scram::verifier(&Password::new(password.clone()), SALT);
                format!("CREATE ROLE {name} LOGIN PASSWORD '{}'", verifier.reveal())
            }
            Deed::Reset => {
                name = "reset".into();
                if number == 0 {
                    self.superuser.simple_query("CREATE ROLE reset LOGIN").await?;
                }
                format!("ALTER ROLE {name} PASSWORD '{password}'")
            }
        };
        let started = Instant::now();
        self.superuser.simple_query(&sql).await?;
        if deed == Deed::Reset {
            self.note()?;
        }
        let ready = started.elapsed();
        log_in(&format!("postgresql://{name}:{password}@127.0.0.1:{}/postgres", self.port)).await?;
        Ok([ready, started.elapsed()])
    }
}

impl Plain {
    /// Makes a row durable.
    fn note(&self) -> Result<()> {
        let mut file = &self.notes;
        file.write_all(&[7; ROW_BYTES])?;
        Ok(file.sync_data()?)
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.server.id()).ok().and_then(Pid::from_raw) {
            kill_process(pid, Signal::QUIT).ok();
        }
        self.server.wait().ok();
    }
}

async fn superuser(sockets: &Path, port: u16, user: &str) -> Result<tokio_postgres::Client> {
    let place = format!("host={} port={port} user={user} dbname=postgres", sockets.display());
    let until = Instant::now() + PATIENCE;
    loop {
        match tokio_postgres::connect(&place, NoTls).await {
            Ok((client, connection)) => {
                tokio::spawn(connection);
                return Ok(client);
            }
            Err(error) if until < Instant::now() => return Err(error.into()),
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Returns as whom Postgres runs, where it must not run as whoever runs the bench.
fn account() -> Result<Option<(u32, u32)>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let accounts = fs::read_to_string("/etc/passwd")?;
    let of = |name: &str| {
        let line = accounts.lines().find(|line| line.starts_with(&format!("{name}:")))?;
        let mut fields = line.split(':').skip(2).map(str::parse);
        Some((fields.next()?.ok()?, fields.next()?.ok()?))
    };
    Ok(Some(of("postgres").or_else(|| of("nobody")).ok_or("no account to run Postgres as")?))
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
