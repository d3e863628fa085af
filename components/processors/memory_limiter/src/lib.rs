//! The `memory_limiter` processor: refuses data while the process uses too much memory.
//!
//! ```text
//! consume, admit ──▶ Limiter (one per pipeline) ──▶ Checker (one per id): live bytes + what else is resident ◀── every check_interval
//! ```
//!
//! Every batch is admitted by what the process holds at that moment, the batch included, not by what it held at the last check: the bytes
//! that live are counted by the allocator. What passes the soft limit is refused for now, so that its sender tries again; a receiver can ask
//! before it reads and decodes a request (`admit`). At every `check_interval` the memory that the system gave is looked at, and above the soft
//! limit what is free but held back is returned to it.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod checker;
mod config;
mod limits;
mod memory;
mod processor;
#[cfg(test)]
mod tests;

use warren_component::{ProcessorFactory, Signals, Stability};

pub use config::Config;

/// Makes `memory_limiter` processors.
pub const FACTORY: ProcessorFactory = ProcessorFactory {
    kind: "memory_limiter",
    signals: Signals { traces: Stability::Beta, metrics: Stability::Beta, logs: Stability::Beta },
    config: || Box::new(Config::default()),
};
