//! The commands. Data go to the standard output, words to the standard error stream.

mod remote;
mod serve;
mod storage;
mod welcome;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::DEFAULT_DATA_DIR;

/// Neon-style branches and branch-scoped roles for the Postgres you already run.
#[derive(Debug, Parser)]
#[command(name = "offshoot", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve(Box<serve::Serve>),
    /// Show what a pass over a branch's Postgres would do: the SQL, what it touches, and its risks.
    Plan(remote::Remote),
    /// Bring a branch's Postgres to its catalog now, and wait until that is done.
    Reconcile(remote::Remote),
    /// Check everything that is stored. No server may be running on the data directory.
    Check {
        #[command(flatten)]
        place: Place,
    },
    /// Write everything that is stored to one file. No server may be running on the data directory.
    ///
    /// The file holds stored passwords encrypted; keep the data directory's secret.key with it, or
    /// they are lost.
    Export {
        #[command(flatten)]
        place: Place,
        /// The file; it must not exist.
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
    },
    /// Read an export into a fresh data directory.
    ///
    /// Put the secret.key of the server that was exported into the directory first.
    Import {
        #[command(flatten)]
        place: Place,
        /// The file.
        #[arg(long, short, value_name = "FILE")]
        input: PathBuf,
    },
}

/// Where everything is kept.
#[derive(Debug, clap::Args)]
struct Place {
    /// The directory in which everything is kept.
    #[arg(long, env = "OFFSHOOT_DATA_DIR", default_value = DEFAULT_DATA_DIR, value_name = "DIR")]
    data_dir: PathBuf,
}

/// Reads the command line and runs the command.
#[must_use]
pub fn main() -> ExitCode {
    let Cli { command } = Cli::parse();
    let result = match command {
        Command::Serve(serve) => serve.run(),
        Command::Plan(remote) => remote::plan(&remote),
        Command::Reconcile(remote) => remote::reconcile(&remote),
        Command::Check { place } => storage::check(&place.data_dir),
        Command::Export { place, output } => storage::export(&place.data_dir, &output),
        Command::Import { place, input } => storage::import(&place.data_dir, &input),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            say(&format!("offshoot: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Writes words for people.
#[expect(clippy::print_stderr, reason = "the one place that writes words")]
fn say(words: &str) {
    eprintln!("{words}");
}

/// Writes data.
#[expect(clippy::print_stdout, reason = "the one place that writes data")]
fn print(data: &str) {
    println!("{data}");
}
