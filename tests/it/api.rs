//! Neon's API over HTTP, as its clients use it.

mod plane;

mod absent;
mod branches;
mod endpoints;
mod listing;
mod log;
mod past;
mod roles;
