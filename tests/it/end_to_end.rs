//! End to end: the real program, over HTTP, with real PostgreSQL servers.

pub mod attached;
mod backup;
mod concurrent;
mod cutoff;
mod disk;
mod documentation;
mod drift;
mod expiry;
mod leaving;
mod lifecycle;
mod login;
mod merge;
mod metrics;
mod operations;
mod passwords;
mod plan;
mod restart;
mod restore;
mod rotation;
mod schema;
mod secrecy;
mod storage;
pub mod support;
mod unwilling;
mod webhooks;
