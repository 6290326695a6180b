//! The integration tests, in one program.

mod api;
mod compute_attached;
mod compute_local;
mod contract;
mod converge;
mod plan;
mod support;
mod tidy;
