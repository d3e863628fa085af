//! Who may use whom. A crate uses only crates of lower layers, so every arrow of ARCHITECTURE.md points down and a change's reach can be read
//! off its layer.

use anyhow::{Context, Result};
use serde_json::Value;

/// Libraries by layer, lowest first. Components come next, then the service, then the distributions.
const LIBRARIES: [&[&str]; 5] = [
    &[
        "warren-sys",
        "warren-doctor",
        "warren-pdata",
        "warren-regex",
        "warren-storage",
        "warren-host",
        "warren-journal",
        "warren-brokerlog",
        "warren-slots",
        "warren-package",
    ],
    &["warren-expr", "warren-gotext", "warren-config", "warren-telemetry", "warren-promname"],
    &["warren-gotime", "warren-otlp", "warren-exposition", "warren-remotewrite", "warren-component", "warren-match"],
    &["warren-http", "warren-delivery", "warren-ottl", "warren-attributes", "warren-stanza", "warren-opamp"],
    &["warren-scrape", "warren-amqp"],
];
const COMPONENTS: [&str; 4] = ["warren-receiver-", "warren-processor-", "warren-exporter-", "warren-extension-"];
const SERVICE: &str = "warren-service";
const DISTRIBUTIONS: &str = "warren-distribution-";

/// What runs collectors, and shares no more with them than where they lie.
const WATCHDOG: &str = "warren-watchdog";

/// The control plane by layer, lowest first: above distributions, one of which it checks configurations for.
const CONTROL: [&[&str]; 4] = [&["warren-fleet"], &["warren-store"], &["warren-control"], &["warren"]];

/// Crates outside the layers: they look at the finished program from the outside and share no code with it.
const OUTSIDE: [&str; 2] = ["warren-e2e", "xtask"];

/// Dependencies that go up or sideways, and crates that have no layer.
pub(super) fn broken(metadata: &Value) -> Result<Vec<String>> {
    let packages = metadata.get("packages").and_then(Value::as_array).context("cargo metadata lists no packages")?;
    let mut broken = Vec::new();
    for package in packages {
        let name = package.get("name").and_then(Value::as_str).context("a package has no name")?;
        let dependencies = package.get("dependencies").and_then(Value::as_array).context("a package lists no dependencies")?;
        // What tests use does not reach the program.
        let used = dependencies.iter().filter(|dependency| dependency.get("kind").and_then(Value::as_str) != Some("dev"));
        let used = used.filter_map(|dependency| dependency.get("name")?.as_str()).filter(|name| is_ours(name));
        for used in used {
            if let Some(breach) = breach(name, used) {
                broken.push(breach);
            }
        }
        if layer(name).is_none() && !OUTSIDE.contains(&name) {
            broken.push(format!("{name} has no layer; give it one in xtask/src/check/layers.rs and in ARCHITECTURE.md"));
        }
    }
    Ok(broken)
}

fn breach(user: &str, used: &str) -> Option<String> {
    if OUTSIDE.contains(&user) {
        let allowed = OUTSIDE.contains(&used);
        return (!allowed).then(|| format!("{user} uses {used}; it tests the program from outside and must not share its code"));
    }
    match (layer(user), layer(used)) {
        (Some(from), Some(to)) if to < from => None,
        (Some(from), Some(to)) => {
            Some(format!("{user} (layer {from}) uses {used} (layer {to}); move what both need into a lower layer"))
        }
        _ => Some(format!("{user} uses {used}, of which one has no layer")),
    }
}

fn layer(name: &str) -> Option<usize> {
    let components = LIBRARIES.len();
    if let Some(layer) = LIBRARIES.iter().position(|names| names.contains(&name)) {
        return Some(layer);
    }
    if name == WATCHDOG || COMPONENTS.iter().any(|prefix| name.starts_with(prefix)) {
        return Some(components);
    }
    if name == SERVICE {
        return Some(components + 1);
    }
    if name.starts_with(DISTRIBUTIONS) {
        return Some(components + 2);
    }
    CONTROL.iter().position(|names| names.contains(&name)).map(|layer| components + 3 + layer)
}

fn is_ours(name: &str) -> bool {
    name == "warren" || name.starts_with("warren-") || OUTSIDE.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::breach;

    #[test]
    fn dependencies_point_down() {
        for (user, used) in [
            ("warren-component", "warren-config"),
            ("warren-exporter-debug", "warren-http"),
            ("warren-service", "warren-component"),
            ("warren-distribution-full", "warren-exporter-debug"),
            ("xtask", "warren-e2e"),
            ("warren-watchdog", "warren-slots"),
        ] {
            assert_eq!(breach(user, used), None, "{user} → {used}");
        }
        for (user, used) in [
            ("warren-config", "warren-component"),
            ("warren-exporter-debug", "warren-exporter-otlphttp"),
            ("warren-config", "warren-telemetry"),
            ("warren-receiver-otlp", "warren-service"),
            ("warren-e2e", "warren-pdata"),
        ] {
            assert!(breach(user, used).is_some(), "{user} → {used}");
        }
    }
}
