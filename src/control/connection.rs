//! How a role connects to a database of a branch.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::control::draw::password_context;
use crate::control::{ControlPlane, Result};
use crate::model::endpoint::{Endpoint, LOCAL_HOST, Site, TlsMode, authority};
use crate::model::id::{BranchId, EndpointId, ProjectId};
use crate::model::name::{DatabaseName, RoleName};
use crate::model::project::Project;
use crate::model::refusal::Refusal;
use crate::model::role::Role;
use crate::model::secret::Password;
use crate::model::state::Read;

/// What a URI's parts keep as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// How a role connects to a database.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The role.
    pub role: RoleName,
    /// Its password, where it has one and it is stored.
    pub password: Option<Password>,
    /// The host name or address.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// The database.
    pub database: DatabaseName,
    /// Whether and how the connection is encrypted.
    pub tls: TlsMode,
}

impl Connection {
    /// Returns the connection as a URI that libpq takes. It holds the password, so it is a secret
    /// too.
    #[must_use]
    pub fn uri(&self) -> Password {
        let encode = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
        let password = match &self.password {
            None => String::new(),
            Some(password) => format!(":{}", encode(password.reveal())),
        };
        let tls = match self.tls {
            TlsMode::Disable => String::new(),
            TlsMode::Require | TlsMode::VerifyFull => format!("?sslmode={}", self.tls.as_str()),
        };
        Password::new(format!(
            "postgresql://{}{password}@{}/{}{tls}",
            encode(self.role.as_str()),
            authority(&self.host, self.port),
            encode(self.database.as_str()),
        ))
    }
}

/// Which connection is meant.
#[derive(Clone, Debug)]
pub struct ConnectionQuery {
    /// The branch; the default one where none is named.
    pub branch: Option<BranchId>,
    /// The endpoint; the branch's where none is named.
    pub endpoint: Option<EndpointId>,
    /// The database.
    pub database: DatabaseName,
    /// The role.
    pub role: RoleName,
}

impl ControlPlane {
    /// Returns how a role connects to a database.
    pub fn connection(&self, id: &ProjectId, query: &ConnectionQuery) -> Result<Connection> {
        let (project, view) = self.view(id)?;
        let branch_id = query.branch.as_ref().unwrap_or(&project.default_branch);
        let branch = view.state.branch(branch_id)?;
        let branch = branch.ok_or_else(|| Refusal::BranchMissing(branch_id.clone()))?;
        let role = view.state.role(branch_id, &query.role)?;
        let role = role.ok_or_else(|| Refusal::RoleMissing(query.role.clone()))?;
        if view.state.database(branch_id, &query.database)?.is_none() {
            return Err(Refusal::DatabaseMissing(query.database.clone()).into());
        }
        let endpoint_id = match (&query.endpoint, branch.endpoint) {
            (None, None) => return Err(Refusal::BranchWithoutEndpoint(branch.id).into()),
            (None, Some(id)) => id,
            (Some(asked), _) => asked.clone(),
        };
        let endpoint = view.state.endpoint(&endpoint_id)?;
        let endpoint = endpoint.ok_or_else(|| Refusal::EndpointMissing(endpoint_id.clone()))?;
        if endpoint.branch != branch.id {
            let refusal = Refusal::EndpointElsewhere { endpoint: endpoint_id, branch: branch.id };
            return Err(refusal.into());
        }
        self.connect(&project, &endpoint, &role, query.database.clone())
    }

    /// Returns how `role` connects to `database` over `endpoint`.
    pub(super) fn connect(
        &self,
        project: &Project,
        endpoint: &Endpoint,
        role: &Role,
        database: DatabaseName,
    ) -> Result<Connection> {
        let (host, port, tls) = match &endpoint.site {
            Site::Local { port } => (LOCAL_HOST.to_owned(), *port, TlsMode::Disable),
            Site::Attached(attachment) => {
                (attachment.host.clone(), attachment.port, attachment.tls)
            }
        };
        let password = self.stored_password(project, role)?;
        Ok(Connection { role: role.name.clone(), password, host, port, database, tls })
    }

    /// Returns a role's password, where it has one and it is stored.
    pub(super) fn stored_password(
        &self,
        project: &Project,
        role: &Role,
    ) -> Result<Option<Password>> {
        let sealed = role.login.credential().and_then(|credential| credential.sealed.as_ref());
        let context = password_context(&project.id, &role.name);
        Ok(sealed.map(|sealed| self.inner.vault.open(&context, sealed)).transpose()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Connection {
        Connection {
            role: "we ird/n@:é".parse().expect("a legal name"),
            password: Some(Password::new("p@ss/word")),
            host: "127.0.0.1".into(),
            port: 15432,
            database: "a?b#c".parse().expect("a legal name"),
            tls: TlsMode::Disable,
        }
    }

    #[test]
    fn every_part_of_a_uri_is_encoded() {
        assert_eq!(
            connection().uri().reveal(),
            "postgresql://we%20ird%2Fn%40%3A%C3%A9:p%40ss%2Fword@127.0.0.1:15432/a%3Fb%23c"
        );
    }

    #[test]
    fn a_uri_without_a_password_says_none_and_an_ipv6_address_stands_in_brackets() {
        let connection = Connection {
            password: None,
            host: "::1".into(),
            tls: TlsMode::VerifyFull,
            role: "sally".parse().expect("a legal name"),
            database: "neondb".parse().expect("a legal name"),
            ..connection()
        };
        assert_eq!(
            connection.uri().reveal(),
            "postgresql://sally@[::1]:15432/neondb?sslmode=verify-full"
        );
    }
}
