//! The `prometheusremotewrite` exporter: sends metrics to stores that speak Prometheus remote write, 1.0 and 2.0.
//!
//! `warren-remotewrite` turns a batch into requests one at a time, `warren-http` sends each, `warren-delivery` queues and tries again from the
//! first request that was not taken. One batch is on its way at a time, so that the samples of a series arrive in order.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod config;
mod send;

use warren_component::{ExporterFactory, Signals, Stability};

pub use config::Config;

/// Makes `prometheusremotewrite` exporters.
pub const FACTORY: ExporterFactory = ExporterFactory {
    kind: "prometheusremotewrite",
    aliases: &[],
    signals: Signals { metrics: Stability::Beta, traces: Stability::Undefined, logs: Stability::Undefined },
    config: || Box::new(Config::default()),
};
