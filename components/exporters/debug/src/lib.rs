//! The `debug` exporter: shows what arrives to people, in the process log or on standard output.
//!
//! A batch becomes one line that counts what is in it, and, if more is asked for, one text of a line per item (`normal`) or of a line
//! per field (`detailed`). Of lines that repeat within a second only some are written (`sampling`). Layouts are those of the Go
//! collector's `debugexporter` v0.132.0, to the byte.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod config;
mod detailed;
mod export;
mod normal;
mod sampling;
mod text;

use warren_component::{ExporterFactory, Signals, Stability};

pub use config::{Config, Verbosity};

/// Makes `debug` exporters.
pub const FACTORY: ExporterFactory = ExporterFactory {
    kind: "debug",
    aliases: &[],
    signals: Signals { traces: Stability::Alpha, metrics: Stability::Alpha, logs: Stability::Alpha },
    config: || Box::new(Config::default()),
};
