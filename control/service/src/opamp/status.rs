//! What a message says of a collector, as it is kept.

use crate::app::hex;
use serde_json::{Map, Value, json};
use warren_opamp::{
    AgentDescription, AgentToServer, ComponentHealth, ConfigStatus, EffectiveConfig, KeyValue, Message, PackageState,
    PackageStatuses, Value as Any,
};
use warren_package::COLLECTOR;
use warren_store::{Client, ClientPackage};

/// Most bytes of a collector's own words that are kept.
const ERROR_BYTES_MAX: usize = 8 << 10;

/// Most bytes of a collector's description and of its health: they are held in memory.
const TOLD_BYTES_MAX: usize = 256 << 10;

/// Most bytes of what is told of packages.
const PACKAGES_BYTES_MAX: usize = 32 << 10;

/// Most bytes of a hash.
const HASH_BYTES_MAX: usize = 64;

/// Why a message says more than is kept of a collector, if it does.
pub(super) fn too_much(message: &AgentToServer) -> Option<&'static str> {
    let bytes = message.agent_description.as_ref().map_or(0, Message::encoded_len);
    if bytes + message.health.as_ref().map_or(0, Message::encoded_len) > TOLD_BYTES_MAX {
        return Some("agent_description and health have at most 262144 bytes; tell less of the components");
    }
    if message.package_statuses.as_ref().map_or(0, Message::encoded_len) > PACKAGES_BYTES_MAX {
        return Some("package_statuses have at most 32768 bytes");
    }
    let config = message.remote_config_status.as_ref().map_or(0, |status| status.last_remote_config_hash.len());
    let settings = message.connection_settings_status.as_ref().map_or(0, |status| status.last_connection_settings_hash.len());
    let packages = message.package_statuses.as_ref().map_or(0, |told| {
        let offered = told.packages.values().map(|package| package.server_offered_hash.len()).max();
        told.server_provided_all_packages_hash.len().max(offered.unwrap_or(0))
    });
    (config.max(settings).max(packages) > HASH_BYTES_MAX)
        .then_some("a hash has at most 64 bytes; give back the one that was offered")
}

/// Merges what a message says into what is known, and gives the configuration that it says runs if that is another than
/// before. What is absent has not changed.
pub(super) fn merge(client: &mut Client, message: &AgentToServer) -> Option<String> {
    client.capabilities = message.capabilities;
    client.stopped = message.agent_disconnect.is_some();
    if let Some(description) = &message.agent_description {
        client.description = described(description);
    }
    if let Some(health) = &message.health {
        client.health = healthy(health, 0);
        client.health["started"] = json!(health.start_time_unix_nano / 1_000_000);
    }
    if let Some(status) = &message.remote_config_status {
        client.config_hash = hex(&status.last_remote_config_hash);
        client.config_status = word(status.status).to_owned();
        client.config_error = bounded(&status.error_message);
    }
    if let Some(status) = &message.connection_settings_status {
        client.settings_hash = hex(&status.last_connection_settings_hash);
    }
    if let Some(statuses) = &message.package_statuses {
        client.package = packaged(statuses);
    }
    let effective = message.effective_config.as_ref().map(effective)?;
    let hash = warren_store::digest(&effective);
    if hash == client.effective_hash {
        return None;
    }
    client.effective_hash = hash;
    Some(effective)
}

/// Whether two collectors fare alike, whatever their figures are.
pub(super) fn alike(one: &Value, other: &Value) -> bool {
    let (Value::Object(one), Value::Object(other)) = (one, other) else { return one == other };
    let told = |map: &Map<String, Value>| map.keys().filter(|key| *key != "attributes").count();
    let same = |(key, value): (&String, &Value)| match (key.as_str(), other.get(key)) {
        ("attributes", _) => true,
        (_, None) => false,
        ("components", Some(Value::Object(others))) => value.as_object().is_some_and(|parts| {
            parts.len() == others.len()
                && parts.iter().all(|(name, part)| others.get(name).is_some_and(|other| alike(part, other)))
        }),
        (_, Some(other)) => value == other,
    };
    told(one) == told(other) && one.iter().all(same)
}

fn packaged(statuses: &PackageStatuses) -> ClientPackage {
    let own = statuses.packages.get(COLLECTOR).cloned().unwrap_or_default();
    let word = match PackageState::try_from(own.status) {
        // Of nothing that was offered, this is nothing yet.
        _ if own.server_offered_hash.is_empty() => "",
        Ok(PackageState::Installed) => "installed",
        Ok(PackageState::InstallPending) => "pending",
        Ok(PackageState::Installing) => "installing",
        Ok(PackageState::Downloading) => "downloading",
        Ok(PackageState::InstallFailed) | Err(_) => "failed",
    };
    let error = if own.error_message.is_empty() { &statuses.error_message } else { &own.error_message };
    ClientPackage {
        version: own.agent_has_version.chars().take(128).collect(),
        all: hex(&statuses.server_provided_all_packages_hash),
        offered: hex(&own.server_offered_hash),
        status: word.to_owned(),
        error: bounded(error),
    }
}

fn word(status: i32) -> &'static str {
    match ConfigStatus::try_from(status) {
        Ok(ConfigStatus::Applied) => "applied",
        Ok(ConfigStatus::Applying) => "applying",
        Ok(ConfigStatus::Failed) => "failed",
        Ok(ConfigStatus::Unset) | Err(_) => "unset",
    }
}

fn described(description: &AgentDescription) -> Value {
    json!({
        "identifying": attributes(&description.identifying_attributes),
        "other": attributes(&description.non_identifying_attributes),
    })
}

fn healthy(health: &ComponentHealth, depth: usize) -> Value {
    let mut told = json!({
        "healthy": health.healthy, "status": health.status, "since": health.status_time_unix_nano / 1_000_000,
    });
    if !health.last_error.is_empty() {
        told["error"] = json!(bounded(&health.last_error));
    }
    if !health.attributes.is_empty() {
        told["attributes"] = attributes(&health.attributes);
    }
    if !health.component_health_map.is_empty() && depth < 8 {
        let parts = health.component_health_map.iter().map(|(name, part)| (name.clone(), healthy(part, depth + 1)));
        told["components"] = Value::Object(parts.collect());
    }
    told
}

fn attributes(list: &[KeyValue]) -> Value {
    Value::Object(list.iter().map(|attribute| (attribute.key.clone(), any(attribute.value.as_ref(), 0))).collect::<Map<_, _>>())
}

fn any(value: Option<&warren_opamp::AnyValue>, depth: usize) -> Value {
    let Some(value) = value.and_then(|value| value.value.as_ref()).filter(|_| depth < 8) else { return Value::Null };
    match value {
        Any::Text(text) => json!(text),
        Any::Bool(value) => json!(value),
        Any::Int(value) => json!(value),
        Any::Double(value) => json!(value),
        Any::Bytes(bytes) => json!(hex(bytes)),
        Any::Array(array) => array.values.iter().map(|value| any(Some(value), depth + 1)).collect(),
        Any::Map(map) => {
            let entries = map.values.iter().map(|entry| (entry.key.clone(), any(entry.value.as_ref(), depth + 1)));
            Value::Object(entries.collect())
        }
    }
}

/// The configuration that runs: its one file, or all of them by name.
fn effective(config: &EffectiveConfig) -> String {
    let Some(map) = config.config_map.as_ref().map(|map| &map.config_map) else { return String::new() };
    let text = |body: &[u8]| storable(&String::from_utf8_lossy(body));
    match map.values().next() {
        Some(file) if map.len() == 1 => text(&file.body),
        _ => Value::Object(map.iter().map(|(name, file)| (name.clone(), json!(text(&file.body)))).collect()).to_string(),
    }
}

fn bounded(text: &str) -> String {
    let mut end = text.len().min(ERROR_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    storable(text.get(..end).unwrap_or_default())
}

/// A text as every database takes it: PostgreSQL has none with NUL in it.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_as_text_holds_no_nul() {
        let file = |body: &[u8]| warren_opamp::AgentConfigFile { body: body.to_vec(), ..Default::default() };
        let map = |files: Vec<(&str, &[u8])>| warren_opamp::AgentConfigMap {
            config_map: files.into_iter().map(|(name, body)| (name.to_owned(), file(body))).collect(),
        };
        let message = AgentToServer {
            effective_config: Some(EffectiveConfig { config_map: Some(map(vec![("", b"a\0b")])) }),
            remote_config_status: Some(warren_opamp::RemoteConfigStatus { error_message: "c\0d".into(), ..Default::default() }),
            package_statuses: Some(PackageStatuses { error_message: "e\0f".into(), ..Default::default() }),
            ..AgentToServer::default()
        };
        let mut client = Client::default();
        let told = merge(&mut client, &message).unwrap();
        for text in [&told, &client.config_error, &client.package.error] {
            assert!(text.contains('\u{fffd}') && !text.contains('\0'), "{text:?}");
        }
    }

    #[test]
    fn figures_are_told_from_how_somebody_fares() {
        let health = |healthy: bool, queue: u8| {
            let part = json!({"healthy": healthy, "status": "StatusOK", "since": 1, "attributes": {"queue": queue}});
            json!({"healthy": true, "status": "StatusOK", "since": 1, "attributes": {"n": queue}, "components": {"exporter:a": part}})
        };
        assert!(alike(&health(true, 1), &health(true, 2)));
        assert!(!alike(&health(true, 1), &health(false, 1)));
        let mut more = health(true, 1);
        more["components"]["exporter:b"] = json!({"healthy": true});
        assert!(!alike(&health(true, 1), &more) && !alike(&more, &health(true, 1)));
        more = health(true, 1);
        more["error"] = json!("x");
        assert!(!alike(&health(true, 1), &more) && !alike(&more, &health(true, 1)));
        assert!(!alike(&Value::Null, &more) && alike(&Value::Null, &Value::Null));
    }
}
