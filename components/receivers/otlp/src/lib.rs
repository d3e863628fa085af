//! The `otlp` receiver: takes metrics, logs and traces over HTTP (protobuf and JSON) and gRPC.
//!
//! ```text
//! HTTP: path ─▶ method ─▶ media type ─┐
//!                                     ├─▶ room? ─▶ read, decompress ─▶ room? ─▶ decode ─▶ consumer of the signal ─▶ reply
//! gRPC: service, method ──────────────┘
//! ```
//!
//! One instance serves all signals over the same sockets. A request is answered when its pipelines have taken the data, or with the reason why
//! they have not.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod config;
mod grpc;
mod http;
mod intake;
mod receiver;

pub use config::{Config, HttpConfig, UrlPath};

use warren_component::{ReceiverFactory, Signals, Stability};

/// Makes `otlp` receivers.
pub const FACTORY: ReceiverFactory = ReceiverFactory {
    kind: "otlp",
    signals: Signals { traces: Stability::Stable, metrics: Stability::Stable, logs: Stability::Stable },
    config: || Box::new(Config::default()),
};

#[cfg(test)]
mod tests;
