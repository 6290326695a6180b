//! Words that several refusals are made of.

use crate::model::name::DatabaseName;
use crate::model::revision::Timestamp;

/// Writes a time as the API does.
#[must_use]
pub fn time_text(at: Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}

pub(super) fn plural(changes: usize) -> String {
    if changes == 1 { "1 change".into() } else { format!("{changes} changes") }
}

/// Returns the words for further databases that a role owns, for
/// [`RoleOwnsDatabase`](super::Refusal::RoleOwnsDatabase).
#[must_use]
pub fn and_others(owned: &[DatabaseName]) -> String {
    match owned.len() {
        0 | 1 => String::new(),
        n => format!(" and {} more", n - 1),
    }
}
