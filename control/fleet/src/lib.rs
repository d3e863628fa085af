//! What a fleet is, and the configuration of each of its servers.
//!
//! ```text
//! profile: overlays in order ─┐
//! tenant, cluster, server ────┼─▶ layers ─▶ Settings (typed, each leaf knows where it came from) ─┐
//! emergency ──────────────────┘                                                                   ├─▶ render ─▶ one JSON document,
//! Server, Integrations ───────────────────────────────────────────────────────────────────────────┘            provenance, hash
//! ```
//!
//! [`adopt`] is the way back: from a configuration that runs to the model.
//!
//! Everything here is pure: the same input gives the same bytes. Secrets are not part of it: documents refer to them
//! ([`SecretRef`]), and [`reveal`] puts them in when a document is sent.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod adopt;
mod destination;
mod document;
mod layers;
mod model;
mod render;
mod secret;
mod settings;
mod windows;

pub use document::{Provenance, canonical};
pub use layers::{Layer, Overlay, Profile, Selector, below, laid_over, layered, merge};
pub use model::{Backend, Broker, Destination, Fault, Integration, OtlpAuth, Server};
pub use render::{Input, Rendered, own_metrics, render, settings_of};
pub use secret::{SecretRef, Unknown, escape, reveal};
pub use settings::{
    Amqp, Batch, Destinations, Detailed, DirectAccess, Host, Integrations, Logs, Memory, Own, Scrape, Settings, WebStore,
};
pub use windows::{Day, Rollouts, Window};
