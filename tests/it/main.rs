//! The integration tests, in one program.

mod api;
mod catalog;
mod compute_attached;
mod compute_local;
mod contract;
mod converge;
mod plan;
mod store;
mod support;
mod tidy;
