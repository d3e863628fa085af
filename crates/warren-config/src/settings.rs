//! What is done with a component's settings as a whole.

use crate::fields::{self, Block, FieldInfo};
use crate::{Diagnostics, Node, Report, Value, parse_yaml};

/// Decodes a node over settings that hold their defaults. Null keeps the defaults. What does not fit is told and left as it was.
pub fn decode(node: &Node, settings: &mut dyn Block, report: Report<'_>) {
    fields::decode_block(settings, Report { node: Some(node), ..report });
}

/// Validates settings and the blocks in them. `node` is what they were decoded from, for places; it may be none.
pub fn validate(node: Option<&Node>, settings: &mut dyn Block, report: Report<'_>) {
    fields::validate_block(settings, Report { node, ..report.validating() });
}

/// Decodes and validates settings that stand alone, as tests and other programs have them.
pub fn decode_settings(node: &Node, settings: &mut dyn Block, diagnostics: &mut Diagnostics) {
    decode(node, settings, Report::root(diagnostics, Some(node)));
    validate(Some(node), settings, Report::root(diagnostics, Some(node)));
}

/// The same from the text of a document: the settings over their defaults, and the errors, one text each.
pub fn read_settings<B: Block + Default>(yaml: &str) -> (B, Vec<String>) {
    let (mut settings, mut diagnostics) = (B::default(), Diagnostics::new());
    match parse_yaml("settings", yaml) {
        Ok(node) => decode_settings(&node, &mut settings, &mut diagnostics),
        Err(error) => return (settings, vec![error.to_string()]),
    }
    (settings, diagnostics.errors().map(|error| error.message.clone()).collect())
}

/// The settings as a configuration that would give them, defaults and secrets included.
pub fn encode(settings: &mut dyn Block) -> Value {
    fields::write_block(settings)
}

/// The keys of a component's settings, for redaction, documentation and completion.
pub fn describe(settings: &mut dyn Block) -> Vec<FieldInfo> {
    fields::describe_block(settings)
}
