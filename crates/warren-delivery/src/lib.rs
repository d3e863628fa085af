//! Delivery: everything between a pipeline and a network exporter's protocol. The only crate that retries.
//!
//! ```text
//! consume(Arc<Batch>) ──▶ queue ──▶ batcher ──▶ attempt (timeout) ──▶ Sender::send ──▶ network
//!                           ▲         optional      │
//!                           └──── parked until due ◀┘ retry
//! ```
//!
//! An exporter implements [`Sender`], which knows a protocol and nothing else, and hands it to [`deliver`] with its settings
//! ([`DeliveryConfig`], made of the blocks that stand in the exporter's configuration: [`QueueConfig`], [`RetryConfig`],
//! [`TimeoutConfig`]). What comes back is the exporter as the pipeline sees it.
//!
//! # What it promises
//!
//! * In memory the queue holds references to batches, never encodings. It is bounded by requests, items or bytes as configured, and always
//!   by [`QUEUE_BYTES_MAX`].
//! * With `sending_queue.storage` a batch is on disk before it counts as taken, and comes again after any end of the process until it is
//!   settled. Memory stays flat however much waits, retries have no end unless the settings say so, and what cannot be stored is refused.
//!   Decisions: `docs/decisions/012-queues-on-disk.md`.
//! * A batch that waits for its next attempt occupies no worker. While a destination answers nothing but failures, one attempt at a time
//!   probes it and the clocks of the batches behind do not start.
//! * With one consumer, or when the sender asks for it, batches arrive in the order in which they were taken.
//! * A retry sends only what the other side has not taken yet ([`Progress`]).
//! * What is lost is logged and counted with its reason (`warren_dropped_items_total`). A batch that is refused is not lost: whoever
//!   offered it still has it.
//! * The queue belongs to the exporter's id: on a change of settings the successor takes it over with everything that waits.
//!
//! Without a queue the caller waits for the outcome, at most [`HOLD_MAX`] beyond the first attempt.
//!
//! Behaviour and texts follow the `exporterhelper` of the OpenTelemetry Collector v0.132.0.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod backoff;
mod batcher;
mod circuit;
mod config;
mod counters;
mod delivery;
mod disk;
mod entry;
mod notices;
mod persist;
mod queue;
mod run;
mod sender;
#[cfg(test)]
mod tests;

pub use backoff::Backoff;
pub use config::{BatchConfig, DeliveryConfig, QueueConfig, RetryConfig, Sizer, TimeoutConfig};
pub use delivery::{HOLD_MAX, deliver};
pub use persist::persist;
pub use queue::QUEUE_BYTES_MAX;
pub use sender::{Outcome, Progress, Sender};
