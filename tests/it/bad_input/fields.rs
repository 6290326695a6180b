//! Fields that say what is out of range, or what is not served.

use reqwest::Method;
use serde_json::{Value, json};

use crate::bad_input::{Plane, assert_error};
use crate::server::send;

pub async fn out_of_range(plane: &Plane) {
    let mut table = plane.table();
    let longest = "a".repeat(257);
    for project in [
        json!({ "history_retention_seconds": -1 }),
        json!({ "history_retention_seconds": 2_592_001 }),
        json!({ "history_retention_seconds": u64::MAX }),
        json!({ "history_retention_seconds": 1.5 }),
        json!({ "pg_version": 13 }),
        json!({ "pg_version": 19 }),
        json!({ "pg_version": -1 }),
        json!({ "pg_version": 273 }),
        json!({ "pg_version": "15" }),
        json!({ "autoscaling_limit_min_cu": 0.1 }),
        json!({ "autoscaling_limit_min_cu": 4, "autoscaling_limit_max_cu": 2 }),
        json!({ "autoscaling_limit_max_cu": 1e300 }),
        json!({ "default_endpoint_settings": { "suspend_timeout_seconds": 59 } }),
        json!({ "default_endpoint_settings": { "suspend_timeout_seconds": i64::MIN } }),
        json!({ "store_passwords": "no" }),
        json!({ "name": "" }),
        json!({ "branch": { "name": "" } }),
        json!({ "branch": { "role_name": "pg_owner" } }),
        json!({ "branch": { "database_name": "template1" } }),
    ] {
        let body = json!({ "project": project });
        table.ask(&project.to_string(), plane.post("/projects", &body)).await;
    }
    let body = json!({ "project": { "name": longest } });
    table.ask("a name of 257 characters", plane.post("/projects", &body)).await;
    for (what, number) in [("a huge number", "9".repeat(400)), ("a huge exponent", "1e999".into())]
    {
        let body = format!(r#"{{"project":{{"pg_version":{number}}}}}"#);
        table.ask(what, plane.request(Method::POST, "/projects").body(body)).await;
    }
    insta::assert_snapshot!(table.text(), @r#"
    {"history_retention_seconds":-1}: 400 INVALID_REQUEST history_retention_seconds must be from 0 to 2592000
    {"history_retention_seconds":2592001}: 400 INVALID_REQUEST history_retention_seconds must be from 0 to 2592000
    {"history_retention_seconds":18446744073709551615}: 400 INVALID_REQUEST invalid request: project.history_retention_seconds: invalid value: integer `18446744073709551615`, expected i64 at line 1 column 60
    {"history_retention_seconds":1.5}: 400 INVALID_REQUEST invalid request: project.history_retention_seconds: invalid type: floating point `1.5`, expected i64 at line 1 column 43
    {"pg_version":13}: 400 INVALID_REQUEST PostgreSQL 13 is not supported; the versions are 14 to 18
    {"pg_version":19}: 400 INVALID_REQUEST PostgreSQL 19 is not supported; the versions are 14 to 18
    {"pg_version":-1}: 400 INVALID_REQUEST PostgreSQL -1 is not supported; the versions are 14 to 18
    {"pg_version":273}: 400 INVALID_REQUEST PostgreSQL 273 is not supported; the versions are 14 to 18
    {"pg_version":"15"}: 400 INVALID_REQUEST invalid request: project.pg_version: invalid type: string "15", expected i64 at line 1 column 29
    {"autoscaling_limit_min_cu":0.1}: 400 INVALID_REQUEST autoscaling_limit_min_cu must be a number from 0.25 to 1000
    {"autoscaling_limit_max_cu":2,"autoscaling_limit_min_cu":4}: 400 INVALID_REQUEST autoscaling_limit_max_cu is less than autoscaling_limit_min_cu
    {"autoscaling_limit_max_cu":1e+300}: 400 INVALID_REQUEST autoscaling_limit_max_cu must be a number from 0.25 to 1000
    {"default_endpoint_settings":{"suspend_timeout_seconds":59}}: 400 INVALID_REQUEST suspend_timeout_seconds must be -1 (never), 0 (the default), or from 60 to 604800
    {"default_endpoint_settings":{"suspend_timeout_seconds":-9223372036854775808}}: 400 INVALID_REQUEST suspend_timeout_seconds must be -1 (never), 0 (the default), or from 60 to 604800
    {"store_passwords":"no"}: 400 INVALID_REQUEST invalid request: project.store_passwords: invalid type: string "no", expected a boolean at line 1 column 34
    {"name":""}: 400 INVALID_REQUEST the project name has 0 characters; give 1 to 256
    {"branch":{"name":""}}: 400 INVALID_REQUEST the branch name has 0 characters; give 1 to 256
    {"branch":{"role_name":"pg_owner"}}: 400 NAME_RESERVED the role name `pg_owner` is reserved; choose another
    {"branch":{"database_name":"template1"}}: 400 NAME_RESERVED the database name `template1` is reserved; choose another
    a name of 257 characters: 400 INVALID_REQUEST the project name has 257 characters; give 1 to 256
    a huge number: 400 INVALID_REQUEST invalid request: project.pg_version: number out of range at line 1 column 425
    a huge exponent: 400 INVALID_REQUEST invalid request: project.pg_version: number out of range at line 1 column 30
    "#);
    versions_that_are_not_installed(plane).await;
}

/// Which versions this machine has, it alone knows.
async fn versions_that_are_not_installed(plane: &Plane) {
    let installed = plane.remote.get(&plane.in_project("")).await.json(200);
    let installed = installed["project"]["pg_version"].as_u64().expect("a version");
    for version in (14..=18).filter(|version| installed < *version) {
        // The project's version is the newest that there is.
        let body = json!({ "project": { "pg_version": version } });
        let answer = send(plane.post("/projects", &body)).await.expect("an answer");
        let (code, message) = assert_error("a version that is not installed", &answer);
        assert_eq!((answer.status, &*code), (422, "PG_VERSION_NOT_INSTALLED"));
        let words = format!("PostgreSQL {version} is not installed on this machine (found: ");
        assert!(message.starts_with(&words), "{message}");
    }
}

pub async fn that_are_not_served(plane: &Plane) {
    let mut table = plane.table();
    for branch in [json!({ "archived": true }), json!({ "init_source": "schema-only" })] {
        let body = json!({ "branch": branch });
        table.ask(&branch.to_string(), plane.post(&plane.in_project("/branches"), &body)).await;
    }
    for endpoint in [
        json!({ "type": "read_only" }),
        json!({ "type": "" }),
        json!({ "type": "read_write", "disabled": true }),
        json!({ "type": "read_write", "pooler_enabled": true }),
        json!({ "type": "read_write", "settings": { "pg_settings": { "fsync": "off" } } }),
        json!({ "type": "read_write", "suspend_timeout_seconds": 1 }),
    ] {
        let body = json!({ "endpoints": [endpoint] });
        table.ask(&endpoint.to_string(), plane.post(&plane.in_project("/branches"), &body)).await;
    }
    let body = json!({ "endpoints": [{ "type": "read_write" }, { "type": "read_write" }] });
    table.ask("two endpoints", plane.post(&plane.in_project("/branches"), &body)).await;
    for settings in [
        json!({ "settings": { "block_public_connections": true } }),
        json!({ "default_endpoint_settings": { "pg_settings": { "fsync": "off" } } }),
    ] {
        let body = json!({ "project": settings });
        table.ask(&settings.to_string(), plane.post("/projects", &body)).await;
        let patch = plane.request(Method::PATCH, &plane.in_project("")).json(&body);
        table.ask("the same, later", patch).await;
    }
    insta::assert_snapshot!(table.text(), @r#"
    {"archived":true}: 400 NOT_SUPPORTED branch.archived is not served here, and ignoring it could harm; leave it out
    {"init_source":"schema-only"}: 400 NOT_SUPPORTED branch.init_source: only `parent-data` is served here; leave the field out
    {"type":"read_only"}: 400 NOT_SUPPORTED endpoint.type: only `read_write` is served here; leave the field out
    {"type":""}: 400 NOT_SUPPORTED endpoint.type: only `read_write` is served here; leave the field out
    {"disabled":true,"type":"read_write"}: 400 NOT_SUPPORTED endpoint.disabled is not served here, and ignoring it could harm; leave it out
    {"pooler_enabled":true,"type":"read_write"}: 400 NOT_SUPPORTED endpoint.pooler_enabled is not served here, and ignoring it could harm; leave it out
    {"settings":{"pg_settings":{"fsync":"off"}},"type":"read_write"}: 400 NOT_SUPPORTED endpoint.settings is not served here, and ignoring it could harm; leave it out
    {"suspend_timeout_seconds":1,"type":"read_write"}: 400 INVALID_REQUEST suspend_timeout_seconds must be -1 (never), 0 (the default), or from 60 to 604800
    two endpoints: 400 NOT_SUPPORTED endpoints: a branch has one endpoint here, of the type `read_write`
    {"settings":{"block_public_connections":true}}: 400 NOT_SUPPORTED project.settings.block_public_connections is not served here, and ignoring it could harm; leave it out
    the same, later: 400 NOT_SUPPORTED project.settings.block_public_connections is not served here, and ignoring it could harm; leave it out
    {"default_endpoint_settings":{"pg_settings":{"fsync":"off"}}}: 400 NOT_SUPPORTED project.default_endpoint_settings.pg_settings is not served here, and ignoring it could harm; leave it out
    the same, later: 400 NOT_SUPPORTED project.default_endpoint_settings.pg_settings is not served here, and ignoring it could harm; leave it out
    "#);
}

pub async fn of_branches_and_endpoints(plane: &Plane) {
    let mut table = plane.table();
    for branch in [
        json!({ "parent_id": "br-none-here-aaaaaaaa" }),
        json!({ "parent_id": "main" }),
        json!({ "parent_id": plane.project }),
        json!({ "parent_lsn": "xyz" }),
        json!({ "parent_lsn": "0/0", "parent_timestamp": "2026-01-31T12:00:00Z" }),
        json!({ "parent_timestamp": "yesterday" }),
        json!({ "parent_timestamp": "2026-01-31T12:00:00" }),
        json!({ "parent_timestamp": "2026-13-41T12:00:00Z" }),
    ] {
        let body = json!({ "branch": branch });
        let what = plane.masked(&branch.to_string());
        table.ask(&what, plane.post(&plane.in_project("/branches"), &body)).await;
    }
    let endpoint = |branch: &str, attached: Value| {
        let mut endpoint = json!({ "branch_id": branch, "type": "read_write" });
        endpoint["attached"] = attached;
        plane.post(&plane.in_project("/endpoints"), &json!({ "endpoint": endpoint }))
    };
    table.ask("a second endpoint", endpoint(&plane.branch, Value::Null)).await;
    table.ask("of an unknown branch", endpoint("br-none", Value::Null)).await;
    table.ask("of no branch", endpoint("main", Value::Null)).await;
    for attached in [
        json!({}),
        json!({ "host": "", "user": "u", "password": "p" }),
        json!({ "host": "h", "user": "u", "password": 7 }),
        json!({ "host": "h", "user": "u", "password": "p", "port": 65_536 }),
        json!({ "host": "h", "user": "u", "password": "p", "port": 0 }),
        json!({ "host": "h", "user": "u", "password": "p", "sslmode": "prefer" }),
    ] {
        let request = endpoint(&plane.branch, attached.clone());
        table.ask(&format!("attached {attached}"), request).await;
    }
    insta::assert_snapshot!(table.text(), @r#"
    {"parent_id":"br-none-here-aaaaaaaa"}: 404 BRANCH_NOT_FOUND branch not found; branch_id:"br-none-here-aaaaaaaa"
    {"parent_id":"main"}: 404 BRANCH_NOT_FOUND branch not found; branch_id:"main"
    {"parent_id":"PROJECT"}: 404 BRANCH_NOT_FOUND branch not found; branch_id:"PROJECT"
    {"parent_lsn":"xyz"}: 400 WRONG_LSN_OR_TIMESTAMP parent_lsn: `xyz` is not an LSN; write two hexadecimal numbers of 1 to 8 digits, as in `16/B374D848`; the branch's history is from ..
    {"parent_lsn":"0/0","parent_timestamp":"2026-01-31T12:00:00Z"}: 400 WRONG_LSN_OR_TIMESTAMP parent_lsn and parent_timestamp are both given; give one of them; the branch's history is from ..
    {"parent_timestamp":"yesterday"}: 400 WRONG_LSN_OR_TIMESTAMP parent_timestamp: `yesterday` is not a time; write it in RFC 3339, as in `2026-01-31T12:00:00Z`; the branch's history is from ..
    {"parent_timestamp":"2026-01-31T12:00:00"}: 400 WRONG_LSN_OR_TIMESTAMP parent_timestamp: `2026-01-31T12:00:00` has no time zone; write it in RFC 3339 with `Z` or an offset, as in `2026-01-31T12:00:00Z`; the branch's history is from ..
    {"parent_timestamp":"2026-13-41T12:00:00Z"}: 400 WRONG_LSN_OR_TIMESTAMP parent_timestamp: `2026-13-41T12:00:00Z` is not a time; write it in RFC 3339, as in `2026-01-31T12:00:00Z`; the branch's history is from ..
    a second endpoint: 409 ENDPOINT_ALREADY_EXISTS read_write endpoint already exists; endpoint_id:"EP"
    of an unknown branch: 404 BRANCH_NOT_FOUND branch not found; branch_id:"br-none"
    of no branch: 404 BRANCH_NOT_FOUND branch not found; branch_id:"main"
    attached {}: 400 INVALID_REQUEST invalid request: endpoint.attached: missing field `host` at line 1 column 26
    attached {"host":"","password":"p","user":"u"}: 400 INVALID_REQUEST endpoint.attached.host is empty
    attached {"host":"h","password":7,"user":"u"}: 400 INVALID_REQUEST invalid request: endpoint.attached.password: invalid type: integer `7`, expected a string at line 1 column 48
    attached {"host":"h","password":"p","port":65536,"user":"u"}: 400 INVALID_REQUEST invalid request: endpoint.attached.port: invalid value: integer `65536`, expected u16 at line 1 column 63
    attached {"host":"h","password":"p","port":0,"user":"u"}: 400 INVALID_REQUEST endpoint.attached.port must be from 1 to 65535
    attached {"host":"h","password":"p","sslmode":"prefer","user":"u"}: 400 INVALID_REQUEST endpoint.attached.sslmode must be `disable`, `require` or `verify-full`
    "#);

    for (what, branch) in [
        ("outside the history", json!({ "parent_timestamp": "2001-01-01T00:00:00Z" })),
        ("in the future", json!({ "parent_timestamp": "2999-01-01T00:00:00Z" })),
        ("past the end of the log", json!({ "parent_lsn": "FFFFFFFF/FFFFFFFF" })),
        ("before the log", json!({ "parent_lsn": "0/0" })),
    ] {
        let body = json!({ "branch": branch });
        let answer = send(plane.post(&plane.in_project("/branches"), &body)).await;
        let answer = answer.expect("an answer");
        let (code, message) = assert_error(what, &answer);
        assert_eq!((answer.status, &*code), (400, "WRONG_LSN_OR_TIMESTAMP"), "{what}");
        assert!(message.contains("is outside the history of branch"), "{message}");
        assert!(message.contains("must lie between"), "{message}");
    }
}
