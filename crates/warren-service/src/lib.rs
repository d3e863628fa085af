//! The collector as a program.
//!
//! ```text
//! arguments ─▶ cli ─▶ warren-config: tree ─▶ config: settings of all components, references checked
//!                                                 │
//!                          outline: which nodes, what follows each, a print of each ─▶ plan: what differs from what runs
//!                                                 │
//!                          graph: nodes that differ are built, with edges to what follows
//!                                                 │
//!           control, watch, signals ─▶ reload ─▶ run: starts, switches edges, retires what is not wanted, stops
//! ```
//!
//! This crate knows factories and no component: which components exist is the matter of a distribution, whose `main` calls [`main`]. It alone
//! starts and stops what components run.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod check;
mod cli;
mod config;
mod control;
mod edge;
mod fanout;
mod graph;
mod host;
mod memory;
mod outline;
mod own;
mod plan;
mod reload;
mod run;
mod state;
mod telemetry;
#[cfg(test)]
mod tests;
mod watch;

pub use check::check;
pub use cli::main;
