//! What is said of this collector.

use indexmap::IndexMap;
use std::path::Path;
use warren_component::BuildInfo;
use warren_opamp::{AgentDescription, KeyValue};

/// The attributes of this collector, and of the machine that it runs on.
pub(crate) fn description(build: &BuildInfo, state: Option<&Path>, more: &IndexMap<String, String>) -> AgentDescription {
    let mut identifying = vec![KeyValue::text("service.name", &build.command), KeyValue::text("service.version", &build.version)];
    // The identity that the collector's own telemetry carries.
    let instance = state.and_then(|state| std::fs::read_to_string(state.join("instance-id")).ok());
    identifying.extend(instance.map(|id| KeyValue::text("service.instance.id", id.trim())));
    let system = rustix::system::uname();
    let mut attributes = vec![
        KeyValue::text("os.type", std::env::consts::OS),
        KeyValue::text(
            "os.description",
            format!("{} {}", system.sysname().to_string_lossy(), system.release().to_string_lossy()),
        ),
        KeyValue::text("host.arch", architecture()),
        KeyValue::text("host.name", system.nodename().to_string_lossy()),
    ];
    attributes.extend(more.iter().map(|(name, value)| KeyValue::text(name, value)));
    AgentDescription { identifying_attributes: identifying, non_identifying_attributes: attributes }
}

/// The machine, in the words of the semantic conventions.
pub(crate) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
