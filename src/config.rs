//! Configuration, read once: what `offshoot serve` is told by flags and `OFFSHOOT_*` variables.

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::model::name::NameError;
pub use crate::model::name::RoleName;
pub use crate::reach::Allowed;
pub use ipnet::IpNet;

/// Where the server listens unless it is told otherwise.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:8080";

/// Where commands look for it, likewise.
pub const DEFAULT_ORIGIN: &str = "http://127.0.0.1:8080";

/// Where everything is kept unless the server is told otherwise.
pub const DEFAULT_DATA_DIR: &str = "offshoot-data";

/// The ports of local computes unless the server is told otherwise: below the ones that the
/// machine gives to outgoing connections.
pub const DEFAULT_COMPUTE_PORTS: &str = "15432-19999";

/// How much memory the store gives to what it read lately, in MiB.
pub const DEFAULT_CACHE_MIB: u64 = 64;

/// How often the store is exported unless the server is told otherwise.
pub const DEFAULT_EXPORT_EVERY: &str = "1day";

/// How many exports are kept unless the server is told otherwise.
pub const DEFAULT_EXPORTS_KEPT: NonZeroUsize = NonZeroUsize::new(7).expect("more than none");

/// The shortest time between two exports.
const EXPORT_EVERY_MIN: Duration = Duration::from_secs(1);

/// How much of the disk is left free unless the server is told otherwise, in bytes.
pub const DEFAULT_MIN_FREE_BYTES: u64 = 64 << 20;

/// How many passes over branches' Postgres servers are under way at once unless the server is told
/// otherwise.
pub const DEFAULT_MAX_PASSES: NonZeroUsize = NonZeroUsize::new(32).expect("more than none");

/// How often each branch's Postgres is looked at when nothing changes, unless the server is told
/// otherwise.
pub const DEFAULT_PASS_EVERY: &str = "10min";

/// The shortest time between two looks at a Postgres that did not change.
const PASS_EVERY_MIN: Duration = Duration::from_secs(1);

/// How often history is trimmed, in milliseconds: once a minute.
pub const TRIM_EVERY_MS: u64 = 60_000;

/// What is younger is not trimmed, even where a project keeps no history, in milliseconds.
pub const TRIM_GRACE_MS: u64 = 60_000;

/// Where local computes of a server that runs as root live: its own data directory is closed to
/// the user as whom Postgres runs.
pub const ROOT_COMPUTE_DIR: &str = "/var/lib/offshoot";

/// What the server is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address on which it listens.
    pub listen: SocketAddr,
    /// The directory in which everything is kept but the computes' data.
    pub data_dir: PathBuf,
    /// The directory in which local computes live.
    pub compute_dir: PathBuf,
    /// The directory of the PostgreSQL binaries; they are looked for where there is none.
    pub pg_bin: Option<PathBuf>,
    /// Where programs are looked for, PostgreSQL's among them.
    pub search_path: Option<OsString>,
    /// As whom Postgres runs when the server runs as root.
    pub pg_user: Option<String>,
    /// The ports of local computes.
    pub compute_ports: RangeInclusive<u16>,
    /// Whether local computes are stopped with the server; else they go on, and the next server
    /// finds them.
    pub stop_computes: bool,
    /// The name of the role that owns a new project's database.
    pub account: Option<RoleName>,
    /// How much memory the store gives to what it read lately, in bytes.
    pub cache_bytes: u64,
    /// Whether the store is checked before it is served.
    pub check: bool,
    /// How often the store is exported.
    pub export_every: Interval,
    /// How many exports are kept.
    pub exports_kept: NonZeroUsize,
    /// How much of the disk is left free, in bytes.
    pub min_free_bytes: u64,
    /// How many passes over branches' Postgres servers are under way at once.
    pub max_passes: NonZeroUsize,
    /// How often each branch's Postgres is looked at when nothing changes.
    pub pass_every: Duration,
    /// How often history is trimmed, and what is too young for it.
    pub trimming: Trimming,
    /// Where webhooks may lead.
    pub webhooks: Allowed,
}

/// When history is trimmed.
#[derive(Clone, Copy, Debug)]
pub struct Trimming {
    /// How often.
    pub every: Duration,
    /// How old everything gets at the least: longer than any request takes, for it may hold a state
    /// all that time.
    pub grace: Duration,
}

/// A time between two things that are done again and again; none where they are not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval(pub Option<Duration>);

/// Returns where programs are looked for.
#[expect(clippy::disallowed_methods, reason = "configuration is read here")]
#[must_use]
pub fn search_path() -> Option<OsString> {
    std::env::var_os("PATH")
}

/// Parses `first-last`, two TCP ports.
pub fn parse_ports(text: &str) -> Result<RangeInclusive<u16>, String> {
    let parse = |port: &str| port.parse::<u16>().ok().filter(|port| 0 < *port);
    let ports = text.split_once('-').and_then(|(first, last)| parse(first).zip(parse(last)));
    match ports {
        Some((first, last)) if first <= last => Ok(first..=last),
        Some(_) | None => Err(format!("`{text}` is not a range of TCP ports, as 15432-19999 is")),
    }
}

/// Parses the time between two exports: `12h`, or `off`.
pub fn parse_export_every(text: &str) -> Result<Interval, String> {
    if ["0", "off"].contains(&text) {
        return Ok(Interval(None));
    }
    match humantime::parse_duration(text) {
        Ok(every) if EXPORT_EVERY_MIN <= every => Ok(Interval(Some(every))),
        Ok(_) => Err(format!("`{text}` is too often; once a second is the most")),
        Err(error) => {
            Err(format!("`{text}` is not a time such as 12h or 1day, nor `off`: {error}"))
        }
    }
}

/// Parses the time between two looks at a Postgres.
pub fn parse_pass_every(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(every) if PASS_EVERY_MIN <= every => Ok(every),
        Ok(_) => Err(format!("`{text}` is too often; once a second is the most")),
        Err(error) => Err(format!("`{text}` is not a time such as 10min or 1h: {error}")),
    }
}

/// Parses a network, or one address.
pub fn parse_network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse::<IpNet>().or_else(|_| address()).map_err(|_| {
        format!("`{text}` is neither a network, as 10.0.0.0/8 and fd00::/8 are, nor an address")
    })
}

/// Parses the name of the role that owns a new project's database.
pub fn parse_account(text: &str) -> Result<RoleName, NameError> {
    text.parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_a_time_or_off() {
        let day = Duration::from_secs(24 * 60 * 60);
        assert_eq!(parse_export_every(DEFAULT_EXPORT_EVERY), Ok(Interval(Some(day))));
        for text in ["0", "off"] {
            assert_eq!(parse_export_every(text), Ok(Interval(None)));
        }
        for text in ["", "1", "10ms", "0s", "never", "-1h"] {
            assert!(parse_export_every(text).is_err(), "{text}");
        }
    }

    #[test]
    fn passes_are_made_once_a_second_at_the_most() {
        assert_eq!(parse_pass_every(DEFAULT_PASS_EVERY), Ok(Duration::from_secs(600)));
        for text in ["", "1", "10ms", "off"] {
            assert!(parse_pass_every(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_network_is_one_or_an_address() {
        assert_eq!(parse_network("10.0.0.0/8").map(|it| it.to_string()), Ok("10.0.0.0/8".into()));
        assert_eq!(parse_network("127.0.0.1").map(|it| it.to_string()), Ok("127.0.0.1/32".into()));
        for text in ["", "10.0.0.0/33", "example.com", "10.0.0", "fd00::/129"] {
            assert!(parse_network(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_range_of_ports_has_two_ends_in_order() {
        assert_eq!(parse_ports(DEFAULT_COMPUTE_PORTS), Ok(15432..=19999));
        for text in ["", "1", "2-1", "0-9", "1-65536", "a-b", "1-2-3"] {
            assert!(parse_ports(text).is_err(), "{text}");
        }
    }
}
