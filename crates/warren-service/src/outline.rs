//! The outline of a configuration: which nodes it makes, what leads where, and what each depends on. It is all that has to be kept of a
//! configuration to tell later what another one changes, and it holds no settings, only fingerprints of them.

#[cfg(test)]
mod tests;

use crate::config::Settings;
use indexmap::IndexMap;
use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use warren_component::ComponentName;
use warren_config::{Block, ComponentId, Diagnostics, PipelineId, Value, encode, fingerprint};
use warren_pdata::Signal;

/// Longest file that is read to see whether it changed, in bytes. What is behind does not count.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// A node of the graph, by what makes it the same in two configurations.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Key {
    /// One for each id.
    Extension(ComponentId),
    /// One for each signal and id, whatever pipelines use it.
    Exporter(Signal, ComponentId),
    /// One for each pipeline.
    Processor(PipelineId, ComponentId),
    /// One for each id, for all signals.
    Receiver(ComponentId),
}

/// What a node is made of. Two nodes of equal prints are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Print {
    /// Of the decoded settings, defaults filled in.
    settings: u64,
    /// Of the contents of the files that settings name.
    files: u64,
    /// Of the process's own settings that all components are built with.
    process: u64,
    /// What pipelines want of a receiver.
    signals: Vec<Signal>,
    /// Of the extensions that settings refer to.
    extensions: BTreeMap<ComponentId, u64>,
}

/// A node and what follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) print: Print,
    /// Where each signal goes.
    pub(crate) next: Vec<(Signal, Vec<Key>)>,
}

/// A configuration in outline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outline {
    /// In the order of their start: extensions, exporters, processors from the end of each pipeline to its beginning, receivers.
    pub(crate) parts: IndexMap<Key, Part>,
    /// Of `service::telemetry`.
    pub(crate) telemetry: u64,
}

/// Which of a node's own circumstances differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    Settings,
    Files,
    Process,
    Signals,
    Extension(ComponentId),
}

impl Outline {
    /// The outline of settings that are without fault. `diagnostics` know what settings refer to.
    pub(crate) fn of(settings: &mut Settings, diagnostics: &Diagnostics) -> Self {
        let process = fingerprint(&Value::String(format!("{:?}", settings.telemetry.detail())));
        let mut prints = Prints { extensions: BTreeMap::new(), process, diagnostics };
        let mut parts = IndexMap::new();
        let running = settings.running_extensions.iter();
        for id in running {
            let Some(config) = settings.extensions.get_mut(id) else { continue };
            let print = prints.of("extensions", id, &mut **config);
            prints.extensions.insert(id.clone(), print.digest());
            parts.insert(Key::Extension(id.clone()), Part { print, next: Vec::new() });
        }
        let mut processors: Vec<(Key, Part)> = Vec::new();
        let mut receivers: IndexMap<ComponentId, BTreeMap<Signal, Vec<Key>>> = IndexMap::new();
        for (pipeline_id, pipeline) in &settings.pipelines {
            let signal = pipeline_id.signal();
            let mut next: Vec<Key> = Vec::new();
            for id in &pipeline.exporters {
                let Some(config) = settings.exporters.get_mut(id) else { continue };
                let key = Key::Exporter(signal, id.clone());
                if !parts.contains_key(&key) {
                    let print = prints.of("exporters", id, &mut **config);
                    parts.insert(key.clone(), Part { print, next: Vec::new() });
                }
                if !next.contains(&key) {
                    next.push(key);
                }
            }
            for id in pipeline.processors.iter().rev() {
                let Some(config) = settings.processors.get_mut(id) else { continue };
                let print = prints.of("processors", id, &mut **config);
                let key = Key::Processor(pipeline_id.clone(), id.clone());
                processors.push((key.clone(), Part { print, next: vec![(signal, next)] }));
                next = vec![key];
            }
            for id in &pipeline.receivers {
                let heads = receivers.entry(id.clone()).or_default().entry(signal).or_default();
                next.iter()
                    .filter(|key| !heads.contains(key))
                    .cloned()
                    .collect::<Vec<_>>()
                    .into_iter()
                    .for_each(|key| heads.push(key));
            }
        }
        parts.extend(processors);
        for (id, next) in receivers {
            let Some(config) = settings.receivers.get_mut(&id) else { continue };
            let mut print = prints.of("receivers", &id, &mut **config);
            print.signals = next.keys().copied().collect();
            parts.insert(Key::Receiver(id), Part { print, next: next.into_iter().collect() });
        }
        Self { parts, telemetry: fingerprint(&encode(&mut settings.telemetry)) }
    }

    /// A number that is the same for configurations that mean the same.
    pub(crate) fn hash(&self) -> u64 {
        let mut lines: Vec<String> = self.parts.iter().map(|(key, part)| format!("{key:?} {part:?}")).collect();
        lines.sort_unstable();
        lines.push(self.telemetry.to_string());
        fingerprint(&Value::String(lines.join("\n")))
    }
}

/// Takes prints of components.
struct Prints<'a> {
    /// Those of extensions so far.
    extensions: BTreeMap<ComponentId, u64>,
    process: u64,
    diagnostics: &'a Diagnostics,
}

impl Prints<'_> {
    fn of(&self, section: &str, id: &ComponentId, config: &mut dyn Block) -> Print {
        let own = |component: &Option<ComponentId>, path: &str| {
            component.as_ref() == Some(id) && path.strip_prefix(section).is_some_and(|rest| rest.starts_with("::"))
        };
        let references = self.diagnostics.references.iter().filter(|reference| own(&reference.component, &reference.path));
        let extensions = references.filter_map(|reference| self.extensions.get_key_value(&reference.id));
        let files = self.diagnostics.files.iter().filter(|file| own(&file.component, &file.path));
        let contents: Vec<String> = files.map(|file| format!("{} {:?}", file.file, content(&file.file))).collect();
        Print {
            settings: fingerprint(&encode(config)),
            files: fingerprint(&Value::String(contents.join("\n"))),
            process: self.process,
            signals: Vec::new(),
            extensions: extensions.map(|(id, print)| (id.clone(), *print)).collect(),
        }
    }
}

impl Print {
    /// What the extension is, for its users; what all are built with counts for each of them by itself.
    fn digest(&self) -> u64 {
        fingerprint(&Value::String(format!("{:?}", (self.settings, self.files, &self.extensions))))
    }

    /// What is different in `new`.
    pub(crate) fn differences(&self, new: &Self) -> Vec<Why> {
        let mut all = Vec::new();
        let differ = [
            (self.settings != new.settings, Why::Settings),
            (self.files != new.files, Why::Files),
            (self.process != new.process, Why::Process),
            (self.signals != new.signals, Why::Signals),
        ];
        all.extend(differ.into_iter().filter(|(differs, _)| *differs).map(|(_, why)| why));
        let both = self.extensions.keys().chain(new.extensions.keys().filter(|id| !self.extensions.contains_key(id)));
        all.extend(both.filter(|id| self.extensions.get(id) != new.extensions.get(id)).cloned().map(Why::Extension));
        all
    }
}

/// Fingerprint of a file's content; none when it cannot be read.
fn content(path: &str) -> Option<u64> {
    let mut bytes = Vec::new();
    std::fs::File::open(path).ok()?.take(FILE_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    Some(fingerprint(&Value::String(String::from_utf8_lossy(&bytes).into_owned())))
}

impl Key {
    /// What kind of component it is.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Extension(_) => "extension",
            Self::Exporter(..) => "exporter",
            Self::Processor(..) => "processor",
            Self::Receiver(_) => "receiver",
        }
    }

    /// The component's id.
    pub(crate) fn id(&self) -> &ComponentId {
        match self {
            Self::Extension(id) | Self::Exporter(_, id) | Self::Processor(_, id) | Self::Receiver(id) => id,
        }
    }

    /// The pipeline it belongs to alone.
    pub(crate) fn pipeline(&self) -> Option<&PipelineId> {
        match self {
            Self::Processor(pipeline, _) => Some(pipeline),
            _ => None,
        }
    }

    /// The signal it carries, if it is one.
    pub(crate) fn signal(&self) -> Option<Signal> {
        match self {
            Self::Exporter(signal, _) => Some(*signal),
            Self::Processor(pipeline, _) => Some(pipeline.signal()),
            Self::Extension(_) | Self::Receiver(_) => None,
        }
    }
}

impl Key {
    /// The node as others know it.
    pub(crate) fn name(&self) -> ComponentName {
        ComponentName {
            kind: self.kind(),
            id: self.id().clone(),
            signal: self.signal(),
            pipeline: self.pipeline().map(ToString::to_string),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Extension(id) | Self::Receiver(id) => write!(f, "{} {id}", self.kind()),
            Self::Exporter(signal, id) => write!(f, "exporter {id} ({signal})"),
            Self::Processor(pipeline, id) => write!(f, "processor {id} ({pipeline})"),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings => f.write_str("its settings changed"),
            Self::Files => f.write_str("a file that its settings name changed"),
            Self::Process => f.write_str("service::telemetry::metrics::level changed"),
            Self::Signals => f.write_str("pipelines want other signals of it"),
            Self::Extension(id) => write!(f, "extension {id}, which it uses, changed"),
        }
    }
}
