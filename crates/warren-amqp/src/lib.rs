//! Publishing over AMQP 0.9.1 to RabbitMQ and LavinMQ, with confirms; and seeing what passes an exchange ([`Consumer`]).
//!
//! ```text
//! Publisher::publish ──▶ link (made when needed) ──▶ one channel in confirm mode ──▶ broker
//!        ▲                                                                            │
//!        └──── ack, nack, return, close, silence: each publish learns its own fate ◀──┘
//! ```
//!
//! One publisher has one connection and one channel. Publishes overlap: none waits for the confirm of the one before. Every publish is
//! mandatory, and one that no queue takes is an error and not a success. A connection that is gone is made anew by the next publish; whoever
//! publishes decides when that is. What the broker says on closing is kept, for it names the cause.
//!
//! Why not `lapin`: `docs/decisions/013-amqp-publisher.md`.
//!
//! Bytes from the broker are outside input: frames have a limit, strings and tables are skipped without being believed.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod consumer;
mod endpoint;
mod error;
mod handshake;
mod link;
mod publisher;
#[cfg(test)]
mod tests;
mod wire;

pub use consumer::{Consumer, Delivery, Source};
pub use endpoint::{Endpoint, EndpointError};
pub use error::PublishError;
pub use publisher::{Client, Message, Publisher, Route};
pub use wire::{read_delivery, read_method};
