//! The `offshoot` command.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Commits are made on one thread, published on another and forgotten on a third, which costs the
/// machine's own allocator a third of the time that a commit takes.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    offshoot::cli::main()
}
