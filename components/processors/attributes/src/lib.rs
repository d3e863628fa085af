//! The `attributes` processor: edits the attributes of spans, log records and data points.
//!
//! A batch comes in, the items chosen by `include` and `exclude` have their attributes edited by the list of `actions`, and the batch
//! goes on. What is chosen is the work of `warren-match`, what is done that of `warren-attributes`; this crate walks the batch.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod config;
mod edit;

use warren_component::{ProcessorFactory, Signals, Stability};

pub use config::Config;

/// Makes `attributes` processors.
pub const FACTORY: ProcessorFactory = ProcessorFactory {
    kind: "attributes",
    signals: Signals { traces: Stability::Beta, metrics: Stability::Beta, logs: Stability::Beta },
    config: || Box::new(Config::default()),
};
