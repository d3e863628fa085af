//! Where points come from: the resource of a job and instance, and the scope.

use super::Rules;
use std::net::IpAddr;
use warren_pdata::{Attrs, KeyValue, Resource, Scope, Text, Value};

/// The scope of samples that name none.
const SCOPE_NAME: &str = "github.com/open-telemetry/opentelemetry-collector-contrib/receiver/prometheusreceiver";

/// Origins a target may have: more come only from hostile pages, and share the last.
const ORIGINS_MAX: usize = 4_096;

/// A resource and a scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) job: Text,
    pub(crate) instance: Text,
    pub(crate) scope: Scope,
    pub(crate) schema_url: Text,
    /// Attributes of the resource but for those of `target_info`.
    pub(crate) resource: Attrs,
}

/// The origins of a target's series.
#[derive(Default)]
pub(crate) struct Origins(Vec<Origin>);

impl Origins {
    /// The index of an origin, new or known.
    pub(crate) fn of(&mut self, rules: &Rules, job: &str, instance: &str, scope: (&str, &str, &str)) -> u32 {
        let (name, version, schema_url) = scope;
        let own = if name.is_empty() && version.is_empty() { (SCOPE_NAME, rules.version.as_str()) } else { (name, version) };
        let known = self.0.iter().position(|origin| {
            origin.job == job
                && origin.instance == instance
                && origin.scope.name == own.0
                && origin.scope.version == own.1
                && origin.schema_url == schema_url
        });
        if let Some(at) = known.or_else(|| (self.0.len() >= ORIGINS_MAX).then(|| self.0.len() - 1)) {
            return at as u32;
        }
        self.0.push(Origin {
            job: job.into(),
            instance: instance.into(),
            scope: Scope { name: own.0.into(), version: own.1.into(), ..Scope::default() },
            schema_url: schema_url.into(),
            resource: resource(job, instance, &rules.scheme),
        });
        self.0.len() as u32 - 1
    }

    /// The origin with this index.
    pub(crate) fn get(&self, at: u32) -> Option<&Origin> {
        self.0.get(at as usize)
    }
}

impl Origin {
    /// The resource, with the attributes that `target_info` adds.
    pub(crate) fn resource(&self, added: Option<&Attrs>) -> Resource {
        let mut attrs = self.resource.clone();
        for entry in added.into_iter().flatten() {
            attrs.upsert(entry.key.clone(), entry.value.clone());
        }
        Resource { attrs, dropped_attributes: 0 }
    }
}

/// The attributes of a resource, as upstream's `prom_to_otlp.go` makes them.
fn resource(job: &str, instance: &str, scheme: &str) -> Attrs {
    let (host, port) = split_host_port(instance).unwrap_or((instance, ""));
    let mut attrs = vec![KeyValue::new("service.name", job)];
    if is_discernible(host) {
        attrs.push(KeyValue::new("server.address", host));
    }
    attrs.push(KeyValue::new("service.instance.id", instance));
    attrs.push(KeyValue::new("server.port", port));
    attrs.push(KeyValue::new("url.scheme", Value::from(scheme)));
    Attrs::new(attrs)
}

/// `host:port` or `[host]:port`; nothing else.
fn split_host_port(instance: &str) -> Option<(&str, &str)> {
    let (host, port) = instance.rsplit_once(':')?;
    match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']').map(|host| (host, port)),
        None => (!host.contains(':')).then_some((host, port)),
    }
}

/// Whether the host tells one machine from another.
fn is_discernible(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(ip) => !ip.is_loopback() && !ip.is_unspecified(),
        Err(_) => host != "localhost",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Facts of upstream's `receiver/prometheusreceiver/internal/prom_to_otlp_test.go`.
    #[test]
    fn an_instance_becomes_address_and_port() {
        for (instance, address, port) in [
            ("localhost:15692", None, "15692"),
            ("127.0.0.1:1", None, "1"),
            ("[::1]:1", None, "1"),
            ("0.0.0.0:1", None, "1"),
            ("broker-1:15692", Some("broker-1"), "15692"),
            ("10.0.0.7:1", Some("10.0.0.7"), "1"),
            ("broker-1", Some("broker-1"), ""),
            ("fe80::1", Some("fe80::1"), ""),
        ] {
            let attrs = resource("rabbitmq", instance, "http");
            assert_eq!(attrs.get("server.address").and_then(Value::as_str), address, "{instance}");
            assert_eq!(attrs.get("server.port").and_then(Value::as_str), Some(port), "{instance}");
            assert_eq!(attrs.get("service.instance.id").and_then(Value::as_str), Some(instance));
            assert_eq!(attrs.get("service.name").and_then(Value::as_str), Some("rabbitmq"));
        }
    }
}
