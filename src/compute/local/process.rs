//! Processes: finding the Postgres of a data directory, and ending it.
//!
//! A Postgres outlives the Offshoot that started it, so what runs is never remembered: it is looked
//! up, in the file that Postgres keeps and in the machine's list of processes.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

use crate::compute::error::ComputeError;

/// How long to wait before looking again.
pub(super) const POLL: Duration = Duration::from_millis(5);

/// How long a Postgres may take to stop in good order.
const FAST_STOP_DEADLINE: Duration = Duration::from_secs(30);

/// How long it may take when it was told to drop everything.
const QUICK_STOP_DEADLINE: Duration = Duration::from_secs(5);

/// How long the processes of a Postgres that died may take to notice.
const ORPHANS_DEADLINE: Duration = Duration::from_secs(2);

/// The file in a data directory in which a running Postgres says who and where it is.
pub(super) const PID_FILE: &str = "postmaster.pid";

/// What that file says in its eighth line once connections are taken.
const READY: &str = "ready";

/// How many processes of a machine are looked at.
const MAX_PROCESSES: usize = 200_000;

/// A Postgres that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Postmaster {
    pub(super) pid: u32,
    pub(super) port: Option<u16>,
    pub(super) is_ready: bool,
}

/// Finds the Postgres that runs in a data directory.
pub(super) fn find(data: &Path) -> Option<Postmaster> {
    let file = fs::read_to_string(data.join(PID_FILE)).ok()?;
    let postmaster = parse(&file)?;
    runs_in(postmaster.pid, data).then_some(postmaster)
}

fn parse(file: &str) -> Option<Postmaster> {
    let lines: Vec<_> = file.lines().map(str::trim).collect();
    Some(Postmaster {
        pid: lines.first()?.parse().ok().filter(|pid| 1 < *pid)?,
        port: lines.get(3).and_then(|port| port.parse().ok()),
        is_ready: lines.get(7) == Some(&READY),
    })
}

/// Whether a process is a Postgres at work in a data directory. The number in a pid file may long
/// belong to another.
fn runs_in(pid: u32, data: &Path) -> bool {
    if !cfg!(target_os = "linux") {
        return commands().iter().any(|(found, command)| *found == pid && serves(command, data));
    }
    let process = Path::new("/proc").join(pid.to_string());
    let is_there = fs::read_link(process.join("cwd")).is_ok_and(|directory| directory == data);
    let is_postgres = fs::read_link(process.join("exe")).is_ok_and(|file| {
        // A binary that was replaced while it ran is called `postgres (deleted)`.
        file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("postgres"))
    });
    is_there && is_postgres
}

/// Returns every Postgres process at work in a data directory, whatever its pid file says.
fn all_in(data: &Path) -> Vec<u32> {
    if !cfg!(target_os = "linux") {
        let serving = commands().into_iter().filter(|(_, command)| serves(command, data));
        return serving.map(|(pid, _)| pid).collect();
    }
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .take(MAX_PROCESSES)
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| runs_in(*pid, data))
        .collect()
}

/// Returns what every process was called with, where there is no `/proc` to read.
fn commands() -> Vec<(u32, String)> {
    let Ok(output) = Command::new("ps").args(["-axo", "pid=,command="]).output() else {
        return Vec::new();
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let command = |line: &str| {
        let (pid, command) = line.trim_start().split_once(' ')?;
        Some((pid.parse().ok()?, command.to_owned()))
    };
    text.lines().take(MAX_PROCESSES).filter_map(command).collect()
}

fn serves(command: &str, data: &Path) -> bool {
    command.contains("postgres") && command.contains(&format!("-D {} ", data.display()))
}

/// Stops a Postgres in good order, or if it does not, in any.
pub(super) async fn stop(data: &Path, postmaster: Postmaster) -> Result<(), ComputeError> {
    let Postmaster { pid, .. } = postmaster;
    send(pid, data, Signal::INT);
    if is_gone(pid, data, FAST_STOP_DEADLINE).await {
        return Ok(());
    }
    send(pid, data, Signal::QUIT);
    if is_gone(pid, data, QUICK_STOP_DEADLINE).await {
        return Ok(());
    }
    Err(ComputeError::DidNotStop { pid })
}

/// Makes sure that nobody is at work in a data directory any more, and then removes the file that
/// says somebody is.
///
/// When a Postgres is killed, its processes notice and end; those that are busy notice late, and no
/// new Postgres may start before. The file must never go while one of them lives: it is what keeps
/// two from writing the same data.
pub(super) async fn clear(data: &Path) -> Result<(), ComputeError> {
    for (signal, deadline) in [
        (None, ORPHANS_DEADLINE),
        (Some(Signal::QUIT), QUICK_STOP_DEADLINE),
        (Some(Signal::KILL), QUICK_STOP_DEADLINE),
    ] {
        let left = all_in(data);
        if let Some(signal) = signal {
            for pid in &left {
                send(*pid, data, signal);
            }
        }
        let until = Instant::now() + deadline;
        while !all_in(data).is_empty() && Instant::now() < until {
            sleep(POLL).await;
        }
    }
    if let Some(pid) = all_in(data).first() {
        return Err(ComputeError::DidNotStop { pid: *pid });
    }
    let path = data.join(PID_FILE);
    match fs::remove_file(&path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(ComputeError::Files { what: "remove", path, source })
        }
        _ => Ok(()),
    }
}

async fn is_gone(pid: u32, data: &Path, deadline: Duration) -> bool {
    let until = Instant::now() + deadline;
    while Instant::now() < until {
        if !runs_in(pid, data) {
            return true;
        }
        sleep(POLL).await;
    }
    !runs_in(pid, data)
}

/// Sends a signal to a process that still is what it was taken for, and belongs to the user who owns
/// the data. The second is a guard of its own: as root, a mistake about the first could end anything.
fn send(pid: u32, data: &Path, signal: Signal) {
    let is_due = runs_in(pid, data) && owner_of(pid) == fs::metadata(data).ok().map(|it| it.uid());
    if is_due && let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It may have ended by itself just now; whoever waits for that will see.
        kill_process(pid, signal).ok();
    }
}

/// Returns the user as whom a process runs.
fn owner_of(pid: u32) -> Option<u32> {
    if cfg!(target_os = "linux") {
        return fs::metadata(format!("/proc/{pid}")).ok().map(|process| process.uid());
    }
    let output = Command::new("ps").args(["-o", "uid=", "-p", &pid.to_string()]).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "4711\n/data\n1700000000\n5433\n/run\n127.0.0.1\n  1234  5\nready   \n";

    #[test]
    fn a_pid_file_says_who_listens_where_and_whether_it_is_ready() {
        let ready = Postmaster { pid: 4711, port: Some(5433), is_ready: true };
        assert_eq!(parse(FILE), Some(ready));
        let starting = FILE.replace("ready   ", "starting");
        assert_eq!(parse(&starting), Some(Postmaster { is_ready: false, ..ready }));
    }

    #[test]
    fn a_pid_file_that_is_being_written_names_nobody_or_nobody_ready() {
        assert_eq!(parse(""), None);
        assert_eq!(parse("-1\n"), None);
        assert_eq!(parse("4711"), Some(Postmaster { pid: 4711, port: None, is_ready: false }));
    }

    #[test]
    fn a_process_that_is_no_postgres_is_not_taken_for_one() {
        let here = std::env::current_dir().expect("a current directory");
        assert!(!runs_in(std::process::id(), &here));
        assert!(all_in(&here).is_empty());
        send(std::process::id(), &here, Signal::KILL);
    }
}
