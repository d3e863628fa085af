//! The collector as a program.
//!
//! ```text
//! arguments ─▶ cli ─▶ warren-config: tree ─▶ config: settings of all components, references checked
//!                                                 │
//!                                                 ▼
//!                 own telemetry ◀─ run ◀─ graph: extensions, exporters, processors, receivers, and what leads from one to the next
//! ```
//!
//! This crate knows factories and no component: which components exist is the matter of a distribution, whose `main` calls [`main`]. It alone
//! starts and stops what components run.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod cli;
mod config;
mod fanout;
mod graph;
mod own;
mod run;
mod state;
mod telemetry;
#[cfg(test)]
mod tests;

pub use cli::main;
