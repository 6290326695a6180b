//! Account: to whom the server belongs. There is one person and one organization, because Neon's
//! clients ask for both.

use uuid::Uuid;

/// The id of the organization to which every project belongs.
pub const ORGANIZATION: &str = "org-offshoot";

/// What the organization is called.
pub const ORGANIZATION_NAME: &str = "Offshoot";

/// How the person is written to. Nothing is ever sent there: the domain cannot exist.
pub const PERSON_EMAIL: &str = "admin@offshoot.invalid";

/// The id of the person to whom the server belongs.
pub const PERSON: Uuid = Uuid::from_u128(0x0ff5_4007_0000_4000_8000_0000_0000_0001);
