//! What no component can check by itself: pipelines, references, files.

use super::{Pipeline, Settings};
use std::collections::HashSet;
use warren_component::Factories;
use warren_config::{
    ComponentId, Diagnostic, Diagnostics, Node, PipelineId, Place, ReferenceKind, Section, Sections, Severity, Stage, Value,
};
use warren_pdata::Signal;

/// The gate that allows a service without pipelines.
pub(crate) const NO_PIPELINES_GATE: &str = "service.AllowNoPipelines";

impl Settings {
    pub(super) fn check(&self, root: &Node, sections: &Sections, factories: &Factories, diagnostics: &mut Diagnostics) {
        let all = [&sections.receivers, &sections.processors, &sections.exporters, &sections.connectors, &sections.extensions];
        // A section that is not even a mapping was told already.
        let decoded = !diagnostics.has_errors();
        if decoded && all.into_iter().all(Section::is_empty) {
            return tell_whole("empty", "empty configuration file", root.place.clone(), diagnostics);
        }
        if decoded && !diagnostics.gates.contains(NO_PIPELINES_GATE) {
            if sections.receivers.is_empty() {
                let text = "no receiver configuration specified in config";
                tell_whole("no-receivers", text, section_place(root, "receivers"), diagnostics);
            }
            if sections.exporters.is_empty() {
                let text = "no exporter configuration specified in config";
                tell_whole("no-exporters", text, section_place(root, "exporters"), diagnostics);
            }
        }
        self.check_pipelines(root, sections, factories, diagnostics);
        self.check_extensions(root, sections, diagnostics);
        self.check_references(root, sections, diagnostics);
    }

    fn check_pipelines(&self, root: &Node, sections: &Sections, factories: &Factories, diagnostics: &mut Diagnostics) {
        let node = sections.service.get("pipelines");
        let none = node.is_none_or(|node| node.is_null() || node.as_map().is_some_and(|map| map.is_empty()));
        if none && !diagnostics.gates.contains(NO_PIPELINES_GATE) {
            let place = node.map_or(sections.service.place.clone(), |node| node.place.clone());
            let message = "service must have at least one pipeline".to_owned();
            diagnostics.push(finding("no-pipelines", "service::pipelines", message, place, None));
        }
        for (id, pipeline) in &self.pipelines {
            let node = node.and_then(|pipelines| pipelines.get(&id.to_string()));
            PipelineCheck { id, node, root, diagnostics }.run(pipeline, sections, factories);
            self.check_components(id, pipeline, sections, diagnostics);
            if id.signal() == Signal::Metrics {
                self.check_replaced(id, node, pipeline, diagnostics);
            }
        }
    }

    /// What is wrong with the settings of processors and exporters for the signal of a pipeline, in the words with which upstream fails to build them.
    fn check_components(&self, pipeline: &PipelineId, of: &Pipeline, sections: &Sections, diagnostics: &mut Diagnostics) {
        let signal = pipeline.signal();
        let processors = of.processors.iter().filter_map(|id| {
            let error = self.processors.get(id)?.check(signal).err()?;
            Some((id, &sections.processors, format!("create \"{id}\" processor, in pipeline \"{pipeline}\": {error}")))
        });
        let exporters = of.exporters.iter().filter_map(|id| {
            let error = self.exporters.get(id)?.check(signal).err()?;
            Some((id, &sections.exporters, format!("create \"{id}\" exporter for data type \"{signal}\": {error}")))
        });
        for (id, section, what) in processors.chain(exporters) {
            let message = format!("failed to build pipelines: failed to {what}");
            let place = section.get(id).map_or_else(Place::none, |raw| raw.node.place.clone());
            let mut told = Diagnostic::new(Severity::Error, Stage::Build, "unusable-settings", message, place);
            told.pointer = format!("/{}/{}", section.name(), id.to_string().replace('~', "~0").replace('/', "~1"));
            told.component = Some(id.clone());
            if !diagnostics.iter().any(|known| known.message == told.message) {
                diagnostics.push(told);
            }
        }
    }

    /// Attributes that processors give data points and exporters of the same pipeline replace: whoever set them will not find them.
    fn check_replaced(&self, id: &PipelineId, node: Option<&Node>, pipeline: &Pipeline, diagnostics: &mut Diagnostics) {
        let processors = pipeline.processors.iter().filter_map(|id| Some((id, self.processors.get(id)?.point_attributes())));
        for (processor, attributes) in processors {
            let exporters = pipeline.exporters.iter().filter_map(|id| Some((id, self.exporters.get(id)?.replaced())));
            for (exporter, replaced) in exporters {
                for replaced in replaced.iter().filter(|replaced| attributes.iter().any(|name| name == replaced.attribute)) {
                    let message = format!(
                        "the attribute {:?} that {processor} gives data points does not reach the destination of {exporter} where the resource has \
                         {:?}, as all have that the prometheus receiver makes: it is written in its place",
                        replaced.attribute, replaced.by
                    );
                    let place = element_place(node.and_then(|node| node.get("processors")), processor, diagnostics);
                    let remedy = format!("set {:?} of the resource instead, with the resource processor", replaced.by);
                    let mut told =
                        finding("replaced-attribute", &format!("service::pipelines::{id}"), message, place, Some(remedy));
                    told.severity = Severity::Warning;
                    diagnostics.push(told);
                }
            }
        }
    }

    fn check_extensions(&self, root: &Node, sections: &Sections, diagnostics: &mut Diagnostics) {
        for id in &self.running_extensions {
            if !is_configured(root, &sections.extensions, id) {
                let place = element_place(sections.service.get("extensions"), id, diagnostics);
                let message = format!("references extension \"{id}\" which is not configured");
                let remedy = nearest_of(id, &sections.extensions, diagnostics)
                    .unwrap_or_else(|| "define it under extensions, or take it out of service::extensions".to_owned());
                diagnostics.push(finding("undefined-reference", "service::extensions", message, place, Some(remedy)));
            }
        }
    }

    /// Every extension that settings refer to must be defined and running.
    fn check_references(&self, root: &Node, sections: &Sections, diagnostics: &mut Diagnostics) {
        for reference in diagnostics.references.clone() {
            let (word, missing) = match reference.kind {
                ReferenceKind::Authenticator => ("authenticator", "authenticator not found"),
                ReferenceKind::Storage => ("storage", "no storage client extension found"),
                ReferenceKind::Encoding => ("encoding extension", "extension not found"),
                ReferenceKind::Middleware => ("middleware", "extension not found"),
            };
            let id = &reference.id;
            let remedy = if !is_configured(root, &sections.extensions, id) {
                nearest_of(id, &sections.extensions, diagnostics)
                    .unwrap_or_else(|| format!("define \"{id}\" under extensions, and list it in service::extensions"))
            } else if !self.running_extensions.contains(id) {
                format!("\"{id}\" is defined under extensions but not listed in service::extensions; list it there")
            } else {
                continue;
            };
            let message = format!("failed to resolve {word} \"{id}\": {missing}");
            let mut told = finding("undefined-reference", &reference.path, message, reference.place, Some(remedy));
            (told.pointer, told.component) = (reference.pointer, reference.component);
            diagnostics.push(told);
        }
    }
}

/// The files that settings name must be readable, the directories must be there.
pub(super) fn check_files(diagnostics: &mut Diagnostics) {
    for file in diagnostics.files.clone() {
        let fault = if file.directory { missing_directory(&file.file) } else { unreadable_file(&file.file) };
        if let Some(message) = fault {
            let mut told = finding("missing-file", &file.path, message, file.place, None);
            (told.pointer, told.component) = (file.pointer, file.component);
            diagnostics.push(told);
        }
    }
}

fn unreadable_file(path: &str) -> Option<String> {
    let error = std::fs::File::open(path).err()?;
    Some(format!("open {path}: {}", reason(&error)))
}

/// What is wrong with a directory, in upstream's words.
fn missing_directory(path: &str) -> Option<String> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => None,
        Ok(_) => Some(format!("{path} is not a directory")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Some(format!(
            "directory must exist: stat {path}: {}. You can enable the create_directory option to automatically create it",
            reason(&error)
        )),
        Err(error) => Some(format!("problem accessing configured directory: {path}, err: stat {path}: {}", reason(&error))),
    }
}

fn reason(error: &std::io::Error) -> String {
    error.to_string().split(" (os error").next().unwrap_or_default().to_lowercase()
}

/// The checks of one pipeline.
struct PipelineCheck<'a> {
    id: &'a PipelineId,
    node: Option<&'a Node>,
    root: &'a Node,
    diagnostics: &'a mut Diagnostics,
}

impl PipelineCheck<'_> {
    fn run(mut self, pipeline: &Pipeline, sections: &Sections, factories: &Factories) {
        let signal = self.id.signal();
        if pipeline.receivers.is_empty() {
            self.tell(
                "incomplete-pipeline",
                "receivers",
                "must have at least one receiver".to_owned(),
                self.place("receivers"),
                None,
            );
        }
        if pipeline.exporters.is_empty() {
            self.tell(
                "incomplete-pipeline",
                "exporters",
                "must have at least one exporter".to_owned(),
                self.place("exporters"),
                None,
            );
        }
        for id in &pipeline.receivers {
            let supports = factories.receivers.iter().find(|factory| factory.is(id.kind())).map(|f| f.signals.supports(signal));
            self.component("receiver", id, &sections.receivers, supports);
        }
        let mut before = HashSet::new();
        for id in &pipeline.processors {
            let supports = factories.processors.iter().find(|factory| factory.is(id.kind())).map(|f| f.signals.supports(signal));
            self.component("processor", id, &sections.processors, supports);
            if !before.insert(id) {
                let place = self.element("processors", id);
                let message = format!("references processor \"{id}\" multiple times");
                self.tell("repeated-processor", "processors", message, place, None);
            }
        }
        for id in &pipeline.exporters {
            let supports = factories.exporters.iter().find(|factory| factory.is(id.kind())).map(|f| f.signals.supports(signal));
            self.component("exporter", id, &sections.exporters, supports);
        }
    }

    /// A component must be configured, and support the pipeline's signal. `supports` is none for an unknown type, which was told before.
    fn component(&mut self, kind: &str, id: &ComponentId, section: &Section, supports: Option<bool>) {
        let list = format!("{kind}s");
        if !is_configured(self.root, section, id) {
            let place = self.element(&list, id);
            let remedy = nearest_of(id, section, self.diagnostics).unwrap_or_else(|| format!("define it under {list}"));
            let message = format!("references {kind} \"{id}\" which is not configured");
            self.tell("undefined-reference", &list, message, place, Some(remedy));
        } else if supports == Some(false) {
            let message = unsupported(kind, id, self.id, self.id.signal());
            let place = self.element(&list, id);
            let mut told = Diagnostic::new(Severity::Error, Stage::Build, "unsupported-signal", message, place);
            told.pointer = self.pointer(&list);
            told.component = Some(id.clone());
            self.diagnostics.push(told);
        }
    }

    fn element(&self, list: &str, id: &ComponentId) -> Place {
        element_place(self.node.and_then(|node| node.get(list)), id, self.diagnostics)
    }

    fn place(&self, key: &str) -> Place {
        let Some(node) = self.node else { return Place::none() };
        node.get(key).map_or_else(|| node.place.clone(), |list| list.place.clone())
    }

    fn pointer(&self, key: &str) -> String {
        format!("/service/pipelines/{}/{key}", self.id.to_string().replace('~', "~0").replace('/', "~1"))
    }

    fn tell(&mut self, code: &'static str, key: &str, message: String, place: Place, hint: Option<String>) {
        let mut told = finding(code, &format!("service::pipelines::{}", self.id), message, place, hint);
        told.pointer = self.pointer(key);
        self.diagnostics.push(told);
    }
}

/// Upstream's words for a component that does not carry a signal.
fn unsupported(kind: &str, id: &ComponentId, pipeline: &PipelineId, signal: Signal) -> String {
    let what = match kind {
        "processor" => format!("\"{id}\" processor, in pipeline \"{pipeline}\""),
        _ => format!("\"{id}\" {kind} for data type \"{signal}\""),
    };
    format!("failed to build pipelines: failed to create {what}: telemetry type is not supported")
}

fn finding(code: &'static str, path: &str, message: String, place: Place, hint: Option<String>) -> Diagnostic {
    let mut finding = Diagnostic::new(Severity::Error, Stage::Validate, code, message, place);
    finding.path = path.to_owned();
    finding.pointer = format!("/{}", path.replace("::", "/"));
    finding.hint = hint;
    finding
}

fn tell_whole(code: &'static str, message: &str, place: Place, diagnostics: &mut Diagnostics) {
    diagnostics.error(Stage::Validate, code, message, place);
}

fn section_place(root: &Node, section: &str) -> Place {
    let entry = root.as_map().and_then(|map| map.entry(section));
    entry.map_or_else(|| root.place.clone(), |entry| entry.key_place.clone())
}

/// Whether a component is configured, be it with settings that are not even a mapping, which was told already.
fn is_configured(root: &Node, section: &Section, id: &ComponentId) -> bool {
    section.contains(id) || root.get(section.name()).and_then(|section| section.get(&id.to_string())).is_some()
}

fn nearest_of(id: &ComponentId, section: &Section, diagnostics: &Diagnostics) -> Option<String> {
    if diagnostics.is_full() {
        return None;
    }
    let ids: Vec<String> = section.iter().map(|(id, _)| id.to_string()).collect();
    diagnostics.did_you_mean(&id.to_string(), ids.iter().map(String::as_str))
}

/// The place of an id within a list, if anybody will read it.
fn element_place(list: Option<&Node>, id: &ComponentId, diagnostics: &Diagnostics) -> Place {
    let Some(list) = list.filter(|_| !diagnostics.is_full()) else { return Place::none() };
    let text = id.to_string();
    let mut elements = list.as_list().into_iter().flatten();
    let element = elements.find(|node| matches!(&node.value, Value::String(own) if own == &text));
    element.map_or_else(|| list.place.clone(), |node| node.place.clone())
}
