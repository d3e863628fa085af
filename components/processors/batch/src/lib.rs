//! The `batch` processor: puts small batches together and cuts large ones.
//!
//! ```text
//! consume ── hand-off, bounded ──▶ shard: what waits ── size reached, or time ──▶ next
//!    ▲ held while the hand-off is full                          │
//!    └──────────── full while `next` refuses for now ◀──────────┘
//! ```
//!
//! There is one shard, or one for each combination of values that senders have under the `metadata_keys`. What a shard took it answers for:
//! a refusal that may pass is waited for, one for good is counted.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod config;
mod figures;
mod processor;
mod shard;
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
