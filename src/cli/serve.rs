//! `offshoot serve`

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::{Place, print, welcome};
use crate::config::{
    Allowed, Config, DEFAULT_CACHE_MIB, DEFAULT_COMPUTE_PORTS, DEFAULT_EXPORT_EVERY,
    DEFAULT_EXPORTS_KEPT, DEFAULT_LISTEN, DEFAULT_MAX_PASSES, DEFAULT_MIN_FREE_BYTES,
    DEFAULT_PASS_EVERY, Interval, IpNet, ROOT_COMPUTE_DIR, RoleName, TRIM_EVERY_MS, TRIM_GRACE_MS,
    Trimming, parse_account, parse_export_every, parse_network, parse_pass_every, parse_ports,
    search_path,
};
use crate::server;
use crate::telemetry::{self, DEFAULT_FILTER, LogFormat};

/// Where webhooks may lead.
#[derive(Debug, Args)]
struct Webhooks {
    /// Let webhooks lead to http:// too: what is sent can then be read on the way.
    #[arg(long = "webhook-http", env = "OFFSHOOT_WEBHOOK_HTTP")]
    http: bool,
    /// The networks to which webhooks may lead besides the public internet, between commas, as in
    /// `10.0.0.0/8,fd00::/8`. Whoever has an API key can then have requests sent there.
    #[arg(
        long = "webhook-networks",
        env = "OFFSHOOT_WEBHOOK_NETWORKS",
        value_delimiter = ',',
        value_parser = parse_network,
        value_name = "CIDR"
    )]
    networks: Vec<IpNet>,
}

#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    place: Place,
    /// The address to listen on. Put a proxy that speaks TLS before any but the loopback address.
    #[arg(long, env = "OFFSHOOT_LISTEN", default_value = DEFAULT_LISTEN, value_name = "ADDRESS")]
    listen: SocketAddr,
    /// The directory in which local computes live [default: computes/ in the data directory; as
    /// root, a directory of the data directory's own under /var/lib/offshoot].
    #[arg(long, env = "OFFSHOOT_COMPUTE_DIR", value_name = "DIR")]
    compute_dir: Option<PathBuf>,
    /// The directory of the PostgreSQL server binaries [default: found by `pg_config`, on PATH or in
    /// the distributions' usual places].
    #[arg(long, env = "OFFSHOOT_PG_BIN", value_name = "DIR")]
    pg_bin: Option<PathBuf>,
    /// As whom Postgres runs when the server runs as root [default: postgres, or else nobody].
    #[arg(long, env = "OFFSHOOT_PG_USER", value_name = "USER")]
    pg_user: Option<String>,
    /// The TCP ports of local computes.
    #[arg(
        long,
        env = "OFFSHOOT_COMPUTE_PORTS",
        default_value = DEFAULT_COMPUTE_PORTS,
        value_parser = parse_ports,
        value_name = "FIRST-LAST"
    )]
    compute_ports: RangeInclusive<u16>,
    /// Stop local computes with the server. Else they go on, and the next server finds them.
    #[arg(long, env = "OFFSHOOT_STOP_COMPUTES")]
    stop_computes: bool,
    /// The name of the role that owns a new project's database, where a request says none
    /// [default: named after the database]. With it, projects have the shape that Neon's had first:
    /// they are also born with the protected role `web_access`. Clients that expect one role, such
    /// as `neonctl connection-string`, must then be told which.
    #[arg(long, env = "OFFSHOOT_ACCOUNT", value_name = "ROLE", value_parser = parse_account)]
    account: Option<RoleName>,
    /// How much memory the store gives to what it read lately, in MiB.
    #[arg(
        long,
        env = "OFFSHOOT_CACHE_MIB",
        default_value_t = DEFAULT_CACHE_MIB,
        value_parser = clap::value_parser!(u64).range(1..=65_536),
        value_name = "MIB"
    )]
    cache_mib: u64,
    /// Check everything that is stored before it is served, and do not start where it is damaged.
    #[arg(long, env = "OFFSHOOT_CHECK")]
    check: bool,
    /// How often the whole store is exported to exports/ in the data directory: a time such as 12h,
    /// or `off`.
    #[arg(
        long,
        env = "OFFSHOOT_EXPORT_EVERY",
        default_value = DEFAULT_EXPORT_EVERY,
        value_parser = parse_export_every,
        value_name = "TIME"
    )]
    export_every: Interval,
    /// How many of these exports are kept.
    #[arg(
        long,
        env = "OFFSHOOT_EXPORTS_KEPT",
        default_value_t = DEFAULT_EXPORTS_KEPT,
        value_name = "COUNT"
    )]
    exports_kept: NonZeroUsize,
    /// How much of the disk that holds the data directory stays free, in bytes: below it, changes
    /// are refused until there is room again.
    #[arg(
        long,
        env = "OFFSHOOT_MIN_FREE_BYTES",
        default_value_t = DEFAULT_MIN_FREE_BYTES,
        value_name = "BYTES"
    )]
    min_free_bytes: u64,
    /// How many passes over branches' Postgres servers are under way at once.
    #[arg(
        long,
        env = "OFFSHOOT_MAX_PASSES",
        default_value_t = DEFAULT_MAX_PASSES,
        value_name = "COUNT"
    )]
    max_passes: NonZeroUsize,
    /// How often each branch's Postgres is looked at when nothing changes: a time such as 10min.
    #[arg(
        long,
        env = "OFFSHOOT_PASS_EVERY",
        default_value = DEFAULT_PASS_EVERY,
        value_parser = parse_pass_every,
        value_name = "TIME"
    )]
    pass_every: Duration,
    #[command(flatten)]
    webhooks: Webhooks,
    /// How often history is trimmed. For tests, which have no time.
    #[arg(long, hide = true, default_value_t = TRIM_EVERY_MS, value_name = "MS")]
    trim_every_ms: u64,
    /// What is younger is not trimmed. For tests, whose requests are quick.
    #[arg(long, hide = true, default_value_t = TRIM_GRACE_MS, value_name = "MS")]
    trim_grace_ms: u64,
    /// How log lines look.
    #[arg(long, env = "OFFSHOOT_LOG_FORMAT", default_value = "text", value_name = "FORMAT")]
    log_format: Format,
    /// What is logged: a level, or a filter such as `info,offshoot=debug`. Libraries are never
    /// logged in more detail than `info`, for some would tell secrets.
    #[arg(long, env = "OFFSHOOT_LOG", default_value = DEFAULT_FILTER, value_name = "FILTER")]
    log: String,
    /// Create a project named demo where there is none, and print commands to try on it.
    #[arg(long, env = "OFFSHOOT_WELCOME")]
    welcome: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs: a JSON object a line.
    Json,
}

impl Serve {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let format = match self.log_format {
            Format::Text => LogFormat::Text,
            Format::Json => LogFormat::Json,
        };
        telemetry::start(format, &self.log).map_err(anyhow::Error::msg)?;
        let is_welcome = self.welcome;
        let config = self.config()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(server::run(config, async |ready| {
            tracing::info!(
                "listening on http://{}; the admin key is in {}",
                ready.address,
                ready.data_dir.admin_key_path().display()
            );
            if is_welcome {
                print(&welcome::welcome(&ready).await?);
            }
            Ok(())
        }))?;
        Ok(ExitCode::SUCCESS)
    }

    fn config(self) -> anyhow::Result<Config> {
        let data_dir = std::path::absolute(&self.place.data_dir)?;
        let compute_dir = self.compute_dir.unwrap_or_else(|| default_compute_dir(&data_dir));
        Ok(Config {
            listen: self.listen,
            compute_dir: std::path::absolute(compute_dir)?,
            data_dir,
            pg_bin: self.pg_bin,
            search_path: search_path(),
            pg_user: self.pg_user,
            compute_ports: self.compute_ports,
            stop_computes: self.stop_computes,
            account: self.account,
            cache_bytes: self.cache_mib << 20,
            check: self.check,
            export_every: self.export_every,
            exports_kept: self.exports_kept,
            min_free_bytes: self.min_free_bytes,
            max_passes: self.max_passes,
            pass_every: self.pass_every,
            trimming: Trimming {
                every: Duration::from_millis(self.trim_every_ms),
                grace: Duration::from_millis(self.trim_grace_ms),
            },
            webhooks: Allowed { http: self.webhooks.http, networks: self.webhooks.networks },
        })
    }
}

/// Returns where local computes live unless somebody says otherwise. As root, Postgres runs as
/// another user, to whom the data directory is closed; so they live elsewhere, apart from those of
/// other data directories.
fn default_compute_dir(data_dir: &Path) -> PathBuf {
    if rustix::process::geteuid().is_root() {
        let digest = crc32fast::hash(data_dir.as_os_str().as_encoded_bytes());
        Path::new(ROOT_COMPUTE_DIR).join(format!("computes-{digest:08x}"))
    } else {
        data_dir.join("computes")
    }
}
