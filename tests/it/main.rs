//! The integration tests, in one program.

mod api;
mod contract;
mod tidy;
