//! The `cumulativetodelta` processor: turns growing totals into what was added since the point before.
//!
//! ```text
//! batch ─▶ [`convert`] each point of a chosen metric ─▶ batch, with deltas
//!               │ who is it ([`identity`]: 128 bits)
//!               ▼
//!          [`series`]: the last point of each series, bounded; the longest unseen goes first
//! ```
//!
//! A point costs the hash of its attributes and one look-up; a batch that brings its series in the order of the batch before finds each
//! without looking. What is known of the series outlives a change of settings.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod config;
mod convert;
mod figures;
mod identity;
mod processor;
mod series;
mod state;
#[cfg(test)]
mod tests;

use warren_component::{ProcessorFactory, Signals, Stability};

pub use config::{Config, InitialValue, MatchMetrics};

/// Makes `cumulativetodelta` processors.
pub const FACTORY: ProcessorFactory = ProcessorFactory {
    kind: "cumulativetodelta",
    signals: Signals { traces: Stability::Undefined, metrics: Stability::Beta, logs: Stability::Undefined },
    config: || Box::new(Config::default()),
};
