//! What the databases of branches hold, and how they differ.

use serde_json::json;

use super::support::branch::Branch;
use super::support::{OWNER, Server};

const SCHEMA: &str = "/schema?db_name=neondb";

async fn execute(branch: &Branch, sql: &str) {
    let owner = branch.login(OWNER).await.expect("a session");
    owner.batch_execute(sql).await.expect("legal SQL");
}

#[tokio::test]
async fn a_schema_is_read_from_the_branch_and_compared_with_its_parents() {
    let server = Server::start();
    let project = server.create_project().await;
    let main = &project.main;
    // Nobody waits for its endpoint: whoever reads does.
    let (child, _) = main.begin_child(json!({ "name": "dev" })).await;
    let empty = child.api.get(&child.path(SCHEMA)).await.expect(200);
    assert!(!empty["sql"].as_str().expect("SQL").contains("CREATE TABLE"), "{empty}");
    let equal = child.api.get(&child.path("/compare_schema?db_name=neondb")).await.expect(200);
    assert_eq!(equal, json!({ "diff": "" }));

    execute(main, "CREATE TABLE notes (id int PRIMARY KEY)").await;
    execute(&child, "CREATE TABLE notes (id int PRIMARY KEY, body text)").await;
    let sql = child.api.get(&child.path(SCHEMA)).await.expect(200);
    let owned = format!("ALTER TABLE public.notes OWNER TO {OWNER};");
    assert!(sql["sql"].as_str().expect("SQL").contains(&owned), "{sql}");
    let shown = child.api.get(&child.path(&format!("{SCHEMA}&format=json"))).await.expect(200);
    assert_eq!(
        shown,
        json!({ "json": { "tables": [{
            "schema": "public",
            "name": "notes",
            "columns": [
                { "name": "id", "type": "integer", "nullable": false, "generated": false },
                { "name": "body", "type": "text", "nullable": true, "generated": false },
            ],
            "constraints": [{ "type": "primary_key", "columns": ["id"], "name": "notes_pkey" }],
        }] } })
    );
    let compare = format!("/compare_schema?db_name=neondb&base_branch_id={}", main.id);
    for path in ["/compare_schema?db_name=neondb", &compare] {
        let compared = child.api.get(&child.path(path)).await.expect(200);
        let diff = compared["diff"].as_str().expect("a diff");
        let hunk = " CREATE TABLE public.notes (\n-    id integer NOT NULL\n\
                    +    id integer NOT NULL,\n+    body text\n );\n";
        assert!(diff.starts_with("--- a/neondb\n+++ b/neondb\n@@ -"), "{diff}");
        assert!(diff.contains(hunk), "{diff}");
    }
}

#[tokio::test]
async fn a_suspended_endpoint_is_woken_for_its_schema_and_goes_back_to_sleep() {
    let server = Server::start();
    let project = server.create_project().await;
    let main = &project.main;
    main.finish(&project.created).await;
    execute(main, "CREATE TABLE notes (id int)").await;
    main.suspend().await;
    let before = main.endpoint().await;
    let sql = main.api.get(&main.path(SCHEMA)).await.expect(200);
    assert!(sql["sql"].as_str().expect("SQL").contains("CREATE TABLE public.notes"), "{sql}");
    assert_eq!(main.endpoint().await, before, "nothing was asked of it");
    assert!(main.login(OWNER).await.is_err(), "it sleeps again");
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_what_to_do() {
    let server = Server::start();
    let project = server.create_project().await;
    let main = &project.main;
    let refused =
        async |path: &str, status, code| main.api.get(&main.path(path)).await.refused(status, code);
    let path = "/schema?db_name=neondb&timestamp=2026-01-31T12:00:00Z";
    let words = refused(path, 400, "NOT_SUPPORTED").await;
    assert!(words.contains("branches of data do not exist"), "{words}");
    let path = "/compare_schema?db_name=neondb&base_lsn=0/1A";
    let path = format!("{path}&base_branch_id={}", main.id);
    refused(&path, 400, "NOT_SUPPORTED").await;
    refused("/schema?db_name=neondb&lsn=x", 400, "WRONG_LSN_OR_TIMESTAMP").await;
    refused("/schema?db_name=neondb&format=xml", 400, "INVALID_REQUEST").await;
    refused("/schema", 400, "INVALID_REQUEST").await;
    refused("/schema?db_name=none", 404, "DATABASE_NOT_FOUND").await;
    let words = refused("/compare_schema?db_name=neondb", 400, "INVALID_REQUEST").await;
    assert!(words.contains("give base_branch_id"), "{words}");

    let body = json!({ "branch": { "name": "bare" } });
    let bare = main.api.post(&project.path("/branches"), &body).await.expect(201);
    let bare = Branch::born(&main.api, &project.id, &bare);
    let words = bare.api.get(&bare.path(SCHEMA)).await.refused(404, "ENDPOINT_NOT_FOUND");
    assert!(words.contains("create a read_write endpoint"), "{words}");
}
