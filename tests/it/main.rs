//! The integration tests, in one program.

mod api;
mod bad_input;
mod catalog;
mod clients;
mod compute_attached;
mod compute_credentials;
mod compute_guarded;
mod compute_local;
mod compute_logins;
mod compute_schema;
mod compute_tls;
mod contract;
mod converge;
mod crash;
mod end_to_end;
mod plan;
mod reaper;
mod retention;
mod rotator;
mod rules;
mod server;
mod store;
mod support;
mod tidy;
mod webhooks;
