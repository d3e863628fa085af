//! Processors: what they say that is said by the server, its settings and its integrations.

use super::Note;
use super::sinks::{Sink, Sinks};
use super::sources::Sources;
use super::text::{parts, plain, texts};
use crate::layers::below;
use crate::model::{Backend, Integration};
use crate::render::HOST_NAMES;
use crate::settings::{Batch, Memory, Settings};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A pipeline.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) id: String,
    /// `metrics`, `logs` or `traces`.
    pub(super) signal: String,
    pub(super) receivers: Vec<String>,
    pub(super) processors: Vec<String>,
    pub(super) exporters: Vec<String>,
}

/// Who sends, as far as that is said.
#[derive(Default)]
pub(super) struct Identity {
    pub(super) name: Option<String>,
    pub(super) cluster: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
}

/// What a processor says.
enum Meaning {
    Limiter(Memory),
    Batch(Batch),
    /// Texts that are put on everything.
    Constants(Vec<(String, String)>),
    /// The same of the resource.
    Resource(Vec<(String, String)>),
    Names(Vec<String>),
    Objects(Vec<(&'static str, String)>),
    Delta,
}

/// Whose data is otherwise from now on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// That of the integration which it was said for.
    Integration,
    Everybody,
}

/// What the generator puts on the resource of log records.
const OF_LOGS: [&str; 3] = ["service.name", "host.name", "appname"];

/// Reads the processors of pipelines, and takes those away that are understood.
pub(super) struct Chains<'a> {
    pub(super) processors: &'a Map<String, Value>,
    pub(super) settings: &'a mut Settings,
    pub(super) sinks: &'a mut Sinks,
    pub(super) sources: &'a mut Sources,
    pub(super) notes: &'a mut Vec<Note>,
    /// The kind of broker, as far as that is known.
    pub(super) broker: Backend,
    pub(super) identity: Identity,
}

impl Chains<'_> {
    /// Goes through pipelines of a signal, which lead to something that the model knows.
    pub(super) fn read(&mut self, lines: &mut [Line], signal: &str) {
        let mut ids: Vec<String> = Vec::new();
        for id in lines_of(lines, signal).flat_map(|line| &line.processors) {
            if !ids.contains(id) {
                ids.push(id.clone());
            }
        }
        // Attributes that pipelines put on the resource, as far as they were understood.
        let mut carried: BTreeMap<String, Vec<String>> =
            lines_of(lines, signal).map(|line| (line.id.clone(), Vec::new())).collect();
        for id in ids {
            let Some(meaning) = self.meaning(&id) else { continue };
            let keys: Vec<String> = match &meaning {
                Meaning::Resource(said) => said.iter().map(|(key, _)| key.clone()).collect(),
                _ => Vec::new(),
            };
            let usual = matches!(meaning, Meaning::Limiter(_) | Meaning::Batch(_));
            let through: Vec<&Line> =
                lines.iter().filter(|line| line.signal == signal && line.processors.contains(&id)).collect();
            // What changes names or points before it would not be the same behind it.
            let first = through.iter().all(|line| line.processors.first() == Some(&id));
            let targets: BTreeSet<&String> = through.iter().flat_map(|line| &line.exporters).collect();
            let everything_to = |target: &str| {
                let to = |line: &&Line| line.signal == signal && line.exporters.iter().any(|exporter| exporter == target);
                lines.iter().filter(to).all(|line| line.processors.contains(&id))
            };
            // The one integration whose data it is for, and all of it.
            let single = match targets.iter().next() {
                Some(target) if targets.len() == 1 && everything_to(target) => match self.sinks.sinks.get(*target) {
                    Some(Sink::Integration(at)) => Some(*at),
                    _ => None,
                },
                _ => None,
            };
            let everywhere = lines_of(lines, signal).all(|line| line.processors.contains(&id));
            if let Some(reach) = self.understood(&id, meaning, signal, first, single) {
                // Of those that the generator has everywhere is told where they were not.
                if !everywhere && !usual && reach == Reach::Everybody {
                    let message = "is done for everything from now on, in every pipeline".to_owned();
                    self.notes.push(Note { pointer: below("/processors", &id), message });
                }
                let through = lines.iter_mut().filter(|line| line.signal == signal && line.processors.contains(&id));
                for line in through {
                    line.processors.retain(|known| *known != id);
                    carried.entry(line.id.clone()).or_default().extend(keys.iter().cloned());
                }
            }
        }
        for (line, keys) in carried.iter().filter(|_| signal == "logs") {
            let new: Vec<&str> = OF_LOGS.into_iter().filter(|key| !keys.iter().any(|known| known == key)).collect();
            if !new.is_empty() {
                let message = format!("its log records carry {} of the server from now on", new.join(", "));
                self.notes.push(Note { pointer: below("/service/pipelines", line), message });
            }
        }
    }

    /// Takes what a processor means, and tells for whom it holds then; none if it cannot be said otherwise than by the processor.
    fn understood(&mut self, id: &str, meaning: Meaning, signal: &str, first: bool, single: Option<usize>) -> Option<Reach> {
        let everybody = |fits: bool| fits.then_some(Reach::Everybody);
        let integration = single.and_then(|at| self.sinks.integrations.get_mut(at));
        match meaning {
            Meaning::Limiter(memory) => everybody(*self.settings.memory.get_or_insert_with(|| memory.clone()) == memory),
            Meaning::Batch(batch) => everybody(*self.settings.batch.get_or_insert_with(|| batch.clone()) == batch),
            Meaning::Constants(said) if signal == "metrics" => {
                let whose = id == "attributes/identity" || said.iter().any(|(key, _)| key == "instance" || key == "cluster");
                match integration {
                    Some(integration) if !whose && first => {
                        integration.tags.extend(said);
                        Some(Reach::Integration)
                    }
                    _ => everybody(self.identify(said, Some(id))),
                }
            }
            Meaning::Resource(said) if signal == "metrics" => {
                let keys: BTreeSet<&str> = said.iter().map(|(key, _)| key.as_str()).collect();
                let host = said.iter().all(|(key, value)| key != "service.name" || value == "host");
                let ours = keys.is_subset(&BTreeSet::from(["service.instance.id", "service.name"]));
                if !(ours && host && keys.contains("service.instance.id")) {
                    return None;
                }
                let name = said.into_iter().filter(|(key, _)| key == "service.instance.id");
                everybody(self.identify(name.map(|(_, value)| ("instance".to_owned(), value)).collect(), None))
            }
            Meaning::Resource(said) if signal == "logs" => everybody(self.of_logs(id, &said)),
            Meaning::Names(names) => match integration {
                Some(integration) if first && integration.metrics_filter.is_empty() => {
                    integration.metrics_filter = names;
                    Some(Reach::Integration)
                }
                _ => None,
            },
            Meaning::Objects(patterns) => match integration {
                Some(integration) if first && integration.queue_allow.is_empty() && integration.vhost_allow.is_empty() => {
                    for (label, pattern) in patterns {
                        let place = if label == "queue" { &mut integration.queue_allow } else { &mut integration.vhost_allow };
                        *place = pattern;
                    }
                    Some(Reach::Integration)
                }
                _ => None,
            },
            // Put in again by the generator where the destination asks for it.
            Meaning::Delta => {
                let takes = |integration: &mut Integration| crate::destination::sink(integration).is_ok_and(|sink| sink.delta);
                integration.is_some_and(takes).then_some(Reach::Integration)
            }
            _ => None,
        }
    }

    /// Takes what is said of the server, if nothing else was said before.
    pub(super) fn identify(&mut self, said: Vec<(String, String)>, processor: Option<&str>) -> bool {
        let identity = &mut self.identity;
        let agrees = |known: Option<&String>, value: &String| known.is_none_or(|known| known == value);
        let fits = said.iter().all(|(key, value)| match key.as_str() {
            "instance" => agrees(identity.name.as_ref(), value),
            "cluster" => agrees(identity.cluster.as_ref(), value),
            key => agrees(identity.tags.get(key), value),
        });
        if !fits {
            return false;
        }
        for (key, value) in said {
            match key.as_str() {
                "instance" => {
                    if let Some(id) = processor {
                        let message = format!(
                            "{value:?} is put on the resource and so becomes the label instance; as a label of points, remote write \
                             writes the target's address over it"
                        );
                        self.notes.push(Note { pointer: below("/processors", id), message });
                    }
                    identity.name = Some(value);
                }
                "cluster" => identity.cluster = Some(value),
                _ => drop(identity.tags.insert(key, value)),
            }
        }
        true
    }

    /// Tells what the generator does that nobody did, in pipelines of those signals that are read.
    pub(super) fn told(&mut self, lines: &[Line], signals: &[&str]) {
        let read = || lines.iter().filter(|line| signals.contains(&line.signal.as_str()));
        for kind in ["memory_limiter", "batch"] {
            let of_kind = |line: &Line| line.processors.iter().find(|id| parts(id).0 == kind).cloned();
            if read().filter_map(of_kind).any(|id| self.meaning(&id).is_some()) {
                for line in read().filter(|line| of_kind(line).is_none()) {
                    let message = format!("its data goes through {kind} from now on, as that of others does");
                    self.notes.push(Note { pointer: below("/service/pipelines", &line.id), message });
                }
            }
        }
        let mut told = |pointer: String, message: &str| self.notes.push(Note { pointer, message: message.to_owned() });
        let through = |line: &Line, kind: &str| line.processors.iter().any(|id| parts(id).0 == kind);
        for (id, sink) in &self.sinks.sinks {
            let Sink::Integration(at) = sink else { continue };
            let delta = self
                .sinks
                .integrations
                .get(*at)
                .and_then(|known| crate::destination::sink(known).ok())
                .is_some_and(|sink| sink.delta);
            let mut to = lines.iter().filter(|line| line.signal == "metrics" && line.exporters.contains(id));
            if delta && !to.all(|line| through(line, "cumulativetodelta")) {
                told(below("/exporters", id), "it gets changes in the place of sums, as it wants them");
            }
        }
        let named = |body: &Value| body.to_string().contains("service.name");
        if self.settings.host.enabled && !self.processors.values().any(named) {
            told(
                "/receivers".to_owned(),
                "metrics of the machine carry service.name=host where they had none, which becomes the label job",
            );
        }
    }

    /// What is put on the resource of log records.
    fn of_logs(&mut self, id: &str, said: &[(String, String)]) -> bool {
        let value = |wanted: &str| said.iter().find(|(key, _)| key == wanted).map(|(_, value)| value.clone());
        let (service, host) = (value("service.name"), value("host.name"));
        let identity = &mut self.identity;
        let name = host.clone().or_else(|| identity.name.clone());
        let cluster = service.clone().filter(|service| Some(service) != name.as_ref());
        let agrees = |known: &Option<String>, new: &Option<String>| known.is_none() || new.is_none() || known == new;
        let fits = said.iter().all(|(key, _)| OF_LOGS.contains(&key.as_str()))
            && agrees(&identity.name, &name)
            && agrees(&identity.cluster, &cluster)
            && (cluster.is_some() || service.is_none() || identity.cluster.is_none());
        if fits {
            identity.name = identity.name.take().or(name);
            identity.cluster = identity.cluster.take().or(cluster);
            let broker = self.broker.name();
            if let Some(was) = value("appname").filter(|was| was != broker) {
                let message = format!("appname is {broker:?} from now on, and was {was:?}");
                self.notes.push(Note { pointer: below("/processors", id), message });
            }
        }
        fits
    }

    fn meaning(&self, id: &str) -> Option<Meaning> {
        let nothing = json!({});
        let body = self.processors.get(id).filter(|body| !body.is_null()).unwrap_or(&nothing);
        let map = body.as_object()?;
        let only = |keys: &[&str]| map.keys().all(|key| keys.contains(&key.as_str()));
        let number = |key: &str| body.get(key).map(|value| value.as_u64().and_then(|value| u32::try_from(value).ok()));
        let text = |key: &str| body.get(key).map(|value| value.as_str().and_then(plain));
        match parts(id).0 {
            "memory_limiter" if only(&["check_interval", "limit_mib", "spike_limit_mib"]) => Some(Meaning::Limiter(Memory {
                limit_mib: number("limit_mib")??,
                spike_limit_mib: match number("spike_limit_mib") {
                    Some(value) => Some(value?),
                    None => None,
                },
                check_interval: text("check_interval")??,
            })),
            "batch" if only(&["timeout", "send_batch_size", "send_batch_max_size"]) => {
                let usual = Batch::default();
                Some(Meaning::Batch(Batch {
                    timeout: text("timeout").unwrap_or(Some(usual.timeout))?,
                    send_batch_size: number("send_batch_size").unwrap_or(Some(usual.send_batch_size))?,
                    send_batch_max_size: number("send_batch_max_size").unwrap_or(Some(usual.send_batch_max_size))?,
                }))
            }
            "attributes" if only(&["actions"]) => constants(body.get("actions")?).map(Meaning::Constants),
            "resource" if only(&["attributes"]) => constants(body.get("attributes")?).map(Meaning::Resource),
            "cumulativetodelta" if map.is_empty() => Some(Meaning::Delta),
            "filter" if only(&["metrics"]) => {
                let metrics = body.get("metrics")?.as_object()?;
                if metrics.len() != 1 {
                    return None;
                }
                match (metrics.get("include"), metrics.get("datapoint")) {
                    (Some(include), _) => {
                        let keys = include.as_object()?.keys().all(|key| key == "match_type" || key == "metric_names");
                        let strict = include.get("match_type")?.as_str()? == "strict";
                        let names =
                            include.get("metric_names").and_then(texts).filter(|names| strict && keys && !names.is_empty())?;
                        let told = |name: String| {
                            let known = HOST_NAMES.iter().find(|(_, inside)| *inside == name);
                            known.map_or(name, |(told, _)| (*told).to_owned())
                        };
                        Some(Meaning::Names(names.into_iter().map(told).collect()))
                    }
                    (None, Some(conditions)) => {
                        texts(conditions)?.iter().map(|text| allowed(text)).collect::<Option<_>>().map(Meaning::Objects)
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// Pipelines of a signal.
fn lines_of<'a>(lines: &'a [Line], signal: &'a str) -> impl Iterator<Item = &'a Line> {
    lines.iter().filter(move |line| line.signal == signal)
}

/// Keys and texts of actions that do nothing but put them on.
fn constants(actions: &Value) -> Option<Vec<(String, String)>> {
    let constant = |action: &Value| {
        let map = action.as_object()?;
        let puts = matches!(map.get("action")?.as_str()?, "insert" | "upsert");
        let (key, value) = (plain(map.get("key")?.as_str()?)?, plain(map.get("value")?.as_str()?)?);
        (puts && map.len() == 3).then_some((key, value))
    };
    actions.as_array().filter(|actions| !actions.is_empty())?.iter().map(constant).collect()
}

/// The pattern of a condition by which points of other objects are dropped, as the generator writes it.
fn allowed(condition: &str) -> Option<(&'static str, String)> {
    ["queue", "vhost"].into_iter().find_map(|label| {
        let head = format!("attributes[\"{label}\"] != nil and not IsMatch(attributes[\"{label}\"], ");
        let pattern: String = serde_json::from_str(condition.strip_prefix(&head)?.strip_suffix(')')?).ok()?;
        Some((label, pattern.strip_prefix("^(?:")?.strip_suffix(")$")?.to_owned()))
    })
}
