//! The configuration that was read in the generator's words, beside the one that the generator makes.

use super::chains::Line;
use super::difference::difference;
use super::read::Read;
use super::sinks::Sink;
use super::sources::{BROKER, DETAILED, HOST};
use super::text::parts;
use super::{Gap, Note};
use crate::layers::{Layer, Profile, below, layered};
use crate::model::{Fault, Integration};
use crate::render::{Input, own, render};
use crate::settings::Settings;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// How a server is said in the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Adopted {
    /// A merge patch of settings: what it has otherwise than its profile, tenant and cluster say.
    pub settings: Value,
    /// A merge patch of the configuration: what settings cannot say.
    pub config: Value,
    /// What that patch is made of.
    pub gaps: Vec<Gap>,
    /// What will be otherwise.
    pub notes: Vec<Note>,
}

/// Processors that the generator puts in front of everything, or behind it.
const COMMON: [&str; 5] = ["memory_limiter", "resource/instance", "attributes/identity", "resource/logs", "batch"];

impl Read {
    /// Says a server in the model, with a profile, what holds for its tenant and cluster, and all integrations of its cluster; those that were
    /// read have their numbers.
    ///
    /// # Errors
    /// What is wrong with what was read, so that nothing can be generated of it.
    pub fn fit(
        &self,
        profile: &Profile,
        layers: &[Layer],
        integrations: &[Integration],
        exporters: &dyn Fn(&str) -> bool,
    ) -> Result<Adopted, Vec<Fault>> {
        // What is laid over servers, such as for the time beside another collector, is no part of what they are.
        let overlays = profile.overlays.iter().filter(|overlay| !overlay.over).cloned().collect();
        let profile = Profile { overlays };
        let mut under = profile.layers(&self.server, false);
        under.extend_from_slice(layers);
        let value = |settings: &Settings| serde_json::to_value(settings).unwrap_or_default();
        let (known, _) = layered(&under)?;
        // Of these no configuration of a collector says anything: they stay what the fleet says.
        let mut meant = self.settings.clone();
        meant.rollouts.clone_from(&known.rollouts);
        meant.destinations.own.clone_from(&known.destinations.own);
        let settings = difference(&value(&known), &value(&meant));
        let mut all = layers.to_vec();
        all.push(Layer { origin: "server".to_owned(), settings: settings.clone(), config: Value::Null });
        let rendered = render(&Input { server: &self.server, profile: &profile, layers: &all, integrations, exporters })?;
        let generated: Value = serde_json::from_str(&rendered.body).unwrap_or_default();
        let off: BTreeSet<i64> =
            integrations.iter().filter(|integration| !integration.enabled).map(|integration| integration.id).collect();
        // With integrations that are off there may be no pipeline that shows what the generator puts in front of everything.
        let on: Vec<Integration> = integrations.iter().map(|known| Integration { enabled: true, ..known.clone() }).collect();
        let whole = (!off.is_empty()).then(|| {
            let input = Input { server: &self.server, profile: &profile, layers: &all, integrations: &on, exporters: &|_| true };
            render(&input).ok().and_then(|rendered| serde_json::from_str(&rendered.body).ok())
        });
        let whole = whole.flatten().unwrap_or_else(|| generated.clone());
        let mut fitting = Fitting { read: self, generated: &generated, whole: &whole, off, origins: BTreeMap::new() };
        let meant = fitting.meant();
        let config = difference(&generated, &meant);
        let mut gaps = Vec::new();
        fitting.told(&config, &generated, "", &mut gaps);
        Ok(Adopted { settings, config, gaps, notes: self.notes.clone() })
    }
}

struct Fitting<'a> {
    read: &'a Read,
    generated: &'a Value,
    /// What would be generated if every integration sent.
    whole: &'a Value,
    /// Integrations that send nothing.
    off: BTreeSet<i64>,
    /// Where components and pipelines were, by where they will be.
    origins: BTreeMap<String, String>,
}

/// A way that data takes: what it comes from, and what is done with it.
type Way = (Vec<String>, Vec<String>);

impl Fitting<'_> {
    /// The whole configuration in the generator's words.
    fn meant(&mut self) -> Value {
        let mut meant = json!({});
        for (name, body) in &self.read.others {
            meant[name] = body.clone();
        }
        let pipelines = self.pipelines();
        let used = |key: &str| -> BTreeSet<String> {
            pipelines.values().flat_map(|pipeline| super::text::ids(pipeline.get(key))).collect()
        };
        let (receivers, processors, exporters) = (used("receivers"), used("processors"), used("exporters"));
        for (old, new) in &self.read.sources.names {
            for id in new {
                self.origins.insert(below("/receivers", id), below("/receivers", old));
            }
        }
        for (id, body) in self.read.sources.bodies.iter().filter(|(id, _)| receivers.contains(*id)) {
            let mut body = body.clone();
            // What only this project's collector knows comes with the generator.
            let ours = self.generated.pointer(&below("/receivers", id)).and_then(|receiver| receiver.get("warren"));
            if let (Some(ours), Some(map)) = (ours, body.as_object_mut()) {
                map.entry("warren").or_insert_with(|| ours.clone());
            }
            meant["receivers"][id] = body;
        }
        for id in own::RECEIVERS.into_iter().filter(|id| receivers.contains(*id)) {
            if let Some(body) = self.generated.pointer(&below("/receivers", id)) {
                meant["receivers"][id] = body.clone();
            }
        }
        let made = |section: &str| self.generated.get(section).and_then(Value::as_object).cloned().unwrap_or_default();
        let usual = self.whole.get("processors").and_then(Value::as_object).cloned().unwrap_or_default();
        for (id, body) in usual.into_iter().chain(self.read.processors.clone()) {
            if processors.contains(&id) {
                meant["processors"][&id] = body;
            }
        }
        for (id, body) in made("exporters").into_iter().filter(|(id, _)| exporters.contains(id)) {
            meant["exporters"][&id] = body;
        }
        for (old, sink) in &self.read.sinks {
            let new = sink.name(old, &self.read.integrations);
            self.origins.insert(below("/exporters", &new), below("/exporters", old));
            if let Sink::Other(body) = sink {
                meant["exporters"][&new] = body.clone();
            }
        }
        // Extensions of exporters that are not there any more go with them.
        let authenticators: BTreeSet<String> = meant
            .get("exporters")
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(Map::values)
            .filter_map(|body| Some(body.pointer("/auth/authenticator")?.as_str()?.to_owned()))
            .collect();
        let stays = |id: &String| {
            authenticators.contains(id) || self.read.settings.extensions.contains_key(id) || parts(id).0 != "basicauth"
        };
        for (id, body) in made("extensions").into_iter().filter(|(id, _)| stays(id)) {
            meant["extensions"][&id] = body;
        }
        let listed: Vec<String> =
            super::text::ids(self.generated.pointer("/service/extensions")).into_iter().filter(stays).collect();
        if !listed.is_empty() {
            meant["service"]["extensions"] = json!(listed);
        }
        if !self.read.telemetry.is_null() {
            meant["service"]["telemetry"] = self.read.telemetry.clone();
        }
        meant["service"]["pipelines"] = Value::Object(pipelines);
        meant
    }

    fn pipelines(&mut self) -> Map<String, Value> {
        let mut pipelines = Map::new();
        // What the collector tells of itself goes where its operators want it, whatever it did before.
        for id in own::PIPELINES {
            if let Some(made) = self.generated.pointer(&below("/service/pipelines", id)) {
                pipelines.insert(id.to_owned(), made.clone());
            }
        }
        self.metrics(&mut pipelines);
        self.logs(&mut pipelines);
        let lines: Vec<&Line> =
            self.read.lines.iter().filter(|line| !matches!(line.signal.as_str(), "metrics" | "logs")).collect();
        for line in lines {
            let exporters: Vec<String> = line.exporters.iter().map(|exporter| self.sink(exporter).0).collect();
            self.add(&mut pipelines, &line.id, (self.receivers(line), line.processors.clone()), exporters, Vec::new());
        }
        pipelines
    }

    fn metrics(&mut self, pipelines: &mut Map<String, Value>) {
        let group = |receiver: &String| match receiver.as_str() {
            BROKER | DETAILED => "broker",
            HOST => "host",
            _ => "others",
        };
        let common = self.common("metrics");
        let mut shared: BTreeMap<(&str, Way), Vec<String>> = BTreeMap::new();
        for (target, number, ways) in self.ways("metrics") {
            if let Some(number) = number {
                self.own(pipelines, &format!("metrics/int-{number}"), &target, ways);
                continue;
            }
            for (receivers, chain) in ways {
                for name in ["broker", "host", "others"] {
                    let part: Vec<String> = receivers.iter().filter(|receiver| group(receiver) == name).cloned().collect();
                    if !part.is_empty() {
                        shared.entry((name, (part, chain.clone()))).or_default().push(target.clone());
                    }
                }
            }
        }
        let order = ["prometheusremotewrite/mimir", "rabbitmq/bus", "prometheus/direct"];
        let mut shared: Vec<_> = shared.into_iter().collect();
        // The one that the generator would make comes first, and gets the name.
        shared.sort_by_key(|((_, (_, chain)), exporters)| (chain.len(), std::cmp::Reverse(exporters.len())));
        for ((name, way), mut exporters) in shared {
            exporters.sort_by_key(|id| order.iter().position(|known| known == id).unwrap_or(order.len()));
            self.add(pipelines, &format!("metrics/{name}"), way, exporters, common.clone());
        }
    }

    fn logs(&mut self, pipelines: &mut Map<String, Value>) {
        for (target, number, ways) in self.ways("logs") {
            let name = match number {
                Some(number) => format!("logs/int-{number}"),
                None if target == "otlphttp/loki" => "logs/loki".to_owned(),
                None => format!("logs/{}", target.replace('/', "-")),
            };
            self.own(pipelines, &name, &target, ways);
        }
    }

    /// Pipelines for one exporter alone.
    fn own(&mut self, pipelines: &mut Map<String, Value>, name: &str, target: &str, ways: Vec<Way>) {
        let made = self.generated.pointer(&below("/service/pipelines", name));
        let common = match made {
            Some(pipeline) => super::text::ids(pipeline.get("processors")),
            None => self.common(parts(name).0),
        };
        for way in ways {
            self.add(pipelines, name, way, vec![target.to_owned()], common.clone());
        }
    }

    /// Every exporter of a signal, with the integration that it is, and the ways that lead to it. Of integrations that are off nothing is told.
    fn ways(&self, signal: &str) -> Vec<(String, Option<i64>, Vec<Way>)> {
        /// Receivers by what is done with their data.
        type Chained = BTreeMap<Vec<String>, BTreeSet<String>>;
        let mut ways: BTreeMap<(String, Option<i64>), Chained> = BTreeMap::new();
        for line in self.read.lines.iter().filter(|line| line.signal == signal) {
            for exporter in &line.exporters {
                let (name, number) = self.sink(exporter);
                if number.is_none_or(|number| !self.off.contains(&number)) {
                    let receivers = ways.entry((name, number)).or_default().entry(line.processors.clone()).or_default();
                    receivers.extend(self.receivers(line));
                }
            }
        }
        let order = [BROKER, DETAILED, HOST];
        let ordered = |receivers: BTreeSet<String>| {
            let mut receivers: Vec<String> = receivers.into_iter().collect();
            receivers.sort_by_key(|id| order.iter().position(|known| known == id).unwrap_or(order.len()));
            receivers
        };
        ways.into_iter()
            .map(|((name, number), ways)| {
                (name, number, ways.into_iter().map(|(chain, receivers)| (ordered(receivers), chain)).collect())
            })
            .collect()
    }

    fn add(&mut self, pipelines: &mut Map<String, Value>, name: &str, way: Way, exporters: Vec<String>, common: Vec<String>) {
        let numbered = (2_u64..).map(|number| format!("{name}-{number}"));
        let Some(id) = std::iter::once(name.to_owned()).chain(numbered).find(|id| !pipelines.contains_key(id)) else { return };
        let (receivers, chain) = way;
        let mut processors = common;
        let end = processors.len() - usize::from(processors.last().is_some_and(|last| last == "batch"));
        processors.splice(end..end, chain);
        let from = self.read.lines.iter().find(|line| {
            line.exporters.iter().any(|exporter| exporters.contains(&self.sink(exporter).0))
                && self.receivers(line).iter().any(|receiver| receivers.contains(receiver))
        });
        if let Some(line) = from {
            self.origins.insert(below("/service/pipelines", &id), below("/service/pipelines", &line.id));
        }
        pipelines.insert(id, json!({"receivers": receivers, "processors": processors, "exporters": exporters}));
    }

    /// What an exporter will be called, and the integration that it is.
    fn sink(&self, id: &str) -> (String, Option<i64>) {
        let Some(sink) = self.read.sinks.get(id) else { return (id.to_owned(), None) };
        let number = match sink {
            Sink::Integration(at) => self.read.integrations.get(*at).map(|integration| integration.id),
            _ => None,
        };
        (sink.name(id, &self.read.integrations), number)
    }

    fn receivers(&self, line: &Line) -> Vec<String> {
        let names = |id: &String| self.read.sources.names.get(id).cloned().unwrap_or_else(|| vec![id.clone()]);
        line.receivers.iter().flat_map(names).collect()
    }

    /// The processors that the generator has in every pipeline of a signal: in the place of those that were read, if they were.
    fn common(&self, signal: &str) -> Vec<String> {
        if !self.read.understood.contains(&signal) {
            return Vec::new();
        }
        let pipelines = self.whole.pointer("/service/pipelines").and_then(Value::as_object).into_iter().flatten();
        let mut of_servers = pipelines.filter(|(id, _)| !own::PIPELINES.contains(&id.as_str()));
        let made = of_servers.find(|(id, _)| parts(id).0 == signal);
        let processors = made.map(|(_, pipeline)| super::text::ids(pipeline.get("processors"))).unwrap_or_default();
        processors.into_iter().filter(|id| COMMON.contains(&id.as_str())).collect()
    }

    /// Names every piece of a patch: what is there on both sides is looked into.
    fn told(&self, patch: &Value, generated: &Value, pointer: &str, gaps: &mut Vec<Gap>) {
        let Value::Object(patch) = patch else { return };
        for (key, value) in patch {
            let pointer = below(pointer, key);
            match generated.get(key) {
                Some(before) if value.is_object() && before.is_object() => self.told(value, before, &pointer, gaps),
                before => gaps
                    .push(Gap { pointer: self.origin(&pointer), message: needed(&pointer, value, before.is_some()).to_owned() }),
            }
        }
    }

    /// Where that was which is at a pointer now.
    fn origin(&self, pointer: &str) -> String {
        let found = self.origins.iter().find_map(|(new, old)| {
            let rest = pointer.strip_prefix(new.as_str())?;
            (rest.is_empty() || rest.starts_with('/')).then(|| format!("{old}{rest}"))
        });
        found.unwrap_or_else(|| pointer.to_owned())
    }
}

/// Why a piece is in the patch, and what would be needed so that it need not be.
fn needed(pointer: &str, value: &Value, changed: bool) -> &'static str {
    let depth = pointer.matches('/').count();
    let section = pointer.split('/').nth(1).unwrap_or_default();
    match section {
        _ if value.is_null() => "the generator would put something there that was not there; it is taken away by the patch",
        "receivers" if depth == 2 => "no setting asks for this receiver; it is carried over as it is",
        "processors" => "no setting asks for what this processor does; it is carried over as it is",
        "exporters" if depth == 2 => "no destination and no integration is written by this exporter; it is carried over as it is",
        "receivers" | "exporters" | "extensions" if changed => "no setting says this value; the patch does",
        "receivers" | "exporters" | "extensions" => "no setting says this; it is carried over as it is",
        "service" if pointer.starts_with("/service/pipelines") && changed => {
            "this list is fixed by the patch: settings and integrations do not change it any more"
        }
        "service" if pointer.starts_with("/service/pipelines") => {
            "the generator makes no such pipeline; it is carried over as it is"
        }
        "service" => "no setting says this of the collector itself; it is carried over as it is",
        _ => "no setting knows this section; it is carried over as it is",
    }
}
