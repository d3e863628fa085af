//! The control plane: what it serves to people, programs and collectors.
//!
//! ```text
//! people, programs ─▶ api ──▶ store (change + audit) ──▶ desired: render, check, keep ──▶ hub: wake ─┐
//! collectors ◀──────▶ opamp: who is it, what does it tell, what is it to run ◀──────────────────────┘
//!            ◀─────── packages: other versions of it
//! ```
//!
//! The store is the only memory that counts: what is held here besides (who is connected, when it was heard of) comes back by itself.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod api;
mod app;
mod auth;
mod backup;
mod bus;
mod desired;
mod emergency;
mod hub;
mod limits;
mod listen;
mod metrics;
mod nodes;
mod opamp;
mod packages;
mod problem;
mod ramp;
mod rollout;
mod serve;
mod standing;
mod watch;

pub use api::document;
pub use backup::{backup, restore};
pub use bus::Bus;
pub use listen::Tls;
pub use serve::{Options, serve};
pub use watch::Query;
