//! `warren-collector`, the default distribution.

use std::process::ExitCode;
use warren_component::BuildInfo;

#[global_allocator]
static ALLOCATOR: warren_sys::Allocator = warren_sys::Allocator;

fn main() -> ExitCode {
    warren_sys::tune();
    let build = BuildInfo {
        command: "warren-collector".to_owned(),
        description: "Collector for broker servers".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    warren_service::main(build, warren_distribution_full::FACTORIES)
}
