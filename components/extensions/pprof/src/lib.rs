//! The `pprof` extension: profiles of the running program over HTTP, in the form that `go tool pprof` and its kin open.
//!
//! ```text
//! GET /debug/pprof/profile ─▶ warren_sys::profile::cpu: registers and stacks ─▶ Unwinder: who called whom ─┐
//! GET /debug/pprof/heap ────▶ warren_sys::profile::heap: callers of sampled allocations ──────────────────┴▶ Modules: names ─▶ Profile, gzipped
//! ```
//!
//! CPU is sampled only while somebody asks. Allocations are sampled from the start of the extension on; a program without it pays nothing.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod config;
mod cpu;
mod extension;
mod modules;
mod profile;
mod serve;

pub use config::Config;

use warren_component::{ExtensionFactory, Stability};

/// Makes `pprof` extensions.
pub const FACTORY: ExtensionFactory =
    ExtensionFactory { kind: "pprof", stability: Stability::Beta, config: || Box::new(Config::default()) };

#[cfg(test)]
mod tests;
