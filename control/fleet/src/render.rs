//! From a server, its settings and integrations to one document.
//!
//! ```text
//! prometheus/broker ─┬─▶ resource/instance ─▶ attributes/identity ─┬─▶ prometheusremotewrite/mimir, rabbitmq/bus     (metrics/broker)
//! prometheus/detailed┘                                             └─▶ filter/int-3 ─▶ attributes/int-3 ─▶ …/int-3   (metrics/int-3)
//! hostmetrics/host ──▶ …                                               one pipeline for each integration
//! journald/logs ─────▶ resource/logs ─▶ otlphttp/loki, …/int-3                                                        (logs/…)
//! prometheus/own, journald/own: what the collector tells of itself, to whom it concerns (`own.rs`)                    (metrics/own, logs/own)
//! ```
//!
//! Ids come from what does not change, so that a change of one integration touches its own components only.

use crate::destination::{self, Sink};
use crate::document::{Document, Provenance, canonical};
use crate::layers::{Layer, Profile, layered};
use crate::model::{Backend, Fault, Integration, Server};
use crate::secret::escape;
use crate::settings::{Settings, WebStore};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) mod own;

/// What a document is made of.
pub struct Input<'a> {
    /// The server.
    pub server: &'a Server,
    /// How servers of its kind are run.
    pub profile: &'a Profile,
    /// What holds besides: of its tenant, its cluster, itself, and in an emergency; in this order.
    pub layers: &'a [Layer],
    /// Integrations of its cluster.
    pub integrations: &'a [Integration],
    /// Whether the collector has a type of exporter.
    pub exporters: &'a dyn Fn(&str) -> bool,
}

/// A document.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// Its text: canonical JSON, with references in the place of secrets.
    pub body: String,
    /// What both sides know it by. A secret changes it by its version only.
    pub hash: Vec<u8>,
    /// Where its leaves came from.
    pub provenance: Provenance,
    /// The settings it was made of.
    pub settings: Settings,
}

/// The names of the machine's metrics at destinations, and in the pipeline.
pub(crate) const HOST_NAMES: [(&str, &str); 14] = [
    ("system_cpu_utilization_ratio", "system.cpu.utilization"),
    ("system_cpu_time_seconds_total", "system.cpu.time"),
    ("system_disk_io_bytes_total", "system.disk.io"),
    ("system_disk_operation_time_seconds_total", "system.disk.operation_time"),
    ("system_disk_operations_total", "system.disk.operations"),
    ("system_filesystem_usage_bytes", "system.filesystem.usage"),
    ("system_filesystem_utilization_ratio", "system.filesystem.utilization"),
    ("system_memory_limit_bytes", "system.memory.limit"),
    ("system_memory_usage_bytes", "system.memory.usage"),
    ("system_memory_utilization_ratio", "system.memory.utilization"),
    ("system_network_io_bytes_total", "system.network.io"),
    ("system_paging_usage_bytes", "system.paging.usage"),
    ("system_cpu_load_average_1m", "system.cpu.load_average.1m"),
    ("system_network_connections", "system.network.connections"),
];

/// Makes the document of a server.
///
/// # Errors
/// Everything that is wrong with what it is made of.
pub fn render(input: &Input<'_>) -> Result<Rendered, Vec<Fault>> {
    let layers = layers_of(input.server, input.profile, input.layers);
    let (settings, origins) = layered(&layers)?;
    let mut maker = Maker { input, settings: &settings, origins, document: Document::default(), faults: Vec::new() };
    maker.make();
    let Maker { mut document, faults, .. } = maker;
    if !faults.is_empty() {
        return Err(faults);
    }
    for layer in &layers {
        document.patch(&layer.config, &layer.origin);
    }
    let body = canonical(&document.root);
    let hash = warren_opamp::config_hash("", "application/json", body.as_bytes());
    Ok(Rendered { body, hash, provenance: document.provenance, settings })
}

/// Everything that is said of a server, in order.
fn layers_of(server: &Server, profile: &Profile, layers: &[Layer]) -> Vec<Layer> {
    let (emergency, inputs): (Vec<&Layer>, Vec<&Layer>) = layers.iter().partition(|layer| layer.is_emergency());
    let mut all = profile.layers(server, false);
    all.extend(inputs.into_iter().cloned());
    all.extend(profile.layers(server, true));
    all.extend(emergency.into_iter().cloned());
    all
}

/// The settings of a server alone.
///
/// # Errors
/// What no settings are, with the layer that it came from.
pub fn settings_of(server: &Server, profile: &Profile, layers: &[Layer]) -> Result<Settings, Vec<Fault>> {
    Ok(layered(&layers_of(server, profile, layers))?.0)
}

struct Maker<'a> {
    input: &'a Input<'a>,
    settings: &'a Settings,
    /// Where settings came from.
    origins: BTreeMap<String, String>,
    document: Document,
    faults: Vec<Fault>,
}

impl Maker<'_> {
    fn make(&mut self) {
        if self.input.server.name.is_empty() {
            self.faults.push(Fault::new("/server/name", "a server has a name"));
        }
        let settings = self.settings;
        self.faults.extend(settings.rollouts.faults());
        let sends = |integration: &&Integration| integration.enabled && settings.integrations.enabled;
        let enabled: Vec<&Integration> = self.input.integrations.iter().filter(sends).collect();
        let sinks: Vec<(&Integration, Sink)> = enabled
            .into_iter()
            .filter_map(|integration| {
                let pointer = format!("/integrations/{}", integration.id);
                let sink = destination::sink(integration).map_err(|fault| self.faults.push(fault)).ok()?;
                self.exporter_exists(sink.exporter_type, &pointer).then_some((integration, sink))
            })
            .collect();
        let fixed = self.fixed_metrics();
        let wants_metrics = !fixed.is_empty() || settings.direct_access.enabled || sinks.iter().any(|(_, sink)| sink.metrics);
        let metrics = if wants_metrics { self.metric_receivers() } else { Vec::new() };
        let identity = if metrics.is_empty() { Vec::new() } else { self.identity() };
        let direct = self.direct_access();
        for (source, receivers) in group(&metrics) {
            let exporters: Vec<String> = fixed.iter().cloned().chain(direct.clone()).collect();
            if !exporters.is_empty() {
                self.pipeline(&format!("metrics/{source}"), &receivers, &identity, &exporters, "generator");
            }
        }
        let receivers: Vec<&str> = metrics.iter().map(|(_, id)| *id).collect();
        for (integration, sink) in sinks.iter().filter(|(_, sink)| sink.metrics) {
            let mut processors = identity.clone();
            processors.extend(self.integration_processors(integration, sink));
            let (exporter, origin) = (self.exporter_of(integration, sink), origin_of(integration));
            self.pipeline(&format!("metrics/int-{}", integration.id), &receivers, &processors, &[exporter], &origin);
        }
        self.logs(&sinks);
        self.own();
        self.extensions();
        self.telemetry();
    }

    /// Exporters of metrics that every server of a region has.
    fn fixed_metrics(&mut self) -> Vec<String> {
        let mut exporters = Vec::new();
        if let Some(mimir) = &self.settings.destinations.mimir {
            let id = "prometheusremotewrite/mimir";
            self.web_store(id, "mimir", mimir, "/destinations/mimir");
            exporters.push(id.to_owned());
        }
        if let Some(amqp) = &self.settings.destinations.amqp {
            let origin = self.origin("/destinations/amqp");
            let id = "rabbitmq/bus";
            let password = amqp.password.as_ref().map(|secret| secret.placeholder()).unwrap_or_default();
            let mut connection = json!({
                "endpoint": escape(&amqp.endpoint),
                "auth": {"plain": {"username": escape(&amqp.username), "password": password}},
                "name": escape(&self.input.server.name),
            });
            if !amqp.vhost.is_empty() {
                connection["vhost"] = json!(escape(&amqp.vhost));
            }
            self.document.put(&["exporters", id, "connection"], connection, &origin);
            for (key, value) in [("exchange", &amqp.exchange), ("routing_key", &amqp.routing_key)] {
                if !value.is_empty() {
                    self.document.put(&["exporters", id, "routing", key], json!(escape(value)), &origin);
                }
            }
            self.exporter_patch(id, &amqp.exporter, &origin);
            exporters.push(id.to_owned());
        }
        exporters
    }

    /// Receivers of metrics, by the group whose pipeline they are in.
    fn metric_receivers(&mut self) -> Vec<(&'static str, &'static str)> {
        let (settings, server) = (self.settings, self.input.server);
        let mut receivers = vec![("broker", "prometheus/broker")];
        let endpoint = escape(&settings.scrape.endpoint);
        let origin = self.origin("/scrape");
        let job = server.broker.kind.name();
        let interval = &settings.scrape.interval;
        let scrape = |extra: Value| {
            let mut config = json!({
                "job_name": job,
                "scrape_interval": interval,
                "static_configs": [{"targets": [endpoint]}],
            });
            crate::layers::merge(&mut config, &extra, "", &mut |_| {});
            json!({"config": {"scrape_configs": [config]}})
        };
        self.document.put(&["receivers", "prometheus/broker"], scrape(json!({})), &origin);
        if settings.scrape.detailed.enabled {
            let detailed = &settings.scrape.detailed;
            let mut params = json!({"family": detailed.families.iter().map(|family| escape(family)).collect::<Vec<_>>()});
            if !detailed.vhosts.is_empty() {
                params["vhost"] = detailed.vhosts.iter().map(|vhost| escape(vhost)).collect();
            }
            if detailed.families.is_empty() {
                self.faults.push(Fault::new("/settings/scrape/detailed/families", "choose at least one family of metrics"));
            }
            let extra = json!({
                "job_name": format!("{job}-detailed"),
                "scrape_interval": detailed.interval.as_ref().unwrap_or(interval),
                "metrics_path": "/metrics/detailed",
                "params": params,
                "sample_limit": detailed.max_series,
            });
            let origin = self.origin("/scrape/detailed");
            self.document.put(&["receivers", "prometheus/detailed"], scrape(extra), &origin);
            receivers.push(("broker", "prometheus/detailed"));
        }
        // LavinMQ writes names of queues as they are, quotes and all; one of them must not cost the whole page.
        if server.broker.kind == Backend::LavinMq {
            for (_, id) in &receivers {
                self.document.put(&["receivers", id, "warren", "lenient_lines"], json!(true), "generator");
            }
        }
        if settings.host.enabled {
            let origin = self.origin("/host");
            let on = |name: &str| json!({"metrics": {name: {"enabled": true}}});
            let config = json!({
                "collection_interval": settings.host.interval,
                "scrapers": {
                    "cpu": on("system.cpu.utilization"), "disk": {}, "filesystem": on("system.filesystem.utilization"), "load": {},
                    "memory": {"metrics": {"system.memory.utilization": {"enabled": true}, "system.memory.limit": {"enabled": true}}},
                    "network": {}, "paging": {},
                },
            });
            self.document.put(&["receivers", "hostmetrics/host"], config, &origin);
            receivers.push(("host", "hostmetrics/host"));
        }
        receivers
    }

    /// Processors by which everything carries the server's name, its cluster and its tags.
    fn identity(&mut self) -> Vec<String> {
        let (settings, server) = (self.settings, self.input.server);
        // The resource's attribute is what becomes the label `instance`; a label of that name on points would be written over.
        let mut attributes = vec![json!({"key": "service.instance.id", "value": escape(&server.name), "action": "upsert"})];
        if settings.host.enabled {
            attributes.push(json!({"key": "service.name", "value": "host", "action": "insert"}));
        }
        self.document.put(&["processors", "resource/instance", "attributes"], json!(attributes), "server");
        let mut processors = vec!["resource/instance".to_owned()];
        let cluster = (!server.cluster.is_empty()).then_some(("cluster", &server.cluster));
        let tags = settings.tags.iter().map(|(key, value)| (key.as_str(), value));
        let actions: Vec<Value> = cluster
            .into_iter()
            .chain(tags)
            .map(|(key, value)| json!({"key": escape(key), "value": escape(value), "action": "upsert"}))
            .collect();
        if !actions.is_empty() {
            let origin = self.origin("/tags");
            self.document.put(&["processors", "attributes/identity", "actions"], json!(actions), &origin);
            processors.push("attributes/identity".to_owned());
        }
        processors
    }

    /// The page for whoever scrapes the server.
    fn direct_access(&mut self) -> Option<String> {
        let direct = &self.settings.direct_access;
        if !direct.enabled || !self.exporter_exists("prometheus", "/settings/direct_access/enabled") {
            return None;
        }
        let origin = self.origin("/direct_access");
        let config = json!({"endpoint": escape(&direct.listen), "path": escape(&direct.path)});
        self.document.put(&["exporters", "prometheus/direct"], config, &origin);
        Some("prometheus/direct".to_owned())
    }

    /// What an integration does with metrics before it sends them.
    fn integration_processors(&mut self, integration: &Integration, sink: &Sink) -> Vec<String> {
        let (id, origin) = (integration.id, origin_of(integration));
        let mut processors = Vec::new();
        if !integration.metrics_filter.is_empty() {
            let name = |name: &String| {
                let known = HOST_NAMES.iter().find(|(told, _)| told == name);
                known.map_or_else(|| escape(name), |(_, inside)| (*inside).to_owned())
            };
            let names: BTreeSet<String> = integration.metrics_filter.iter().map(name).collect();
            let include = json!({"match_type": "strict", "metric_names": names});
            self.document.put(&["processors", &format!("filter/int-{id}"), "metrics", "include"], include, &origin);
            processors.push(format!("filter/int-{id}"));
        }
        let objects: Vec<String> = [("queue", &integration.queue_allow), ("vhost", &integration.vhost_allow)]
            .into_iter()
            .filter(|(_, pattern)| !pattern.is_empty())
            .map(|(label, pattern)| {
                let pattern = Value::String(format!("^(?:{})$", pattern)).to_string();
                escape(&format!("attributes[\"{label}\"] != nil and not IsMatch(attributes[\"{label}\"], {pattern})"))
            })
            .collect();
        if !objects.is_empty() {
            let processor = format!("filter/int-{id}-objects");
            self.document.put(&["processors", &processor, "metrics", "datapoint"], json!(objects), &origin);
            processors.push(processor);
        }
        if !integration.tags.is_empty() {
            let action =
                |(key, value): (&String, &String)| json!({"key": escape(key), "value": escape(value), "action": "upsert"});
            let actions: Vec<Value> = integration.tags.iter().map(action).collect();
            self.document.put(&["processors", &format!("attributes/int-{id}"), "actions"], json!(actions), &origin);
            processors.push(format!("attributes/int-{id}"));
        }
        if sink.delta {
            self.document.put(&["processors", &format!("cumulativetodelta/int-{id}")], json!({}), &origin);
            processors.push(format!("cumulativetodelta/int-{id}"));
        }
        processors
    }

    /// The exporter of an integration.
    fn exporter_of(&mut self, integration: &Integration, sink: &Sink) -> String {
        let origin = origin_of(integration);
        let id = format!("{}/int-{}", sink.exporter_type, integration.id);
        self.document.put(&["exporters", &id], sink.exporter.clone(), &origin);
        if let Some((username, password)) = &sink.basic {
            self.basic_auth(&id, &format!("int-{}", integration.id), username, password.as_ref(), &origin);
        }
        self.exporter_patch(&id, &integration.exporter, &origin);
        id
    }

    /// What is to be otherwise about an exporter than its destination says.
    fn exporter_patch(&mut self, id: &str, patch: &Value, origin: &str) {
        if !patch.is_null() {
            self.document.put(&["exporters", id], patch.clone(), origin);
        }
    }

    fn extensions(&mut self) {
        let settings = self.settings;
        for (id, body) in &settings.extensions {
            let origin = self.origin(&crate::layers::below("/extensions", id));
            self.document.put(&["extensions", id], body.clone(), &origin);
            self.document.push(&["service", "extensions"], id, &origin);
        }
    }

    fn logs(&mut self, sinks: &[(&Integration, Sink)]) {
        let (settings, server) = (self.settings, self.input.server);
        if !settings.logs.enabled {
            return;
        }
        let mut pipelines = Vec::new();
        if let Some(loki) = &settings.destinations.loki {
            let id = "otlphttp/loki";
            let origin = self.web_store(id, "loki", loki, "/destinations/loki");
            pipelines.push(("logs/loki".to_owned(), id.to_owned(), origin));
        }
        for (integration, sink) in sinks.iter().filter(|(_, sink)| sink.logs) {
            let exporter = self.exporter_of(integration, sink);
            pipelines.push((format!("logs/int-{}", integration.id), exporter, origin_of(integration)));
        }
        if pipelines.is_empty() {
            return;
        }
        let broker = server.broker.kind.name();
        let units = match settings.logs.units.as_slice() {
            [] => vec![server.broker.kind.unit().to_owned()],
            units => units.iter().map(|unit| escape(unit)).collect(),
        };
        let origin = self.origin("/logs");
        let receiver = json!({"units": units, "start_at": "end", "warren": {"severity": true}});
        self.document.put(&["receivers", "journald/logs"], receiver, &origin);
        let cluster = if server.cluster.is_empty() { &server.name } else { &server.cluster };
        let attribute = |key: &str, value: &str| json!({"key": key, "value": escape(value), "action": "upsert"});
        let attributes =
            json!([attribute("service.name", cluster), attribute("host.name", &server.name), attribute("appname", broker)]);
        self.document.put(&["processors", "resource/logs", "attributes"], attributes, "server");
        for (pipeline, exporter, origin) in pipelines {
            self.pipeline(&pipeline, &["journald/logs"], &["resource/logs".to_owned()], &[exporter], &origin);
        }
    }

    fn telemetry(&mut self) {
        let Some(port) = self.settings.telemetry_port else { return };
        let readers = own_metrics(port);
        let origin = self.origin("/telemetry_port");
        self.document.put(&["service", "telemetry", "metrics", "readers"], readers, &origin);
    }

    fn pipeline(&mut self, id: &str, receivers: &[&str], processors: &[String], exporters: &[String], origin: &str) {
        let processors = self.bounded(processors);
        let pipeline = json!({"receivers": receivers, "processors": processors, "exporters": exporters});
        self.document.put(&["service", "pipelines", id], pipeline, origin);
    }

    /// Processors with those of every pipeline before and behind them.
    fn bounded(&mut self, processors: &[String]) -> Vec<String> {
        let (settings, mut all) = (self.settings, processors.to_vec());
        if let Some(memory) = &settings.memory {
            let mut body = json!({"check_interval": memory.check_interval, "limit_mib": memory.limit_mib});
            if let Some(spike) = memory.spike_limit_mib {
                body["spike_limit_mib"] = json!(spike);
            }
            let origin = self.origin("/memory");
            self.document.put(&["processors", "memory_limiter"], body, &origin);
            all.insert(0, "memory_limiter".to_owned());
        }
        if let Some(batch) = &settings.batch {
            let origin = self.origin("/batch");
            self.document.put(&["processors", "batch"], json!(batch), &origin);
            all.push("batch".to_owned());
        }
        all
    }

    /// Has an exporter sign its requests by an extension of its own.
    fn basic_auth(&mut self, exporter: &str, name: &str, username: &str, password: Option<&crate::SecretRef>, origin: &str) {
        if username.is_empty() && password.is_none() {
            return;
        }
        let id = format!("basicauth/{name}");
        let password = password.map(|secret| secret.placeholder()).unwrap_or_default();
        let client = json!({"client_auth": {"username": escape(username), "password": password}});
        self.document.put(&["extensions", &id], client, origin);
        self.document.put(&["exporters", exporter, "auth", "authenticator"], json!(id), origin);
        self.document.push(&["service", "extensions"], &id, origin);
    }

    /// The exporter to a store that is set at this place, and its extension `basicauth/NAME` if it has a user; where it came from.
    fn web_store(&mut self, id: &str, name: &str, store: &WebStore, pointer: &str) -> String {
        let origin = self.origin(pointer);
        if let Err(fault) = destination::web_address(&format!("/settings{pointer}/endpoint"), &store.endpoint) {
            self.faults.push(fault);
        }
        self.document.put(&["exporters", id, "endpoint"], json!(escape(&store.endpoint)), &origin);
        if !store.headers.is_empty() {
            self.document.put(&["exporters", id, "headers"], escaped(&store.headers), &origin);
        }
        self.basic_auth(id, name, &store.username, store.password.as_ref(), &origin);
        self.exporter_patch(id, &store.exporter, &origin);
        origin
    }

    fn exporter_exists(&mut self, kind: &str, pointer: &str) -> bool {
        let exists = (self.input.exporters)(kind);
        if !exists {
            self.faults.push(Fault::new(pointer, format!("this build of the collector has no exporter {kind:?}")));
        }
        exists
    }

    /// Where a setting came from.
    fn origin(&self, pointer: &str) -> String {
        let below = |known: &String| known == pointer || known.strip_prefix(pointer).is_some_and(|rest| rest.starts_with('/'));
        let origins: BTreeSet<&str> =
            self.origins.iter().filter(|(known, _)| below(known)).map(|(_, origin)| origin.as_str()).collect();
        if origins.is_empty() { "default".to_owned() } else { origins.into_iter().collect::<Vec<_>>().join(", ") }
    }
}

/// The readers that have the collector's own metrics on a port of loopback (`/service/telemetry/metrics/readers`).
pub fn own_metrics(port: u16) -> Value {
    let exporter = json!({
        "host": "127.0.0.1", "port": port, "without_scope_info": true, "without_units": true, "without_type_suffix": true,
        "with_resource_constant_labels": {"included": []},
    });
    json!([{"pull": {"exporter": {"prometheus": exporter}}}])
}

fn origin_of(integration: &Integration) -> String {
    format!("integration {}", integration.id)
}

/// Receivers by group, in order.
fn group<'a>(receivers: &[(&'a str, &'a str)]) -> Vec<(&'a str, Vec<&'a str>)> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for (group, id) in receivers {
        match groups.iter_mut().find(|(known, _)| known == group) {
            Some((_, ids)) => ids.push(id),
            None => groups.push((group, vec![id])),
        }
    }
    groups
}

/// Texts by name, as they stand in a document.
pub(crate) fn escaped(map: &BTreeMap<String, String>) -> Value {
    map.iter().map(|(key, value)| (key.clone(), Value::String(escape(value)))).collect::<serde_json::Map<_, _>>().into()
}

#[cfg(test)]
pub(crate) mod tests;
