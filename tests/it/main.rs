//! The integration tests, in one program.

mod contract;
mod tidy;
