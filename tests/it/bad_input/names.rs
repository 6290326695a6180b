//! Names: which ones nobody can have, and that all others are found again under their path.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::json;

use crate::bad_input::Plane;

/// Names that neither a role nor a database can have, and what is wrong with them.
fn impossible() -> Vec<(&'static str, String)> {
    [
        ("empty", ""),
        ("a NUL", "a\0b"),
        ("a newline", "a\nb"),
        ("a tab", "a\tb"),
        ("a DEL", "a\u{7f}"),
        ("a blank before", " a"),
        ("a blank after", "a "),
        ("a blank that is not ASCII", "a\u{a0}"),
        ("a blank", " "),
        ("a dot", "."),
        ("two dots", ".."),
    ]
    .map(|(what, name)| (what, name.to_owned()))
    .into_iter()
    .chain([
        ("64 bytes", "x".repeat(64)),
        ("32 characters of 64 bytes", "ä".repeat(32)),
        ("a book", "x".repeat(100_000)),
    ])
    .collect()
}

/// Names that both can have.
fn possible() -> Vec<String> {
    let names = [
        "a b",
        "a/b",
        "a//b",
        "a%2Fb",
        "100%",
        "a+b",
        "a?b#c",
        "a&b=c",
        "a\"b",
        "a'b",
        "a\\b",
        "a;b",
        "$1",
        "--",
        "...",
        "größe",
        "日本語",
        "🦀",
        "PG_upper",
        "Public",
        "{x}",
        ":id",
        "reset_password",
    ];
    let longest = ["x".repeat(63), format!("{}x", "ä".repeat(31))];
    names.into_iter().map(str::to_owned).chain(longest).collect()
}

fn encoded(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}

pub async fn that_no_role_can_have(plane: &Plane) {
    let mut table = plane.table();
    let path = plane.in_branch("/roles");
    for (what, name) in impossible() {
        table.ask(what, plane.post(&path, &json!({ "role": { "name": name } }))).await;
    }
    for name in [
        "pg_x",
        "pg_",
        "public",
        "none",
        "current_user",
        "postgres",
        "neon_superuser",
        "cloud_admin",
        "web_access",
        "neondb_owner",
    ] {
        table.ask(name, plane.post(&path, &json!({ "role": { "name": name } }))).await;
    }
    let owner = plane.in_branch("/roles/neondb_owner");
    table.ask("delete an owner", plane.request(Method::DELETE, &owner)).await;
    insta::assert_snapshot!(table.text(), @r#"
    empty: 400 INVALID_REQUEST the role name is empty; give 1 to 63 bytes
    a NUL: 400 INVALID_REQUEST the role name has the control character U+0000; leave it out
    a newline: 400 INVALID_REQUEST the role name has the control character U+000A; leave it out
    a tab: 400 INVALID_REQUEST the role name has the control character U+0009; leave it out
    a DEL: 400 INVALID_REQUEST the role name has the control character U+007F; leave it out
    a blank before: 400 INVALID_REQUEST the role name begins or ends with a blank; leave it out
    a blank after: 400 INVALID_REQUEST the role name begins or ends with a blank; leave it out
    a blank that is not ASCII: 400 INVALID_REQUEST the role name begins or ends with a blank; leave it out
    a blank: 400 INVALID_REQUEST the role name begins or ends with a blank; leave it out
    a dot: 400 INVALID_REQUEST the role name `.` would mean another place in a path; choose another
    two dots: 400 INVALID_REQUEST the role name `..` would mean another place in a path; choose another
    64 bytes: 400 INVALID_REQUEST the role name has 64 bytes, and Postgres keeps only 63; give a shorter one
    32 characters of 64 bytes: 400 INVALID_REQUEST the role name has 64 bytes, and Postgres keeps only 63; give a shorter one
    a book: 400 INVALID_REQUEST the role name has 100000 bytes, and Postgres keeps only 63; give a shorter one
    pg_x: 400 NAME_RESERVED the role name `pg_x` is reserved; choose another
    pg_: 400 NAME_RESERVED the role name `pg_` is reserved; choose another
    public: 400 NAME_RESERVED the role name `public` is reserved; choose another
    none: 400 NAME_RESERVED the role name `none` is reserved; choose another
    current_user: 400 NAME_RESERVED the role name `current_user` is reserved; choose another
    postgres: 400 NAME_RESERVED the role name `postgres` is reserved; choose another
    neon_superuser: 400 NAME_RESERVED the role name `neon_superuser` is reserved; choose another
    cloud_admin: 400 NAME_RESERVED the role name `cloud_admin` is reserved; choose another
    web_access: 400 NAME_RESERVED the role name `web_access` is reserved; choose another
    neondb_owner: 409 ROLE_ALREADY_EXISTS role already exists; role_name:"neondb_owner"
    delete an owner: 422 ROLE_OWNS_DATABASE role "neondb_owner" owns the database "neondb"; delete the database or give it another owner first
    "#);
}

pub async fn that_no_database_can_have(plane: &Plane) {
    let mut table = plane.table();
    let path = plane.in_branch("/databases");
    let owned = |name: &str, owner: &str| {
        plane.post(&path, &json!({ "database": { "name": name, "owner_name": owner } }))
    };
    for (what, name) in impossible() {
        table.ask(what, owned(&name, "neondb_owner")).await;
    }
    for name in ["postgres", "template0", "template1", "neondb"] {
        table.ask(name, owned(name, "neondb_owner")).await;
    }
    for owner in ["nobody", "postgres", "pg_monitor", "", " "] {
        table.ask(&format!("owned by `{owner}`"), owned("a", owner)).await;
    }
    let path = plane.in_branch("/databases/neondb");
    for change in
        [json!({ "name": "template1" }), json!({ "name": "" }), json!({ "owner_name": "nobody" })]
    {
        let request = plane.request(Method::PATCH, &path).json(&json!({ "database": change }));
        table.ask(&format!("changed to {change}"), request).await;
    }
    insta::assert_snapshot!(table.text(), @r#"
    empty: 400 INVALID_REQUEST the database name is empty; give 1 to 63 bytes
    a NUL: 400 INVALID_REQUEST the database name has the control character U+0000; leave it out
    a newline: 400 INVALID_REQUEST the database name has the control character U+000A; leave it out
    a tab: 400 INVALID_REQUEST the database name has the control character U+0009; leave it out
    a DEL: 400 INVALID_REQUEST the database name has the control character U+007F; leave it out
    a blank before: 400 INVALID_REQUEST the database name begins or ends with a blank; leave it out
    a blank after: 400 INVALID_REQUEST the database name begins or ends with a blank; leave it out
    a blank that is not ASCII: 400 INVALID_REQUEST the database name begins or ends with a blank; leave it out
    a blank: 400 INVALID_REQUEST the database name begins or ends with a blank; leave it out
    a dot: 400 INVALID_REQUEST the database name `.` would mean another place in a path; choose another
    two dots: 400 INVALID_REQUEST the database name `..` would mean another place in a path; choose another
    64 bytes: 400 INVALID_REQUEST the database name has 64 bytes, and Postgres keeps only 63; give a shorter one
    32 characters of 64 bytes: 400 INVALID_REQUEST the database name has 64 bytes, and Postgres keeps only 63; give a shorter one
    a book: 400 INVALID_REQUEST the database name has 100000 bytes, and Postgres keeps only 63; give a shorter one
    postgres: 400 NAME_RESERVED the database name `postgres` is reserved; choose another
    template0: 400 NAME_RESERVED the database name `template0` is reserved; choose another
    template1: 400 NAME_RESERVED the database name `template1` is reserved; choose another
    neondb: 409 DATABASE_ALREADY_EXISTS database already exists; database_name:"neondb"
    owned by `nobody`: 422 OWNER_NOT_FOUND database owner not found; role_name:"nobody"
    owned by `postgres`: 422 OWNER_NOT_FOUND database owner not found; role_name:"postgres"
    owned by `pg_monitor`: 422 OWNER_NOT_FOUND database owner not found; role_name:"pg_monitor"
    owned by ``: 400 INVALID_REQUEST the role name is empty; give 1 to 63 bytes
    owned by ` `: 400 INVALID_REQUEST the role name begins or ends with a blank; leave it out
    changed to {"name":"template1"}: 400 NAME_RESERVED the database name `template1` is reserved; choose another
    changed to {"name":""}: 400 INVALID_REQUEST the database name is empty; give 1 to 63 bytes
    changed to {"owner_name":"nobody"}: 422 OWNER_NOT_FOUND database owner not found; role_name:"nobody"
    "#);
}

pub async fn that_no_branch_can_have(plane: &Plane) {
    let mut table = plane.table();
    let path = plane.in_project("/branches");
    for (what, name) in [("empty", ""), ("257 characters", &"ä".repeat(257)), ("taken", "main")] {
        table.ask(what, plane.post(&path, &json!({ "branch": { "name": name } }))).await;
        let request = plane.request(Method::PATCH, &plane.in_branch(""));
        let request = request.json(&json!({ "branch": { "name": name } }));
        table.ask(&format!("{what}, later"), request).await;
    }
    table.ask("delete the default", plane.request(Method::DELETE, &plane.in_branch(""))).await;
    insta::assert_snapshot!(table.text(), @r#"
    empty: 400 INVALID_REQUEST the branch name has 0 characters; give 1 to 256
    empty, later: 400 INVALID_REQUEST the branch name has 0 characters; give 1 to 256
    257 characters: 400 INVALID_REQUEST the branch name has 257 characters; give 1 to 256
    257 characters, later: 400 INVALID_REQUEST the branch name has 257 characters; give 1 to 256
    taken: 409 BRANCH_ALREADY_EXISTS branch already exists; branch_name:"main"
    taken, later: 400 INVALID_REQUEST cannot set branch to the same name
    delete the default: 422 BRANCH_IS_DEFAULT branch BRANCH is the project's default branch and cannot be deleted
    "#);
}

pub async fn that_a_role_can_have(plane: &Plane) {
    for name in possible() {
        let body = json!({ "role": { "name": name } });
        let created = plane.remote.post(&plane.in_branch("/roles"), &body).await.json(201);
        let path = plane.in_branch(&format!("/roles/{}", encoded(&name)));
        let found = plane.remote.get(&path).await.json(200);
        assert_eq!(found["role"]["name"], *name);
        let revealed = plane.remote.get(&format!("{path}/reveal_password")).await.json(200);
        assert_eq!(revealed["password"], created["role"]["password"], "{name}");
        assert_eq!(
            plane.remote.post(&plane.in_branch("/roles"), &body).await.status,
            409,
            "{name}"
        );
    }
}

pub async fn that_a_database_can_have(plane: &Plane) {
    for name in possible() {
        let body = json!({ "database": { "name": name, "owner_name": "neondb_owner" } });
        plane.remote.post(&plane.in_branch("/databases"), &body).await.json(201);
        let path = plane.in_branch(&format!("/databases/{}", encoded(&name)));
        assert_eq!(plane.remote.get(&path).await.json(200)["database"]["name"], *name);
        let again = plane.remote.post(&plane.in_branch("/databases"), &body).await;
        assert_eq!(again.status, 409, "{name}");
    }
}
