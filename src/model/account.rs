//! Account: to whom the server belongs. There is one person and one organization, because Neon's
//! clients ask for both.

use uuid::Uuid;

/// The id of the organization to which every project belongs.
pub const ORGANIZATION: &str = "org-offshoot";

/// The id of the person to whom the server belongs.
pub const PERSON: Uuid = Uuid::from_u128(0x0ff5_4007_0000_4000_8000_0000_0000_0001);
