//! neonctl, Neon's command: each command as people type it, in each form in which it prints.

mod account;
mod back;
mod life;

use std::process::Output;

use serde_json::Value;

use super::report::Report;
use super::transcript::Transcript;
use super::{Stage, run};

/// The forms in which it prints.
const FORMS: [&str; 3] = ["json", "yaml", "table"];

/// A terminal in which somebody types.
struct Terminal {
    stage: Stage,
    transcript: Transcript,
    report: Report,
}

impl Terminal {
    async fn open() -> Option<Self> {
        let stage = Stage::set().await?;
        Some(Self { stage, transcript: Transcript::default(), report: Report::of("neonctl 5.0.1") })
    }

    /// Types a command that succeeds, and returns what it printed.
    async fn ok(&mut self, args: &[&str]) -> String {
        let output = self.type_in(args).await;
        let (stdout, stderr) = texts(&output);
        self.note(args, &format!("{stderr}{stdout}"), "as expected");
        assert!(output.status.success(), "neonctl {args:?} printed: {stderr}{stdout}");
        stdout
    }

    /// Types a command that succeeds and prints JSON, and returns that.
    async fn json(&mut self, args: &[&str]) -> Value {
        let args = [args, &["-o", "json"]].concat();
        let printed = self.ok(&args).await;
        serde_json::from_str(&printed).unwrap_or_else(|_| panic!("{args:?} printed {printed}"))
    }

    /// Types a command that changes nothing in each form, and returns what it prints as JSON.
    async fn each(&mut self, args: &[&str]) -> Value {
        for form in &FORMS[1..] {
            self.ok(&[args, &["-o", form]].concat()).await;
        }
        self.json(args).await
    }

    /// Types a command for each thing, the first in the first form and so on.
    async fn by_forms<'a>(
        &mut self,
        command: &[&'a str],
        things: [&[&'a str]; FORMS.len()],
        rest: &[&'a str],
    ) {
        for (form, thing) in FORMS.iter().zip(things) {
            self.ok(&[command, thing, rest, &["-o", form]].concat()).await;
        }
    }

    /// Types a command that is refused, and returns what it says.
    async fn refused(&mut self, args: &[&str]) -> String {
        let output = self.type_in(args).await;
        let (stdout, stderr) = texts(&output);
        self.note(args, &format!("{stderr}{stdout}"), "refused, as expected");
        assert!(!output.status.success(), "neonctl {args:?} printed: {stderr}{stdout}");
        stderr
    }

    fn note(&mut self, args: &[&str], printed: &str, result: &str) {
        let recorded = self.stage.recorder.take();
        let typed = format!("neonctl {}", args.join(" "));
        self.transcript.add(&typed, printed);
        let form = args.iter().position(|arg| *arg == "-o");
        let args = form.map_or(args.to_vec(), |at| [&args[..at], &args[at + 2..]].concat());
        let what = self.transcript.stable(&format!("neonctl {}", args.join(" ")));
        self.report.add(&what, &recorded, result);
    }

    async fn type_in(&self, args: &[&str]) -> Output {
        let (mut command, recorder) = (self.stage.installed.neonctl(), &self.stage.recorder);
        command.env("NEON_API_HOST", recorder.base()).env("NEON_API_KEY", &recorder.key);
        // What stands behind two dashes is for psql.
        let at = args.iter().position(|arg| *arg == "--").unwrap_or(args.len());
        command.args(&args[..at]).arg("--no-analytics").args(&args[at..]);
        run(&mut command).await
    }

    /// Logs in with psql by a string that was printed, and returns who that is and where.
    async fn logged_in(&self, uri: &str) -> String {
        let output = psql(uri).await;
        let (stdout, stderr) = texts(&output);
        assert!(output.status.success(), "{stderr}");
        stdout.trim().to_owned()
    }

    /// Fails to log in by a string that was printed, and returns what psql said.
    async fn refused_login(&self, uri: &str) -> String {
        let output = psql(uri).await;
        assert!(!output.status.success(), "{uri}");
        texts(&output).1
    }
}

/// Returns the text at a place of what was printed.
fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no text at {pointer} of {value:#}"))
}

async fn psql(uri: &str) -> Output {
    let sql = "SELECT session_user || ' in ' || current_database()";
    let mut command = tokio::process::Command::new("psql");
    run(command.args(["-XAtq", uri.trim(), "-c", sql])).await
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}
