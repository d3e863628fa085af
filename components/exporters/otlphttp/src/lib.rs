//! The `otlphttp` exporter: sends traces, metrics and logs by OTLP over HTTP, in protobuf or JSON.
//!
//! `warren-otlp` encodes a batch whole, `warren-http` compresses, signs and posts it, [`answer`] says what the reply means for the data, and
//! `warren-delivery` queues and tries again.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod answer;
mod config;
mod send;
#[cfg(test)]
mod tests;

use warren_component::{ExporterFactory, Signals, Stability};

pub use config::{Config, Encoding};

/// Makes `otlphttp` exporters. Later versions of upstream call them `otlp_http`.
pub const FACTORY: ExporterFactory = ExporterFactory {
    kind: "otlphttp",
    aliases: &["otlp_http"],
    signals: Signals { traces: Stability::Stable, metrics: Stability::Stable, logs: Stability::Stable },
    config: || Box::new(Config::default()),
};
