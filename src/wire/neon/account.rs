//! Who is calling, and where projects can be.

use serde::{Deserialize, Serialize};

use crate::model::account::{ORGANIZATION, PERSON};
use crate::wire::neon::REGION;
use crate::wire::time::Time;

/// How the person is written to. Nothing is ever sent there: the domain cannot exist.
const EMAIL: &str = "admin@offshoot.invalid";

/// What the person is called.
const NAME: &str = "Administrator";

/// What the person logs in as.
const LOGIN: &str = "admin";

/// What the organization is called.
const ORGANIZATION_NAME: &str = "Offshoot";

/// The plan, in a word that all of Neon's clients know.
const PLAN: &str = "free_v2";

/// As many of anything as nobody will have.
const NO_LIMIT: i64 = 1_000_000;

/// The person to whom the server belongs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurrentUser {
    pub id: String,
    pub email: String,
    pub login: String,
    pub name: String,
    pub last_name: String,
    pub image: String,
    pub plan: String,
    pub auth_accounts: Vec<AuthAccount>,
    pub billing_account: BillingAccount,
    pub projects_limit: i64,
    pub branches_limit: i64,
    pub max_autoscaling_limit: f64,
    pub active_seconds_limit: i64,
    pub compute_seconds_limit: i64,
}

/// How the person logs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthAccount {
    pub email: String,
    pub image: String,
    pub login: String,
    pub name: String,
    pub provider: String,
}

/// Who pays: nobody. Neon's Python client fails without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillingAccount {
    pub state: String,
    pub payment_source: PaymentSource,
    pub subscription_type: String,
    pub payment_method: String,
    pub quota_reset_at_last: Time,
    pub name: String,
    pub email: String,
    pub address_city: String,
    pub address_country: String,
    pub address_line1: String,
    pub address_line2: String,
    pub address_postal_code: String,
    pub address_state: String,
}

/// With what is paid: with nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentSource {
    #[serde(rename = "type")]
    pub kind: String,
}

/// The organizations: there is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationsAnswer {
    pub organizations: Vec<Organization>,
}

/// The organization to which every project belongs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    pub id: String,
    pub name: String,
    pub handle: String,
    pub plan: String,
    pub created_at: Time,
    pub updated_at: Time,
    pub managed_by: String,
}

/// With what kind of key a request came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthDetails {
    pub account_id: String,
    pub auth_method: String,
}

/// The regions: there is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionsAnswer {
    pub regions: Vec<Region>,
}

/// A region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    pub region_id: String,
    pub name: String,
    pub default: bool,
    pub geo_lat: String,
    pub geo_long: String,
}

impl CurrentUser {
    /// Shows the person, since when the server has been theirs.
    #[must_use]
    pub fn since(began: Time) -> Self {
        let text = |text: &str| text.to_owned();
        Self {
            id: PERSON.to_string(),
            email: text(EMAIL),
            login: text(LOGIN),
            name: text(NAME),
            last_name: String::new(),
            image: String::new(),
            plan: text(PLAN),
            auth_accounts: vec![AuthAccount {
                email: text(EMAIL),
                image: String::new(),
                login: text(LOGIN),
                name: text(NAME),
                provider: text("keycloak"),
            }],
            billing_account: BillingAccount::since(began),
            projects_limit: NO_LIMIT,
            branches_limit: NO_LIMIT,
            max_autoscaling_limit: 0.0,
            active_seconds_limit: 0,
            compute_seconds_limit: 0,
        }
    }
}

impl BillingAccount {
    fn since(began: Time) -> Self {
        Self {
            state: "active".into(),
            payment_source: PaymentSource { kind: String::new() },
            subscription_type: PLAN.into(),
            payment_method: "none".into(),
            quota_reset_at_last: began,
            name: NAME.into(),
            email: EMAIL.into(),
            address_city: String::new(),
            address_country: String::new(),
            address_line1: String::new(),
            address_line2: String::new(),
            address_postal_code: String::new(),
            address_state: String::new(),
        }
    }
}

impl Organization {
    /// Shows the organization, since when there has been one.
    #[must_use]
    pub fn since(began: Time) -> Self {
        Self {
            id: ORGANIZATION.into(),
            name: ORGANIZATION_NAME.into(),
            handle: ORGANIZATION.into(),
            plan: PLAN.into(),
            created_at: began,
            updated_at: began,
            managed_by: "console".into(),
        }
    }
}

impl AuthDetails {
    /// Shows a caller who is the person.
    #[must_use]
    pub fn of_person() -> Self {
        Self { account_id: PERSON.to_string(), auth_method: "api_key_user".into() }
    }

    /// Shows a caller who is the organization.
    #[must_use]
    pub fn of_organization() -> Self {
        Self { account_id: ORGANIZATION.into(), auth_method: "api_key_org".into() }
    }
}

impl RegionsAnswer {
    /// Shows the region that there is.
    #[must_use]
    pub fn here() -> Self {
        let here = Region {
            region_id: REGION.into(),
            name: "This machine".into(),
            default: true,
            geo_lat: String::new(),
            geo_long: String::new(),
        };
        Self { regions: vec![here] }
    }
}
