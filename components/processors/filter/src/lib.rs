//! The `filter` processor: drops spans and their events, metrics and their points, and log records.
//!
//! ```text
//! settings ─┬─ conditions of OTTL: what they hold for is dropped ([`conditions`])
//!           └─ include and exclude: what is not chosen is dropped ([`properties`])
//!                   │ one walk through a batch, each item asked once ([`stage`])
//!                   ▼
//! batch ─▶ what is left, without scopes and resources that are empty
//! ```
//!
//! Reading and running conditions is the work of `warren-ottl`, choosing by properties that of `warren-match`.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod conditions;
mod config;
mod properties;
mod stage;
#[cfg(test)]
mod tests;

use warren_component::{ProcessorFactory, Signals, Stability};

pub use conditions::ConditionList;
pub use config::{Config, LogSettings, MetricSettings, TraceSettings};
pub use properties::{LogProperties, MetricProperties};

/// Makes `filter` processors.
pub const FACTORY: ProcessorFactory = ProcessorFactory {
    kind: "filter",
    signals: Signals { traces: Stability::Alpha, metrics: Stability::Alpha, logs: Stability::Alpha },
    config: || Box::new(Config::default()),
};
