//! The `prometheusremotewrite` exporter: sends metrics to stores that speak Prometheus remote write, 1.0 and 2.0.
//!
//! ```text
//! batch ── warren-delivery: queue, retries ──▶ send ── warren-remotewrite: one request at a time ──▶ warren-http ──▶ answer
//!                 ▲                                                                                                    │
//!                 └──────────────────────── parts that were taken, refused, or are still open ◀───────────────────────┘
//! ```
//!
//! One batch is on its way at a time, so that the samples of a series arrive in order; its requests hold different series and go side by side.
//! A retry sends only the requests that were not answered for.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod answer;
mod config;
mod figures;
mod send;
#[cfg(test)]
mod tests;

use warren_component::{ExporterFactory, Signals, Stability};

pub use config::{Config, Message, RemoteWriteQueue, Switch};

/// Makes `prometheusremotewrite` exporters.
pub const FACTORY: ExporterFactory = ExporterFactory {
    kind: "prometheusremotewrite",
    aliases: &[],
    signals: Signals { metrics: Stability::Beta, traces: Stability::Undefined, logs: Stability::Undefined },
    config: || Box::new(Config::default()),
};
