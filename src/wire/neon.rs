//! The shapes of Neon's API, version 2.
//!
//! What Neon's clients read is here under Neon's names and types. What has no meaning outside
//! Neon's cloud is there too and always the same: counters are 0, and the period that they count
//! never began.

#![expect(missing_docs, reason = "openapi.yaml describes every field, and a test compares the two")]

pub mod account;
pub mod branches;
pub mod connection;
pub mod databases;
pub mod diff;
pub mod drift;
pub mod empty;
pub mod endpoints;
pub mod error;
pub mod history;
pub mod keys;
pub mod left_out;
pub mod merge;
pub mod operations;
pub mod origin;
pub mod permissions;
pub mod plans;
pub mod projects;
pub mod roles;
pub mod rotations;
pub mod schema;
pub mod settings;

/// The platform of every project and the region of every endpoint: there is one machine.
pub const PLATFORM: &str = "self-hosted";
/// The region of every project and endpoint.
pub const REGION: &str = "self-hosted-local";

/// One of the two words that Neon's clients know.
pub const PROVISIONER: &str = "k8s-neonvm";

/// What Neon itself says, whichever way a thing was created.
pub const CREATION_SOURCE: &str = "console";

/// The begin and end of a period that never began.
pub const NEVER: &str = "0001-01-01T00:00:00Z";
