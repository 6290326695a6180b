//! Neon's API over HTTP, as its clients use it.

mod plane;

mod absent;
mod account;
pub mod again;
mod branches;
mod credentials;
mod cutoffs;
mod elsewhere;
mod endpoints;
mod history;
mod keys;
mod listing;
mod log;
mod merges;
mod odd;
mod paging;
mod past;
mod probed;
mod readme;
mod roles;
mod room;
mod webhooks;
