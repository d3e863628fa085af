//! Where points come from: the resource of a job and instance, and the scope.

use super::Rules;
use hashbrown::HashMap;
use std::net::IpAddr;
use warren_pdata::{Attrs, KeyValue, Resource, Scope, Text, Value};

/// The scope of samples that name none.
const SCOPE_NAME: &str = "github.com/open-telemetry/opentelemetry-collector-contrib/receiver/prometheusreceiver";

/// Origins a target may have at a time. A page with more is refused.
pub(crate) const ORIGINS_MAX: usize = 16_384;

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
pub(crate) struct Origins {
    origins: Vec<Origin>,
    by_name: HashMap<Name, u32>,
}

/// Job, instance, and the scope's name, version and schema URL.
type Name = [Text; 5];

impl Origins {
    /// The index of an origin, new or known; `None` when there are too many.
    pub(crate) fn of(&mut self, rules: &Rules, job: &str, instance: &str, scope: [&str; 3]) -> Option<u32> {
        let [name, version, schema_url] = scope;
        let key = [job, instance, name, version, schema_url].map(Text::from);
        if let Some(at) = self.by_name.get(&key) {
            return Some(*at);
        }
        if self.origins.len() >= ORIGINS_MAX {
            return None;
        }
        let at = self.origins.len() as u32;
        self.origins.push(Origin::new(rules, &key));
        self.by_name.insert(key, at);
        Some(at)
    }

    /// Keeps the origins that are used, and says where each went.
    pub(crate) fn compact(&mut self, used: &[bool]) -> Vec<u32> {
        let moved = places(self.origins.len(), used);
        let mut stays = used.iter().copied().chain(std::iter::repeat(false));
        self.origins.retain(|_| stays.next().unwrap_or_default());
        self.origins.shrink_to_fit();
        let is_used = |at: u32| used.get(at as usize).copied().unwrap_or_default();
        self.by_name.retain(|_, at| is_used(*at));
        self.by_name.values_mut().for_each(|at| *at = moved.get(*at as usize).copied().unwrap_or_default());
        moved
    }

    /// How many origins there are.
    pub(crate) fn len(&self) -> usize {
        self.origins.len()
    }

    /// The origin with this index.
    pub(crate) fn get(&self, at: u32) -> Option<&Origin> {
        self.origins.get(at as usize)
    }
}

/// Where each of so many things stands once those not used are gone.
pub(crate) fn places(count: usize, used: &[bool]) -> Vec<u32> {
    let mut next = 0;
    (0..count)
        .map(|at| {
            let place = next;
            next += u32::from(used.get(at).copied().unwrap_or_default());
            place
        })
        .collect()
}

impl Origin {
    /// The origin of metrics of the target itself.
    pub(crate) fn of_target(rules: &Rules) -> Self {
        Self::new(rules, &[&rules.job, &rules.instance, "", "", ""].map(Text::from))
    }

    fn new(rules: &Rules, [job, instance, name, version, schema_url]: &Name) -> Self {
        let unnamed = name.is_empty() && version.is_empty() && schema_url.is_empty();
        let (name, version) =
            if unnamed { (Text::from(SCOPE_NAME), Text::from(&rules.version)) } else { (name.clone(), version.clone()) };
        Self {
            job: job.clone(),
            instance: instance.clone(),
            scope: Scope { name, version, ..Scope::default() },
            schema_url: schema_url.clone(),
            resource: resource(job, instance, &rules.scheme),
        }
    }

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
