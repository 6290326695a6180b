//! The rules, over a state of plain maps.

mod credentials;
mod expiry;
mod passwords;
mod plane;
mod restore;
mod rotations;
