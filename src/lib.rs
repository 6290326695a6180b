//! Offshoot: Neon-style branches and branch-scoped roles for the Postgres you already run.
//!
//! The modules, in the order in which to read them:
//!
//! * [`model`] is what is true: the vocabulary, and the rules.
//! * [`tree`] is how it is shared, [`store`] what is kept.
//! * [`control`] is what can be asked.
//! * [`plan`] is what to do, [`compute`] what runs, [`reconcile`] how the one comes to the other.
//! * [`deliver`] is what is told, [`retention`] what is forgotten.
//! * [`wire`] is the JSON, [`api`] the HTTP.
//! * [`server`] wires it all together, [`client`] calls it, and [`cli`] is the command line.

pub mod model;
pub mod tree;

pub mod store;

pub mod control;

pub mod plan;

pub mod compute;

pub mod reconcile;

pub mod deliver;

pub mod retention;

pub mod wire;

pub mod api;

pub mod server;

pub mod client;

pub mod cli;

pub mod chain;
pub mod clock;
pub mod config;
pub mod entropy;
pub mod exports;
pub mod meter;
pub mod ports;
pub mod reach;
pub mod room;
pub mod telemetry;
pub mod vault;
