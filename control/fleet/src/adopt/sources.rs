//! Receivers: which settings they come of, and what they are in the generator's words.

use super::Note;
use super::text::{hidden, normal, parts, plain, take, text_at, texts, unsaid};
use super::vault::Vault;
use crate::layers::below;
use crate::model::Backend;
use crate::render::own;
use crate::settings::Settings;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a job asks for when nobody says how often, as Prometheus has it.
const INTERVAL: &str = "1m";

pub(super) const BROKER: &str = "prometheus/broker";
pub(super) const DETAILED: &str = "prometheus/detailed";
pub(super) const HOST: &str = "hostmetrics/host";
pub(super) const JOURNAL: &str = "journald/logs";

/// Receivers as they will be.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources {
    /// What each is called by now, by what it was called; one may have become two.
    pub(super) names: BTreeMap<String, Vec<String>>,
    /// What each is set to, by what it is called by now.
    pub(super) bodies: BTreeMap<String, Value>,
    /// Labels of targets: of which receiver, and what they say.
    pub(super) labels: Vec<(&'static str, BTreeMap<String, String>)>,
    /// The kind of broker, if that is seen.
    pub(super) broker: Option<Backend>,
}

/// Which of them can be recognized: those that the generator would make.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) metrics: bool,
    pub(super) logs: bool,
}

/// Reads those receivers that are in pipelines; puts what they say into the settings.
pub(super) fn sources(
    receivers: &[(String, Value)],
    wanted: Wanted,
    settings: &mut Settings,
    notes: &mut Vec<Note>,
    vault: &mut Vault,
) -> Sources {
    let mut sources = Sources::default();
    for (id, body) in receivers {
        let body = normal(&hidden(body, &format!("fleet/{id}"), vault));
        let kind = if body.is_object() { parts(id).0 } else { "" };
        let names = match kind {
            "prometheus" if wanted.metrics && lists_its_jobs(&body) => jobs(id, body, settings, &mut sources, notes),
            "hostmetrics" if wanted.metrics && !sources.bodies.contains_key(HOST) => {
                settings.host.enabled = true;
                let mut body = body;
                if unsaid(&body, "collection_interval") {
                    body["collection_interval"] = json!(settings.host.interval);
                }
                // What a variable says, settings cannot.
                if let Some(interval) = text_at(&body, "/collection_interval") {
                    settings.host.interval = interval;
                }
                sources.bodies.insert(HOST.to_owned(), body);
                vec![HOST.to_owned()]
            }
            "journald" if wanted.logs && !sources.bodies.contains_key(JOURNAL) => {
                settings.logs.enabled = true;
                settings.logs.units = body.get("units").and_then(texts).unwrap_or_default();
                let mut body = body;
                if let Some(map) = body.as_object_mut() {
                    map.entry("start_at").or_insert_with(|| json!("end"));
                }
                sources.bodies.insert(JOURNAL.to_owned(), body);
                vec![JOURNAL.to_owned()]
            }
            _ => {
                let name = free(id, &sources.bodies);
                sources.bodies.insert(name.clone(), body);
                vec![name]
            }
        };
        sources.names.insert(id.clone(), names);
    }
    sources
}

/// Whether everything that a receiver of Prometheus' pages scrapes stands in it, and nothing is named elsewhere.
fn lists_its_jobs(body: &Value) -> bool {
    let Some(config) = body.get("config") else { return false };
    let jobs = config.get("scrape_configs").is_some_and(Value::is_array) && !unsaid(config, "scrape_configs");
    jobs && unsaid(config, "scrape_config_files") && unsaid(body, "target_allocator")
}

/// The jobs of a receiver of Prometheus' pages: each that is known becomes a receiver, the others stay together.
fn jobs(id: &str, body: Value, settings: &mut Settings, sources: &mut Sources, notes: &mut Vec<Note>) -> Vec<String> {
    let mut rest = body;
    let mut config = take(&mut rest, "config").unwrap_or_else(|| json!({}));
    let list = take(&mut config, "scrape_configs").and_then(|list| list.as_array().cloned()).unwrap_or_default();
    // Jobs that are known say themselves how often; the others are told as they were.
    let mut bare = config.clone();
    let said = bare.get("global").is_some_and(|global| !unsaid(global, "scrape_interval"));
    let interval = bare.get_mut("global").and_then(|global| take(global, "scrape_interval")).filter(|_| said);
    let interval = interval.unwrap_or_else(|| json!(INTERVAL));
    if unsaid(&bare, "global") {
        take(&mut bare, "global");
    }
    let (mut names, mut others) = (Vec::new(), Vec::new());
    let receiver = |config: &Value, jobs: Vec<Value>| {
        let mut receiver = rest.clone();
        receiver["config"] = config.clone();
        receiver["config"]["scrape_configs"] = Value::Array(jobs);
        receiver
    };
    for (at, job) in list.into_iter().enumerate() {
        let path = text_at(&job, "/metrics_path").unwrap_or_else(|| "/metrics".to_owned());
        let pointer = format!("{}/config/scrape_configs/{at}", below("/receivers", id));
        let name = match path.as_str() {
            "/metrics" if job.is_object() && !sources.bodies.contains_key(BROKER) => BROKER,
            "/metrics/detailed" if job.is_object() && !sources.bodies.contains_key(DETAILED) => DETAILED,
            _ => {
                others.push(job);
                continue;
            }
        };
        let job = known(job, name, &interval, &pointer, settings, sources, notes);
        sources.bodies.insert(name.to_owned(), receiver(&bare, vec![job]));
        names.push(name.to_owned());
    }
    if !others.is_empty() {
        let name = free(id, &sources.bodies);
        sources.bodies.insert(name.clone(), receiver(&config, others));
        names.push(name);
    }
    names
}

/// A job of a broker in the generator's words.
fn known(
    mut job: Value,
    name: &'static str,
    interval: &Value,
    pointer: &str,
    settings: &mut Settings,
    sources: &mut Sources,
    notes: &mut Vec<Note>,
) -> Value {
    if unsaid(&job, "scrape_interval") {
        job["scrape_interval"] = interval.clone();
    }
    // What a variable says, settings cannot.
    let interval = text_at(&job, "/scrape_interval");
    if text_at(&job, "/scheme").as_deref() == Some("http") {
        take(&mut job, "scheme");
    }
    let title = text_at(&job, "/job_name").unwrap_or_default();
    sources.broker = sources.broker.or(match title.strip_suffix("-detailed").unwrap_or(&title) {
        "rabbitmq" => Some(Backend::RabbitMq),
        "lavinmq" => Some(Backend::LavinMq),
        _ => None,
    });
    let target = text_at(&job, "/static_configs/0/targets/0");
    if let Some(place) = job.pointer_mut("/static_configs/0")
        && let Some(labels) = take(place, "labels")
    {
        let said: Option<BTreeMap<String, String>> = labels
            .as_object()
            .and_then(|map| map.iter().map(|(key, value)| Some((key.clone(), plain(value.as_str()?)?))).collect());
        match said {
            Some(said) => sources.labels.push((name, said)),
            None => place["labels"] = labels,
        }
    }
    if name == BROKER {
        take(&mut job, "metrics_path");
        settings.scrape.endpoint = target.unwrap_or_default();
        settings.scrape.interval = interval.unwrap_or_else(|| settings.scrape.interval.clone());
        return job;
    }
    let detailed = &mut settings.scrape.detailed;
    detailed.enabled = true;
    detailed.interval = interval;
    for (key, list) in [("family", &mut detailed.families), ("vhost", &mut detailed.vhosts)] {
        let said = job.pointer(&format!("/params/{key}")).and_then(texts);
        *list = said.unwrap_or_default();
        if !list.is_empty() {
            job["params"][key] = json!(list.iter().map(|text| crate::secret::escape(text)).collect::<Vec<_>>());
        }
    }
    let limit = job.get("sample_limit").and_then(Value::as_u64).and_then(|limit| u32::try_from(limit).ok());
    detailed.max_series = limit.unwrap_or(0);
    if limit.is_none() {
        job["sample_limit"] = json!(0);
        let message = "single objects are scraped without limit, as before: set scrape.detailed.max_series";
        notes.push(Note { pointer: pointer.to_owned(), message: message.to_owned() });
    }
    job
}

/// An id that nothing has yet, and that the generator gives to nothing.
fn free(id: &str, taken: &BTreeMap<String, Value>) -> String {
    let own = |id: &str| [BROKER, DETAILED, HOST, JOURNAL].contains(&id) || own::RECEIVERS.contains(&id);
    let fits = |id: &String| !own(id) && !taken.contains_key(id);
    let (kind, name) = parts(id);
    let numbered = (1..).map(|number| match (name, number) {
        ("", 1) => format!("{kind}/others"),
        (name, 1) => format!("{kind}/{name}-others"),
        (name, number) => format!("{kind}/{name}-others-{number}"),
    });
    std::iter::once(id.to_owned()).chain(numbered).find(fits).unwrap_or_default()
}
