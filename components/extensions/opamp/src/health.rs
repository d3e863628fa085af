//! How this collector fares, as the server is told.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};
use warren_component::{ComponentName, Health, ServiceStatus};
use warren_opamp::{ComponentHealth, KeyValue};
use warren_telemetry::Registry;

/// The health of the whole and of every component: what it says of itself, and the figures of what flows through it. The time of a state is
/// that of the change: as long as nothing changes, the same is told.
pub(crate) fn health(
    status: &ServiceStatus,
    registry: &Registry,
    started: SystemTime,
    before: Option<&ComponentHealth>,
) -> ComponentHealth {
    let started = nanoseconds(started);
    let mut components = BTreeMap::new();
    for (name, health) in &status.components {
        let key = key(name);
        let old = before.and_then(|before| before.component_health_map.get(&key));
        let mut component = of(health, started, old);
        component.attributes = figures(name, registry);
        components.insert(key, component);
    }
    let ill = components.iter().find(|(_, component)| !component.healthy);
    let error = match (&status.degraded, ill) {
        (Some(reason), _) => reason.clone(),
        (None, Some((name, component))) => format!("{name}: {}", component.last_error),
        (None, None) => String::new(),
    };
    let (healthy, word) = match (&status.degraded, ill) {
        (None, None) => (true, "StatusOK"),
        (Some(_), None) => (false, "StatusRecoverableError"),
        (_, Some((_, component))) => (false, word_of(&component.status)),
    };
    let whole = ComponentHealth {
        healthy,
        start_time_unix_nano: started,
        last_error: error,
        status: word.to_owned(),
        attributes: vec![
            KeyValue::text("warren.config.hash", &status.hash),
            KeyValue::number("warren.memory.rss", registry.total("otelcol_process_memory_rss", &[])),
        ],
        component_health_map: components,
        ..ComponentHealth::default()
    };
    ComponentHealth { status_time_unix_nano: since(&whole, before), ..whole }
}

fn of(health: &Health, started: u64, before: Option<&ComponentHealth>) -> ComponentHealth {
    let (healthy, word, error) = match health {
        Health::Starting => (true, "StatusStarting", ""),
        Health::Ok => (true, "StatusOK", ""),
        Health::Recoverable(reason) => (false, "StatusRecoverableError", reason.as_str()),
        Health::Permanent(reason) => (false, "StatusPermanentError", reason.as_str()),
        Health::Stopping => (true, "StatusStopping", ""),
        Health::Stopped => (true, "StatusStopped", ""),
    };
    let health = ComponentHealth {
        healthy,
        start_time_unix_nano: started,
        last_error: error.to_owned(),
        status: word.to_owned(),
        ..ComponentHealth::default()
    };
    ComponentHealth { status_time_unix_nano: since(&health, before), ..health }
}

fn word_of(status: &str) -> &'static str {
    if status == "StatusPermanentError" { "StatusPermanentError" } else { "StatusRecoverableError" }
}

/// Since when it is as it is.
fn since(now: &ComponentHealth, before: Option<&ComponentHealth>) -> u64 {
    let same = |before: &&ComponentHealth| (&before.status, &before.last_error) == (&now.status, &now.last_error);
    before.filter(same).map_or_else(|| nanoseconds(SystemTime::now()), |before| before.status_time_unix_nano)
}

/// Whether two states differ in more than figures.
pub(crate) fn differ(now: &ComponentHealth, before: &ComponentHealth) -> bool {
    let words = |health: &ComponentHealth| (health.status.clone(), health.last_error.clone());
    let parts = |health: &ComponentHealth| {
        health.component_health_map.iter().map(|(key, part)| (key.clone(), words(part))).collect::<Vec<_>>()
    };
    (words(now), parts(now)) != (words(before), parts(before))
}

/// Kind, id, and where there are several of them, which.
fn key(name: &ComponentName) -> String {
    let signal = name.signal.map(|signal| format!("/{}", signal.name())).unwrap_or_default();
    let pipeline = name.pipeline.as_deref().map(|pipeline| format!("@{pipeline}")).unwrap_or_default();
    match &name.pipeline {
        Some(_) => format!("{}:{}{pipeline}", name.kind, name.id),
        None => format!("{}:{}{signal}", name.kind, name.id),
    }
}

/// What flows through an exporter, and what does not.
fn figures(name: &ComponentName, registry: &Registry) -> Vec<KeyValue> {
    if name.kind != "exporter" {
        return Vec::new();
    }
    let (id, items) = (name.id.to_string(), items(name.signal.map(|signal| signal.name())));
    let labels = [("exporter", id.as_str())];
    let figure = |key: &str, metric: &str| KeyValue::number(key, registry.total(metric, &labels));
    vec![
        figure("queue_size", "otelcol_exporter_queue_size"),
        figure("sent", &format!("otelcol_exporter_sent_{items}")),
        figure("last_success", "warren_exporter_last_success_timestamp_seconds"),
        figure("send_failed", &format!("otelcol_exporter_send_failed_{items}")),
        figure("enqueue_failed", &format!("otelcol_exporter_enqueue_failed_{items}")),
    ]
}

fn items(signal: Option<&str>) -> &'static str {
    match signal {
        Some("logs") => "log_records",
        Some("traces") => "spans",
        _ => "metric_points",
    }
}

fn nanoseconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).ok().and_then(|since| u64::try_from(since.as_nanos()).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_telemetry::Detail;

    fn status(health: Health) -> ServiceStatus {
        let name = ComponentName { kind: "exporter", id: "debug/x".parse().unwrap(), signal: None, pipeline: None };
        ServiceStatus { hash: "h".into(), components: vec![(name, health)], ..ServiceStatus::default() }
    }

    #[test]
    fn one_ill_component_makes_the_whole_ill_and_says_so() {
        let registry = Registry::new(Detail::Normal);
        let well = health(&status(Health::Ok), &registry, UNIX_EPOCH, None);
        assert!(well.healthy && well.status == "StatusOK");
        let ill = health(&status(Health::Permanent("no".into())), &registry, UNIX_EPOCH, Some(&well));
        assert!(!ill.healthy && ill.last_error == "exporter:debug/x: no" && ill.status == "StatusPermanentError");
        let same = health(&status(Health::Permanent("no".into())), &registry, UNIX_EPOCH, Some(&ill));
        assert_eq!(same, ill);
    }
}
