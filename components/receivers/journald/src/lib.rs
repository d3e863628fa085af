//! The `journald` receiver: reads systemd's journal and follows it.
//!
//! ```text
//!             blocking pool                                     runtime
//! journal ─▶ entries ─▶ Records ─▶ batch, position ─────▶ pipeline takes the batch ─▶ position is kept ─▶ next slice
//!   ▲                      └─▶ broker lines ─▶ operators (Stages), where these are wanted
//!   ▲        (warren-journal)                             refused: the same batch again
//!   └── inotify: nothing is read, and nobody wakes, until something is written
//! ```
//!
//! The position goes to disk only after the pipeline has taken what lies before it. What was not taken is read again by the next process.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]

mod config;
mod extras;
mod figures;
mod groups;
mod keep;
mod receiver;
mod records;
mod slots;
mod stages;
mod value;

pub use config::Config;
pub use extras::{BrokerLogs, Extras};

use warren_component::{ReceiverFactory, Signals, Stability};

/// Makes `journald` receivers.
pub const FACTORY: ReceiverFactory = ReceiverFactory {
    kind: "journald",
    signals: Signals { logs: Stability::Alpha, metrics: Stability::Undefined, traces: Stability::Undefined },
    config: || Box::new(Config::default()),
};
