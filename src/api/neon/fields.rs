//! Settings that branches, roles and projects share, as requests write them.

use std::collections::BTreeMap;

use chrono::SubsecRound;

use crate::api::error::ApiError;
use crate::model::annotation::Annotation;
use crate::model::branch::PasswordPolicy;
use crate::model::change::Change;
use crate::model::revision::Timestamp;
use crate::wire::field::Field;
use crate::wire::time::Time;

/// Reads a time at which something is to expire. An empty text is none, as an absent one.
pub(super) fn expires_at(text: Option<&str>) -> Result<Option<Timestamp>, ApiError> {
    text.filter(|text| !text.is_empty()).map(time).transpose()
}

/// Reads a time. Its fraction of a second is dropped, as Neon does.
fn time(text: &str) -> Result<Timestamp, ApiError> {
    let Time(at) =
        text.parse().map_err(|error| ApiError::invalid(format_args!("expires_at: {error}")))?;
    Ok(at.trunc_subsecs(0))
}

/// Reads a change of the time at which something is to expire; null takes it away.
pub(super) fn changed_expiry(field: &Field<String>) -> Result<Change<Timestamp>, ApiError> {
    match field {
        Field::Absent => Ok(Change::Keep),
        Field::Null => Ok(Change::Clear),
        Field::Value(text) => Ok(expires_at(Some(text))?.map_or(Change::Clear, Change::Set)),
    }
}

/// Reads what is noted about a branch.
pub(super) fn annotation(
    field: &str,
    texts: Option<&BTreeMap<String, String>>,
) -> Result<Annotation, ApiError> {
    let annotation = Annotation::new(texts.cloned().unwrap_or_default());
    annotation.map_err(|error| ApiError::invalid(format_args!("{field}: {error}")))
}

/// Reads a password policy.
pub(super) fn policy(text: &str) -> Result<PasswordPolicy, ApiError> {
    let found = PasswordPolicy::ALL.iter().find(|(_, name)| *name == text);
    found
        .map(|(policy, _)| *policy)
        .ok_or_else(|| ApiError::invalid("password_policy must be `inherit`, `fresh` or `none`"))
}

/// Reads a change of a password policy; null leaves it to what the parent calls for.
pub(super) fn changed_policy(field: &Field<String>) -> Result<Change<PasswordPolicy>, ApiError> {
    match field {
        Field::Absent => Ok(Change::Keep),
        Field::Null => Ok(Change::Clear),
        Field::Value(text) => policy(text).map(Change::Set),
    }
}
