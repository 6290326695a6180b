//! The store: commits that meet, engines that fail, and what is kept on the disk.

mod checker;
mod commits;
mod conformance;
mod disk;
mod failures;
mod floors;
mod formats;
pub mod gate;
pub mod memory;
mod pipeline;
pub mod reach;
mod references;
pub mod sample;
pub mod support;
mod transfer;
