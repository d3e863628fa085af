//! What a host runs beside every configuration: the host file.
//!
//! It holds nothing but `extensions`, such as the one through which the host is managed. They are put over every configuration, wherever that
//! comes from, and in the place of those of the same id: what arrives from elsewhere can neither change nor remove them.

use warren_config::{Diagnostics, Loaded, Map, Node, Place, Stage, Value};

/// Where the host file is unless told otherwise.
pub(crate) const DEFAULT: &str = "/etc/warren/host.yaml";

/// What a host runs that was not given a configuration yet: nothing, and so no page tells of it (a reader of no kind).
pub(crate) const ALONE: &str = r#"{"service": {"telemetry": {"metrics": {"readers": [{}]}}}}"#;

/// The extensions of a host file, once it is read.
pub(crate) struct Host(Map);

impl Host {
    /// What a host file holds.
    ///
    /// # Errors
    /// When it holds something else than extensions.
    pub(crate) fn new(loaded: Loaded) -> Result<Self, Box<Diagnostics>> {
        let Loaded { root, mut diagnostics, .. } = loaded;
        let Value::Map(mut root) = root.value else { return Ok(Self(Map::new())) };
        for (key, entry) in root.iter() {
            if key != "extensions" {
                let message = format!("{key:?} does not belong into the host file, which holds `extensions` only");
                diagnostics.error(Stage::Decode, "host-file", message, entry.key_place.clone());
            }
        }
        let extensions = match root.remove("extensions").map(|entry| entry.node) {
            None => Map::new(),
            Some(Node { value: Value::Map(map), .. }) => map,
            Some(node) if node.is_null() => Map::new(),
            Some(node) => {
                diagnostics.error(Stage::Decode, "host-file", "`extensions` is a mapping of ids to settings", node.place);
                Map::new()
            }
        };
        if diagnostics.has_errors() { Err(Box::new(diagnostics)) } else { Ok(Self(extensions)) }
    }

    /// Puts the extensions over a configuration and has them run.
    pub(crate) fn put_over(&self, root: &mut Node) {
        let Value::Map(root) = &mut root.value else { return };
        for (id, entry) in self.0.iter() {
            if let Some(extensions) = child(root, "extensions") {
                extensions.insert(id, entry.key_place.clone(), entry.node.clone());
            }
            let Some(service) = child(root, "service") else { return };
            if !matches!(service.get("extensions").map(|node| &node.value), Some(Value::List(_))) {
                service.insert("extensions", Place::none(), Node::from_value(Value::List(Vec::new())));
            }
            let Some(Node { value: Value::List(running), .. }) = service.get_mut("extensions") else { continue };
            if running.iter().all(|known| known.as_text() != Some(id)) {
                running.push(Node::new(Value::String(id.to_owned()), entry.key_place.clone()));
            }
        }
    }
}

/// The mapping below a key, which is made if there is none. What stands there and is no mapping is told when it is decoded.
fn child<'a>(map: &'a mut Map, key: &str) -> Option<&'a mut Map> {
    if map.get(key).is_none_or(Node::is_null) {
        map.insert(key, Place::none(), Node::from_value(Value::Map(Map::new())));
    }
    match map.get_mut(key) {
        Some(Node { value: Value::Map(child), .. }) => Some(child),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_config::{parse_yaml, to_json};

    fn host(text: &str) -> Result<Host, Box<Diagnostics>> {
        let root = parse_yaml("host.yaml", text).unwrap();
        Host::new(Loaded { root, files: Vec::new(), diagnostics: Diagnostics::new() })
    }

    #[test]
    fn what_the_host_runs_is_in_every_configuration_as_the_host_says() {
        let host = host("extensions: {opamp: {server: here}, other: }").unwrap();
        for (before, after) in [
            ("{}", r#"{"extensions":{"opamp":{"server":"here"},"other":null},"service":{"extensions":["opamp","other"]}}"#),
            (
                "{extensions: {opamp: {server: elsewhere}}, service: {extensions: [opamp]}}",
                r#"{"extensions":{"opamp":{"server":"here"},"other":null},"service":{"extensions":["opamp","other"]}}"#,
            ),
        ] {
            let mut root = parse_yaml("test", before).unwrap();
            host.put_over(&mut root);
            let json: serde_json::Value = serde_json::from_str(&to_json(&root)).unwrap();
            assert_eq!(json, serde_json::from_str::<serde_json::Value>(after).unwrap(), "{before}");
        }
    }

    #[test]
    fn a_host_file_holds_nothing_else() {
        for text in ["receivers: {}", "extensions: [opamp]"] {
            let faults = host(text).err().unwrap();
            assert_eq!(faults.errors().count(), 1, "{text}");
        }
        assert!(host("extensions:").is_ok());
    }
}
