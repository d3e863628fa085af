//! `warren-collector`, the default distribution.

mod components;

use std::process::ExitCode;
use warren_component::BuildInfo;

fn main() -> ExitCode {
    let build = BuildInfo {
        command: "warren-collector".to_owned(),
        description: "Collector for broker servers".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    warren_service::main(build, components::FACTORIES)
}
