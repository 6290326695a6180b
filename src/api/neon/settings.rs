//! What requests set of a project.

use std::collections::BTreeSet;

use crate::api::error::ApiError;
use crate::api::neon::unserved;
use crate::model::project::{MaintenanceWindow, ProjectSettings, Quota};
use crate::model::rules::projects::ProjectChange;
use crate::wire::neon::error::ErrorCode;
use crate::wire::neon::settings::{Maintenance, NewAllowedIps, NewSettings, minutes};

/// Returns the settings of a new project.
pub(super) fn new(settings: Option<NewSettings>) -> Result<ProjectSettings, ApiError> {
    let Some(settings) = settings else { return Ok(ProjectSettings::default()) };
    check_served(&settings)?;
    Ok(ProjectSettings {
        quota: settings.quota.map(Quota::from).unwrap_or_default(),
        maintenance: settings.maintenance_window.map(maintenance).transpose()?,
    })
}

/// Returns what a request changes of the settings, and nothing else of the project.
pub(super) fn change(settings: Option<NewSettings>) -> Result<ProjectChange, ApiError> {
    let Some(settings) = settings else { return Ok(ProjectChange::default()) };
    check_served(&settings)?;
    Ok(ProjectChange {
        quota: settings.quota.map(Quota::from),
        maintenance: settings.maintenance_window.map(maintenance).transpose()?,
        ..ProjectChange::default()
    })
}

fn check_served(settings: &NewSettings) -> Result<(), ApiError> {
    check_addresses(settings.allowed_ips.as_ref())?;
    for (field, is_on) in [
        ("enable_logical_replication", settings.enable_logical_replication),
        ("block_public_connections", settings.block_public_connections),
        ("block_vpc_connections", settings.block_vpc_connections),
        ("hipaa", settings.hipaa),
    ] {
        unserved::refuse_on(&format!("project.settings.{field}"), is_on)?;
    }
    let field = "project.settings.audit_log_level";
    unserved::refuse_set(field, settings.audit_log_level.as_ref())?;
    let field = "project.settings.preload_libraries";
    unserved::refuse_set(field, settings.preload_libraries.as_ref())
}

/// Refuses a list of addresses: whoever gave one would believe that nobody else gets in.
fn check_addresses(new: Option<&NewAllowedIps>) -> Result<(), ApiError> {
    let is_empty = |NewAllowedIps { ips, protected_branches_only }: &NewAllowedIps| {
        ips.as_ref().is_none_or(Vec::is_empty) && *protected_branches_only != Some(true)
    };
    if new.is_none_or(is_empty) {
        return Ok(());
    }
    Err(ApiError::told(
        ErrorCode::NotSupported,
        "project.settings.allowed_ips: nobody is kept out by a list of addresses here, so none is \
         taken; computes that Offshoot runs are reached from its own machine alone, and for others \
         say in pg_hba.conf or in a firewall who may come",
    ))
}

fn maintenance(new: Maintenance) -> Result<MaintenanceWindow, ApiError> {
    let Maintenance { weekdays, start_time, end_time } = new;
    let are_days = weekdays.iter().all(|day| (1..=7).contains(day))
        && weekdays.iter().collect::<BTreeSet<_>>().len() == weekdays.len();
    match (minutes(&start_time), minutes(&end_time)) {
        (Some(start), Some(end)) if are_days => Ok(MaintenanceWindow { weekdays, start, end }),
        _ => Err(ApiError::invalid(
            "project.settings.maintenance_window: weekdays are numbers from 1 to 7, each once, and \
             start_time and end_time are times like `02:00`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parsed(settings: Value) -> Result<ProjectSettings, ApiError> {
        new(serde_json::from_value(settings).expect("well-formed settings"))
    }

    #[test]
    fn settings_that_say_what_is_so_anyway_are_the_ones_of_nobody() {
        let said = json!({
            "allowed_ips": { "ips": [], "protected_branches_only": false },
            "quota": { "active_time_seconds": 0 },
            "enable_logical_replication": false,
        });
        assert_eq!(parsed(said), Ok(ProjectSettings::default()));
    }

    #[test]
    fn a_setting_that_a_client_would_rely_on_is_refused() {
        for (field, value) in [
            ("allowed_ips", json!({ "ips": ["192.0.2.1"] })),
            ("allowed_ips", json!({ "protected_branches_only": true })),
            ("block_public_connections", json!(true)),
            ("hipaa", json!(true)),
            ("audit_log_level", json!("base")),
            ("preload_libraries", json!({ "enabled_libraries": ["x"] })),
        ] {
            let error = parsed(json!({ field: value })).expect_err("a refusal");
            assert_eq!(error.code(), ErrorCode::NotSupported);
            assert!(error.message().contains(field), "{}", error.message());
        }
    }

    #[test]
    fn a_setting_that_makes_no_sense_is_refused() {
        let window = |days: Value, start: &str| {
            json!({ "maintenance_window": {
                "weekdays": days, "start_time": start, "end_time": "03:00" } })
        };
        for settings in [
            window(json!([0]), "02:00"),
            window(json!([1, 1]), "02:00"),
            window(json!([1]), "24:00"),
            window(json!([1]), "2:00"),
        ] {
            let error = parsed(settings).expect_err("a refusal");
            assert_eq!(error.code(), ErrorCode::InvalidRequest);
        }
    }
}
