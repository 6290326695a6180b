//! Branches that cannot go back, what cannot end, and policies that are none.

use reqwest::Method;
use serde_json::{Value, json};

use crate::bad_input::{Plane, Table};
use crate::server::Remote;

/// A time that is past, and one that is too far away.
const PAST: &str = "2001-01-01T00:00:00Z";
const FAR: &str = "2999-01-01T00:00:00Z";

/// A project with a child of each kind.
struct Family {
    plane: Plane,
    /// A child that has a child.
    parent: String,
    protected: String,
    expiring: String,
}

pub async fn what_cannot_go_back_or_end(remote: &Remote) {
    let family = Family::new(remote).await;
    let before = family.plane.everything().await;
    family.cannot_go_back().await;
    family.branches_cannot_end().await;
    family.roles_cannot_end().await;
    family.policies_are_none().await;
    assert_eq!(family.plane.everything().await, before, "a refusal changed something");
}

impl Family {
    async fn new(remote: &Remote) -> Self {
        let mut plane = Plane::new(remote.clone()).await;
        let parent = child(&mut plane, "PARENT", json!({ "name": "parent" })).await;
        child(&mut plane, "CHILD", json!({ "name": "child", "parent_id": parent })).await;
        let birth = json!({ "name": "protected", "protected": true });
        let protected = child(&mut plane, "PROTECTED", birth).await;
        let birth = json!({ "name": "expiring", "expires_at": in_a_day() });
        let expiring = child(&mut plane, "EXPIRING", birth).await;
        let body = json!({ "role": { "name": "brief", "expires_at": in_a_day() } });
        remote.post(&plane.in_branch("/roles"), &body).await.json(201);
        remote.ended_operations(&plane.project).await;
        Self { plane, parent, protected, expiring }
    }

    async fn restore(&self, table: &mut Table<'_>, branch: &str, wish: Value) {
        let path = self.plane.in_project(&format!("/branches/{branch}/restore"));
        let what = self.plane.masked(&format!("{branch} {wish}"));
        table.ask(&what, self.plane.post(&path, &wish)).await;
    }

    async fn set(&self, table: &mut Table<'_>, path: &str, change: Value) {
        let what = self.plane.masked(&format!("{path} {change}"));
        let path = self.plane.in_project(path);
        table.ask(&what, self.plane.request(Method::PATCH, &path).json(&change)).await;
    }

    async fn create(&self, table: &mut Table<'_>, branch: Value) {
        let what = self.plane.masked(&branch.to_string());
        let body = json!({ "branch": branch });
        table.ask(&what, self.plane.post(&self.plane.in_project("/branches"), &body)).await;
    }

    async fn cannot_go_back(&self) {
        let Self { plane, parent, protected, .. } = self;
        let (main, mut table) = (&plane.branch, plane.table());
        for (branch, wish) in [
            (parent, json!({})),
            (parent, json!({ "source_branch_id": 7 })),
            (parent, json!({ "source_branch_id": "br-none-here-aaaaaaaa" })),
            (parent, json!({ "source_branch_id": "main" })),
            (parent, json!({ "source_branch_id": main, "source_lsn": "xyz" })),
            (parent, json!({ "source_branch_id": main, "source_timestamp": "yesterday" })),
            (
                parent,
                json!({ "source_branch_id": main, "source_timestamp": "2026-01-31T12:00:00" }),
            ),
            (
                parent,
                json!({ "source_branch_id": main, "source_timestamp": PAST, "source_lsn": "0/1" }),
            ),
            (parent, json!({ "source_branch_id": main, "source_timestamp": PAST })),
            (parent, json!({ "source_branch_id": main, "source_timestamp": FAR })),
            (parent, json!({ "source_branch_id": parent, "source_lsn": "0/1" })),
            (parent, json!({ "source_branch_id": parent })),
            (parent, json!({ "source_branch_id": parent, "preserve_under_name": "x" })),
            (parent, json!({ "source_branch_id": main })),
            (parent, json!({ "source_branch_id": main, "preserve_under_name": "" })),
            (parent, json!({ "source_branch_id": main, "preserve_under_name": "protected" })),
            (parent, json!({ "source_branch_id": main, "preserve_under_name": "parent" })),
            (protected, json!({ "source_branch_id": main })),
            (protected, json!({ "source_branch_id": protected })),
        ] {
            self.restore(&mut table, branch, wish).await;
        }
        insta::assert_snapshot!(table.text(), @r#"
        PARENT {}: 400 INVALID_REQUEST invalid request: missing field `source_branch_id` at line 1 column 2
        PARENT {"source_branch_id":7}: 400 INVALID_REQUEST invalid request: source_branch_id: invalid type: integer `7`, expected a string at line 1 column 21
        PARENT {"source_branch_id":"br-none-here-aaaaaaaa"}: 404 BRANCH_NOT_FOUND branch not found; branch_id:"br-none-here-aaaaaaaa"
        PARENT {"source_branch_id":"main"}: 404 BRANCH_NOT_FOUND branch not found; branch_id:"main"
        PARENT {"source_branch_id":"BRANCH","source_lsn":"xyz"}: 400 WRONG_LSN_OR_TIMESTAMP source_lsn: `xyz` is not an LSN; write two hexadecimal numbers of 1 to 8 digits, as in `16/B374D848`; the branch's history is from ..
        PARENT {"source_branch_id":"BRANCH","source_timestamp":"yesterday"}: 400 WRONG_LSN_OR_TIMESTAMP source_timestamp: `yesterday` is not a time; write it in RFC 3339, as in `2026-01-31T12:00:00Z`; the branch's history is from ..
        PARENT {"source_branch_id":"BRANCH","source_timestamp":"2026-01-31T12:00:00"}: 400 WRONG_LSN_OR_TIMESTAMP source_timestamp: `2026-01-31T12:00:00` has no time zone; write it in RFC 3339 with `Z` or an offset, as in `2026-01-31T12:00:00Z`; the branch's history is from ..
        PARENT {"source_branch_id":"BRANCH","source_lsn":"0/1","source_timestamp":"2001-01-01T00:00:00Z"}: 400 WRONG_LSN_OR_TIMESTAMP source_lsn and source_timestamp are both given; give one of them; the branch's history is from ..
        PARENT {"source_branch_id":"BRANCH","source_timestamp":"2001-01-01T00:00:00Z"}: 400 WRONG_LSN_OR_TIMESTAMP timestamp 2001-01-01T00:00:00Z is outside the history of branch BRANCH; it must lie between ..
        PARENT {"source_branch_id":"BRANCH","source_timestamp":"2999-01-01T00:00:00Z"}: 400 WRONG_LSN_OR_TIMESTAMP timestamp 2999-01-01T00:00:00Z is outside the history of branch BRANCH; it must lie between ..
        PARENT {"source_branch_id":"PARENT","source_lsn":"0/1"}: 400 WRONG_LSN_OR_TIMESTAMP LSN 0/1 is unknown: no endpoint of branch PARENT has applied a change yet; name a timestamp instead
        PARENT {"source_branch_id":"PARENT"}: 400 INVALID_REQUEST branch PARENT is to be restored from itself, so the request must say from when: give source_timestamp, source_lsn or source_revision
        PARENT {"preserve_under_name":"x","source_branch_id":"PARENT"}: 400 INVALID_REQUEST branch PARENT is to be restored from itself, so the request must say from when: give source_timestamp, source_lsn or source_revision
        PARENT {"source_branch_id":"BRANCH"}: 400 INVALID_REQUEST restoring branch PARENT takes the branch from under its children, so its present state must be kept: give preserve_under_name
        PARENT {"preserve_under_name":"","source_branch_id":"BRANCH"}: 400 INVALID_REQUEST the branch name has 0 characters; give 1 to 256
        PARENT {"preserve_under_name":"protected","source_branch_id":"BRANCH"}: 409 BRANCH_ALREADY_EXISTS branch already exists; branch_name:"protected"
        PARENT {"preserve_under_name":"parent","source_branch_id":"BRANCH"}: 409 BRANCH_ALREADY_EXISTS branch already exists; branch_name:"parent"
        PROTECTED {"source_branch_id":"BRANCH"}: 422 BRANCH_PROTECTED branch PROTECTED is protected; take its protection away first (PATCH branch.protected)
        PROTECTED {"source_branch_id":"PROTECTED"}: 400 INVALID_REQUEST branch PROTECTED is to be restored from itself, so the request must say from when: give source_timestamp, source_lsn or source_revision
        "#);
    }

    async fn branches_cannot_end(&self) {
        let Self { plane, parent, protected, expiring } = self;
        let mut table = plane.table();
        let day = in_a_day();
        for at in [PAST, FAR, "tomorrow", "2999-01-01T00:00:00", "2999-01-01"] {
            self.create(&mut table, json!({ "expires_at": at })).await;
        }
        self.create(&mut table, json!({ "expires_at": 7 })).await;
        self.create(&mut table, json!({ "parent_id": expiring })).await;
        let path = |branch: &str| format!("/branches/{branch}");
        for (branch, change) in [
            (expiring, json!({})),
            (expiring, json!({ "expires_at": PAST })),
            (expiring, json!({ "expires_at": "2999-01-01T00:00:00" })),
            (expiring, json!({ "protected": true })),
            (expiring, json!({ "protected": null })),
            (expiring, json!({ "protected": "yes" })),
        ] {
            self.set(&mut table, &path(branch), json!({ "branch": change })).await;
        }
        for (what, branch) in
            [("the default", &plane.branch), ("a parent", parent), ("a protected", protected)]
        {
            let body = json!({ "branch": { "expires_at": day } });
            let request = plane.request(Method::PATCH, &plane.in_project(&path(branch)));
            table.ask(&format!("an end of {what}"), request.json(&body)).await;
        }
        let both = json!({ "branch": { "protected": true, "expires_at": day } });
        let request = plane.post(&plane.in_project("/branches"), &both);
        let answer = crate::server::send(request).await.expect("an answer");
        let (code, message) = crate::bad_input::assert_error("both at birth", &answer);
        assert_eq!((answer.status, &*code), (422, "BRANCH_CANNOT_EXPIRE"), "{message}");
        let default = plane.in_project(&format!("{}/set_as_default", path(expiring)));
        table.ask("as the default", plane.request(Method::POST, &default)).await;
        let delete = plane.request(Method::DELETE, &plane.in_project(&path(protected)));
        table.ask("deleting a protected one", delete).await;
        let delete = plane.request(Method::DELETE, &plane.in_project(""));
        table.ask("deleting its project", delete).await;
        insta::assert_snapshot!(table.text(), @r#"
        {"expires_at":"2001-01-01T00:00:00Z"}: 400 INVALID_REQUEST expires_at 2001-01-01T00:00:00Z is out of range; it must lie between ..
        {"expires_at":"2999-01-01T00:00:00Z"}: 400 INVALID_REQUEST expires_at 2999-01-01T00:00:00Z is out of range; it must lie between ..
        {"expires_at":"tomorrow"}: 400 INVALID_REQUEST expires_at: `tomorrow` is not a time; write it in RFC 3339, as in `2026-01-31T12:00:00Z`
        {"expires_at":"2999-01-01T00:00:00"}: 400 INVALID_REQUEST expires_at: `2999-01-01T00:00:00` has no time zone; write it in RFC 3339 with `Z` or an offset, as in `2026-01-31T12:00:00Z`
        {"expires_at":"2999-01-01"}: 400 INVALID_REQUEST expires_at: `2999-01-01` is not a time; write it in RFC 3339, as in `2026-01-31T12:00:00Z`
        {"expires_at":7}: 400 INVALID_REQUEST invalid request: branch.expires_at: invalid type: integer `7`, expected a string at line 1 column 25
        {"parent_id":"EXPIRING"}: 422 BRANCH_CANNOT_EXPIRE branch EXPIRING has an expires_at, so it cannot have child branches; set it to null first
        /branches/EXPIRING {"branch":{}}: 400 INVALID_REQUEST there is nothing to change; give branch.name, branch.protected, branch.expires_at or branch.password_policy
        /branches/EXPIRING {"branch":{"expires_at":"2001-01-01T00:00:00Z"}}: 400 INVALID_REQUEST expires_at 2001-01-01T00:00:00Z is out of range; it must lie between ..
        /branches/EXPIRING {"branch":{"expires_at":"2999-01-01T00:00:00"}}: 400 INVALID_REQUEST expires_at: `2999-01-01T00:00:00` has no time zone; write it in RFC 3339 with `Z` or an offset, as in `2026-01-31T12:00:00Z`
        /branches/EXPIRING {"branch":{"protected":true}}: 422 BRANCH_CANNOT_EXPIRE branch EXPIRING has an expires_at, so it cannot be protected; set it to null first
        /branches/EXPIRING {"branch":{"protected":null}}: 400 INVALID_REQUEST there is nothing to change; give branch.name, branch.protected, branch.expires_at or branch.password_policy
        /branches/EXPIRING {"branch":{"protected":"yes"}}: 400 INVALID_REQUEST invalid request: branch.protected: invalid type: string "yes", expected a boolean at line 1 column 28
        an end of the default: 422 BRANCH_CANNOT_EXPIRE branch BRANCH is the project's default branch, so it cannot be given an expires_at
        an end of a parent: 422 BRANCH_CANNOT_EXPIRE branch PARENT has child branches, so it cannot be given an expires_at
        an end of a protected: 422 BRANCH_CANNOT_EXPIRE branch PROTECTED is protected, so it cannot be given an expires_at
        as the default: 422 BRANCH_CANNOT_EXPIRE branch EXPIRING has an expires_at, so it cannot become the default branch; set it to null first
        deleting a protected one: 422 BRANCH_PROTECTED branch PROTECTED is protected; take its protection away first (PATCH branch.protected)
        deleting its project: 422 BRANCH_PROTECTED the project has the protected branch PROTECTED; take its protection away first
        "#);
    }

    async fn roles_cannot_end(&self) {
        let plane = &self.plane;
        let mut table = plane.table();
        for at in [json!(PAST), json!(FAR), json!("soon"), json!("2999-01-01T00:00:00"), json!(7)] {
            let role = json!({ "role": { "name": "r", "expires_at": at } });
            let what = role.to_string();
            table.ask(&what, plane.post(&plane.in_branch("/roles"), &role)).await;
        }
        let path = |role: &str| format!("/branches/{}/roles/{role}", plane.branch);
        for (role, change) in [
            ("brief", json!({})),
            ("brief", json!({ "expires_at": PAST })),
            ("brief", json!({ "expires_at": [] })),
            ("nobody", json!({ "expires_at": null })),
            ("web_access", json!({ "expires_at": null })),
        ] {
            self.set(&mut table, &path(role), json!({ "role": change })).await;
        }
        let body = json!({ "role": { "expires_at": in_a_day() } });
        let request = plane.request(Method::PATCH, &plane.in_project(&path("neondb_owner")));
        table.ask("an end of an owner", request.json(&body)).await;
        let body = json!({ "database": { "name": "d", "owner_name": "brief" } });
        let request = plane.post(&plane.in_branch("/databases"), &body);
        table.ask("a database of one that ends", request).await;
        let database = plane.in_branch("/databases/neondb");
        let body = json!({ "database": { "owner_name": "brief" } });
        let request = plane.request(Method::PATCH, &database).json(&body);
        table.ask("one that is given to it", request).await;
        insta::assert_snapshot!(table.text(), @r#"
        {"role":{"expires_at":"2001-01-01T00:00:00Z","name":"r"}}: 400 INVALID_REQUEST expires_at 2001-01-01T00:00:00Z is out of range; it must lie between ..
        {"role":{"expires_at":"2999-01-01T00:00:00Z","name":"r"}}: 400 INVALID_REQUEST expires_at 2999-01-01T00:00:00Z is out of range; it must lie between ..
        {"role":{"expires_at":"soon","name":"r"}}: 400 INVALID_REQUEST expires_at: `soon` is not a time; write it in RFC 3339, as in `2026-01-31T12:00:00Z`
        {"role":{"expires_at":"2999-01-01T00:00:00","name":"r"}}: 400 INVALID_REQUEST expires_at: `2999-01-01T00:00:00` has no time zone; write it in RFC 3339 with `Z` or an offset, as in `2026-01-31T12:00:00Z`
        {"role":{"expires_at":7,"name":"r"}}: 400 INVALID_REQUEST invalid request: role.expires_at: invalid type: integer `7`, expected a string at line 1 column 23
        /branches/BRANCH/roles/brief {"role":{}}: 400 INVALID_REQUEST there is nothing to change; give role.expires_at, a time or null
        /branches/BRANCH/roles/brief {"role":{"expires_at":"2001-01-01T00:00:00Z"}}: 400 INVALID_REQUEST expires_at 2001-01-01T00:00:00Z is out of range; it must lie between ..
        /branches/BRANCH/roles/brief {"role":{"expires_at":[]}}: 400 INVALID_REQUEST invalid request: role.expires_at: invalid type: sequence, expected a string at line 1 column 22
        /branches/BRANCH/roles/nobody {"role":{"expires_at":null}}: 404 ROLE_NOT_FOUND role not found; role_name:"nobody"
        /branches/BRANCH/roles/web_access {"role":{"expires_at":null}}: 404 ROLE_NOT_FOUND role not found; role_name:"web_access"
        an end of an owner: 422 ROLE_CANNOT_EXPIRE role "neondb_owner" owns the database "neondb", so it cannot be given an expires_at; delete the database or give it another owner first
        a database of one that ends: 422 ROLE_CANNOT_EXPIRE role "brief" has an expires_at, so it cannot own a database; set it to null first
        one that is given to it: 422 ROLE_CANNOT_EXPIRE role "brief" has an expires_at, so it cannot own a database; set it to null first
        "#);
    }

    async fn policies_are_none(&self) {
        let plane = &self.plane;
        let mut table = plane.table();
        for policy in [json!("copy"), json!(""), json!("Fresh"), json!(1)] {
            self.create(&mut table, json!({ "password_policy": policy })).await;
            let change = json!({ "branch": { "password_policy": policy } });
            self.set(&mut table, &format!("/branches/{}", plane.branch), change).await;
            let change = json!({ "project": { "password_policy": policy } });
            self.set(&mut table, "", change.clone()).await;
            table.ask(&format!("POST {change}"), plane.post("/projects", &change)).await;
        }
        insta::assert_snapshot!(table.text(), @r#"
        {"password_policy":"copy"}: 400 INVALID_REQUEST password_policy must be `inherit`, `fresh` or `none`
        /branches/BRANCH {"branch":{"password_policy":"copy"}}: 400 INVALID_REQUEST password_policy must be `inherit`, `fresh` or `none`
         {"project":{"password_policy":"copy"}}: 400 INVALID_REQUEST password_policy must be `inherit`, `fresh` or `none`
        POST {"project":{"password_policy":"copy"}}: 400 INVALID_REQUEST password_policy must be `inherit`, `fresh` or `none`
        {"password_policy":""}: 400 INVALID_REQUEST password_policy must be `inherit`, `fresh` or `none`
        /branches/BRANCH {"branch":{"password_policy":""}}: 400 INVALID_REQUEST password_policy must be `inherit`, `fresh` or `none`
         {"project":{"password_policy":""}}: 400 INVALID_REQUEST password_policy must be `inherit`, `fresh` or `none`
        POST {"project":{"password_policy":""}}: 400 INVALID_REQUEST password_policy must be `inherit`, `fresh` or `none`
        {"password_policy":"Fresh"}: 400 INVALID_REQUEST password_policy must be `inherit`, `fresh` or `none`
        /branches/BRANCH {"branch":{"password_policy":"Fresh"}}: 400 INVALID_REQUEST password_policy must be `inherit`, `fresh` or `none`
         {"project":{"password_policy":"Fresh"}}: 400 INVALID_REQUEST password_policy must be `inherit`, `fresh` or `none`
        POST {"project":{"password_policy":"Fresh"}}: 400 INVALID_REQUEST password_policy must be `inherit`, `fresh` or `none`
        {"password_policy":1}: 400 INVALID_REQUEST invalid request: branch.password_policy: invalid type: integer `1`, expected a string at line 1 column 30
        /branches/BRANCH {"branch":{"password_policy":1}}: 400 INVALID_REQUEST invalid request: branch.password_policy: invalid type: integer `1`, expected a string at line 1 column 30
         {"project":{"password_policy":1}}: 400 INVALID_REQUEST invalid request: project.password_policy: invalid type: integer `1`, expected a string at line 1 column 31
        POST {"project":{"password_policy":1}}: 400 INVALID_REQUEST invalid request: project.password_policy: invalid type: integer `1`, expected a string at line 1 column 31
        "#);
    }
}

/// Creates a branch, for whose id `word` stands from then on.
async fn child(plane: &mut Plane, word: &'static str, birth: Value) -> String {
    let body = json!({ "branch": birth });
    let created = plane.remote.post(&plane.in_project("/branches"), &body).await.json(201);
    let id = created["branch"]["id"].as_str().expect("an id").to_owned();
    plane.others.push((id.clone(), word));
    id
}

#[expect(clippy::disallowed_methods, reason = "the server that is tested has the machine's clock")]
fn in_a_day() -> String {
    (chrono::Utc::now() + chrono::TimeDelta::days(1)).to_rfc3339()
}
