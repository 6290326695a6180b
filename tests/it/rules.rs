//! The rules, over a state of plain maps.

mod credentials;
mod expiry;
mod merges;
mod passwords;
mod plane;
mod restore;
mod rotations;
