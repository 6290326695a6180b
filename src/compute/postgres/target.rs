//! Targets: where sessions lead, and how connections are opened to there.

use std::path::PathBuf;

use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::config::{ChannelBinding, SslMode};
use tokio_postgres::{Client, Config};

use crate::compute::Address;
use crate::compute::error::ComputeError;
use crate::compute::postgres::failure::{self, Failure};
use crate::compute::postgres::{CONNECT_DEADLINE, REQUEST_DEADLINE, settings, tls};
use crate::model::endpoint::TlsMode;
use crate::model::secret::Password;

/// Where a session leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::compute) struct Target {
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) database: String,
    pub(super) user: String,
    pub(super) password: Option<Password>,
    pub(super) tls: TlsMode,
    /// The version of the Postgres there, once it is known.
    pub(super) version: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    Name(String),
    SocketDirectory(PathBuf),
}

impl From<&Address> for Target {
    fn from(address: &Address) -> Self {
        let Address { host, port, database, user, password, tls } = address.clone();
        let password = Some(password);
        Self { host: Host::Name(host), port, database, user, password, tls, version: None }
    }
}

impl Target {
    /// Returns the way to a Postgres on this machine that knows its administrator by the operating
    /// system's user.
    pub(in crate::compute) fn local(socket_directory: PathBuf, port: u16, user: &str) -> Self {
        Self {
            host: Host::SocketDirectory(socket_directory),
            port,
            database: "postgres".into(),
            user: user.into(),
            password: None,
            tls: TlsMode::Disable,
            version: None,
        }
    }

    /// Returns the way to another database of the same Postgres.
    pub(in crate::compute) fn to_database(&self, database: &str) -> Self {
        Self { database: database.into(), ..self.clone() }
    }

    pub(super) fn address(&self) -> String {
        match &self.host {
            Host::Name(host) => format!("{host}:{}", self.port),
            Host::SocketDirectory(_) => format!("port {} of this machine", self.port),
        }
    }

    fn config(&self) -> Config {
        let mut config = Config::new();
        config
            .port(self.port)
            .dbname(&self.database)
            .user(&self.user)
            .application_name("offshoot")
            .options(settings::at_startup(self.version))
            .connect_timeout(CONNECT_DEADLINE)
            .tcp_user_timeout(REQUEST_DEADLINE)
            .ssl_mode(match self.tls {
                TlsMode::Disable => SslMode::Disable,
                TlsMode::Require | TlsMode::VerifyFull => SslMode::Require,
            })
            // Who is not asked for a certificate that is trusted must prove to know the verifier,
            // and that nobody sits in between. The driver then gives the password to nobody who
            // asks for it in any other way.
            .channel_binding(match self.tls {
                TlsMode::Disable => ChannelBinding::Disable,
                TlsMode::Require => ChannelBinding::Require,
                TlsMode::VerifyFull => ChannelBinding::Prefer,
            });
        match &self.host {
            Host::Name(host) => config.host(host),
            Host::SocketDirectory(path) => config.host_path(path),
        };
        if let Some(password) = &self.password {
            config.password(password.reveal());
        }
        config
    }
}

/// Ends with the reason why the connection was closed.
pub(super) type Connection = JoinHandle<Option<tokio_postgres::Error>>;

/// Opens a connection.
pub(super) async fn open(target: &Target) -> Result<(Client, Connection), ComputeError> {
    let tls = tls::connector(target)?;
    let opened = timeout(CONNECT_DEADLINE, target.config().connect(tls)).await;
    let (client, connection) = match opened {
        Err(elapsed) => return Err(Failure::broken(target, elapsed).into()),
        Ok(Err(error)) => return Err(failure::at_login(target, error)),
        Ok(Ok(opened)) => opened,
    };
    Ok((client, tokio::spawn(async move { connection.await.err() })))
}
