//! The `resource` processor: edits the attributes of resources.
//!
//! A batch of any signal comes in, the attributes of its resources are edited by the list of actions under `attributes`, and it goes
//! on. What is done is the work of `warren-attributes`.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod config;
mod edit;

use warren_component::{ProcessorFactory, Signals, Stability};

pub use config::Config;

/// Makes `resource` processors.
pub const FACTORY: ProcessorFactory = ProcessorFactory {
    kind: "resource",
    signals: Signals { traces: Stability::Beta, metrics: Stability::Beta, logs: Stability::Beta },
    config: || Box::new(Config::default()),
};
