//! The `prometheus` receiver: scrapes Prometheus endpoints.
//!
//! The receiver's own settings are here; the `config` subtree, discovery, the scrape loop and the series cache are the work of `warren-scrape`,
//! whose batches go to the metrics pipelines.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod config;
mod receiver;

use warren_component::{ReceiverFactory, Signals, Stability};

pub use config::Config;

/// Makes `prometheus` receivers.
pub const FACTORY: ReceiverFactory = ReceiverFactory {
    kind: "prometheus",
    signals: Signals { metrics: Stability::Beta, traces: Stability::Undefined, logs: Stability::Undefined },
    config: || Box::new(Config::default()),
};
