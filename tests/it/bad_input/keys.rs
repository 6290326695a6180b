//! Keys, and what requests are called.

use reqwest::Method;

use crate::bad_input::Plane;

/// What a client calls its request.
const REQUEST_ID: &str = "0190b6a1-9d0c-7b5e-8a53-0a4c7c5d2f11";

pub async fn are_asked_for(plane: &Plane) {
    let mut table = plane.table();
    let (address, http, key) = (&plane.remote.address, &plane.remote.http, &plane.remote.key);
    let get = |path: &str| http.get(format!("http://{address}{path}"));
    let projects = || get("/api/v2/projects");
    let with = |header: &str| projects().header("Authorization", header);
    table.ask("no key", projects()).await;
    table.ask("another key", with("Bearer napi_wrong")).await;
    table.ask("most of the key", with(&format!("Bearer {}", &key[..key.len() - 1]))).await;
    table.ask("more than the key", with(&format!("Bearer {key}x"))).await;
    table.ask("the key alone", with(key)).await;
    table.ask("an empty key", with("Bearer ")).await;
    table.ask("no word but Bearer", with("Bearer")).await;
    table.ask("Basic", with(&format!("Basic {key}"))).await;
    table.ask("the key in the query", get(&format!("/api/v2/projects?key={key}"))).await;
    table.ask("an unknown path", get("/api/v2/nothing")).await;
    table.ask("at the root", get("/projects")).await;
    table.ask("bearer", with(&format!("bearer {key}"))).await;
    insta::assert_snapshot!(table.text(), @r#"
    no key: 401 UNAUTHORIZED supplied credentials do not pass authentication
    another key: 401 UNAUTHORIZED supplied credentials do not pass authentication
    most of the key: 401 UNAUTHORIZED supplied credentials do not pass authentication
    more than the key: 401 UNAUTHORIZED supplied credentials do not pass authentication
    the key alone: 401 UNAUTHORIZED supplied credentials do not pass authentication
    an empty key: 401 UNAUTHORIZED supplied credentials do not pass authentication
    no word but Bearer: 401 UNAUTHORIZED supplied credentials do not pass authentication
    Basic: 401 UNAUTHORIZED supplied credentials do not pass authentication
    the key in the query: 401 UNAUTHORIZED supplied credentials do not pass authentication
    an unknown path: 401 UNAUTHORIZED supplied credentials do not pass authentication
    at the root: 401 UNAUTHORIZED supplied credentials do not pass authentication
    bearer: 200
    "#);

    let mut table = plane.table();
    let named = |id: &str| plane.request(Method::GET, "/projects/none").header("X-Request-ID", id);
    let answer = table.ask("a request with an id", named(REQUEST_ID)).await;
    assert_eq!(answer.json(404)["request_id"], REQUEST_ID);
    let answer = table.ask("a request with another text", named("'; drop table")).await;
    assert_ne!(answer.json(404)["request_id"], "'; drop table");
    insta::assert_snapshot!(table.text(), @r#"
    a request with an id: 404 PROJECT_NOT_FOUND project not found; project_id:"none"
    a request with another text: 404 PROJECT_NOT_FOUND project not found; project_id:"none"
    "#);
}
