//! End to end: the real program, over HTTP, with real PostgreSQL servers.

mod attached;
mod cutoff;
mod documentation;
mod expiry;
mod lifecycle;
mod login;
mod passwords;
mod restart;
mod restore;
mod secrecy;
mod storage;
mod support;
