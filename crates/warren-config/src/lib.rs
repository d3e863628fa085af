//! Configuration of the collector: from sources to typed settings, with every finding at its place.
//!
//! The way of a configuration: sources are read (`file:`, `env:`, `yaml:`, `http:`) as JSON or YAML into [`Node`] trees that know their
//! places; the trees are merged; `${...}` references are expanded; the merged tree is split into sections and components; each component
//! decodes its part into its own settings, a [`Block`]; the settings are validated. What is wrong anywhere is collected in
//! [`Diagnostics`], so that one run tells everything about a file.
//!
//! This crate alone knows YAML. It opens the files that are named to it; variables and the network it reaches only through what its
//! caller hands in.
//!
//! # Settings of a component
//!
//! A component's settings are a plain struct; `Default` holds the defaults; [`Block::fields`] names every key once. All the rules of the
//! reference about null, types and unknown keys are in [`Fields`].
//!
//! ```
//! use std::time::Duration;
//! use indexmap::IndexMap;
//! use warren_config::{
//!     Block, ComponentId, Diagnostics, Fields, Keyword, ReferenceKind, Report, Secret, decode_settings,
//! };
//!
//! /// How parcels are packed.
//! #[derive(Clone, Copy, Debug, PartialEq)]
//! enum Packing { Loose, Tight }
//!
//! impl Keyword for Packing {
//!     const TYPE: &'static str = "carrierexporter.Packing";
//!     const WORDS: &'static [(&'static str, Self)] = &[("loose", Packing::Loose), ("tight", Packing::Tight)];
//!     fn unknown(word: &str) -> String { format!("unsupported packing {word:?}") }
//! }
//!
//! /// Keys shared by several exporters; they stand among the exporter's own.
//! #[derive(Clone, Debug)]
//! struct Connection { endpoint: String, timeout: Duration, headers: IndexMap<String, Secret>, auth: Option<Auth> }
//!
//! impl Default for Connection {
//!     fn default() -> Self {
//!         Self { endpoint: String::new(), timeout: Duration::from_secs(30), headers: IndexMap::new(), auth: None }
//!     }
//! }
//!
//! impl Block for Connection {
//!     fn fields(&mut self, f: &mut Fields<'_>) {
//!         f.scalar("endpoint", &mut self.endpoint);
//!         f.scalar("timeout", &mut self.timeout);
//!         f.map("headers", &mut self.headers);
//!         f.optional("auth", &mut self.auth);
//!     }
//!
//!     fn validate(&self, report: &mut Report<'_>) {
//!         if self.endpoint.is_empty() {
//!             report.error("endpoint", "must be specified");
//!         }
//!     }
//! }
//!
//! #[derive(Clone, Debug, Default)]
//! struct Auth { authenticator: Option<ComponentId> }
//!
//! impl Block for Auth {
//!     fn fields(&mut self, f: &mut Fields<'_>) {
//!         f.optional_scalar("authenticator", &mut self.authenticator);
//!     }
//!
//!     fn validate(&self, report: &mut Report<'_>) {
//!         match &self.authenticator {
//!             Some(id) => report.reference("authenticator", ReferenceKind::Authenticator, id),
//!             None => report.error("authenticator", "must be specified"),
//!         }
//!     }
//! }
//!
//! #[derive(Clone, Debug)]
//! struct Settings { connection: Connection, packing: Packing, batch: Batch, regions: Vec<String> }
//!
//! impl Default for Settings {
//!     fn default() -> Self {
//!         Self { connection: Connection::default(), packing: Packing::Loose, batch: Batch { size: 100 }, regions: vec![] }
//!     }
//! }
//!
//! impl Block for Settings {
//!     fn fields(&mut self, f: &mut Fields<'_>) {
//!         f.squash(&mut self.connection);
//!         f.scalar("packing", &mut self.packing);
//!         f.block("batch", &mut self.batch);
//!         f.list("regions", &mut self.regions);
//!         f.removed("metrics_address", "use service::telemetry::metrics::readers");
//!     }
//! }
//!
//! #[derive(Clone, Debug)]
//! struct Batch { size: u32 }
//!
//! impl Block for Batch {
//!     fn fields(&mut self, f: &mut Fields<'_>) {
//!         f.scalar("size", &mut self.size);
//!     }
//!
//!     fn validate(&self, report: &mut Report<'_>) {
//!         if self.size == 0 {
//!             report.error("size", "must be positive");
//!         }
//!     }
//! }
//!
//! // What the service does with it (a component's tests do the same, with `Settings` decoded from YAML text):
//! let node = warren_config::parse_yaml("test", "endpoint: http://x\npacking: tigt\nbatch: {size: 0}\nregions: a,b\nauth: {authenticator: basicauth/x}\n").unwrap();
//! let mut settings = Settings::default();
//! let mut diagnostics = Diagnostics::new();
//! decode_settings(&node, &mut settings, &mut diagnostics);
//!
//! assert_eq!(settings.regions, ["a", "b"]);
//! assert_eq!(diagnostics.references[0].id.to_string(), "basicauth/x");
//! let told: Vec<String> = diagnostics.errors().map(|error| error.to_string()).collect();
//! assert_eq!(told, [
//!     "packing: 'packing' unsupported packing \"tigt\" (did you mean \"tight\"?) at test:2:10",
//!     "batch::size: must be positive at test:3:15",
//! ]);
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod diagnostic;
mod duration;
mod fields;
mod id;
mod nearest;
mod node;
mod number;
mod output;
mod place;
mod reader;
mod report;
mod resolve;
mod scalar;
mod secret;
mod sections;
mod settings;
mod size;

pub use diagnostic::{Diagnostic, Diagnostics, FileReference, Reference, ReferenceKind, Severity, Stage};
pub use duration::{
    DurationError, GoDuration, PrometheusDurationError, format_go, format_prometheus, format_seconds, parse_go, parse_prometheus,
};
pub use fields::{Block, Custom, FieldInfo, Fields, Form};
pub use id::{ComponentId, IdError, PipelineId};
pub use nearest::nearest;
pub use node::{Entry, Map, Node, Value};
pub use output::{address_passwords, diagnostics_to_json, fingerprint, looks_secret, redact, render, to_json, to_yaml};
pub use place::Place;
pub use reader::{ReadError, parse_yaml};
pub use report::Report;
pub use resolve::{Fetch, Loaded, Loader, load};
pub use scalar::{Keyword, Scalar, ScalarError};
pub use secret::{REDACTED, Secret};
pub use sections::{RawComponent, Section, Sections};
pub use settings::{decode, decode_settings, describe, encode, read_settings, validate};
pub use size::{ByteSize, ByteSizeError};
