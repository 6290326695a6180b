//! The store: commits that meet, engines that fail, and what is kept on the disk.

mod checker;
mod commits;
mod conformance;
mod disk;
mod failures;
mod formats;
pub mod gate;
pub mod memory;
pub mod sample;
mod scans;
pub mod support;
mod transfer;
