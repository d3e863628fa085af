//! What the programs say of themselves.
//!
//! [`Registry`] holds the process's own metrics (`otelcol_*`, `warren_*`): a component asks once, when it is built, for a
//! [`Counter`], [`Gauge`] or [`Histogram`] with its fixed labels and then only adds. Asking again for the same name and labels gives
//! the same metric, so counters keep their value when a component is replaced by a reload.
//!
//! [`Logger`] writes the process log in the layout of upstream's logger: `time<TAB>level<TAB>message<TAB>{fields}`, or JSON. Every
//! component has one that carries its identity.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod log;
mod metrics;
mod page;

pub use log::{Encoding, Field, Level, LogSettings, Logger, Sampling, now};
pub use metrics::{Counter, Gauge, Histogram, Kind, Registry};
pub use page::{Detail, PageStyle};

/// The two together, as components receive them.
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// Own metrics.
    pub registry: Registry,
    /// Own log.
    pub log: Logger,
}

impl Telemetry {
    /// Telemetry that goes nowhere: for validation and tests.
    pub fn discarded() -> Self {
        Self { registry: Registry::default(), log: Logger::discarded() }
    }
}
