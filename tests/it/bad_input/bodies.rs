//! Bodies that cannot be read, or have another shape.

use reqwest::Method;
use serde_json::json;

use crate::bad_input::Plane;

/// The longest body that is read, in bytes.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// How deep the deepest body is.
const DEPTH: usize = 100_000;

pub async fn that_cannot_be_read(plane: &Plane) {
    let mut table = plane.table();
    for (what, body) in [
        ("no JSON", &b"name=sally"[..]),
        ("a brace", b"{"),
        ("cut off", br#"{"role":{"name":"sal"#),
        ("two bodies", br#"{"role":{"name":"a"}}{"role":{"name":"b"}}"#),
        ("a comma too many", br#"{"role":{"name":"a",}}"#),
        ("single quotes", b"{'role':{'name':'a'}}"),
        ("no UTF-8", b"{\"role\":{\"name\":\"a\xFF\"}}"),
        ("half a surrogate", br#"{"role":{"name":"\ud800"}}"#),
        ("a byte order mark", b"\xEF\xBB\xBF{\"role\":{\"name\":\"a\"}}"),
        ("a raw control character", b"{\"role\":{\"name\":\"a\x01\"}}"),
        ("a NUL", b"\0"),
    ] {
        table.ask(what, plane.post_role(body)).await;
    }
    let deep = format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    table.ask("depth", plane.post_role(deep.clone())).await;
    table.ask("depth within", plane.post_role(format!("{{\"x\":{deep}}}"))).await;
    insta::assert_snapshot!(table.text(), @r#"
    no JSON: 400 INVALID_REQUEST invalid request: expected ident at line 1 column 2
    a brace: 400 INVALID_REQUEST invalid request: EOF while parsing an object at line 1 column 1
    cut off: 400 INVALID_REQUEST invalid request: role.name: EOF while parsing a string at line 1 column 20
    two bodies: 400 INVALID_REQUEST invalid request: trailing characters at line 1 column 22
    a comma too many: 400 INVALID_REQUEST invalid request: role: trailing comma at line 1 column 21
    single quotes: 400 INVALID_REQUEST invalid request: key must be a string at line 1 column 2
    no UTF-8: 400 INVALID_REQUEST invalid request: role.name: invalid unicode code point at line 1 column 19
    half a surrogate: 400 INVALID_REQUEST invalid request: role.name: unexpected end of hex escape at line 1 column 24
    a byte order mark: 400 INVALID_REQUEST invalid request: expected value at line 1 column 1
    a raw control character: 400 INVALID_REQUEST invalid request: role.name: control character (\u0000-\u001F) found while parsing a string at line 1 column 19
    a NUL: 400 INVALID_REQUEST invalid request: expected value at line 1 column 1
    depth: 400 INVALID_REQUEST invalid request: [0][0]: invalid type: sequence, expected a string at line 1 column 2
    depth within: 400 INVALID_REQUEST invalid request: missing field `role` at line 1 column 200006
    "#);
}

pub async fn of_another_shape(plane: &Plane) {
    let mut table = plane.table();
    for body in [
        "null",
        "[]",
        "7",
        "{}",
        "",
        r#"{"role":null}"#,
        r#"{"role":"x"}"#,
        r#"{"role":["a"]}"#,
        r#"{"role":[]}"#,
        r#"[{"name":"a"}]"#,
        r#"{"role":{}}"#,
        r#"{"Role":{"name":"a"}}"#,
        r#"{"role":{"name":null}}"#,
        r#"{"role":{"name":7}}"#,
        r#"{"role":{"name":["a"]}}"#,
        r#"{"role":{"name":{"a":"b"}}}"#,
        r#"{"role":{"name":"a","name":"b"}}"#,
        r#"{"role":{"name":"a","no_login":"yes"}}"#,
        r#"{"role":{"name":"a","no_login":1}}"#,
    ] {
        table.ask(body, plane.post_role(body)).await;
    }
    insta::assert_snapshot!(table.text(), @r#"
    null: 400 INVALID_REQUEST invalid request: invalid type: null, expected an object at line 1 column 4
    []: 400 INVALID_REQUEST invalid request: invalid length 0, expected an object at line 1 column 2
    7: 400 INVALID_REQUEST invalid request: invalid type: integer `7`, expected an object at line 1 column 1
    {}: 400 INVALID_REQUEST invalid request: missing field `role` at line 1 column 2
    : 400 INVALID_REQUEST invalid request: missing field `role` at line 1 column 2
    {"role":null}: 400 INVALID_REQUEST invalid request: role: invalid type: null, expected an object at line 1 column 12
    {"role":"x"}: 400 INVALID_REQUEST invalid request: role: invalid type: string "x", expected an object at line 1 column 11
    {"role":["a"]}: 400 INVALID_REQUEST invalid request: role: expected an object, not a list
    {"role":[]}: 400 INVALID_REQUEST invalid request: role: invalid length 0, expected an object at line 1 column 10
    [{"name":"a"}]: 400 INVALID_REQUEST invalid request: the body: expected an object, not a list
    {"role":{}}: 400 INVALID_REQUEST invalid request: role: missing field `name` at line 1 column 10
    {"Role":{"name":"a"}}: 400 INVALID_REQUEST invalid request: missing field `role` at line 1 column 21
    {"role":{"name":null}}: 400 INVALID_REQUEST invalid request: role.name: invalid type: null, expected a string at line 1 column 20
    {"role":{"name":7}}: 400 INVALID_REQUEST invalid request: role.name: invalid type: integer `7`, expected a string at line 1 column 17
    {"role":{"name":["a"]}}: 400 INVALID_REQUEST invalid request: role.name: invalid type: sequence, expected a string at line 1 column 16
    {"role":{"name":{"a":"b"}}}: 400 INVALID_REQUEST invalid request: role.name: invalid type: map, expected a string at line 1 column 16
    {"role":{"name":"a","name":"b"}}: 400 INVALID_REQUEST invalid request: role: duplicate field `name` at line 1 column 26
    {"role":{"name":"a","no_login":"yes"}}: 400 INVALID_REQUEST invalid request: role.no_login: invalid type: string "yes", expected a boolean at line 1 column 36
    {"role":{"name":"a","no_login":1}}: 400 INVALID_REQUEST invalid request: role.no_login: invalid type: integer `1`, expected a boolean at line 1 column 32
    "#);
}

pub async fn of_other_things(plane: &Plane) {
    let mut table = plane.table();
    for (path, body) in [
        (plane.in_branch("/databases"), json!({ "database": { "name": "a" } })),
        (plane.in_branch("/databases"), json!({ "database": { "owner_name": "neondb_owner" } })),
        (plane.in_project("/endpoints"), json!({ "endpoint": { "type": "read_write" } })),
        (plane.in_project("/endpoints"), json!({ "endpoint": { "branch_id": "br-a" } })),
        (plane.in_project("/branches"), json!({ "branch": [] })),
        (plane.in_project("/branches"), json!({ "endpoints": { "type": "read_write" } })),
        (plane.in_project("/branches"), json!({ "endpoints": [{}] })),
        ("/projects".to_owned(), json!({})),
        ("/projects".to_owned(), json!({ "project": { "branch": { "role_name": 7 } } })),
    ] {
        let what = plane.masked(&format!("{path} {body}"));
        table.ask(&what, plane.post(&path, &body)).await;
    }
    for (path, body) in [
        (plane.in_branch(""), json!({})),
        (plane.in_branch(""), json!({ "branch": {} })),
        (plane.in_branch("/databases/neondb"), json!({ "database": {} })),
        (plane.in_branch("/databases/neondb"), json!({ "database": { "name": 7 } })),
        (plane.in_project(""), json!({ "project": { "name": [] } })),
    ] {
        let what = plane.masked(&format!("PATCH {path} {body}"));
        table.ask(&what, plane.request(Method::PATCH, &path).json(&body)).await;
    }
    insta::assert_snapshot!(table.text(), @r#"
    /projects/PROJECT/branches/BRANCH/databases {"database":{"name":"a"}}: 400 INVALID_REQUEST invalid request: database: missing field `owner_name` at line 1 column 24
    /projects/PROJECT/branches/BRANCH/databases {"database":{"owner_name":"neondb_owner"}}: 400 INVALID_REQUEST invalid request: database: missing field `name` at line 1 column 41
    /projects/PROJECT/endpoints {"endpoint":{"type":"read_write"}}: 400 INVALID_REQUEST invalid request: endpoint: missing field `branch_id`
    /projects/PROJECT/endpoints {"endpoint":{"branch_id":"br-a"}}: 400 INVALID_REQUEST invalid request: endpoint: missing field `type` at line 1 column 32
    /projects/PROJECT/branches {"branch":[]}: 400 INVALID_REQUEST invalid request: branch: expected an object, not a list
    /projects/PROJECT/branches {"endpoints":{"type":"read_write"}}: 400 INVALID_REQUEST invalid request: endpoints: invalid type: map, expected a sequence at line 1 column 13
    /projects/PROJECT/branches {"endpoints":[{}]}: 400 INVALID_REQUEST invalid request: endpoints[0]: missing field `type` at line 1 column 16
    /projects {}: 400 INVALID_REQUEST invalid request: missing field `project` at line 1 column 2
    /projects {"project":{"branch":{"role_name":7}}}: 400 INVALID_REQUEST invalid request: project.branch.role_name: invalid type: integer `7`, expected a string at line 1 column 35
    PATCH /projects/PROJECT/branches/BRANCH {}: 400 INVALID_REQUEST invalid request: missing field `branch` at line 1 column 2
    PATCH /projects/PROJECT/branches/BRANCH {"branch":{}}: 400 INVALID_REQUEST there is nothing to change; give branch.name, branch.protected, branch.expires_at or branch.password_policy
    PATCH /projects/PROJECT/branches/BRANCH/databases/neondb {"database":{}}: 400 INVALID_REQUEST there is nothing to change; give database.name or database.owner_name
    PATCH /projects/PROJECT/branches/BRANCH/databases/neondb {"database":{"name":7}}: 400 INVALID_REQUEST invalid request: database.name: invalid type: integer `7`, expected a string at line 1 column 21
    PATCH /projects/PROJECT {"project":{"name":[]}}: 400 INVALID_REQUEST invalid request: project.name: invalid type: sequence, expected a string at line 1 column 19
    "#);
}

pub async fn that_are_too_long(plane: &Plane) {
    let mut table = plane.table();
    let padded = |length: usize| {
        let body = r#"{"role":{"name":""}}"#;
        format!("{body}{}", " ".repeat(length - body.len()))
    };
    table.ask("the longest body", plane.post_role(padded(MAX_BODY_BYTES))).await;
    table.ask("a byte more", plane.post_role(padded(MAX_BODY_BYTES + 1))).await;
    table.ask("eight times that", plane.post_role(padded(MAX_BODY_BYTES * 8))).await;
    let expecting = plane.post_role(padded(MAX_BODY_BYTES * 2)).header("Expect", "100-continue");
    table.ask("announced, and not sent", expecting).await;
    insta::assert_snapshot!(table.text(), @r#"
    the longest body: 400 INVALID_REQUEST the role name is empty; give 1 to 63 bytes
    a byte more: 413 PAYLOAD_TOO_LARGE the body is too long; the limit is 1048576 bytes
    eight times that: 413 PAYLOAD_TOO_LARGE the body is too long; the limit is 1048576 bytes
    announced, and not sent: 413 PAYLOAD_TOO_LARGE the body is too long; the limit is 1048576 bytes
    "#);
}

/// Neon's clients send no body where Neon needs none, and some say that this is JSON.
pub async fn that_are_absent(plane: &Plane) {
    let mut table = plane.table();
    for path in [
        plane.in_project("/branches"),
        plane.in_project(&format!("/endpoints/{}/suspend", plane.endpoint)),
        plane.in_project(&format!("/endpoints/{}/start", plane.endpoint)),
        plane.in_branch("/roles/neondb_owner/reset_password"),
    ] {
        let what = plane.masked(&format!("POST {path}"));
        let absent = || plane.request(Method::POST, &path);
        table.ask(&what, absent()).await;
        let called = absent().header("Content-Type", "application/json");
        table.ask(&format!("{what}, called JSON"), called).await;
    }
    insta::assert_snapshot!(table.text(), @r#"
    POST /projects/PROJECT/branches: 201
    POST /projects/PROJECT/branches, called JSON: 201
    POST /projects/PROJECT/endpoints/EP/suspend: 200
    POST /projects/PROJECT/endpoints/EP/suspend, called JSON: 200
    POST /projects/PROJECT/endpoints/EP/start: 200
    POST /projects/PROJECT/endpoints/EP/start, called JSON: 200
    POST /projects/PROJECT/branches/BRANCH/roles/neondb_owner/reset_password: 200
    POST /projects/PROJECT/branches/BRANCH/roles/neondb_owner/reset_password, called JSON: 200
    "#);
}

pub async fn with_more_than_is_known(plane: &Plane) {
    let mut table = plane.table();
    let role = json!({
        "role": { "name": "more", "color": "red", "deep": { "a": [1, { "b": null }] } },
        "annotation_value": { "a": "b" },
    });
    table.ask("a role", plane.post(&plane.in_branch("/roles"), &role)).await;
    let called = plane.post_role(r#"{"role":{"name":"more_still"}}"#);
    table.ask("called a form", called.header("Content-Type", "text/html; charset=x")).await;
    let branch = json!({ "branch": { "name": "more", "cpu": 1e300 }, "annotation_value": {} });
    table.ask("a branch", plane.post(&plane.in_project("/branches"), &branch)).await;
    insta::assert_snapshot!(table.text(), @r#"
    a role: 201
    called a form: 201
    a branch: 201
    "#);
}
