//! Operators of log receivers: what parses, changes, filters, routes and recombines single records before they become a batch.
//!
//! ```text
//! settings ─ Operators ─ compile ─▶ Chain
//!                                     │  entry ─▶ operator ─▶ operator ─▶ … ─▶ Sink
//!                                     │            └ on_error, if, output       ▲
//!                                     └─ recombine holds entries back ── flush ─┘
//! ```
//!
//! [`Operators`] is the list as a configuration writes it; it is checked whole and compiled once, expressions, patterns and fields included.
//! A [`Chain`] runs entries through it. What it holds back is bounded in sources, lines and bytes, and it tells the mark of the oldest entry that
//! it holds, so that a receiver does not move its cursor past it.
//!
//! Semantics and texts are those of `pkg/stanza` of the collector at v0.132.0.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod chain;
mod entry;
mod field;
mod graph;
mod language;
mod settings;
mod template;
mod work;

pub use chain::{Chain, Failure, Sink};
pub use entry::Entry;
pub use field::Field;
pub use settings::Operators;
pub use template::Template;

#[cfg(test)]
mod tests;
