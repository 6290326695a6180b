//! What is merged works where it is merged into.

use serde_json::json;

use super::support::branch::password;
use super::support::session::{psql, refused, who};
use super::support::{OWNER, Server};

#[tokio::test]
async fn a_role_that_was_tried_on_a_preview_branch_logs_in_on_main_after_the_merge() {
    let server = Server::start();
    let main = server.create_project().await.main;
    main.add_role("old").await;
    let preview = main.branch_off(json!({ "name": "preview", "password_policy": "fresh" })).await;
    let owners = main.reveal_password(OWNER).await;
    assert_ne!(preview.reveal_password(OWNER).await, owners);
    let sally = password(&preview.add_role("sally").await);
    let body = json!({ "database": { "name": "shop", "owner_name": "sally" } });
    let created = preview.api.post(&preview.path("/databases"), &body).await.expect(201);
    preview.finish(&created).await;
    preview.delete_role("old").await;
    refused(main.login_with("sally", &sally).await);

    let body = json!({ "into": main.id });
    let merged = main.api.post(&preview.path("/merge"), &body).await.expect(200);
    main.finish(&merged).await;
    let session = main.login_with("sally", &sally).await.expect("a session");
    assert_eq!(who(&session).await, "sally");
    let uri = main.connection_uri("sally").await.replace("/neondb", "/shop");
    assert_eq!(psql(&uri, "SELECT current_database()"), "shop");
    assert!(!main.has_in_postgres("old").await);
    let owner = main.login_with(OWNER, &owners).await.expect("a session");
    assert_eq!(who(&owner).await, OWNER, "a preview's own passwords stay there");
}
