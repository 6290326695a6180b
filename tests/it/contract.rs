//! `openapi.yaml` against the router and the wire: what is promised is served, and what is served
//! is promised.

pub mod exchange;
mod openapi;
mod samples;

use std::collections::BTreeSet;

use offshoot::api;
use offshoot::model::cause::Deed;
use offshoot::wire::neon::error::ErrorCode;
use openapi::{Contract, SCHEMAS};

#[test]
fn every_route_is_in_the_contract_and_every_operation_of_the_contract_is_served() {
    let served: BTreeSet<_> = api::routes()
        .map(|route| {
            let method = route.method.as_str().to_lowercase();
            (route.path.to_owned(), method, route.operation.to_owned())
        })
        .collect();
    let promised: BTreeSet<_> = Contract::read()
        .operations()
        .into_iter()
        .map(|operation| (operation.path, operation.method, operation.id))
        .collect();
    assert_eq!(served, promised);
}

#[test]
fn an_operation_id_is_given_once() {
    let operations = Contract::read().operations();
    let ids: BTreeSet<_> = operations.iter().map(|operation| &operation.id).collect();
    assert_eq!(ids.len(), operations.len());
}

#[test]
fn the_contract_lists_exactly_the_codes_that_there_are() {
    let served: Vec<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    let contract = Contract::read();
    let promised = contract.at(&format!("{SCHEMAS}/ErrorCode/enum"));
    let promised: Vec<_> =
        promised.as_array().expect("a list").iter().filter_map(|code| code.as_str()).collect();
    assert_eq!(served, promised);
}

#[test]
fn the_contract_lists_exactly_the_actions_that_a_history_can_tell() {
    let told: Vec<_> = Deed::ALL.iter().map(|deed| deed.as_str()).collect();
    let contract = Contract::read();
    let promised = contract.at(&format!("{SCHEMAS}/HistoryAction/enum"));
    let promised: Vec<_> =
        promised.as_array().expect("a list").iter().filter_map(|name| name.as_str()).collect();
    assert_eq!(told, promised);
}

#[test]
fn every_operation_says_what_it_answers_without_a_key_and_when_it_fails() {
    for operation in Contract::read().operations() {
        let is_open = operation.body["security"].as_array().is_some_and(Vec::is_empty);
        let answers = &operation.body["responses"];
        assert_ne!(is_open, answers.get("401").is_some(), "{}", operation.id);
        for part in ["summary", "description"] {
            assert!(operation.body[part].is_string(), "{} has no {part}", operation.id);
        }
        let has_body = operation.body.get("requestBody").is_some();
        assert_eq!(has_body, answers.get("413").is_some(), "{}", operation.id);
        let names_a_project = operation.path.contains("{project_id}");
        assert!(!names_a_project || answers.get("404").is_some(), "{}", operation.id);
    }
}

#[test]
fn every_shape_is_the_one_that_is_promised() {
    let contract = Contract::read();
    let mut shown = BTreeSet::new();
    for (schema, sample) in samples::all() {
        let problems = contract.check(schema, &sample, &mut shown);
        assert!(problems.is_empty(), "{schema}: {problems:#?}\n{sample:#}");
    }
    let promised = contract.properties();
    let missing: Vec<_> = promised.difference(&shown).collect();
    assert!(missing.is_empty(), "no sample shows these: {missing:#?}");
}

#[test]
fn every_answer_and_every_body_has_a_sample() {
    let sampled: BTreeSet<_> = samples::all().into_iter().map(|(schema, _)| schema).collect();
    for schema in Contract::read().body_schemas() {
        assert!(sampled.contains(schema.as_str()), "{schema}");
    }
}

#[test]
fn every_example_fits_its_schema() {
    let contract = Contract::read();
    let examples = contract.examples();
    assert!(!examples.is_empty());
    for (schema, example) in examples {
        let problems = contract.check(&schema, &example, &mut BTreeSet::new());
        assert!(problems.is_empty(), "{schema}: {problems:#?}\n{example:#}");
    }
}
