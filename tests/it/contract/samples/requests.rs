//! Requests, as a client would make them.

use offshoot::wire::neon;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::value;

/// Returns a body as the server reads it: what its shape does not know is gone, so a field that
/// the contract promises and the server ignores is missed.
fn read<T: DeserializeOwned + Serialize>(body: Value) -> Value {
    value(serde_json::from_value::<T>(body).expect("a body of that shape"))
}

fn new_endpoint() -> Value {
    json!({
        "type": "read_write",
        "autoscaling_limit_min_cu": 0.25,
        "autoscaling_limit_max_cu": 1.0,
        "suspend_timeout_seconds": -1,
        "settings": {},
        "pooler_enabled": false,
        "disabled": false,
    })
}

fn attached_endpoint() -> Value {
    let mut endpoint = new_endpoint();
    endpoint["branch_id"] = json!("br-late-rice-a5cf06kb");
    endpoint["attached"] = json!({
        "host": "db.example.com",
        "port": 5432,
        "database": "postgres",
        "user": "offshoot_admin",
        "password": "secret",
        "sslmode": "verify-full",
    });
    endpoint
}

fn settings() -> Value {
    json!({
        "allowed_ips": { "ips": ["192.0.2.1"], "protected_branches_only": true },
        "quota": {
            "active_time_seconds": 1,
            "compute_time_seconds": 2,
            "written_data_bytes": 3,
            "data_transfer_bytes": 4,
            "logical_size_bytes": 5,
        },
        "maintenance_window": { "weekdays": [1], "start_time": "02:00", "end_time": "03:00" },
        "enable_logical_replication": false,
        "block_public_connections": false,
        "block_vpc_connections": false,
        "hipaa": false,
        "audit_log_level": "",
        "preload_libraries": {},
    })
}

fn endpoint_update() -> Value {
    let mut update = new_endpoint();
    update["branch_id"] = json!("br-late-rice-a5cf06kb");
    update.as_object_mut().expect("an object").remove("type");
    json!({ "endpoint": update })
}

pub(super) fn all() -> Vec<(&'static str, Value)> {
    [of_projects(), of_branches(), of_the_account()].concat()
}

fn of_the_account() -> Vec<(&'static str, Value)> {
    vec![
        (
            "EndpointUpdateRequest",
            read::<neon::endpoints::EndpointUpdateRequest>(endpoint_update()),
        ),
        (
            "ApiKeyCreateRequest",
            read::<neon::keys::KeyCreateRequest>(json!({ "key_name": "laptop" })),
        ),
        (
            "OrgApiKeyCreateRequest",
            read::<neon::keys::OrgKeyCreateRequest>(
                json!({ "key_name": "ci", "project_id": "winter-smoke-11077351" }),
            ),
        ),
        (
            "PermissionRequest",
            read::<neon::permissions::PermissionRequest>(json!({ "email": "a@b" })),
        ),
    ]
}

fn of_projects() -> Vec<(&'static str, Value)> {
    let limits = json!({
        "autoscaling_limit_min_cu": 0.25,
        "autoscaling_limit_max_cu": 1.0,
        "suspend_timeout_seconds": 300,
        "pg_settings": {},
        "pgbouncer_settings": {},
    });
    let new_project = json!({ "project": {
        "name": "shop",
        "org_id": "org-offshoot",
        "pg_version": 17,
        "store_passwords": true,
        "history_retention_seconds": 86_400,
        "password_policy": "fresh",
        "branch": { "name": "main", "role_name": "sally", "database_name": "shop",
            "annotations": { "github-commit-ref": "main" } },
        "settings": settings(),
        "default_endpoint_settings": limits,
        "autoscaling_limit_min_cu": 0.25,
        "autoscaling_limit_max_cu": 1.0,
    }});
    let project = json!({ "project": {
        "name": "shop",
        "history_retention_seconds": 0,
        "password_policy": null,
        "settings": settings(),
        "default_endpoint_settings": limits,
    }});
    vec![
        ("ProjectCreateRequest", read::<neon::projects::ProjectCreateRequest>(new_project)),
        ("ProjectUpdateRequest", read::<neon::projects::ProjectUpdateRequest>(project)),
    ]
}

fn of_branches() -> Vec<(&'static str, Value)> {
    let new_branch = json!({
        "branch": {
            "name": "preview/42",
            "parent_id": "br-late-rice-a5cf06kb",
            "parent_lsn": "0/16B3F00",
            "parent_timestamp": "2026-01-31T12:00:00Z",
            "parent_revision": 7,
            "protected": false,
            "archived": false,
            "init_source": "parent-data",
            "expires_at": "2026-02-28T12:00:00Z",
            "password_policy": "none",
        },
        "endpoints": [new_endpoint()],
        "annotation_value": { "github-commit-ref": "dev" },
    });
    let branch = json!({ "branch": {
        "name": "x",
        "protected": false,
        "expires_at": null,
        "password_policy": null,
    }});
    let restore = json!({
        "source_branch_id": "br-late-rice-a5cf06kb",
        "source_lsn": "0/16B3F00",
        "source_timestamp": "2026-01-31T12:00:00Z",
        "source_revision": 7,
        "preserve_under_name": "dev_old",
    });
    let merge = json!({
        "into": "br-late-rice-a5cf06kb",
        "dry_run": true,
        "resolve": [{ "kind": "role", "name": "sally", "take": "source" }],
        "default": "target",
    });
    let expires_at = "2026-02-28T12:00:00Z";
    let role = json!({ "role": { "name": "sally", "no_login": false, "expires_at": expires_at } });
    let role_update = json!({ "role": { "expires_at": expires_at } });
    let database = json!({ "database": { "name": "shop", "owner_name": "sally" } });
    vec![
        ("BranchCreateRequest", read::<neon::branches::BranchCreateRequest>(new_branch)),
        ("BranchUpdateRequest", read::<neon::branches::BranchUpdateRequest>(branch)),
        ("BranchMergeRequest", read::<neon::merge::BranchMergeRequest>(merge)),
        ("BranchRestoreRequest", read::<neon::branches::BranchRestoreRequest>(restore)),
        ("RoleUpdateRequest", read::<neon::roles::RoleUpdateRequest>(role_update)),
        ("RoleCreateRequest", read::<neon::roles::RoleCreateRequest>(role)),
        ("DatabaseCreateRequest", read::<neon::databases::DatabaseCreateRequest>(database.clone())),
        ("DatabaseUpdateRequest", read::<neon::databases::DatabaseUpdateRequest>(database)),
        (
            "EndpointCreateRequest",
            read::<neon::endpoints::EndpointCreateRequest>(
                json!({ "endpoint": attached_endpoint() }),
            ),
        ),
    ]
}
