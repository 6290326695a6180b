//! End to end: the real program, over HTTP, with real PostgreSQL servers.

mod attached;
mod cutoff;
mod documentation;
mod lifecycle;
mod login;
mod restart;
mod secrecy;
mod storage;
mod support;
