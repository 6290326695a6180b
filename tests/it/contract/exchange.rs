//! Exchanges, as any test sees them, against the two documents that describe them: our own, and
//! Neon's, where its client that brings it is installed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use jsonschema::{Draft, Validator};
use serde_json::{Value, json};

use super::openapi::Contract;
use crate::clients;

/// What is known to differ from Neon's document, with the reasons. It may only become shorter.
const EXCEPTIONS: &str = include_str!("../contract.exceptions.txt");

/// How many lines that has.
const MAX_EXCEPTIONS: usize = 0;

/// The bases under which the API stands.
const BASES: &[&str] = &["/api/v2", ""];

/// What was asked and answered.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub method: String,
    /// The path with the query.
    pub path: String,
    pub status: u16,
    pub content_type: Option<String>,
    pub answered: String,
}

/// A document that describes an API.
pub struct Document {
    value: Value,
    operations: Vec<Operation>,
    /// By operation and status: making one takes longer than any use of it.
    validators: Mutex<BTreeMap<(String, u16), Arc<Validator>>>,
}

/// An operation of a document.
pub struct Operation {
    pub method: String,
    pub path: String,
    pub id: String,
    responses: Value,
}

/// Returns our document.
pub fn ours() -> &'static Document {
    static OURS: OnceLock<Document> = OnceLock::new();
    OURS.get_or_init(|| Document::of(Contract::read().at("").clone()))
}

/// Returns Neon's document, if it is here.
pub fn neons() -> Option<&'static Document> {
    static NEONS: OnceLock<Option<Document>> = OnceLock::new();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(path).expect("Neon's document");
        Document::of(serde_json::from_str(&text).expect("JSON"))
    };
    NEONS.get_or_init(|| clients::neons_document().map(read)).as_ref()
}

/// Returns the operation that a request asks for, by our document.
pub fn operation_of(method: &str, path: &str) -> Option<String> {
    ours().find(method, path).map(|operation| operation.id.clone())
}

/// Fails if an exchange is not as both documents say.
#[track_caller]
pub fn check(exchange: &Exchange) {
    let problems = problems(exchange);
    assert!(problems.is_empty(), "{problems:#?}\n{exchange:#?}");
}

/// Returns what is wrong with an exchange.
pub fn problems(exchange: &Exchange) -> Vec<String> {
    let mut problems = form(exchange);
    problems.extend(by_document("ours", ours(), exchange, Undescribed::IsWrong));
    if let Some(neons) = neons().filter(|neons| !is_ours_alone(exchange, neons)) {
        problems.extend(by_document("neon", neons, exchange, Undescribed::IsFine));
    }
    problems.retain(|problem| !is_excepted(problem));
    problems
}

/// What to make of an answer that a document says nothing about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Undescribed {
    IsWrong,
    IsFine,
}

/// Whether our document writes out a path under which Neon's has whatever goes by a name.
fn is_ours_alone(Exchange { method, path, .. }: &Exchange, neons: &Document) -> bool {
    let names = |document: &Document| {
        document.find(method, path).map(|operation| operation.path.matches('{').count())
    };
    names(ours()).zip(names(neons)).is_some_and(|(ours, neons)| ours < neons)
}

fn exceptions() -> impl Iterator<Item = &'static str> {
    EXCEPTIONS.lines().filter(|line| !line.starts_with('#') && !line.is_empty())
}

fn is_excepted(problem: &str) -> bool {
    exceptions().any(|line| problem.starts_with(line))
}

#[test]
fn there_are_as_many_exceptions_as_is_said() {
    let count = exceptions().count();
    assert_eq!(count, MAX_EXCEPTIONS, "it may only become shorter, and so the number");
}

/// Checks what no document says and every client relies on.
fn form(exchange: &Exchange) -> Vec<String> {
    let mut problems = Vec::new();
    let is_empty = exchange.answered.is_empty();
    let expected = (!is_empty).then_some("application/json; charset=utf-8");
    if exchange.content_type.as_deref() != expected {
        problems.push(format!("the content type is {:?}", exchange.content_type));
    }
    if is_empty != (exchange.status == 204) && exchange.method != "HEAD" {
        problems.push(format!("{} with {} bytes", exchange.status, exchange.answered.len()));
    }
    problems
}

fn by_document(
    name: &str,
    document: &Document,
    exchange: &Exchange,
    undescribed: Undescribed,
) -> Vec<String> {
    let Exchange { method, path, status, answered, .. } = exchange;
    let complaint = |words: String| match undescribed {
        Undescribed::IsWrong => vec![format!("{name}: {method} {path} {status}: {words}")],
        Undescribed::IsFine => Vec::new(),
    };
    // What no route has is answered before any operation is known.
    let Some(operation) = document.find(method, path) else {
        return if [401, 404, 405].contains(status) {
            Vec::new()
        } else {
            complaint("no such operation is described".into())
        };
    };
    let Some(response) = document.response(operation, *status) else {
        return complaint("no such status is described".into());
    };
    let Some(schema) = response.pointer("/content/application~1json/schema") else {
        return if answered.is_empty() {
            Vec::new()
        } else {
            complaint("no body is described".into())
        };
    };
    let Ok(answered) = serde_json::from_str::<Value>(answered) else {
        return vec![format!("{name}: {} {status}: the body is not JSON", operation.id)];
    };
    let validator = document.validator(operation, *status, schema);
    let errors = validator.iter_errors(&answered);
    errors
        .map(|error| {
            let place = error.instance_path().to_string();
            format!("{name}: {} {status} {place}: {error}", operation.id)
        })
        .collect()
}

impl Document {
    fn of(value: Value) -> Self {
        let mut value = value;
        without_nullable(&mut value);
        let mut operations = Vec::new();
        for (path, methods) in value["paths"].as_object().expect("paths") {
            for (method, body) in methods.as_object().expect("methods") {
                if let Some(id) = body["operationId"].as_str() {
                    operations.push(Operation {
                        method: method.to_uppercase(),
                        path: path.clone(),
                        id: id.to_owned(),
                        responses: body["responses"].clone(),
                    });
                }
            }
        }
        // The names that are written out come before the ones that stand for any.
        operations.sort_by_key(|operation| operation.path.matches('{').count());
        Self { value, operations, validators: Mutex::default() }
    }

    /// Returns the operations, those with the fewest parameters first.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// Finds the operation that a request asks for.
    pub fn find(&self, method: &str, path: &str) -> Option<&Operation> {
        let path = path.split('?').next().unwrap_or_default();
        let base = BASES.iter().find_map(|base| {
            let rest = path.trim_start_matches('/').strip_prefix(base.trim_start_matches('/'))?;
            Some(rest.trim_matches('/'))
        });
        let asked: Vec<_> = base?.split('/').collect();
        self.operations.iter().find(|operation| {
            let parts: Vec<_> = operation.path.trim_matches('/').split('/').collect();
            let fits = |(part, asked): (&&str, &&str)| part.starts_with('{') || part == asked;
            operation.method == method
                && parts.len() == asked.len()
                && parts.iter().zip(&asked).all(fits)
        })
    }

    fn validator(&self, operation: &Operation, status: u16, schema: &Value) -> Arc<Validator> {
        let mut known = self.validators.lock().expect("a lock that no panic poisons");
        let key = (operation.id.clone(), status);
        let validator = known.entry(key).or_insert_with(|| {
            let root = json!({ "components": self.value["components"], "allOf": [schema] });
            let options = jsonschema::options().with_draft(Draft::Draft4);
            Arc::new(options.build(&root).expect("a schema"))
        });
        Arc::clone(validator)
    }

    fn response<'a>(&'a self, operation: &'a Operation, status: u16) -> Option<&'a Value> {
        let class = format!("{}XX", status / 100);
        let status = status.to_string();
        let responses = &operation.responses;
        let keys = [status.as_str(), class.as_str(), "default"];
        let found = keys.into_iter().find_map(|key| responses.get(key))?;
        match found["$ref"].as_str() {
            Some(reference) => self.value.pointer(reference.trim_start_matches('#')),
            None => Some(found),
        }
    }
}

/// Says in the words of JSON Schema what OpenAPI says with `nullable`.
fn without_nullable(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(without_nullable);
            if fields.remove("nullable") == Some(Value::Bool(true)) {
                let inner = Value::Object(std::mem::take(fields));
                fields.insert("anyOf".into(), json!([inner, { "enum": [null] }]));
            }
        }
        Value::Array(values) => values.iter_mut().for_each(without_nullable),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
