//! The `health_check` extension: answers over HTTP whether the collector is well, by whether data moves.
//!
//! Each time it is asked it asks the running program how its components fare ([`warren_component::Control::status`]), and judges by what
//! delivery and pull receivers tell of themselves ([`warren_component::Pulse`]): well is who has no exporter with something waiting of which
//! the destination has taken nothing for five minutes, and no pull receiver that missed three intervals.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod answer;
mod config;
mod verdict;

pub use config::{Config, PipelineCheck, ResponseBody};

use warren_component::{ExtensionFactory, Stability};

/// Makes `health_check` extensions.
pub const FACTORY: ExtensionFactory =
    ExtensionFactory { kind: "health_check", stability: Stability::Beta, config: || Box::new(Config::default()) };
