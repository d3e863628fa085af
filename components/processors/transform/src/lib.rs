//! The `transform` processor: statements of OTTL change spans, metrics and log records.
//!
//! Settings are lists of statement groups for each signal ([`Config`]). A batch comes in and goes through the groups of its signal, one after the
//! other; each walks through the whole batch. Reading, compiling and running statements is the work of `warren-ottl`.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod config;
mod flatten;
mod groups;
mod stage;
mod tool;

use warren_component::{ProcessorFactory, Signals, Stability};

pub use config::Config;
pub use groups::StatementGroup;

/// Makes `transform` processors.
pub const FACTORY: ProcessorFactory = ProcessorFactory {
    kind: "transform",
    signals: Signals { traces: Stability::Beta, metrics: Stability::Beta, logs: Stability::Beta },
    config: || Box::new(Config::default()),
};
