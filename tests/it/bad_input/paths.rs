//! Paths of what is not there, of what cannot be, and of what nobody serves.

use reqwest::Method;
use serde_json::json;

use crate::bad_input::Plane;

/// The id of an operation that nobody ever asked for.
pub const NO_OPERATION: &str = "0190b6a1-9d0c-7b5e-8a53-0a4c7c5d2f11";

/// The base under which a server with this base may be asked too.
const ROOT: &str = "/../..";

pub async fn of_what_is_not_there(plane: &Plane) {
    let mut table = plane.table();
    for path in [
        "/projects/none".to_owned(),
        "/projects/none/branches/br-none".to_owned(),
        "/projects/none/branches/br-none/roles".to_owned(),
        format!("/projects/none/operations/{NO_OPERATION}"),
        plane.in_project("/branches/br-none"),
        plane.in_project("/branches/br-none/roles"),
        plane.in_project("/branches/br-none/roles/sally"),
        plane.in_project("/branches/br-none/databases/neondb"),
        plane.in_branch("/roles/sally"),
        plane.in_branch("/roles/sally/reveal_password"),
        plane.in_branch("/databases/shop"),
        plane.in_project("/endpoints/ep-none"),
        plane.in_project(&format!("/operations/{NO_OPERATION}")),
    ] {
        table.ask(&plane.masked(&path), plane.request(Method::GET, &path)).await;
    }
    for path in [
        plane.in_branch("/roles/sally/reset_password"),
        plane.in_project("/endpoints/ep-none/start"),
        plane.in_project("/endpoints/ep-none/suspend"),
        "/projects/none/branches".to_owned(),
    ] {
        table.ask(&plane.masked(&path), plane.request(Method::POST, &path)).await;
    }
    let body = json!({ "role": { "name": "sally" } });
    let path = plane.in_project("/branches/br-none/roles");
    table.ask("a role of no branch", plane.post(&path, &body)).await;
    insta::assert_snapshot!(table.text(), @r#"
    /projects/none: 404 PROJECT_NOT_FOUND project not found; project_id:"none"
    /projects/none/branches/br-none: 404 PROJECT_NOT_FOUND project not found; project_id:"none"
    /projects/none/branches/br-none/roles: 404 PROJECT_NOT_FOUND project not found; project_id:"none"
    /projects/none/operations/0190b6a1-9d0c-7b5e-8a53-0a4c7c5d2f11: 404 PROJECT_NOT_FOUND project not found; project_id:"none"
    /projects/PROJECT/branches/br-none: 404 BRANCH_NOT_FOUND branch not found; branch_id:"br-none"
    /projects/PROJECT/branches/br-none/roles: 404 BRANCH_NOT_FOUND branch not found; branch_id:"br-none"
    /projects/PROJECT/branches/br-none/roles/sally: 404 BRANCH_NOT_FOUND branch not found; branch_id:"br-none"
    /projects/PROJECT/branches/br-none/databases/neondb: 404 BRANCH_NOT_FOUND branch not found; branch_id:"br-none"
    /projects/PROJECT/branches/BRANCH/roles/sally: 404 ROLE_NOT_FOUND role not found; role_name:"sally"
    /projects/PROJECT/branches/BRANCH/roles/sally/reveal_password: 404 ROLE_NOT_FOUND role not found; role_name:"sally"
    /projects/PROJECT/branches/BRANCH/databases/shop: 404 DATABASE_NOT_FOUND database not found; database_name:"shop"
    /projects/PROJECT/endpoints/ep-none: 404 ENDPOINT_NOT_FOUND endpoint not found; endpoint_id:"ep-none"
    /projects/PROJECT/operations/0190b6a1-9d0c-7b5e-8a53-0a4c7c5d2f11: 404 OPERATION_NOT_FOUND operation not found; operation_id:"0190b6a1-9d0c-7b5e-8a53-0a4c7c5d2f11"
    /projects/PROJECT/branches/BRANCH/roles/sally/reset_password: 404 ROLE_NOT_FOUND role not found; role_name:"sally"
    /projects/PROJECT/endpoints/ep-none/start: 404 ENDPOINT_NOT_FOUND endpoint not found; endpoint_id:"ep-none"
    /projects/PROJECT/endpoints/ep-none/suspend: 404 ENDPOINT_NOT_FOUND endpoint not found; endpoint_id:"ep-none"
    /projects/none/branches: 404 PROJECT_NOT_FOUND project not found; project_id:"none"
    a role of no branch: 404 BRANCH_NOT_FOUND branch not found; branch_id:"br-none"
    "#);
}

pub async fn that_are_no_ids(plane: &Plane) {
    let mut table = plane.table();
    let long = "x".repeat(4000);
    for path in [
        "/projects/Shop".to_owned(),
        "/projects/a%2Fb".to_owned(),
        "/projects/%20".to_owned(),
        "/projects/%00".to_owned(),
        "/projects/%FF".to_owned(),
        "/projects/%zz".to_owned(),
        "/projects/%E2%82".to_owned(),
        format!("/projects/{}%2Fbranches", plane.project),
        format!("/projects/{}%00", plane.project),
        format!("/projects/{long}"),
        plane.in_project(&format!("/branches/{}", plane.endpoint)),
        plane.in_project("/branches/main"),
        plane.in_project("/branches/br-%F0%9F%A6%80"),
        plane.in_project(&format!("/branches/br-{long}")),
        plane.in_project("/endpoints/1"),
        plane.in_project("/operations/1"),
        plane.in_project("/operations/%C3%A4"),
        plane.in_branch("/roles/%00"),
        plane.in_branch("/roles/%FF"),
        plane.in_branch("/roles/neondb_owner%2F"),
        plane.in_branch("/roles/neondb_owner%252F"),
        plane.in_branch(&format!("/roles/{long}")),
        plane.in_branch("/databases/neondb%0A"),
    ] {
        let what = plane.masked(&path).replace(&long, "LONG");
        table.ask(&what, plane.request(Method::GET, &path)).await;
    }
    let text = table.text().replace(&"x".repeat(70), "LONG");
    insta::assert_snapshot!(text, @r#"
    /projects/Shop: 404 PROJECT_NOT_FOUND project not found; project_id:"Shop"
    /projects/a%2Fb: 404 PROJECT_NOT_FOUND project not found; project_id:"a/b"
    /projects/%20: 404 PROJECT_NOT_FOUND project not found; project_id:" "
    /projects/%00: 404 PROJECT_NOT_FOUND project not found; project_id:"\u{0}"
    /projects/%FF: 404 NOT_FOUND the path is not UTF-8 when its escapes are undone
    /projects/%zz: 404 PROJECT_NOT_FOUND project not found; project_id:"%zz"
    /projects/%E2%82: 404 NOT_FOUND the path is not UTF-8 when its escapes are undone
    /projects/PROJECT%2Fbranches: 404 PROJECT_NOT_FOUND project not found; project_id:"PROJECT/branches"
    /projects/PROJECT%00: 404 PROJECT_NOT_FOUND project not found; project_id:"PROJECT\u{0}"
    /projects/LONG: 404 PROJECT_NOT_FOUND project not found; project_id:"LONGxxxxxxxxxx"
    /projects/PROJECT/branches/EP: 404 BRANCH_NOT_FOUND branch not found; branch_id:"EP"
    /projects/PROJECT/branches/main: 404 BRANCH_NOT_FOUND branch not found; branch_id:"main"
    /projects/PROJECT/branches/br-%F0%9F%A6%80: 404 BRANCH_NOT_FOUND branch not found; branch_id:"br-🦀"
    /projects/PROJECT/branches/br-LONG: 404 BRANCH_NOT_FOUND branch not found; branch_id:"br-LONGxxxxxxx"
    /projects/PROJECT/endpoints/1: 404 ENDPOINT_NOT_FOUND endpoint not found; endpoint_id:"1"
    /projects/PROJECT/operations/1: 404 OPERATION_NOT_FOUND operation not found; operation_id:"1"
    /projects/PROJECT/operations/%C3%A4: 404 OPERATION_NOT_FOUND operation not found; operation_id:"ä"
    /projects/PROJECT/branches/BRANCH/roles/%00: 404 ROLE_NOT_FOUND role not found; role_name:"\u{0}"
    /projects/PROJECT/branches/BRANCH/roles/%FF: 404 NOT_FOUND the path is not UTF-8 when its escapes are undone
    /projects/PROJECT/branches/BRANCH/roles/neondb_owner%2F: 404 ROLE_NOT_FOUND role not found; role_name:"neondb_owner/"
    /projects/PROJECT/branches/BRANCH/roles/neondb_owner%252F: 404 ROLE_NOT_FOUND role not found; role_name:"neondb_owner%2F"
    /projects/PROJECT/branches/BRANCH/roles/LONG: 404 ROLE_NOT_FOUND role not found; role_name:"LONGxxxxxxxxxx"
    /projects/PROJECT/branches/BRANCH/databases/neondb%0A: 404 DATABASE_NOT_FOUND database not found; database_name:"neondb\n"
    "#);
}

pub async fn that_nobody_serves(plane: &Plane) {
    let mut table = plane.table();
    for path in [
        "/nothing",
        "",
        "/projects/none/nothing",
        "/projects//branches",
        "/projects/none/branches//roles",
        "/PROJECTS",
        "/projects/none/branches/br-none/roles/a/b",
        "/api/v2/projects",
    ] {
        table.ask(path, plane.request(Method::GET, path)).await;
    }
    for (method, path) in [
        (Method::PUT, "/projects"),
        (Method::DELETE, "/projects"),
        (Method::PUT, "/projects/none/branches/br-none/roles/sally"),
        (Method::GET, "/projects/none/branches/br-none/roles/sally/reset_password"),
        (Method::OPTIONS, "/projects"),
        (Method::TRACE, "/projects"),
        (Method::from_bytes(b"BREW").expect("a method"), "/projects"),
    ] {
        let answer = table.ask(&format!("{method} {path}"), plane.request(method, path)).await;
        assert!(answer.headers.contains_key("allow"), "a wrong method without the right ones");
    }
    insta::assert_snapshot!(table.text(), @r#"
    /nothing: 404 NOT_FOUND this route does not exist; see openapi.yaml for those that do
    : 404 NOT_FOUND this route does not exist; see openapi.yaml for those that do
    /projects/none/nothing: 404 NOT_FOUND this route does not exist; see openapi.yaml for those that do
    /projects//branches: 404 PROJECT_NOT_FOUND project not found; project_id:""
    /projects/none/branches//roles: 404 PROJECT_NOT_FOUND project not found; project_id:"none"
    /PROJECTS: 404 NOT_FOUND this route does not exist; see openapi.yaml for those that do
    /projects/none/branches/br-none/roles/a/b: 404 NOT_FOUND this route does not exist; see openapi.yaml for those that do
    /api/v2/projects: 404 NOT_FOUND this route does not exist; see openapi.yaml for those that do
    PUT /projects: 405 METHOD_NOT_ALLOWED the path does not have this method
    DELETE /projects: 405 METHOD_NOT_ALLOWED the path does not have this method
    PUT /projects/none/branches/br-none/roles/sally: 405 METHOD_NOT_ALLOWED the path does not have this method
    GET /projects/none/branches/br-none/roles/sally/reset_password: 405 METHOD_NOT_ALLOWED the path does not have this method
    OPTIONS /projects: 405 METHOD_NOT_ALLOWED the path does not have this method
    TRACE /projects: 405 METHOD_NOT_ALLOWED the path does not have this method
    BREW /projects: 405 METHOD_NOT_ALLOWED the path does not have this method
    "#);
}

/// What is gone need not be deleted; but what should hold it must be there.
pub async fn of_what_was_never_there_to_delete(plane: &Plane) {
    let mut table = plane.table();
    for path in [
        plane.in_branch("/roles/sally"),
        plane.in_branch("/roles/%00"),
        plane.in_branch("/databases/shop"),
        plane.in_project("/branches/br-none"),
        plane.in_project("/branches/main"),
        plane.in_project("/endpoints/ep-none"),
        plane.in_project("/branches/br-none/roles/sally"),
        "/projects/none".to_owned(),
        "/projects/none/branches/br-none".to_owned(),
    ] {
        table.ask(&plane.masked(&path), plane.request(Method::DELETE, &path)).await;
    }
    insta::assert_snapshot!(table.text(), @r#"
    /projects/PROJECT/branches/BRANCH/roles/sally: 204
    /projects/PROJECT/branches/BRANCH/roles/%00: 204
    /projects/PROJECT/branches/BRANCH/databases/shop: 204
    /projects/PROJECT/branches/br-none: 204
    /projects/PROJECT/branches/main: 204
    /projects/PROJECT/endpoints/ep-none: 204
    /projects/PROJECT/branches/br-none/roles/sally: 404 BRANCH_NOT_FOUND branch not found; branch_id:"br-none"
    /projects/none: 404 PROJECT_NOT_FOUND project not found; project_id:"none"
    /projects/none/branches/br-none: 404 PROJECT_NOT_FOUND project not found; project_id:"none"
    "#);
}

pub async fn with_slashes_of_clients(plane: &Plane) {
    let mut table = plane.table();
    for path in [
        format!("/{}", plane.in_branch("/roles")),
        format!("{}/", plane.in_branch("/roles")),
        format!("/{}/", plane.in_project("")),
        format!("{ROOT}{}", plane.in_branch("/roles")),
        format!("{ROOT}/{}/", plane.in_branch("/roles/neondb_owner")),
    ] {
        table.ask(&plane.masked(&path), plane.request(Method::GET, &path)).await;
    }
    let path = format!("/{}/", plane.in_branch("/roles"));
    let body = json!({ "role": { "name": "slashes" } });
    table.ask(&plane.masked(&format!("POST {path}")), plane.post(&path, &body)).await;
    insta::assert_snapshot!(table.text(), @r#"
    //projects/PROJECT/branches/BRANCH/roles: 200
    /projects/PROJECT/branches/BRANCH/roles/: 200
    //projects/PROJECT/: 200
    /../../projects/PROJECT/branches/BRANCH/roles: 200
    /../..//projects/PROJECT/branches/BRANCH/roles/neondb_owner/: 200
    POST //projects/PROJECT/branches/BRANCH/roles/: 201
    "#);
}
