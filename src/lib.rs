//! Offshoot: Neon-style branches and branch-scoped roles for the Postgres you already run.

pub mod api;
pub mod chain;
pub mod clock;
pub mod control;
pub mod entropy;
pub mod model;
pub mod ports;
pub mod store;
pub mod tree;
pub mod vault;
pub mod wire;
