//! The store: commits that meet, engines that fail, and what is kept on the disk.

pub mod account;
mod checker;
mod commits;
mod conformance;
mod disk;
mod drifting;
mod exports;
mod failures;
mod floors;
mod formats;
pub mod gate;
mod kills;
pub mod load;
pub mod memory;
mod pipeline;
pub mod reach;
mod references;
mod rotating;
pub mod sample;
mod scans;
pub mod support;
mod tell;
mod transfer;
pub mod webhooks;
