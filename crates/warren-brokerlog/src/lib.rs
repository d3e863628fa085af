//! What RabbitMQ and LavinMQ write to their logs, line by line, as events.
//!
//! ```text
//! lines of several streams ─▶ Joiner ─▶ lines of one event ─▶ rabbitmq / lavinmq ─▶ Event
//!                              holds what may go on            severity, what it is about
//! ```
//!
//! RabbitMQ repeats its prefix (time, level, Erlang process) on each line of an event, so that every line looks like a first one; LavinMQ writes
//! the frames of an exception as lines of their own. A [`Joiner`] puts such lines together, for each stream by itself, and lets go what is
//! complete, what was held for [`HOLD`], and what grows beyond its bounds. What is no broker's line it gives back at once, as it came.
//!
//! RabbitMQ's forms are those that version 3.10 writes and its sources up to 4.1 know; LavinMQ's are those of its documentation and sources.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]

mod ansi;
mod event;
mod joiner;
mod lavinmq;
mod prefix;
mod rabbitmq;

pub use event::{Attribute, Event, Severity};
pub use joiner::{Broker, HELD_BYTES_MAX, HOLD, Joiner, Line, Out};

#[cfg(test)]
mod tests;
