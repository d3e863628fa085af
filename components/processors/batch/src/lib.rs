//! The `batch` processor: puts small batches together and cuts large ones.
//!
//! Batches are taken into a short queue and answered for at once; a task puts them together until there are enough or the time is up, and
//! hands them on. What follows and refuses for now is tried again, while the short queue fills and holds senders up; what it refuses for good is
//! counted as dropped.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod config;
mod processor;
#[cfg(test)]
mod tests;

use warren_component::{ProcessorFactory, Signals, Stability};

pub use config::Config;

/// Makes `batch` processors.
pub const FACTORY: ProcessorFactory = ProcessorFactory {
    kind: "batch",
    signals: Signals { traces: Stability::Beta, metrics: Stability::Beta, logs: Stability::Beta },
    config: || Box::new(Config::default()),
};
