//! The `hostmetrics` receiver: what the machine itself says of its processors, memory, disks, network and processes.
//!
//! ```text
//! receiver: the clock ──▶ a thread of its own: Work ── each scraper in turn ──▶ Recorder ──▶ one batch ──▶ pipelines
//!                                              └ Host: kernel files, read once a tick for all scrapers
//! ```
//!
//! Each scraper is one file below `scrapers`: a table of its metrics, its settings, and how figures of the kernel become values. Reading the kernel's
//! files is the work of `warren-host`. All of it happens on a thread of its own, because files of `/proc` and mounts may hang; the runtime never waits
//! for them.
//!
//! Sets of attributes are made when a device, processor or process is first seen, and shared from tick to tick.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod config;
mod entity;
mod faults;
mod filter;
mod known;
mod metric;
mod receiver;
mod recorder;
mod scraper;
mod scrapers;
#[cfg(test)]
mod tests;
mod work;

use warren_component::{ReceiverFactory, Signals, Stability};

pub use config::{Compat, Config};

/// Makes `hostmetrics` receivers.
pub const FACTORY: ReceiverFactory = ReceiverFactory {
    kind: "hostmetrics",
    signals: Signals { metrics: Stability::Beta, logs: Stability::Development, traces: Stability::Undefined },
    config: || Box::new(Config::default()),
};
