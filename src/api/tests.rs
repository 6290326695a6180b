//! The router, asked over HTTP for what needs no catalog.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use tempfile::TempDir;
use tower::ServiceExt as _;

use super::*;
use crate::clock::SystemClock;
use crate::control::{Machine, Settings};
use crate::entropy::SeededEntropy;
use crate::ports::Ports;
use crate::room::{FileSystem, Room};
use crate::store::Store;
use crate::vault::{KEY_BYTES, Vault};

const KEY: &str = "key-for-tests";

/// Returns the API over a store of its own, which lasts as long as the directory.
async fn api() -> (TempDir, Api) {
    let directory = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(SystemClock);
    let store = Store::open(directory.path(), 1 << 20, clock.clone()).expect("an empty store");
    let machine = Machine {
        clock,
        entropy: Arc::new(SeededEntropy::new(2)),
        vault: Vault::new(&[7; KEY_BYTES]),
        room: Arc::new(Room::new(Box::new(FileSystem(directory.path().into())), 0)),
        ports: Ports::new(1..=1),
    };
    let control = ControlPlane::open(store, machine, Settings::default()).await;
    let api = Api {
        control: control.expect("an empty store"),
        keys: ApiKeys::of_admin(KEY),
        readiness: Arc::new(|| Err("the log is still being read".to_owned())),
        entropy: Arc::new(SeededEntropy::new(1)),
        metrics: Metrics::new(Vec::new()),
    };
    (directory, api)
}

struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answered {
    /// Returns the body without the id of its request, which the headers repeat.
    fn anonymous_body(&self) -> String {
        let id = self.headers["x-request-id"].to_str().expect("an id");
        self.body.replace(id, "…")
    }
}

async fn ask(router: Router, request: Request<Body>) -> Answered {
    let response = router.oneshot(request).await.expect("an answer");
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    Answered {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8(body.into()).expect("UTF-8"),
    }
}

async fn ask_api(request: Request<Body>) -> Answered {
    let (_directory, api) = api().await;
    ask(router(api), request).await
}

fn request(method: &str, path: &str, body: &str) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {KEY}"))
        .body(Body::from(body.to_owned()))
        .expect("a request")
}

async fn ask_with_key(method: &str, path: &str, body: &str) -> Answered {
    ask_api(request(method, path, body)).await
}

#[tokio::test]
async fn nothing_but_health_is_answered_without_a_key_not_even_that_a_path_is_unknown() {
    for (path, authorization) in [
        ("/projects", ""),
        ("/projects", "Bearer wrong"),
        ("/projects", KEY),
        ("/projects", "Basic key-for-tests"),
        ("/api/v2/projects/p/branches/br-a/roles", ""),
        ("/no/such/path", "Bearer wrong"),
    ] {
        let request = Request::get(path).header("authorization", authorization);
        let answered = ask_api(request.body(Body::empty()).expect("a request")).await;
        assert_eq!(answered.status, StatusCode::UNAUTHORIZED, "{path} {authorization}");
        assert_eq!(answered.headers["content-type"], "application/json; charset=utf-8");
        assert_eq!(answered.headers["www-authenticate"], "Bearer");
        insta::allow_duplicates! {
            insta::assert_snapshot!(
                answered.anonymous_body(),
                @r#"{"request_id":"…","code":"UNAUTHORIZED","message":"supplied credentials do not pass authentication"}"#
            );
        }
    }
}

#[tokio::test]
async fn health_is_answered_without_a_key() {
    let alive = Request::get("/healthz").body(Body::empty()).expect("a request");
    let alive = ask_api(alive).await;
    assert_eq!((alive.status, alive.body.as_str()), (StatusCode::OK, r#"{"status":"ok"}"#));
    let ready = Request::get("/readyz").body(Body::empty()).expect("a request");
    let ready = ask_api(ready).await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready.headers["retry-after"], "1");
    insta::assert_snapshot!(
        ready.anonymous_body(),
        @r#"{"request_id":"…","code":"NOT_READY","message":"the log is still being read"}"#
    );
}

#[tokio::test]
async fn both_bases_serve_the_same_with_or_without_the_slashes_that_clients_add() {
    for path in [
        "/projects/shared",
        "/projects/shared/",
        "/api/v2/projects/shared?limit=100",
        "/api/v2//projects/shared",
    ] {
        let answered = ask_with_key("GET", path, "").await;
        assert_eq!(answered.status, StatusCode::OK, "{path}");
        insta::allow_duplicates! {
            insta::assert_snapshot!(
                answered.body,
                @r#"{"projects":[],"applications":{},"integrations":{}}"#
            );
        }
    }
}

#[tokio::test]
async fn an_unknown_path_or_method_is_refused_in_the_same_shape() {
    for (method, path, status, code) in [
        ("GET", "/no/such/path", 404, "NOT_FOUND"),
        ("DELETE", "/projects//branches/br-a", 404, "NOT_FOUND"),
        ("PUT", "/projects", 405, "METHOD_NOT_ALLOWED"),
        ("DELETE", "/projects/p/branches/", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/healthz", 405, "METHOD_NOT_ALLOWED"),
    ] {
        let answered = ask_with_key(method, path, "").await;
        assert_eq!(answered.status.as_u16(), status, "{method} {path}");
        assert!(answered.body.contains(code), "{method} {path}: {}", answered.body);
        assert!(answered.headers.contains_key("x-neon-ret-request-id"), "{method} {path}");
        assert_eq!(answered.headers.contains_key("allow"), status == 405, "{method} {path}");
    }
}

#[tokio::test]
async fn the_client_names_its_request() {
    let id = "0190b6a1-9d0c-7b5e-8a53-0a4c7c5d2f11";
    let mut request = request("GET", "/no/such/path", "");
    request.headers_mut().insert("x-request-id", id.parse().expect("a header"));
    let answered = ask_api(request).await;
    assert_eq!(answered.headers["x-request-id"], id);
    assert_eq!(answered.headers["x-neon-ret-request-id"], id);
    assert!(answered.body.contains(id), "{}", answered.body);
}

#[tokio::test]
async fn a_malformed_request_is_refused_with_the_reason() {
    let roles = "/projects/p/branches/br-a/roles";
    let branches = "/projects/p/branches";
    for (method, path, body, code, words) in [
        ("POST", roles, "", "INVALID_REQUEST", "missing field `role`"),
        ("POST", roles, "{", "INVALID_REQUEST", "EOF while parsing"),
        ("POST", roles, r#"{"role":{"name":"pg_x"}}"#, "NAME_RESERVED", "`pg_x` is reserved"),
        ("POST", roles, r#"{"role":{"name":""}}"#, "INVALID_REQUEST", "the role name is empty"),
        ("POST", branches, r#"{"branch":{"archived":true}}"#, "NOT_SUPPORTED", "archived"),
        ("POST", branches, r#"{"branch":{"name":""}}"#, "INVALID_REQUEST", "0 characters"),
        ("PATCH", "/projects/p/branches/br-a", r#"{"branch":{}}"#, "INVALID_REQUEST", "name"),
        ("POST", "/projects", r#"{"project":{"pg_version":9}}"#, "INVALID_REQUEST", "14 to 18"),
        ("GET", "/projects?limit=0", "", "INVALID_REQUEST", "1 to 400"),
        ("GET", "/projects/p/connection_uri", "", "INVALID_REQUEST", "`database_name`"),
    ] {
        let answered = ask_with_key(method, path, body).await;
        assert_eq!(answered.status, StatusCode::BAD_REQUEST, "{method} {path} {body}");
        let answer = &answered.body;
        assert!(answer.contains(&format!("\"code\":\"{code}\"")), "{answer}");
        assert!(answer.contains(words), "{body}: {answer}");
    }
}

#[tokio::test]
async fn a_body_may_be_as_long_as_the_limit_and_no_longer() {
    let padded = |length| format!("{}{}", " ".repeat(length - 1), "{");
    let answered = ask_with_key("POST", "/projects", &padded(BODY_MAX_BYTES)).await;
    assert_eq!(answered.status, StatusCode::BAD_REQUEST);
    let answered = ask_with_key("POST", "/projects", &padded(BODY_MAX_BYTES + 1)).await;
    assert_eq!(answered.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(answered.body.contains("PAYLOAD_TOO_LARGE"), "{}", answered.body);
}

/// A router of one path, with what happens to every request.
async fn observed(handler: axum::routing::MethodRouter<Api>) -> Router {
    let (_directory, api) = api().await;
    let observe = from_fn_with_state(api.clone(), observe::observe);
    Router::new().route("/", handler).layer(observe).with_state(api)
}

#[tokio::test]
async fn a_panic_is_answered_and_not_told() {
    async fn panics() {
        panic!("page 7 is damaged");
    }
    let answered = ask(observed(get(panics)).await, request("GET", "/", "")).await;
    assert_eq!(answered.status, StatusCode::INTERNAL_SERVER_ERROR);
    insta::assert_snapshot!(
        answered.anonymous_body(),
        @r#"{"request_id":"…","code":"INTERNAL","message":"an internal error; the server's log has it under this request id"}"#
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_too_long_is_answered() {
    let handler = get(std::future::pending::<()>);
    let answered = ask(observed(handler).await, request("GET", "/", "")).await;
    assert_eq!(answered.status, StatusCode::GATEWAY_TIMEOUT);
    assert!(answered.body.contains("REQUEST_TIMEOUT"), "{}", answered.body);
}
