//! Logs: readable on a terminal, JSON for programs.

use std::io::IsTerminal;

use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::store::committer;

/// What is logged unless `--log` says otherwise. sled tells at `info` what concerns nobody.
pub const DEFAULT_FILTER: &str = "info,sled=warn";

/// What sled calls the threads that write.
const SLED_THREADS: &str = "sled-io";

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: a JSON object a line.
    Json,
}

/// Starts logging to the standard error stream. A malformed filter is an error that says so.
pub fn start(format: LogFormat, filter: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| format!("`{filter}` is not a log filter: {error}"))?;
    let lines = layer().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Text => {
            lines.with_ansi(std::io::stderr().is_terminal()).with_target(false).boxed()
        }
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let subscriber = tracing_subscriber::registry().with(lines).with(filter);
    let started = subscriber.with(filter_fn(is_ours_to_tell)).try_init();
    started.map_err(|error| error.to_string())?;
    abort_where_a_panic_would_hang();
    Ok(())
}

/// Whether something may be logged, whatever the filter lets through. Of the libraries, nothing finer
/// than `info`: there the Postgres driver tells every statement, with the verifiers in it.
fn is_ours_to_tell(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::INFO || metadata.target().starts_with(env!("CARGO_PKG_NAME"))
}

/// A panic in a thread that writes to the store would leave everybody waiting for it for ever. The
/// process ends instead: a crash is what the store is made for.
fn abort_where_a_panic_would_hang() {
    let inner = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        inner(panic);
        let thread = std::thread::current();
        let name = thread.name().unwrap_or_default();
        if name == committer::THREAD || name.starts_with(SLED_THREADS) {
            std::process::abort();
        }
    }));
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("a lock that no panic poisons").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_filter_brings_statements_into_the_log() {
        let lines = Lines::default();
        let writer = lines.clone();
        let filter = EnvFilter::new("trace,tokio_postgres::simple_query=trace");
        let builder = tracing_subscriber::fmt().with_env_filter(filter);
        let logs =
            builder.with_writer(move || writer.clone()).finish().with(filter_fn(is_ours_to_tell));
        tracing::subscriber::with_default(logs, || {
            tracing::debug!(target: "tokio_postgres::simple_query", "executing: a verifier");
            tracing::trace!(target: "tokio_postgres::prepare", "preparing: a verifier");
            tracing::info!(target: "tokio_postgres::connection", "a notice");
            tracing::trace!(target: "offshoot", "a detail");
        });
        let logged = lines.0.lock().expect("a lock that no panic poisons").clone();
        let logged = String::from_utf8(logged).expect("text");
        assert!(logged.contains("a notice") && logged.contains("a detail"), "{logged}");
        assert!(!logged.contains("a verifier"), "{logged}");
    }
}
