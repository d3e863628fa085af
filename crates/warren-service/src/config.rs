//! From the configuration tree to the settings of all components.
//!
//! Every configured component is decoded and validated, also one that no pipeline uses. Pipelines and what settings refer to are checked
//! against what is configured. Nothing is opened but the files that settings name, and those only to see that they can be.

mod check;
#[cfg(test)]
mod tests;

pub(crate) use check::NO_PIPELINES_GATE;

use crate::telemetry::TelemetrySettings;
use indexmap::IndexMap;
use warren_component::{ExporterConfig, ExtensionConfig, Factories, ProcessorConfig, ReceiverConfig};
use warren_config::{
    Block, ComponentId, Diagnostic, Diagnostics, Fields, IdError, Map, Node, PipelineId, Place, Report, Section, Sections,
    Severity, Stage, Value, encode, to_json,
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

/// Decodes and validates a configuration. What is wrong is told in `diagnostics`, all of it in one go; the settings are of use only when
/// nothing is.
pub(crate) fn decode(root: &Node, factories: &Factories, diagnostics: &mut Diagnostics) -> Settings {
    let settings = decode_for_elsewhere(root, factories, diagnostics);
    check::check_files(diagnostics);
    settings
}

/// The same for a configuration that is to run on another machine: nothing is said of the files that it names.
pub(crate) fn decode_for_elsewhere(root: &Node, factories: &Factories, diagnostics: &mut Diagnostics) -> Settings {
    let sections = Sections::split(root, diagnostics);
    macro_rules! decode {
        ($section:ident) => {{
            let known: Vec<&str> = factories.$section.iter().map(|factory| factory.kind).collect();
            let make = |kind: &str| factories.$section.iter().find(|factory| factory.is(kind)).map(|factory| (factory.config)());
            decode_section(&sections.$section, make, &known, diagnostics)
        }};
    }
    let receivers = decode!(receivers);
    let processors = decode!(processors);
    let exporters = decode!(exporters);
    let extensions = decode!(extensions);
    for (id, _) in sections.connectors.iter() {
        sections.connectors.unknown_type(id, &[], diagnostics);
    }
    let service = decode_service(root, &sections.service, diagnostics);
    let pipelines = pipelines(service.pipelines, &sections.service, diagnostics);
    let settings = Settings {
        receivers,
        processors,
        exporters,
        extensions,
        running_extensions: service.extensions,
        pipelines,
        telemetry: service.telemetry,
    };
    settings.check(root, &sections, factories, diagnostics);
    settings
}

impl Settings {
    /// The settings as a configuration that gives the same ones wherever it is read: JSON, with defaults and secrets.
    pub(crate) fn canonical(&mut self) -> String {
        let mut root = Map::new();
        let components = |section: &mut dyn Iterator<Item = (String, Value)>| {
            let mut map = Map::new();
            section.for_each(|(id, value)| map.insert(id, Place::none(), Node::from_value(value)));
            Node::from_value(Value::Map(map))
        };
        macro_rules! section {
            ($name:ident) => {
                let mut entries = self.$name.iter_mut().map(|(id, config)| (id.to_string(), encode(&mut **config)));
                root.insert(stringify!($name), Place::none(), components(&mut entries));
            };
        }
        section!(receivers);
        section!(processors);
        section!(exporters);
        section!(extensions);
        let mut service = Service {
            extensions: self.running_extensions.clone(),
            pipelines: self.pipelines.iter().map(|(id, pipeline)| (id.to_string(), pipeline.clone())).collect(),
            telemetry: self.telemetry.clone(),
        };
        root.insert("service", Place::none(), Node::from_value(encode(&mut service)));
        to_json(&Node::from_value(Value::Map(root)))
    }
}

/// Decodes the components of one section over their defaults and validates what decoded well; of the others validation would tell
/// consequences.
fn decode_section<C: ?Sized>(
    section: &Section,
    make: impl Fn(&str) -> Option<Box<C>>,
    known: &[&str],
    diagnostics: &mut Diagnostics,
) -> IndexMap<ComponentId, Box<C>>
where
    Box<C>: AsBlock,
{
    let mut components = IndexMap::new();
    for (id, _) in section.iter() {
        match make(id.kind()) {
            None => section.unknown_type(id, known, diagnostics),
            Some(mut config) => {
                if section.decode(id, config.as_block(), diagnostics) {
                    section.validate(id, config.as_block(), diagnostics);
                }
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
            Err(error @ IdError::Profiles(_)) => {
                let text = error.to_string();
                let mut finding = Diagnostic::new(Severity::Error, Stage::Validate, "unsupported-signal", text, place);
                finding.path = "service::pipelines".to_owned();
                diagnostics.push(finding);
            }
            Err(error) => diagnostics.error(Stage::Decode, "invalid-id", format!("'service.pipelines' {error}"), place),
        }
    }
    pipelines
}

fn decode_service(root: &Node, node: &Node, diagnostics: &mut Diagnostics) -> Service {
    let mut service = Service::default();
    let before = diagnostics.error_count();
    let mut report = Report::root(diagnostics, Some(root));
    warren_config::decode(node, &mut service, report.at_key("service", node));
    if diagnostics.error_count() == before {
        let mut report = Report::root(diagnostics, Some(root));
        warren_config::validate(Some(node), &mut service, report.at_key("service", node));
    }
    service
}
