//! `openapi.yaml`, read; and whether a value is what a schema says.

use std::collections::BTreeSet;

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value};

/// Where the schemas are.
pub const SCHEMAS: &str = "/components/schemas";

const METHODS: &[&str] = &["get", "post", "put", "patch", "delete"];

/// The contract.
pub struct Contract(Value);

/// An operation of the contract.
pub struct Operation {
    pub path: String,
    pub method: String,
    pub id: String,
    pub body: Value,
}

impl Contract {
    pub fn read() -> Self {
        let documents = Yaml::load_from_str(include_str!("../../../openapi.yaml"));
        Self(json(&documents.expect("well-formed YAML")[0]))
    }

    pub fn at(&self, pointer: &str) -> &Value {
        self.0.pointer(pointer).unwrap_or_else(|| panic!("openapi.yaml has nothing at {pointer}"))
    }

    pub fn operations(&self) -> Vec<Operation> {
        let mut operations = Vec::new();
        for (path, methods) in self.at("/paths").as_object().expect("paths") {
            for (method, body) in methods.as_object().expect("methods") {
                if METHODS.contains(&method.as_str()) {
                    let id = body["operationId"].as_str().expect("an operation id").to_owned();
                    let (path, method) = (path.clone(), method.clone());
                    operations.push(Operation { path, method, id, body: body.clone() });
                }
            }
        }
        operations
    }

    /// Returns the names of the schemas of all bodies, of requests and of answers.
    pub fn body_schemas(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for media in media(&self.0) {
            let reference = media["schema"]["$ref"].as_str().expect("a named schema");
            found.insert(reference.rsplit('/').next().expect("a name").to_owned());
        }
        found
    }

    /// Returns the examples of all bodies, each with the name of its schema.
    pub fn examples(&self) -> Vec<(String, Value)> {
        let with_example =
            media(&self.0).into_iter().filter(|media| media.get("example").is_some());
        with_example
            .map(|media| {
                let reference = media["schema"]["$ref"].as_str().expect("a named schema");
                let name = reference.rsplit('/').next().expect("a name");
                (name.to_owned(), media["example"].clone())
            })
            .collect()
    }

    /// Returns the places of all properties of all schemas.
    pub fn properties(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for (name, schema) in self.at(SCHEMAS).as_object().expect("schemas") {
            collect_properties(schema, name, &mut found);
        }
        found
    }

    /// Returns what is wrong with `value`, and adds to `shown` the properties that it has.
    pub fn check(&self, schema: &str, value: &Value, shown: &mut BTreeSet<String>) -> Vec<String> {
        let mut check = Check { contract: self, shown, problems: Vec::new() };
        check.value(self.at(&format!("{SCHEMAS}/{schema}")), schema, value);
        check.problems
    }
}

struct Check<'a> {
    contract: &'a Contract,
    shown: &'a mut BTreeSet<String>,
    problems: Vec<String>,
}

impl Check<'_> {
    fn value(&mut self, schema: &Value, place: &str, value: &Value) {
        if let Some(reference) = schema["$ref"].as_str() {
            let pointer = reference.trim_start_matches('#');
            let name = pointer.rsplit('/').next().expect("a name");
            let contract = self.contract;
            self.value(contract.at(pointer), name, value);
        } else if value.is_null() {
            if schema["nullable"] != true {
                self.problems.push(format!("{place} is null"));
            }
        } else if schema["type"] == "object" || schema.get("allOf").is_some() {
            self.object(schema, place, value);
        } else {
            self.plain(schema, place, value);
        }
    }

    fn object(&mut self, schema: &Value, place: &str, value: &Value) {
        let Some(fields) = value.as_object() else {
            self.problems.push(format!("{place} is not an object"));
            return;
        };
        if schema["additionalProperties"] == true {
            return;
        }
        let (properties, required) = self.merged(schema, place);
        for name in required {
            if !fields.contains_key(&name) {
                self.problems.push(format!("{place} lacks {name}"));
            }
        }
        for (name, field) in fields {
            match properties.iter().find(|(known, _, _)| known == name) {
                // What stands in a map has names that nobody could list.
                None if schema["additionalProperties"].is_object() => {
                    self.value(&schema["additionalProperties"], place, field);
                }
                None => self.problems.push(format!("{place} has {name}, which is not promised")),
                Some((_, place, schema)) => {
                    self.shown.insert(place.clone());
                    self.value(schema, place, field);
                }
            }
        }
    }

    fn plain(&mut self, schema: &Value, place: &str, value: &Value) {
        let fits = match schema["type"].as_str() {
            Some("string") => value.is_string(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("number") => value.is_number(),
            Some("boolean") => value.is_boolean(),
            Some("array") => value.is_array(),
            _ => false,
        };
        if !fits {
            self.problems.push(format!("{place} has the wrong type: {value}"));
        }
        if let Some(words) = schema["enum"].as_array()
            && !words.contains(value)
        {
            self.problems.push(format!("{place} is {value}, which is not promised"));
        }
        for item in value.as_array().into_iter().flatten() {
            self.value(&schema["items"], &format!("{place}[]"), item);
        }
    }

    /// Returns the properties of a schema and of all that it is made of, each with its place, and
    /// which of them are required.
    fn merged(&self, schema: &Value, place: &str) -> (Vec<(String, String, Value)>, Vec<String>) {
        if let Some(reference) = schema["$ref"].as_str() {
            let pointer = reference.trim_start_matches('#');
            let name = pointer.rsplit('/').next().expect("a name");
            return self.merged(self.contract.at(pointer), name);
        }
        let mut properties = Vec::new();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            properties.push((name.clone(), format!("{place}.{name}"), property.clone()));
        }
        let listed = schema["required"].as_array().into_iter().flatten();
        let mut required: Vec<_> =
            listed.map(|name| name.as_str().expect("a name").to_owned()).collect();
        for part in schema["allOf"].as_array().into_iter().flatten() {
            let (more, also) = self.merged(part, place);
            properties.extend(more);
            required.extend(also);
        }
        (properties, required)
    }
}

fn collect_properties(schema: &Value, place: &str, found: &mut BTreeSet<String>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let place = format!("{place}.{name}");
        collect_properties(property, &place, found);
        found.insert(place);
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        collect_properties(part, place, found);
    }
    if let Some(items) = schema.get("items") {
        collect_properties(items, &format!("{place}[]"), found);
    }
}

/// Returns every JSON body that is described anywhere below `value`.
fn media(value: &Value) -> Vec<&Value> {
    match value {
        Value::Object(fields) => {
            let own = fields.get("application/json");
            own.into_iter().chain(fields.values().flat_map(media)).collect()
        }
        Value::Array(values) => values.iter().flat_map(media).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

fn json(yaml: &Yaml<'_>) -> Value {
    if let Yaml::Value(scalar) = yaml {
        return match scalar {
            Scalar::Null => Value::Null,
            Scalar::Boolean(on) => Value::Bool(*on),
            Scalar::Integer(number) => Value::from(*number),
            Scalar::FloatingPoint(number) => Value::from(number.into_inner()),
            Scalar::String(text) => Value::from(text.as_ref()),
        };
    }
    if let Some(values) = yaml.as_sequence() {
        return Value::Array(values.iter().map(json).collect());
    }
    let fields = yaml.as_mapping().expect("a scalar, a sequence or a mapping").iter();
    let key = |key: &Yaml<'_>| key.as_str().expect("a key in text").to_owned();
    Value::Object(fields.map(|(name, value)| (key(name), json(value))).collect::<Map<_, _>>())
}
