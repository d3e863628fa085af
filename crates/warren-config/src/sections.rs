//! A merged configuration taken apart: sections, and components by their ids.

#[cfg(test)]
mod tests;

use indexmap::IndexMap;

use crate::diagnostic::Diagnostics;
use crate::fields::Block;
use crate::report::{Report, Step};
use crate::settings;
use crate::{ComponentId, Node, Place, Value};

/// The sections of a configuration. Everything is as the user wrote it; nothing is decoded yet.
#[derive(Clone, Debug, Default)]
pub struct Sections {
    /// `receivers`
    pub receivers: Section,
    /// `processors`
    pub processors: Section,
    /// `exporters`
    pub exporters: Section,
    /// `connectors`
    pub connectors: Section,
    /// `extensions`
    pub extensions: Section,
    /// `service`; null when it is missing.
    pub service: Node,
}

/// The components of one section in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Section {
    name: &'static str,
    components: IndexMap<ComponentId, RawComponent>,
}

/// The settings of one component as the user wrote them.
#[derive(Clone, Debug)]
pub struct RawComponent {
    /// The settings; null when there are none.
    pub node: Node,
    /// Where the id stands.
    pub key_place: Place,
}

/// The names of the sections, in the order of messages.
const NAMES: [&str; 6] = ["receivers", "processors", "exporters", "connectors", "extensions", "service"];

impl Sections {
    /// Takes a configuration apart. Unknown sections, sections that are no mappings, ids that are none or stand twice, and components
    /// that are no mappings are told and left out.
    pub fn split(root: &Node, diagnostics: &mut Diagnostics) -> Self {
        let mut report = Report::root(diagnostics, Some(root));
        let mut sections = Self {
            receivers: Section::read("receivers", root, &mut report),
            processors: Section::read("processors", root, &mut report),
            exporters: Section::read("exporters", root, &mut report),
            connectors: Section::read("connectors", root, &mut report),
            extensions: Section::read("extensions", root, &mut report),
            service: Node::default(),
        };
        sections.service = root.get("service").cloned().unwrap_or_default();
        for (key, entry) in root.as_map().into_iter().flat_map(|map| map.iter()) {
            if !NAMES.contains(&key) {
                let hint = report.diagnostics.did_you_mean(key, NAMES.into_iter());
                report.unknown_key(key, &entry.key_place, hint);
            }
        }
        sections
    }
}

impl Section {
    fn read(name: &'static str, root: &Node, report: &mut Report<'_>) -> Self {
        let mut section = Self { name, components: IndexMap::new() };
        let Some(entry) = root.as_map().and_then(|map| map.entry(name)) else { return section };
        let mut report = report.step(Step::Field(name), Some(&entry.node), Some(&entry.key_place));
        let map = match &entry.node.value {
            Value::Map(map) => map,
            Value::Null => return section,
            other => {
                report.decode_error("wrong-type", &format!("expected a map or struct, got {:?}", other.go_kind()), None);
                return section;
            }
        };
        for (key, entry) in map.iter() {
            let told = match key.parse::<ComponentId>() {
                Err(error) => Err(("invalid-id", format!("'' {error}"), None)),
                Ok(id) => section.add(id, key, RawComponent { node: entry.node.clone(), key_place: entry.key_place.clone() }),
            };
            if let Err((code, message, hint)) = told {
                let mut report = report.step(Step::Element(key), Some(&entry.node), Some(&entry.key_place));
                report.error_in_section(code, name, &message, hint);
            }
        }
        section.check_kinds(&mut report);
        section
    }

    fn add(&mut self, id: ComponentId, key: &str, raw: RawComponent) -> Result<(), (&'static str, String, Option<String>)> {
        match self.components.get(&id) {
            Some(first) => {
                let message = format!("'' duplicate name {key:?} after unmarshaling {id}");
                Err(("duplicate-id", message, Some(format!("it stands first at {}", first.key_place))))
            }
            None => {
                self.components.insert(id, raw);
                Ok(())
            }
        }
    }

    /// A component's settings are a mapping or nothing.
    fn check_kinds(&mut self, report: &mut Report<'_>) {
        self.components.retain(|id, raw| {
            let fits = matches!(raw.node.value, Value::Map(_) | Value::Null);
            if !fits {
                let found = raw.node.value.go_type();
                let message = format!("'[{id}]' expected type 'map[string]interface {{}}', got unconvertible type '{found}'");
                report.at_component(id, raw).tell_wrong_type(message);
            }
            fits
        });
    }

    /// The section's name: `receivers`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The components in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = (&ComponentId, &RawComponent)> {
        self.components.iter()
    }

    /// One component.
    pub fn get(&self, id: &ComponentId) -> Option<&RawComponent> {
        self.components.get(id)
    }

    /// Whether a component is configured.
    pub fn contains(&self, id: &ComponentId) -> bool {
        self.components.contains_key(id)
    }

    /// How many components there are.
    pub fn len(&self) -> usize {
        self.components.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.components.is_empty()
    }

    /// Decodes one component's settings over their defaults. Gives whether all of them fit.
    pub fn decode(&self, id: &ComponentId, settings: &mut dyn Block, diagnostics: &mut Diagnostics) -> bool {
        let before = diagnostics.error_count();
        self.with_report(id, diagnostics, |node, report| settings::decode(node, settings, report));
        diagnostics.error_count() == before
    }

    /// Validates one component's settings. Gives whether they are valid.
    pub fn validate(&self, id: &ComponentId, settings: &mut dyn Block, diagnostics: &mut Diagnostics) -> bool {
        let before = diagnostics.error_count();
        self.with_report(id, diagnostics, |node, report| settings::validate(Some(node), settings, report));
        diagnostics.error_count() == before
    }

    /// Tells that a component's type is not built in; `known` are the types that are.
    pub fn unknown_type(&self, id: &ComponentId, known: &[&str], diagnostics: &mut Diagnostics) {
        let name = self.name;
        let mut known: Vec<&str> = known.to_vec();
        known.sort_unstable();
        let hint = diagnostics.did_you_mean(id.kind(), known.iter().copied());
        let message = if name == "exporters" && id.kind() == "logging" {
            "the logging exporter has been deprecated, use the debug exporter instead".to_owned()
        } else {
            format!("unknown type: {:?} for id: \"{id}\" (valid values: [{}])", id.kind(), known.join(" "))
        };
        self.with_report(id, diagnostics, |_, mut report| report.error_in_section("unknown-type", name, &message, hint));
    }

    /// Hands a report about one component to `tell`.
    pub fn with_report(&self, id: &ComponentId, diagnostics: &mut Diagnostics, tell: impl FnOnce(&Node, Report<'_>)) {
        if let Some(raw) = self.components.get(id) {
            let mut root = Report::root(diagnostics, None);
            let mut section = root.step(Step::Field(self.name), None, None);
            tell(&raw.node, section.at_component(id, raw));
        }
    }
}
