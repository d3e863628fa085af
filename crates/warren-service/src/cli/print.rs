//! `print-config`: the configuration as it is after merging and expanding, before components' defaults.

use super::args::PrintOptions;
use super::source::Configuration;
use crate::config::decode;
use warren_component::Factories;
use warren_config::{ComponentId, FieldInfo, describe, redact, render, to_json, to_yaml};

/// The configuration as text.
pub(super) fn config(configuration: &Configuration, factories: &Factories, options: &PrintOptions) -> Result<String, String> {
    let mut loaded = configuration.load().map_err(|diagnostics| render(&diagnostics))?;
    if options.validate {
        decode(&loaded.root, factories, &mut loaded.diagnostics);
        if loaded.diagnostics.has_errors() {
            return Err(render(&loaded.diagnostics));
        }
    }
    if options.redacted {
        redact(&mut loaded.root, &|section, id| fields(factories, section, id));
    }
    Ok(if options.json { to_json(&loaded.root) } else { to_yaml(&loaded.root) })
}

/// A configuration that was decoded before, without its secrets, as JSON.
pub(super) fn shown(canonical: &str, factories: &Factories) -> String {
    // What was written by `canonical` can be read; if not, nothing is shown rather than too much.
    let Ok(mut root) = warren_config::parse_yaml("effective", canonical) else { return String::new() };
    redact(&mut root, &|section, id| fields(factories, section, id));
    to_json(&root)
}

/// The keys of a component's settings.
fn fields(factories: &Factories, section: &str, id: &ComponentId) -> Option<Vec<FieldInfo>> {
    let kind = id.kind();
    match section {
        "receivers" => {
            factories.receivers.iter().find(|factory| factory.is(kind)).map(|factory| describe(&mut *(factory.config)()))
        }
        "processors" => {
            factories.processors.iter().find(|factory| factory.is(kind)).map(|factory| describe(&mut *(factory.config)()))
        }
        "exporters" => {
            factories.exporters.iter().find(|factory| factory.is(kind)).map(|factory| describe(&mut *(factory.config)()))
        }
        "extensions" => {
            factories.extensions.iter().find(|factory| factory.is(kind)).map(|factory| describe(&mut *(factory.config)()))
        }
        _ => None,
    }
}
