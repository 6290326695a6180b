//! The API, as requests and answers.

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

use crate::contract::exchange::{self, Exchange};

/// A server's API, with its administrator's key.
#[derive(Clone)]
pub struct Api {
    origin: String,
    key: String,
    http: Client,
}

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub content_type: Option<String>,
    pub text: String,
}

impl Api {
    pub fn new(origin: &str, key: &str) -> Self {
        Self { origin: origin.to_owned(), key: key.to_owned(), http: Client::new() }
    }

    /// Returns what stands for the API of a server that does not listen yet.
    pub fn nowhere() -> Self {
        Self::new("", "")
    }

    /// Returns where the server listens.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Returns the key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Begins a request to a path under `base`, with the key.
    pub fn request(&self, method: Method, base: &str, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{base}{path}", self.origin)).bearer_auth(&self.key)
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    /// Posts nothing, as `curl -X POST` does.
    pub async fn post_nothing(&self, path: &str) -> Answer {
        self.call(Method::POST, path, None).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::PUT, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::PATCH, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let mut request = self.request(method, "/api/v2", path);
        if let Some(body) = body {
            request = request.json(body);
        }
        Answer::to(request).await
    }
}

impl Answer {
    /// Sends a request.
    pub async fn to(request: RequestBuilder) -> Self {
        let (client, request) = request.build_split();
        let request = request.expect("a request");
        let (method, path) = (request.method().to_string(), request.url().path().to_owned());
        let response = client.execute(request).await.expect("an answer");
        let content_type = response.headers().get(CONTENT_TYPE);
        let content_type = content_type.map(|value| value.to_str().expect("a text").to_owned());
        let status = response.status().as_u16();
        let text = response.text().await.expect("a body");
        exchange::check(&Exchange {
            method,
            path,
            status,
            content_type: content_type.clone(),
            answered: text.clone(),
        });
        Self { status, content_type, text }
    }

    /// Returns the body of an answer that must have this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.content_type.as_deref(), Some("application/json; charset=utf-8"));
        serde_json::from_str(&self.text).expect("JSON")
    }

    /// Returns the message of a refusal that must have this status and code.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> String {
        let body = self.expect(status);
        assert_eq!(body["code"], code, "{body}");
        body["message"].as_str().expect("a message").to_owned()
    }

    /// Checks that there was nothing to delete any more.
    #[track_caller]
    pub fn nothing(self) {
        assert_eq!((self.status, self.text.as_str()), (204, ""));
        assert_eq!(self.content_type, None);
    }
}
