//! The `opamp` extension: the collector's side of OpAMP, by which a server manages it.
//!
//! ```text
//!            ┌──────────── session: one connection, messages both ways ───────────┐
//! server ◀──▶│ link (WebSocket, or HTTP polls) ◀──▶ agent: what was told, what not │◀──▶ change: applies configurations, watches them
//!            └──────────────────────────────────────────────────────────────────────┘             │ warren_component::Control
//!                                   kept: identity, credential, last configuration                 ▼ the running collector
//!                                   packages: other versions of the collector, for the watchdog to run
//! ```
//!
//! The collector never waits for the server: it runs what it has, and connects beside it. What the server gives is applied by the
//! collector's own reload, which refuses what is wrong and leaves everything as it was.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod access;
mod agent;
mod backoff;
mod change;
mod config;
mod describe;
mod extension;
mod health;
mod kept;
mod link;
mod packages;
mod session;

pub use config::Config;

use warren_component::{ExtensionFactory, Stability};

/// Makes `opamp` extensions.
pub const FACTORY: ExtensionFactory =
    ExtensionFactory { kind: "opamp", stability: Stability::Alpha, config: || Box::new(Config::default()) };
