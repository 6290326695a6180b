//! The shapes of Render's API, version 1: what it says of Postgres databases and their credentials.
//!
//! What Render's clients read is here under Render's names and types, and with words that they know,
//! where they know only some. Fields that no client knows are additions.

#![expect(missing_docs, reason = "openapi.yaml describes every field, and a test compares the two")]

pub mod credentials;
pub mod error;
pub mod events;
pub mod postgres;
pub mod webhooks;
