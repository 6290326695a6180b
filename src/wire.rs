//! The JSON that goes over the wire, for server and client alike.
//!
//! # Invariants
//!
//! * Every shape here is a promise, written down in `openapi.yaml`; a test holds the two together.
//! * Nothing here decides anything: a shape says what was said, not whether it is allowed.
//! * Answers are made by taking the model's values apart completely, so that what is new there must
//!   be shown or left out by name here.

pub mod field;
pub mod health;
pub mod neon;
pub mod render;
pub mod secret;
pub mod time;
