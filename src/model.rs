//! What is true: the vocabulary of the control plane and the rules that hold between its values.
//!
//! # Invariants
//!
//! * Nothing here performs I/O, reads a clock or draws a random number; whatever a rule needs to
//!   know arrives as an argument.
//! * No type here derives `Serialize`. A stored or public shape is a promise, and promises are made
//!   in [`crate::store`] and [`crate::wire`].

pub mod account;
pub mod alias;
pub mod annotation;
pub mod branch;
pub mod cause;
pub mod change;
pub mod changes;
pub mod circuit;
pub mod database;
pub mod digits;
pub mod drift;
pub mod endpoint;
pub mod event;
pub mod fault;
pub mod id;
pub mod instance;
pub mod key;
pub mod lsn;
pub mod merge;
pub mod name;
pub mod operation;
pub mod origin;
pub mod permission;
pub mod planned;
pub mod point;
pub mod preview;
pub mod progress;
pub mod project;
pub mod receipt;
pub mod refusal;
pub mod revision;
pub mod role;
pub mod rotation;
pub mod rules;
pub mod schema;
pub mod scram;
pub mod secret;
pub mod session;
pub mod state;
pub mod webhook;
pub(crate) mod words;
