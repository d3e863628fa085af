//! The `memory_limiter` processor: refuses data while the process uses too much memory.
//!
//! Every batch is admitted by what the process would hold with it, not by what it held at the last check: the bytes that live are counted by the
//! allocator, the batch is weighed, and what would pass the soft limit is refused for now, so that its sender tries again. At every `check_interval`
//! the state is told in the log, and memory that is free but held back is given to the system.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod config;
mod limits;
mod processor;

use warren_component::{ProcessorFactory, Signals, Stability};

pub use config::Config;

/// Makes `memory_limiter` processors.
pub const FACTORY: ProcessorFactory = ProcessorFactory {
    kind: "memory_limiter",
    signals: Signals { traces: Stability::Beta, metrics: Stability::Beta, logs: Stability::Beta },
    config: || Box::new(Config::default()),
};
