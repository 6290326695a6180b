//! Queries that make no sense.

use reqwest::Method;

use crate::bad_input::Plane;
use crate::bad_input::paths::NO_OPERATION;

pub async fn that_make_no_sense(plane: &Plane) {
    let mut table = plane.table();
    let uri = "/connection_uri?role_name=neondb_owner&database_name=neondb";
    for path in [
        "/projects?limit=0".to_owned(),
        "/projects?limit=401".to_owned(),
        "/projects?limit=x".to_owned(),
        "/projects?limit=1.5".to_owned(),
        "/projects?limit=99999999999999999999999".to_owned(),
        "/projects?cursor=not%20one".to_owned(),
        plane.in_project("/operations?limit=1001"),
        plane.in_project("/operations?cursor=x"),
        plane.in_project(&format!("/operations/{NO_OPERATION}?wait=30")),
        plane.in_project("/branches?limit=10001"),
        plane.in_project("/branches?cursor=%00"),
        plane.in_project("/branches?cursor=e30"),
        plane.in_project("/branches?sort_by=color"),
        plane.in_project("/branches?sort_order=up"),
        plane.in_project(&format!("{uri}&pooled=maybe")),
        plane.in_project(&format!("{uri}&branch_id=br-none")),
        plane.in_project(&format!("{uri}&branch_id=main")),
        plane.in_project(&format!("{uri}&endpoint_id=ep-none")),
        plane.in_project("/connection_uri?role_name=neondb_owner"),
        plane.in_project("/connection_uri?database_name=neondb"),
        plane.in_project("/connection_uri?role_name=sally&database_name=neondb"),
        plane.in_project("/connection_uri?role_name=neondb_owner&database_name=shop"),
        plane.in_project("/connection_uri?role_name=%FF&database_name=neondb"),
        plane.in_project("/connection_uri?role_name=neondb_owner&database_name=template1"),
        // These make sense, if not to everybody.
        "/projects?limit=1&limit=0".to_owned(),
        "/projects?limit=&cursor=&&=&a&%zz=%zz".to_owned(),
        plane.in_project("/branches?search=%FF"),
        plane.in_project(&format!("{uri}&pooled=True")),
        plane.in_project(&format!("{uri}&pooled=False")),
    ] {
        table.ask(&plane.masked(&path), plane.request(Method::GET, &path)).await;
    }
    insta::assert_snapshot!(table.text(), @r#"
    /projects?limit=0: 400 INVALID_REQUEST the query parameter `limit` must be a number from 1 to 400
    /projects?limit=401: 400 INVALID_REQUEST the query parameter `limit` must be a number from 1 to 400
    /projects?limit=x: 400 INVALID_REQUEST the query parameter `limit` must be a number from 1 to 400
    /projects?limit=1.5: 400 INVALID_REQUEST the query parameter `limit` must be a number from 1 to 400
    /projects?limit=99999999999999999999999: 400 INVALID_REQUEST the query parameter `limit` must be a number from 1 to 400
    /projects?cursor=not%20one: 400 INVALID_REQUEST the query parameter `cursor` is not one that a page ended with; leave it out to begin at the first
    /projects/PROJECT/operations?limit=1001: 400 INVALID_REQUEST the query parameter `limit` must be a number from 1 to 1000
    /projects/PROJECT/operations?cursor=x: 400 INVALID_REQUEST the query parameter `cursor` is not one that a page ended with; leave it out to begin at the first
    /projects/PROJECT/operations/0190b6a1-9d0c-7b5e-8a53-0a4c7c5d2f11?wait=30: 400 INVALID_REQUEST the query parameter `wait` must be a length of time, such as `30s`
    /projects/PROJECT/branches?limit=10001: 400 INVALID_REQUEST the query parameter `limit` must be a number from 1 to 10000
    /projects/PROJECT/branches?cursor=%00: 400 INVALID_REQUEST the query parameter `cursor` is not one that a page ended with; leave it out to begin at the first
    /projects/PROJECT/branches?cursor=e30: 400 INVALID_REQUEST the query parameter `cursor` is not one that a page ended with; leave it out to begin at the first
    /projects/PROJECT/branches?sort_by=color: 400 INVALID_REQUEST the query parameter `sort_by` must be `name`, `created_at` or `updated_at`
    /projects/PROJECT/branches?sort_order=up: 400 INVALID_REQUEST the query parameter `sort_order` must be `asc` or `desc`
    /projects/PROJECT/connection_uri?role_name=neondb_owner&database_name=neondb&pooled=maybe: 400 INVALID_REQUEST the query parameter `pooled` must be `true` or `false`
    /projects/PROJECT/connection_uri?role_name=neondb_owner&database_name=neondb&branch_id=br-none: 404 BRANCH_NOT_FOUND branch not found; branch_id:"br-none"
    /projects/PROJECT/connection_uri?role_name=neondb_owner&database_name=neondb&branch_id=main: 404 BRANCH_NOT_FOUND branch not found; branch_id:"main"
    /projects/PROJECT/connection_uri?role_name=neondb_owner&database_name=neondb&endpoint_id=ep-none: 404 ENDPOINT_NOT_FOUND endpoint not found; endpoint_id:"ep-none"
    /projects/PROJECT/connection_uri?role_name=neondb_owner: 400 INVALID_REQUEST the query parameter `database_name` is required
    /projects/PROJECT/connection_uri?database_name=neondb: 400 INVALID_REQUEST the query parameter `role_name` is required
    /projects/PROJECT/connection_uri?role_name=sally&database_name=neondb: 404 ROLE_NOT_FOUND role not found; role_name:"sally"
    /projects/PROJECT/connection_uri?role_name=neondb_owner&database_name=shop: 404 DATABASE_NOT_FOUND database not found; database_name:"shop"
    /projects/PROJECT/connection_uri?role_name=%FF&database_name=neondb: 404 ROLE_NOT_FOUND role not found; role_name:"�"
    /projects/PROJECT/connection_uri?role_name=neondb_owner&database_name=template1: 404 DATABASE_NOT_FOUND database not found; database_name:"template1"
    /projects?limit=1&limit=0: 200
    /projects?limit=&cursor=&&=&a&%zz=%zz: 200
    /projects/PROJECT/branches?search=%FF: 200
    /projects/PROJECT/connection_uri?role_name=neondb_owner&database_name=neondb&pooled=True: 200
    /projects/PROJECT/connection_uri?role_name=neondb_owner&database_name=neondb&pooled=False: 200
    "#);
}
