//! Prometheus remote write: metrics become requests, one part at a time.
//!
//! ```text
//! Metrics ── families: metrics by translated name ── points: one or more samples each ── series: labels and samples
//!                                                                                          │ protobuf, 64 KiB at a time
//!                                              Part { body, positions, items } ◀── snappy ─┘ up to the size limit
//! ```
//!
//! [`Encoding`] walks a batch and yields [`Part`]s, the bodies of requests. Nothing but the part at hand is in memory, and of that only its
//! compressed form. The order of series is that of the batch and the same at every attempt, so a part is known by the positions of its
//! series, and an attempt may begin anywhere.
//!
//! Series with equal labels become one series with its samples in the order of time, wherever in the batch they stand. Equal labels need
//! equal names, so only metrics of one family are compared, and a column of points whose attribute sets were found distinct is not
//! looked at again for the next metric with the same sets.
//!
//! Labels are found through a layout (`labels`): for a sequence of attribute keys it says once what their names become, which label wins
//! where two meet, and in which order they are sent. A scrape of thousands of series has a handful of layouts.
//!
//! The messages are those of remote write 1.0 (`prometheus.WriteRequest`) and 2.0 (`io.prometheus.write.v2.Request`); names, labels and
//! conversions follow `pkg/translator/prometheusremotewrite` of the OpenTelemetry Collector v0.132.0.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod encoding;
mod exemplars;
mod exponential;
mod family;
mod frame;
mod labels;
mod metadata;
mod order;
mod points;
mod proto;
mod series;
mod symbols;
#[cfg(test)]
mod tests;
mod translation;

pub use encoding::{EncodeError, Encoding, Limits, Part, Protocol, Step};
pub use family::Failures;
pub use translation::{ExternalLabels, Translation};
