//! The `prometheus` exporter: keeps the last value of every series and shows all of them to whoever asks, over HTTP.
//!
//! ```text
//! batch ─▶ Store::take, a few thousand points at a time ─▶ families, by name ─▶ series, by labels
//!                                                                   │ under a short lock, a few thousand lines at a time
//! GET /metrics ─▶ Accept, Accept-Encoding ─▶ Page: a body that is written as it is sent ◀─┘
//! ```
//!
//! A series holds the attribute set it came with, which it shares with the receiver's cache, and a [`labels::Layout`] that says how sets with
//! these keys become labels; text is made when the page is written and nothing of a page is kept. Series that are not updated for
//! `metric_expiration` are forgotten, whether somebody asks or not. The store is bounded in series and bytes; what does not fit is
//! counted.
//!
//! Behaviour follows the `prometheusexporter` of the OpenTelemetry Collector v0.132.0; differences are in README.md.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod accept;
mod config;
mod exporter;
mod family;
mod labels;
mod order;
mod page;
mod serve;
mod store;
mod text;
mod translation;
mod value;

pub use config::Config;

use warren_component::{ExporterFactory, Signals, Stability};

/// Makes `prometheus` exporters.
pub const FACTORY: ExporterFactory = ExporterFactory {
    kind: "prometheus",
    aliases: &[],
    signals: Signals { traces: Stability::Undefined, metrics: Stability::Beta, logs: Stability::Undefined },
    config: || Box::new(Config::default()),
};

#[cfg(test)]
mod tests;
