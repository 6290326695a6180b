//! The rules, over a state of plain maps.

mod expiry;
mod passwords;
mod plane;
mod restore;
