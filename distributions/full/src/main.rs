//! `warren-collector`, the default distribution.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: warren_sys::Allocator = warren_sys::Allocator;

fn main() -> ExitCode {
    warren_service::main(env!("CARGO_PKG_VERSION"), warren_distribution_full::FACTORIES)
}
