//! Checking configurations for other machines: what `validate` does, for a program that makes configurations.

use crate::config::decode_for_elsewhere;
use warren_component::Factories;
use warren_config::{Diagnostics, Place, Stage, parse_yaml};

/// Everything that is wrong with a configuration, YAML or JSON. Nothing is opened and nothing expanded: the files, variables and other
/// sources that it may refer to are those of the machine it is meant for.
pub fn check(text: &str, factories: &Factories) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    match parse_yaml("config", text) {
        Ok(root) => drop(decode_for_elsewhere(&root, factories, &mut diagnostics)),
        Err(error) => diagnostics.error(Stage::Resolve, "syntax", error.to_string(), Place::none()),
    }
    diagnostics
}
