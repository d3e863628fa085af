//! From the configuration tree to the settings of all components.
//!
//! Every configured component is decoded and validated, also one that no pipeline uses. Pipelines and what settings refer to are checked
//! against what is configured. Nothing is opened but the files that settings name, and those only to see that they can be.

use crate::telemetry::TelemetrySettings;
use indexmap::IndexMap;
use warren_component::{ExporterConfig, ExtensionConfig, Factories, ProcessorConfig, ReceiverConfig};
use warren_config::{
    Block, ComponentId, Diagnostic, Diagnostics, Fields, Node, PipelineId, Place, ReferenceKind, Report, Section, Sections,
    Severity, Stage, Value,
};

/// The settings of everything.
pub(crate) struct Settings {
    pub(crate) receivers: IndexMap<ComponentId, Box<dyn ReceiverConfig>>,
    pub(crate) processors: IndexMap<ComponentId, Box<dyn ProcessorConfig>>,
    pub(crate) exporters: IndexMap<ComponentId, Box<dyn ExporterConfig>>,
    pub(crate) extensions: IndexMap<ComponentId, Box<dyn ExtensionConfig>>,
    /// Extensions that run, in the order of their start.
    pub(crate) running_extensions: Vec<ComponentId>,
    pub(crate) pipelines: IndexMap<PipelineId, Pipeline>,
    pub(crate) telemetry: TelemetrySettings,
}

/// A pipeline by the ids of its components.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pipeline {
    pub(crate) receivers: Vec<ComponentId>,
    pub(crate) processors: Vec<ComponentId>,
    pub(crate) exporters: Vec<ComponentId>,
}

/// `service`
#[derive(Default)]
struct Service {
    extensions: Vec<ComponentId>,
    pipelines: IndexMap<String, Pipeline>,
    telemetry: TelemetrySettings,
}

impl Block for Service {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.list("extensions", &mut self.extensions);
        f.block_map("pipelines", &mut self.pipelines);
        f.block("telemetry", &mut self.telemetry);
    }
}

impl Block for Pipeline {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.list("receivers", &mut self.receivers);
        f.list("processors", &mut self.processors);
        f.list("exporters", &mut self.exporters);
    }
}

/// Decodes and validates a configuration. What is wrong is told in `diagnostics`; the settings are of use only when nothing is.
pub(crate) fn decode(root: &Node, factories: &Factories, diagnostics: &mut Diagnostics) -> Settings {
    let sections = Sections::split(root, diagnostics);
    macro_rules! decode {
        ($section:ident) => {{
            let known: Vec<&str> = factories.$section.iter().map(|factory| factory.kind).collect();
            let make = |kind: &str| factories.$section.iter().find(|factory| factory.is(kind)).map(|factory| (factory.config)());
            decode_section(&sections.$section, diagnostics, make, &known)
        }};
    }
    let receivers = decode!(receivers);
    let processors = decode!(processors);
    let exporters = decode!(exporters);
    let extensions = decode!(extensions);
    for (id, _) in sections.connectors.iter() {
        sections.connectors.unknown_type(id, &[], diagnostics);
    }
    let mut service = Service::default();
    let mut report = Report::root(diagnostics, Some(root));
    warren_config::decode(&sections.service, &mut service, report.at_key("service", &sections.service));
    let decoded = !diagnostics.has_errors();
    let pipelines = pipelines(service.pipelines, &sections.service, diagnostics);
    let mut settings = Settings {
        receivers,
        processors,
        exporters,
        extensions,
        running_extensions: service.extensions,
        pipelines,
        telemetry: service.telemetry,
    };
    if decoded {
        settings.check(root, &sections, factories, diagnostics);
    }
    settings
}

/// Decodes the components of one section over their defaults.
fn decode_section<C: Block + ?Sized>(
    section: &Section,
    diagnostics: &mut Diagnostics,
    make: impl Fn(&str) -> Option<Box<C>>,
    known: &[&str],
) -> IndexMap<ComponentId, Box<C>>
where
    Box<C>: AsBlock,
{
    let mut components = IndexMap::new();
    for (id, _) in section.iter() {
        match make(id.kind()) {
            None => section.unknown_type(id, known, diagnostics),
            Some(mut config) => {
                section.decode(id, config.as_block(), diagnostics);
                components.insert(id.clone(), config);
            }
        }
    }
    components
}

/// A component's settings as what decodes and validates itself.
trait AsBlock {
    fn as_block(&mut self) -> &mut dyn Block;
}

macro_rules! as_block {
    ($($config:ident),*) => {
        $(impl AsBlock for Box<dyn $config> {
            fn as_block(&mut self) -> &mut dyn Block {
                &mut **self
            }
        })*
    };
}

as_block!(ReceiverConfig, ProcessorConfig, ExporterConfig, ExtensionConfig);

/// Pipelines by their ids; ids that are none are told.
fn pipelines(named: IndexMap<String, Pipeline>, service: &Node, diagnostics: &mut Diagnostics) -> IndexMap<PipelineId, Pipeline> {
    let map = service.get("pipelines").and_then(Node::as_map);
    let mut pipelines = IndexMap::new();
    for (name, pipeline) in named {
        let place = map.and_then(|map| map.entry(&name)).map_or(Place::none(), |entry| entry.key_place.clone());
        match name.parse::<PipelineId>() {
            Ok(id) => drop(pipelines.insert(id, pipeline)),
            Err(error) => diagnostics.error(Stage::Decode, "invalid-id", format!("'service.pipelines' {error}"), place),
        }
    }
    pipelines
}

impl Settings {
    /// Checks what decoding cannot: each component's own rules, pipelines, references, files.
    fn check(&mut self, root: &Node, sections: &Sections, factories: &Factories, diagnostics: &mut Diagnostics) {
        if root.as_map().is_none_or(|map| map.iter().next().is_none()) {
            return diagnostics.error(Stage::Validate, "empty", "empty configuration file", Place::none());
        }
        if sections.receivers.is_empty() {
            diagnostics.error(Stage::Validate, "no-receivers", "no receiver configuration specified in config", Place::none());
        }
        if sections.exporters.is_empty() {
            diagnostics.error(Stage::Validate, "no-exporters", "no exporter configuration specified in config", Place::none());
        }
        self.validate_components(sections, diagnostics);
        let mut report = Report::root(diagnostics, Some(root));
        warren_config::validate(
            Some(&sections.service),
            &mut Wrapped(&mut self.telemetry),
            report.at_key("service", &sections.service).validating(),
        );
        self.check_pipelines(sections, factories, diagnostics);
        self.check_references(sections, diagnostics);
        check_files(diagnostics);
    }

    fn validate_components(&mut self, sections: &Sections, diagnostics: &mut Diagnostics) {
        macro_rules! validate {
            ($($section:ident),*) => {
                $(for (id, config) in &mut self.$section {
                    sections.$section.validate(id, config.as_block(), diagnostics);
                })*
            };
        }
        validate!(receivers, processors, exporters, extensions);
    }

    fn check_pipelines(&self, sections: &Sections, factories: &Factories, diagnostics: &mut Diagnostics) {
        let service = &sections.service;
        if self.pipelines.is_empty()
            && service.get("pipelines").and_then(Node::as_map).is_none_or(|map| map.iter().next().is_none())
        {
            let place = service.get("pipelines").map_or(service.place.clone(), |node| node.place.clone());
            diagnostics.error(
                Stage::Validate,
                "no-pipelines",
                "service::pipelines: service must have at least one pipeline",
                place,
            );
        }
        for (id, pipeline) in &self.pipelines {
            let node = service.get("pipelines").and_then(|pipelines| pipelines.get(&id.to_string()));
            let checks = Checks { id, node, diagnostics };
            checks.run(self, pipeline, factories);
        }
        for id in &self.running_extensions {
            if !self.extensions.contains_key(id) {
                let place = element_place(service.get("extensions"), id);
                let message = format!("service::extensions: references extension {:?} which is not configured", id.to_string());
                diagnostics.push(undefined(
                    message,
                    place,
                    "define it under extensions, or take it out of service::extensions".to_owned(),
                ));
            }
        }
    }

    /// Every extension that settings refer to must be defined and running.
    fn check_references(&self, sections: &Sections, diagnostics: &mut Diagnostics) {
        for reference in diagnostics.references.clone() {
            let (word, missing) = match reference.kind {
                ReferenceKind::Authenticator => ("authenticator", "authenticator not found"),
                ReferenceKind::Storage => ("storage", "no storage client extension found"),
                ReferenceKind::Encoding => ("encoding extension", "extension not found"),
                ReferenceKind::Middleware => ("middleware", "extension not found"),
            };
            let id = reference.id.to_string();
            let remedy = if !sections.extensions.contains(&reference.id) {
                format!("define {id:?} under extensions, and list it in service::extensions")
            } else if !self.running_extensions.contains(&reference.id) {
                format!("{id:?} is defined under extensions but not listed in service::extensions; list it there")
            } else {
                continue;
            };
            let message = format!("{}: failed to resolve {word} {id:?}: {missing}", reference.path);
            let mut finding = undefined(message, reference.place.clone(), remedy);
            (finding.path, finding.pointer, finding.component) = (reference.path, reference.pointer, reference.component);
            diagnostics.push(finding);
        }
    }
}

/// `telemetry` seen as the inside of `service`.
struct Wrapped<'a>(&'a mut TelemetrySettings);

impl Block for Wrapped<'_> {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.block("telemetry", self.0);
    }
}

fn undefined(message: String, place: Place, hint: String) -> Diagnostic {
    let mut finding = Diagnostic::new(Severity::Error, Stage::Validate, "undefined-reference", message, place);
    finding.hint = Some(hint);
    finding
}

/// The place of an id within a list.
fn element_place(list: Option<&Node>, id: &ComponentId) -> Place {
    let Some(list) = list else { return Place::none() };
    let text = id.to_string();
    list.as_list()
        .into_iter()
        .flatten()
        .find(|node| matches!(&node.value, Value::String(own) if own == &text))
        .map_or_else(|| list.place.clone(), |node| node.place.clone())
}

/// The files that settings name must be readable.
fn check_files(diagnostics: &mut Diagnostics) {
    for file in diagnostics.files.clone() {
        if let Err(error) = std::fs::File::open(&file.file) {
            let reason = error.to_string().split(" (os error").next().unwrap_or_default().to_lowercase();
            let message = format!("{}: open {}: {reason}", file.path, file.file);
            let mut finding = Diagnostic::new(Severity::Error, Stage::Validate, "missing-file", message, file.place);
            (finding.path, finding.pointer, finding.component) = (file.path, file.pointer, file.component);
            diagnostics.push(finding);
        }
    }
}

/// The checks of one pipeline.
struct Checks<'a> {
    id: &'a PipelineId,
    node: Option<&'a Node>,
    diagnostics: &'a mut Diagnostics,
}

impl Checks<'_> {
    fn run(mut self, settings: &Settings, pipeline: &Pipeline, factories: &Factories) {
        if pipeline.receivers.is_empty() {
            self.tell("incomplete-pipeline", "must have at least one receiver".to_owned(), self.place("receivers"), None);
        }
        if pipeline.exporters.is_empty() {
            self.tell("incomplete-pipeline", "must have at least one exporter".to_owned(), self.place("exporters"), None);
        }
        for id in &pipeline.receivers {
            let supports =
                factories.receivers.iter().any(|factory| factory.is(id.kind()) && factory.signals.supports(self.id.signal()));
            self.component("receiver", id, settings.receivers.contains_key(id), supports, settings.receivers.keys());
        }
        for (index, id) in pipeline.processors.iter().enumerate() {
            let supports =
                factories.processors.iter().any(|factory| factory.is(id.kind()) && factory.signals.supports(self.id.signal()));
            self.component("processor", id, settings.processors.contains_key(id), supports, settings.processors.keys());
            if pipeline.processors.iter().take(index).any(|before| before == id) {
                let place = element_place(self.node.and_then(|node| node.get("processors")), id);
                self.tell("repeated-processor", format!("references processor {:?} multiple times", id.to_string()), place, None);
            }
        }
        for id in &pipeline.exporters {
            let supports =
                factories.exporters.iter().any(|factory| factory.is(id.kind()) && factory.signals.supports(self.id.signal()));
            self.component("exporter", id, settings.exporters.contains_key(id), supports, settings.exporters.keys());
        }
    }

    /// A component must be configured, and support the pipeline's signal.
    fn component<'c>(
        &mut self,
        kind: &str,
        id: &ComponentId,
        known: bool,
        supports: bool,
        others: impl Iterator<Item = &'c ComponentId>,
    ) {
        let place = element_place(self.node.and_then(|node| node.get(&format!("{kind}s"))), id);
        let text = id.to_string();
        if !known {
            let others: Vec<String> = others.map(ToString::to_string).collect();
            let hint = match warren_config::nearest(&text, others.iter().map(String::as_str)) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("define it under {kind}s"),
            };
            self.tell("undefined-reference", format!("references {kind} {text:?} which is not configured"), place, Some(hint));
        } else if !supports {
            let signal = self.id.signal();
            let message = match kind {
                "processor" => format!(
                    "failed to create {text:?} processor, in pipeline {:?}: telemetry type is not supported",
                    self.id.to_string()
                ),
                _ => {
                    format!("failed to create {text:?} {kind} for data type {:?}: telemetry type is not supported", signal.name())
                }
            };
            let finding = Diagnostic::new(Severity::Error, Stage::Build, "unsupported-signal", message, place);
            self.diagnostics.push(finding);
        }
    }

    fn place(&self, key: &str) -> Place {
        let Some(node) = self.node else { return Place::none() };
        node.get(key).map_or_else(|| node.place.clone(), |list| list.place.clone())
    }

    fn tell(&mut self, code: &'static str, message: String, place: Place, hint: Option<String>) {
        let path = format!("service::pipelines::{}", self.id);
        let mut finding = Diagnostic::new(Severity::Error, Stage::Validate, code, format!("{path}: {message}"), place);
        finding.pointer = format!("/service/pipelines/{}", self.id.to_string().replace('~', "~0").replace('/', "~1"));
        (finding.path, finding.hint) = (path, hint);
        self.diagnostics.push(finding);
    }
}
