//! Writes the store that pins today's stored format: `fixtures/stored/`.
//!
//! ```sh
//! cargo run --example stored_fixture > fixtures/stored/format-1.export
//! ```
//!
//! A fixture of a format that was released is never written anew: a change of a stored shape takes
//! a new format number, and its fixture a new name.

use std::io::Write;

#[path = "../tests/it/store/account.rs"]
#[expect(dead_code, reason = "the tests use all of it")]
mod account;
#[path = "../tests/it/store/drifting.rs"]
mod drifting;
#[path = "../tests/it/store/memory.rs"]
#[expect(dead_code, reason = "the tests use all of it")]
mod memory;
#[path = "../tests/it/store/rotating.rs"]
mod rotating;
#[path = "../tests/it/store/sample.rs"]
mod sample;
#[path = "../tests/it/store/support.rs"]
#[expect(dead_code, reason = "the tests use all of it")]
mod support;
#[path = "../tests/it/store/webhooks.rs"]
mod webhooks;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(&sample::export().await)
}
