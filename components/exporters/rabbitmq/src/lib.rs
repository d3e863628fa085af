//! The `rabbitmq` exporter: a batch is a message, published to one exchange with one routing key.
//!
//! An extension or `warren-otlp` encodes, `warren-amqp` publishes and waits for the broker's confirm, `warren-delivery` queues and tries
//! again.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod config;
mod send;

pub use config::{Auth, Config, Connection, Own, Plain, Routing};

use warren_component::{ExporterFactory, Signals, Stability};

/// Makes `rabbitmq` exporters.
pub const FACTORY: ExporterFactory = ExporterFactory {
    kind: "rabbitmq",
    aliases: &[],
    signals: Signals { traces: Stability::Alpha, metrics: Stability::Alpha, logs: Stability::Alpha },
    config: || Box::new(Config::default()),
};
