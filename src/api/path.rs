//! Paths, as clients write them.

use axum::extract::Request;
use axum::http::uri::PathAndQuery;
use axum::http::{Method, Uri};

/// Where Neon's API stands, besides the root.
const BASE: &str = "api/v2";

/// Changes a request before it is routed.
pub(super) type Rewrite = fn(Request) -> Request;

/// Takes the base off a request's path, so that one table of routes serves both bases.
pub(super) fn rewrite(mut request: Request) -> Request {
    let mut parts = request.uri().clone().into_parts();
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let path = plain(request.uri().path());
    let path = match request.method() {
        &Method::GET | &Method::HEAD => path.to_owned(),
        _ => with_name(path),
    };
    let rewritten = PathAndQuery::try_from(format!("/{path}{query}"));
    parts.path_and_query = rewritten.ok().or(parts.path_and_query);
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request
}

/// Returns a path in which `diff` is the name of a role or a database. Only to read it is there a
/// difference under that path.
fn with_name(path: &str) -> String {
    ["/roles", "/databases"]
        .iter()
        .find_map(|kind| path.strip_suffix("/diff")?.strip_suffix(kind))
        .map_or_else(|| path.to_owned(), |_| format!("{}/%64iff", path.trim_end_matches("/diff")))
}

/// Returns a path without its base, the slashes around that, and one at the end.
///
/// Slashes further in are left as they are. Two in a row there are what remains of a variable that
/// was not set, and a shorter path could name something that nobody meant.
fn plain(path: &str) -> &str {
    let path = path.trim_start_matches('/');
    let path = match path.strip_prefix(BASE) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest.trim_start_matches('/'),
        Some(_) | None => path,
    };
    path.strip_suffix('/').unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    #[test]
    fn both_bases_and_the_slashes_that_clients_add_are_taken_off() {
        for (path, expected) in [
            ("/projects", "projects"),
            ("/projects/", "projects"),
            ("/api/v2/projects", "projects"),
            ("/api/v2//projects", "projects"),
            ("//api/v2/projects/", "projects"),
            ("/api/v2", ""),
            ("/api/v20/projects", "api/v20/projects"),
        ] {
            assert_eq!(plain(path), expected, "{path}");
        }
    }

    #[test]
    fn a_role_can_be_called_like_the_difference_of_roles() {
        for (path, expected) in [
            ("projects/p/branches/b/roles/diff", "projects/p/branches/b/roles/%64iff"),
            ("projects/p/branches/b/databases/diff", "projects/p/branches/b/databases/%64iff"),
            ("projects/p/branches/b/roles/diff/x", "projects/p/branches/b/roles/diff/x"),
            ("projects/p/branches/b/roles/a", "projects/p/branches/b/roles/a"),
        ] {
            assert_eq!(with_name(path), expected);
        }
    }

    #[test]
    fn an_empty_segment_within_a_path_stays() {
        assert_eq!(plain("/projects//branches/br-a"), "projects//branches/br-a");
        assert_eq!(plain("/projects/p/branches//"), "projects/p/branches/");
    }

    #[test]
    fn the_query_and_what_is_escaped_stay() {
        let request = Request::get("/api/v2/projects/p/x/a%2Fb%20c/?search=a+b%26");
        let request = rewrite(request.body(Body::empty()).expect("a request"));
        assert_eq!(request.uri(), "/projects/p/x/a%2Fb%20c?search=a+b%26");
    }
}
