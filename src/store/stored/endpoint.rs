//! Endpoints, stored.

use bincode::{Decode, Encode};

use super::{Invalid, Stored, time};
use crate::model::endpoint::{Attachment, Endpoint, EndpointState, Power, Site, TlsMode, Tuning};
use crate::model::secret::Sealed;

/// An endpoint.
#[derive(Encode, Decode)]
pub struct StoredEndpoint {
    id: String,
    branch: String,
    site: StoredSite,
    is_desired_active: bool,
    state: u8,
    tuning: StoredTuning,
    created_at: i64,
    updated_at: i64,
    started_at: Option<i64>,
    suspended_at: Option<i64>,
}

/// What clients tune.
#[derive(Encode, Decode)]
pub(super) struct StoredTuning {
    min_cu_hundredths: u32,
    max_cu_hundredths: u32,
    suspend_timeout_seconds: i32,
}

impl From<Tuning> for StoredTuning {
    fn from(tuning: Tuning) -> Self {
        let Tuning { min_cu_hundredths, max_cu_hundredths, suspend_timeout_seconds } = tuning;
        Self { min_cu_hundredths, max_cu_hundredths, suspend_timeout_seconds }
    }
}

impl From<StoredTuning> for Tuning {
    fn from(tuning: StoredTuning) -> Self {
        let StoredTuning { min_cu_hundredths, max_cu_hundredths, suspend_timeout_seconds } = tuning;
        Self { min_cu_hundredths, max_cu_hundredths, suspend_timeout_seconds }
    }
}

#[derive(Encode, Decode)]
enum StoredSite {
    Local { port: u16 },
    Attached { host: String, port: u16, database: String, user: String, password: Vec<u8>, tls: u8 },
}

/// The states and their numbers in the store.
const STATES: &[(EndpointState, u8)] =
    &[(EndpointState::Init, 0), (EndpointState::Active, 1), (EndpointState::Idle, 2)];

/// The ways to encrypt and their numbers in the store.
const TLS_MODES: &[(TlsMode, u8)] =
    &[(TlsMode::Disable, 0), (TlsMode::Require, 1), (TlsMode::VerifyFull, 2)];

fn number_of<T: PartialEq>(table: &[(T, u8)], value: &T) -> u8 {
    table.iter().find(|(known, _)| known == value).expect("a table that has every variant").1
}

fn of_number<T: Copy>(table: &[(T, u8)], what: &str, number: u8) -> Result<T, Invalid> {
    let found = table.iter().find(|(_, known)| *known == number);
    found.map(|(value, _)| *value).ok_or_else(|| Invalid::number(what, number))
}

impl Stored for StoredEndpoint {
    type Model = Endpoint;

    fn from_model(endpoint: Endpoint) -> Self {
        let Endpoint {
            id,
            branch,
            site,
            desired,
            state,
            tuning,
            created_at,
            updated_at,
            started_at,
            suspended_at,
        } = endpoint;
        Self {
            id: id.to_string(),
            branch: branch.to_string(),
            site: StoredSite::from_model(site),
            is_desired_active: desired == Power::Active,
            state: number_of(STATES, &state),
            tuning: tuning.into(),
            created_at: time::store(created_at),
            updated_at: time::store(updated_at),
            started_at: started_at.map(time::store),
            suspended_at: suspended_at.map(time::store),
        }
    }

    fn into_model(self) -> Result<Endpoint, Invalid> {
        let Self {
            id,
            branch,
            site,
            is_desired_active,
            state,
            tuning,
            created_at,
            updated_at,
            started_at,
            suspended_at,
        } = self;
        Ok(Endpoint {
            id: id.parse()?,
            branch: branch.parse()?,
            site: site.into_model()?,
            desired: if is_desired_active { Power::Active } else { Power::Idle },
            state: of_number(STATES, "state of an endpoint", state)?,
            tuning: tuning.into(),
            created_at: time::load(created_at)?,
            updated_at: time::load(updated_at)?,
            started_at: started_at.map(time::load).transpose()?,
            suspended_at: suspended_at.map(time::load).transpose()?,
        })
    }
}

impl StoredSite {
    fn from_model(site: Site) -> Self {
        match site {
            Site::Local { port } => Self::Local { port },
            Site::Attached(Attachment { host, port, database, user, password, tls }) => {
                let Sealed(password) = password;
                let tls = number_of(TLS_MODES, &tls);
                Self::Attached { host, port, database, user, password: password.into_vec(), tls }
            }
        }
    }

    fn into_model(self) -> Result<Site, Invalid> {
        Ok(match self {
            Self::Local { port } => Site::Local { port },
            Self::Attached { host, port, database, user, password, tls } => {
                let password = Sealed(password.into());
                let tls = of_number(TLS_MODES, "way to encrypt", tls)?;
                Site::Attached(Attachment { host, port, database, user, password, tls })
            }
        })
    }
}
