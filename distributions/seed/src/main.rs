//! `warren-collector` with the components that the project was conceived with, and no others.

mod components;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: warren_sys::Allocator = warren_sys::Allocator;

fn main() -> ExitCode {
    warren_service::main(env!("CARGO_PKG_VERSION"), components::FACTORIES)
}
