//! A store whose process is killed, and one whose machine loses its power, at any moment, while it
//! commits, trims and exports. The process is this program once more, which then does that work in the
//! place of a test.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use offshoot::store::engine::{Engine, LogId};
use rand::RngExt;

use super::load;
use crate::crash::{rng, rounds};
use crate::support::variable;

/// How often the process is killed.
const KILLS: u32 = 12;

/// How often the power is cut.
const CUTS: u32 = 3;

/// The test in whose place the process works.
const WORKER: &str =
    "store::kills::what_was_durable_outlives_every_kill_while_history_is_trimmed_and_exported";

/// How long the process lives at the longest, once it commits.
const LIFE_MS: u64 = 700;

/// How long it lives at the longest where it is killed in start-up.
const START_UP_MS: u64 = 60;

/// Every so many rounds it is killed in start-up.
const START_UP_EVERY: u32 = 4;

/// How long anything may take before something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// How large the disk is whose power is cut, in MiB.
const DISK_MIB: u64 = 512;

/// A process under load. It is killed in the end.
struct Load {
    child: Child,
    durable: Receiver<(LogId, u64)>,
}

impl Load {
    fn start(directory: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", WORKER, "--nocapture"])
            .env(load::DIRECTORY, directory)
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process that starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let (send, durable) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let told = line.strip_prefix(load::ACK).and_then(|rest| rest.split_once(' '));
                if let Some((log, revision)) = told
                    && let (Ok(log), Ok(revision)) = (log.parse(), revision.parse())
                    && send.send((LogId(log), revision)).is_err()
                {
                    return;
                }
            }
        });
        Self { child, durable }
    }

    /// Waits until it commits.
    fn wait(&self, durable: &mut BTreeMap<LogId, u64>) {
        note(self.durable.recv_timeout(PATIENCE).expect("a commit"), durable);
    }

    /// Fails if it ended by itself, as it does where something in it panicked.
    fn assert_alive(&mut self) {
        let status = self.child.try_wait().expect("a process to look at");
        assert!(status.is_none(), "the load has ended: {status:?}; its words are above");
    }

    /// Kills it, and returns after the last word that it said.
    fn kill(mut self, durable: &mut BTreeMap<LogId, u64>) {
        self.child.kill().expect("a process to kill");
        self.child.wait().expect("a process that ends");
        for told in &self.durable {
            note(told, durable);
        }
    }
}

fn note((log, revision): (LogId, u64), durable: &mut BTreeMap<LogId, u64>) {
    let last = durable.entry(log).or_default();
    *last = revision.max(*last);
}

#[test]
fn what_was_durable_outlives_every_kill_while_history_is_trimmed_and_exported() {
    if let Some(directory) = variable(load::DIRECTORY) {
        load::work(Path::new(&directory));
    }
    let mut rng = rng();
    let dir = tempfile::tempdir().expect("a directory");
    let mut durable = BTreeMap::new();
    for round in 0..rounds(KILLS) {
        let mut load = Load::start(dir.path());
        if round % START_UP_EVERY == START_UP_EVERY - 1 {
            std::thread::sleep(Duration::from_millis(rng.random_range(0..START_UP_MS)));
        } else {
            load.wait(&mut durable);
            std::thread::sleep(Duration::from_millis(rng.random_range(0..LIFE_MS)));
        }
        load.assert_alive();
        load.kill(&mut durable);
        load::verify(load::open(dir.path()), &durable);
    }
    assert!(load::verify_export(dir.path()), "no export came to its end");
    for (log, revision) in durable {
        let floor = load::open(dir.path()).floor(log).expect("a floor");
        assert!(50 < floor.0 && floor.0 < revision, "log {log}: {floor}, {revision}");
    }
}

/// A disk in a file, mounted while this lives.
struct Disk {
    image: PathBuf,
    mount: PathBuf,
}

impl Disk {
    /// Returns a fresh disk; nothing where this machine does not let us have one.
    fn new(directory: &Path) -> Option<Self> {
        let disk = Self { image: directory.join("disk"), mount: directory.join("mount") };
        std::fs::create_dir(&disk.mount).expect("a directory");
        let image = std::fs::File::create(&disk.image).expect("a file");
        image.set_len(DISK_MIB << 20).expect("a large file");
        let made = run("mkfs.ext4", &["-q", "-F", path(&disk.image)]) && disk.attach();
        // Whether its power can be cut, too.
        (made && disk.cut() && disk.detach() && disk.attach()).then_some(disk)
    }

    fn attach(&self) -> bool {
        run("mount", &["-o", "loop", path(&self.image), path(&self.mount)])
    }

    fn detach(&self) -> bool {
        run("umount", &[path(&self.mount)])
    }

    /// Cuts the power: nothing that is not on the disk yet gets there, the journal included.
    fn cut(&self) -> bool {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/cut-power");
        run(script, &[path(&self.mount)])
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Where a test failed, its store may still be open.
        run("umount", &["--lazy", path(&self.mount)]);
    }
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

fn run(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).status().is_ok_and(|status| status.success())
}

#[test]
#[expect(clippy::print_stderr, reason = "whoever runs it wants to know")]
fn what_was_durable_outlives_every_power_cut() {
    let mut rng = rng();
    let dir = tempfile::tempdir().expect("a directory");
    let Some(disk) = Disk::new(dir.path()) else {
        eprintln!(
            "SKIPPED: no power was cut. It takes root, mkfs.ext4, python3 and a loop device."
        );
        return;
    };
    let (mut durable, mut exports) = (BTreeMap::new(), 0);
    for _ in 0..rounds(CUTS) {
        let mut load = Load::start(&disk.mount);
        load.wait(&mut durable);
        std::thread::sleep(Duration::from_millis(rng.random_range(0..LIFE_MS)));
        load.assert_alive();
        assert!(disk.cut(), "the power was not cut");
        load.kill(&mut durable);
        assert!(disk.detach() && disk.attach(), "the disk does not come back");
        load::verify(load::open(&disk.mount), &durable);
        exports += u32::from(load::verify_export(&disk.mount));
    }
    let commits: u64 = durable.values().sum();
    eprintln!(
        "{} power cuts, {commits} durable commits, none lost; an export was whole after {exports}",
        rounds(CUTS)
    );
}
