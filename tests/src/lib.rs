//! Real servers and loopback sinks, started on free ports of 127.0.0.1 with their files in temporary directories, and stopped by process id
//! when their guard is dropped. The end-to-end tests beside this library use them, and so do the project's own commands (`cargo xtask up`,
//! `cargo xtask bench`).
//!
//! ```text
//! RabbitMq ──/metrics──▶ Collector ──remote write──▶ Prometheus ──PromQL──▶ test
//! page, http::Server ──▶     "      ──remote write──▶ remote_write::Receiver
//! Journald  ──journal──▶     "      ──OTLP──▶ Loki ──LogQL──▶ test
//! ```
//!
//! It shares no code with the collector: pages are written, requests decoded and metrics read here on their own, so that a mistake in one
//! place is not repeated in the other.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod error;

pub mod cache;
pub mod collector;
pub mod control_plane;
pub mod hostile;
pub mod http;
pub mod isolation;
pub mod journald;
pub mod loki;
pub mod node_exporter;
pub mod opamp_go;
pub mod otlp;
pub mod page;
pub mod port;
pub mod postgres;
pub mod process;
pub mod program;
pub mod prometheus;
pub mod rabbitmq;
pub mod remote_write;
pub mod seed;
pub mod wait;
pub mod watchdog;

pub use error::{Error, Result};
