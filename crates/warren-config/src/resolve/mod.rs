//! From sources to one merged and expanded tree.
//!
//! Each source is retrieved ([`provider`]) and read; keys with `::` are split and the trees merged in order, `--set` last ([`merge`]);
//! then `${...}` references in values are expanded ([`expand`]).

mod expand;
mod merge;
mod provider;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use crate::diagnostic::{Diagnostics, Stage};
use crate::{Map, Node, Place, Value};
use provider::{Location, Providers};

pub use provider::Fetch;

/// A configuration as one tree, merged and expanded.
#[derive(Debug)]
pub struct Loaded {
    /// The root; always a mapping.
    pub root: Node,
    /// The files it came from, those of `${file:...}` included, for whoever watches them.
    pub files: Vec<PathBuf>,
    /// Warnings, and the texts of the sources for showing later findings.
    pub diagnostics: Diagnostics,
}

/// Reads, merges and expands configurations.
pub struct Loader<'a> {
    env: &'a dyn Fn(&str) -> Option<String>,
    fetch: &'a dyn Fetch,
    merge_append: bool,
}

/// Reads, merges and expands a configuration. See [`Loader::load`].
pub fn load(
    sources: &[String],
    sets: &[String],
    env: &dyn Fn(&str) -> Option<String>,
    fetch: &dyn Fetch,
) -> Result<Loaded, Diagnostics> {
    Loader::new(env, fetch).load(sources, sets)
}

impl<'a> Loader<'a> {
    /// `env` looks up a variable; `fetch` gets `http:` and `https:` sources.
    pub fn new(env: &'a dyn Fn(&str) -> Option<String>, fetch: &'a dyn Fetch) -> Self {
        Self { env, fetch, merge_append: false }
    }

    /// Appends lists of `service::extensions` and of pipelines' receivers and exporters instead of replacing them
    /// (feature gate `confmap.enableMergeAppendOption`).
    pub fn merge_append(self, on: bool) -> Self {
        Self { merge_append: on, ..self }
    }

    /// Loads the sources of `--config` in order, then the `key=value` pairs of `--set`.
    ///
    /// Blocks on files and the network: call it before the runtime starts or on a blocking thread.
    ///
    /// # Errors
    /// Everything that is wrong with any source or reference, together.
    pub fn load(&self, sources: &[String], sets: &[String]) -> Result<Loaded, Diagnostics> {
        let mut diagnostics = Diagnostics::new();
        let mut providers = Providers::new(self.env, self.fetch);
        let mut root = Map::new();
        for location in locations(sources, sets, &mut diagnostics) {
            if let Some(map) = providers.retrieve_config(&location, &mut diagnostics) {
                merge::merge(&mut root, merge::split_keys(map), self.merge_append);
            }
        }
        if !diagnostics.has_errors() {
            expand::expand(&mut root, &mut providers, &mut diagnostics);
        }
        let files = providers.into_files();
        if diagnostics.has_errors() {
            return Err(diagnostics);
        }
        Ok(Loaded { root: Node::from_value(Value::Map(root)), files, diagnostics })
    }
}

/// Where the sources are. Those that cannot be understood are told.
fn locations(sources: &[String], sets: &[String], diagnostics: &mut Diagnostics) -> Vec<Location> {
    if sources.is_empty() && sets.is_empty() {
        diagnostics.error(Stage::Resolve, "no-source", "at least one config flag must be provided", Place::none());
    }
    let configs = sources.iter().map(|uri| Location::of_config(uri));
    let sets = sets.iter().map(|set| Location::of_set(set));
    configs.chain(sets).filter_map(|location| location.map_err(|finding| diagnostics.push(*finding)).ok()).collect()
}
