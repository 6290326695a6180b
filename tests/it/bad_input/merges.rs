//! Merges and differences that make no sense.

use reqwest::Method;
use serde_json::json;

use crate::bad_input::Plane;

pub async fn that_make_no_sense(plane: &Plane) {
    let mut table = plane.table();
    let choice =
        |kind: &str, name: &str, take: &str| json!({ "kind": kind, "name": name, "take": take });
    let twice = [choice("role", "sally", "source"), choice("role", "sally", "target")];
    for body in [
        json!({}),
        json!({ "into": 7 }),
        json!({ "into": "br-none" }),
        json!({ "into": "main" }),
        json!({ "into": plane.branch, "dry_run": "yes" }),
        json!({ "into": plane.branch, "default": "mine" }),
        json!({ "into": plane.branch, "resolve": [["role", "sally", "source"]] }),
        json!({ "into": plane.branch, "resolve": [choice("table", "sally", "source")] }),
        json!({ "into": plane.branch, "resolve": [choice("role", "", "source")] }),
        json!({ "into": plane.branch, "resolve": [choice("role", "sally", "both")] }),
        json!({ "into": plane.branch, "resolve": twice }),
    ] {
        let what = plane.masked(&body.to_string());
        table.ask(&what, plane.post(&plane.in_branch("/merge"), &body)).await;
    }
    let path = plane.in_project("/branches/br-none/merge");
    table.ask("of no branch", plane.post(&path, &json!({ "into": plane.branch }))).await;
    for query in [
        "",
        "?base=br-none",
        "?base=main",
        "?base=BRANCH&at=yesterday",
        "?base=BRANCH&base_at=0/xyz",
        "?base=BRANCH&limit=0",
        "?base=BRANCH&limit=1001",
        "?base=BRANCH&cursor=%00",
    ] {
        let path =
            plane.in_branch(&format!("/roles/diff{}", query.replace("BRANCH", &plane.branch)));
        table.ask(query, plane.request(Method::GET, &path)).await;
    }
    insta::assert_snapshot!(table.text(), @r#"
    {}: 400 INVALID_REQUEST invalid request: missing field `into` at line 1 column 2
    {"into":7}: 400 INVALID_REQUEST invalid request: into: invalid type: integer `7`, expected a string at line 1 column 9
    {"into":"br-none"}: 404 BRANCH_NOT_FOUND branch not found; branch_id:"br-none"
    {"into":"main"}: 404 BRANCH_NOT_FOUND branch not found; branch_id:"main"
    {"dry_run":"yes","into":"BRANCH"}: 400 INVALID_REQUEST invalid request: dry_run: invalid type: string "yes", expected a boolean at line 1 column 16
    {"default":"mine","into":"BRANCH"}: 400 INVALID_REQUEST default must be `source` or `target`
    {"into":"BRANCH","resolve":[["role","sally","source"]]}: 400 INVALID_REQUEST invalid request: resolve: expected an object, not a list
    {"into":"BRANCH","resolve":[{"kind":"table","name":"sally","take":"source"}]}: 400 INVALID_REQUEST resolve[0].kind must be `role` or `database`
    {"into":"BRANCH","resolve":[{"kind":"role","name":"","take":"source"}]}: 400 INVALID_REQUEST the role name is empty; give 1 to 63 bytes
    {"into":"BRANCH","resolve":[{"kind":"role","name":"sally","take":"both"}]}: 400 INVALID_REQUEST resolve[0].take must be `source` or `target`
    {"into":"BRANCH","resolve":[{"kind":"role","name":"sally","take":"source"},{"kind":"role","name":"sally","take":"target"}]}: 400 INVALID_REQUEST resolve[1] names the role "sally" again; name one side for it
    of no branch: 404 BRANCH_NOT_FOUND branch not found; branch_id:"br-none"
    : 400 INVALID_REQUEST branch BRANCH has no parent; name the branch to compare it with in `base`
    ?base=br-none: 404 BRANCH_NOT_FOUND branch not found; branch_id:"br-none"
    ?base=main: 404 BRANCH_NOT_FOUND branch not found; branch_id:"main"
    ?base=BRANCH&at=yesterday: 400 WRONG_LSN_OR_TIMESTAMP the query parameter `at`: `yesterday` is not a time; write it in RFC 3339, as in `2026-01-31T12:00:00Z`
    ?base=BRANCH&base_at=0/xyz: 400 WRONG_LSN_OR_TIMESTAMP the query parameter `base_at`: `0/xyz` is not an LSN; write two hexadecimal numbers of 1 to 8 digits, as in `16/B374D848`
    ?base=BRANCH&limit=0: 400 INVALID_REQUEST the query parameter `limit` must be a number from 1 to 1000
    ?base=BRANCH&limit=1001: 400 INVALID_REQUEST the query parameter `limit` must be a number from 1 to 1000
    ?base=BRANCH&cursor=%00: 400 INVALID_REQUEST the query parameter `cursor` is not one that a page ended with; leave it out to begin at the first
    "#);
}
