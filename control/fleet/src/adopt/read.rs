//! What a configuration says, part by part.

use super::chains::{Chains, Identity, Line};
use super::sinks::{Exporter, Sink, Sinks, sinks};
use super::sources::{Sources, Wanted, sources};
use super::text::{hidden, ids, normal, parts};
use super::{Note, Vaults};
use crate::layers::below;
use crate::model::{Fault, Integration, Server};
use crate::render::own_metrics;
use crate::settings::Settings;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What was read.
#[derive(Clone, Debug)]
pub struct Read {
    /// The server, with what the configuration says of it.
    pub server: Server,
    /// All of its settings.
    pub settings: Settings,
    /// Integrations that it sends to. Before [`Read::fit`] each has the number that it has in the store.
    pub integrations: Vec<Integration>,
    /// What will be otherwise.
    pub notes: Vec<Note>,
    pub(super) lines: Vec<Line>,
    /// Signals whose processors were read, so that those of the generator stand for them.
    pub(super) understood: Vec<&'static str>,
    pub(super) sinks: BTreeMap<String, Sink>,
    pub(super) sources: Sources,
    /// Processors that mean nothing here.
    pub(super) processors: Map<String, Value>,
    /// Settings of the collector's own figures and logs.
    pub(super) telemetry: Value,
    /// Sections that mean nothing here.
    pub(super) others: Map<String, Value>,
}

/// Reads a configuration. Of the server is known what is not empty.
///
/// # Errors
/// When it is none.
pub fn read(config: &Value, server: &Server, vaults: &mut Vaults) -> Result<Read, Vec<Fault>> {
    let lines = lines(config)?;
    let (mut notes, mut settings) = (Vec::new(), Settings::default());
    let section = |name: &str| config.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
    let (receivers, processors) = (section("receivers"), section("processors"));
    let (exporters, extensions) = (section("exporters"), section("extensions"));
    let listed = ids(config.pointer("/service/extensions"));
    let in_lines = |of: fn(&Line) -> &Vec<String>| lines.iter().flat_map(of).map(String::as_str).collect::<BTreeSet<&str>>();
    let used = [
        ("receivers", &receivers, in_lines(|line| &line.receivers)),
        ("processors", &processors, in_lines(|line| &line.processors)),
        ("exporters", &exporters, in_lines(|line| &line.exporters)),
    ];
    for (section, components, used) in &used {
        for id in components.keys().filter(|id| !used.contains(id.as_str())) {
            let message = "is in no pipeline, and left out".to_owned();
            notes.push(Note { pointer: below(&format!("/{section}"), id), message });
        }
    }

    let nothing = json!({});
    let exporters: Vec<Exporter<'_>> = used[2]
        .2
        .iter()
        .filter_map(|id| {
            let (id, body) = exporters.get_key_value(*id)?;
            let signals = lines.iter().filter(|line| line.exporters.contains(id)).map(|line| line.signal.as_str()).collect();
            Some(Exporter { id, body: if body.is_null() { &nothing } else { body }, signals })
        })
        .collect();
    // Without a journal the generator makes nothing of logs.
    let journal = used[0].2.iter().any(|id| parts(id).0 == "journald");
    let mut found = sinks(&exporters, &extensions, journal, &mut settings, vaults);
    let mut lines = lines.clone();
    let known = |signal: &str| {
        lines.iter().filter(|line| line.signal == signal).flat_map(|line| &line.exporters).any(|id| takes(&found, id, signal))
    };
    let wanted = Wanted { metrics: known("metrics"), logs: known("logs") };
    let receivers: Vec<(String, Value)> =
        receivers.iter().filter(|(id, _)| used[0].2.contains(id.as_str())).map(|(id, body)| (id.clone(), body.clone())).collect();
    let mut sources = sources(&receivers, wanted, &mut settings, &mut notes, &mut vaults.fleet);

    let mut server = server.clone();
    let broker = sources.broker.unwrap_or(server.broker.kind);
    let mut chains = Chains {
        broker,
        processors: &processors,
        settings: &mut settings,
        sinks: &mut found,
        sources: &mut sources,
        notes: &mut notes,
        identity: Identity::default(),
    };
    let understood = [("metrics", wanted.metrics), ("logs", wanted.logs && chains.settings.logs.enabled)];
    let understood: Vec<&str> = understood.into_iter().filter(|(_, wanted)| *wanted).map(|(signal, _)| signal).collect();
    chains.told(&lines, &understood);
    chains.labels();
    for signal in &understood {
        chains.read(&mut lines, signal);
    }
    let Identity { name, cluster, tags } = chains.identity;
    settings.tags = tags;
    who(&mut server, name, cluster, sources.broker, !found.integrations.is_empty(), &mut notes);
    usual(&mut settings, &server);

    let telemetry =
        config.pointer("/service/telemetry").map(|telemetry| normal(&hidden(telemetry, "fleet/telemetry", &mut vaults.fleet)));
    let telemetry = telemetry.unwrap_or(Value::Null);
    let port = telemetry.pointer("/metrics/readers/0/pull/exporter/prometheus/port").and_then(Value::as_u64);
    let port = port.and_then(|port| u16::try_from(port).ok());
    settings.telemetry_port = port.filter(|port| telemetry.pointer("/metrics/readers") == Some(&own_metrics(*port)));
    let kept: BTreeSet<&str> = lines.iter().flat_map(|line| &line.processors).map(String::as_str).collect();
    let processors = processors.iter().filter(|(id, _)| kept.contains(id.as_str())).map(|(id, body)| (id.clone(), normal(body)));
    let processors = processors.collect();

    for id in listed.iter().filter(|id| !found.extensions.contains(*id)) {
        if parts(id).0 == "opamp" {
            let message = "who manages the collector is said by its host file, and left out here".to_owned();
            notes.push(Note { pointer: below("/extensions", id), message });
        } else if let Some(body) = extensions.get(id) {
            settings.extensions.insert(id.clone(), normal(&hidden(body, &format!("fleet/{id}"), &mut vaults.fleet)));
        }
    }
    let mut others = Map::new();
    let sections = config.as_object().into_iter().flatten();
    for (name, body) in sections.filter(|(name, _)| !SECTIONS.contains(&name.as_str())) {
        others.insert(name.clone(), normal(&hidden(body, &format!("fleet/{name}"), &mut vaults.fleet)));
    }
    let Sinks { sinks, integrations, .. } = found;
    Ok(Read { server, settings, integrations, notes, lines, understood, sinks, sources, processors, telemetry, others })
}

const SECTIONS: [&str; 5] = ["receivers", "processors", "exporters", "extensions", "service"];

/// Pipelines of a configuration.
fn lines(config: &Value) -> Result<Vec<Line>, Vec<Fault>> {
    let pipelines = config.pointer("/service/pipelines").and_then(Value::as_object).filter(|pipelines| !pipelines.is_empty());
    let pipelines = pipelines
        .ok_or_else(|| vec![Fault::new("/service/pipelines", "there is none: this is no configuration of a collector")])?;
    Ok(pipelines
        .iter()
        .map(|(id, body)| Line {
            id: id.clone(),
            signal: parts(id).0.to_owned(),
            receivers: ids(body.get("receivers")),
            processors: ids(body.get("processors")),
            exporters: ids(body.get("exporters")),
        })
        .collect())
}

/// Whether the generator would send data of a signal to an exporter.
fn takes(found: &Sinks, id: &str, signal: &str) -> bool {
    match found.sinks.get(id) {
        Some(Sink::Mimir | Sink::Bus | Sink::Direct) => signal == "metrics",
        Some(Sink::Loki) => signal == "logs",
        Some(Sink::Integration(at)) => found.integrations.get(*at).is_some_and(|integration| {
            crate::destination::sink(integration).is_ok_and(|sink| if signal == "logs" { sink.logs } else { sink.metrics })
        }),
        Some(Sink::Other(_)) | None => false,
    }
}

/// Puts what was read of the server to what is known of it.
fn who(
    server: &mut Server,
    name: Option<String>,
    cluster: Option<String>,
    broker: Option<crate::Backend>,
    integrations: bool,
    notes: &mut Vec<Note>,
) {
    let mut told = |message: String| notes.push(Note { pointer: "/processors".to_owned(), message });
    for (what, known, said) in [("name", &mut server.name, name), ("cluster", &mut server.cluster, cluster)] {
        match said {
            Some(said) if known.is_empty() => *known = said,
            Some(said) if *known != said => told(format!("the {what} is {known:?} from now on, and was {said:?}")),
            _ => {}
        }
    }
    if server.name.is_empty() {
        server.name.clone_from(&server.id);
        told(format!("everything carries the name {:?} from now on, as the label instance", server.name));
    }
    if integrations && server.cluster.is_empty() {
        server.cluster.clone_from(&server.name);
        told(format!(
            "integrations are a cluster's: the server is a cluster of its own, and everything carries cluster={:?}",
            server.name
        ));
    }
    if let Some(broker) = broker {
        server.broker.kind = broker;
    }
}

/// What is as it would be without being said is not said.
fn usual(settings: &mut Settings, server: &Server) {
    if settings.logs.units.len() == 1 && settings.logs.units.first().is_some_and(|unit| unit == server.broker.kind.unit()) {
        settings.logs.units.clear();
    }
    let interval = settings.scrape.interval.clone();
    settings.scrape.detailed.interval.take_if(|own| *own == interval);
}

impl Chains<'_> {
    /// What targets are labelled with.
    fn labels(&mut self) {
        for (receiver, said) in std::mem::take(&mut self.sources.labels) {
            if self.identify(said.clone().into_iter().collect(), None) {
                if said.keys().any(|key| key != "instance") {
                    let message = "what these labels say is carried by everything of the server".to_owned();
                    let names = self.sources.names.iter().find(|(_, new)| new.iter().any(|id| id == receiver));
                    let pointer = below("/receivers", names.map_or(receiver, |(old, _)| old));
                    self.notes.push(Note { pointer, message });
                }
                continue;
            }
            let place = self.sources.bodies.get_mut(receiver);
            if let Some(target) = place.and_then(|body| body.pointer_mut("/config/scrape_configs/0/static_configs/0")) {
                target["labels"] = json!(said);
            }
        }
    }
}
