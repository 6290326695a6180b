//! Neon's API over HTTP, as its clients use it.

mod plane;

mod absent;
mod account;
mod branches;
mod endpoints;
mod keys;
mod listing;
mod log;
mod paging;
mod roles;
