//! Routes, as tables that the router is built from and that tests can read.

use axum::Router;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter};

use crate::api::Api;

/// Puts a handler on a method.
pub(super) type Handler = fn(MethodFilter) -> MethodRouter<Api>;

/// One operation of the API, and where it is served.
#[derive(Clone, Debug)]
pub struct Route {
    /// The operation's id in `openapi.yaml`.
    pub operation: &'static str,
    /// The method.
    pub method: Method,
    /// The path, with its parameters in braces.
    pub path: &'static str,
    handler: Handler,
}

impl Route {
    pub(super) const fn new(
        operation: &'static str,
        method: Method,
        path: &'static str,
        handler: Handler,
    ) -> Self {
        Self { operation, method, path, handler }
    }

    pub(super) fn add_to(&self, router: Router<Api>) -> Router<Api> {
        let filter =
            MethodFilter::try_from(self.method.clone()).expect("one of the methods of HTTP");
        router.route(self.path, (self.handler)(filter))
    }
}
