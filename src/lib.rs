//! Offshoot: Neon-style branches and branch-scoped roles for the Postgres you already run.

pub mod api;
pub mod clock;
pub mod control;
pub mod entropy;
pub mod model;
pub mod vault;
pub mod wire;
