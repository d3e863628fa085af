//! In-memory telemetry: what flows between receivers, processors and exporters.
//!
//! One [`Batch`] holds metrics, logs or traces, grouped as OTLP groups them: resource, scope, item. Below that the form is our own,
//! because it decides the weight of the whole program:
//!
//! * [`Text`] is an immutable, reference counted string of one word; a name that a thousand points carry exists once.
//! * [`Attrs`] is an immutable, reference counted, ordered list of attributes of one word. Points with equal attributes share one set,
//!   and a receiver that keeps its sets (the series cache of a scrape) shares them from one scrape to the next. A processor that edits
//!   attributes edits a set once, whoever holds it: [`Attrs::edit`] copies only when someone else looks.
//! * Number points are columns ([`NumberPoints`]): attributes, values, and times that are equal for all points are stored once.
//!
//! Batches travel as `Arc<Batch>`: readers share, and a writer takes [`Batch::owned`], which copies only when the batch is shared.
//! This crate has no clock and no I/O and knows no wire format. All that its users share are texts that last ([`key()`], [`share`]).

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod attrs;
mod batch;
mod column;
mod group;
mod intern;
mod key;
mod lasting;
mod logs;
mod metrics;
pub mod names;
mod points;
mod traces;
mod value;

pub use attrs::{Attrs, KeyValue};
pub use batch::{Batch, Signal};
pub use column::Column;
pub use group::{Item, Resource, ResourceGroup, Scope, ScopeGroup, Telemetry};
pub use intern::{AttrsPool, RecentTexts, TextPool};
pub use key::key;
pub use lasting::share;
pub use logs::{LogRecord, Logs};
pub use metrics::{Data, Metric, Metrics, Sum, Temporality};
pub use points::{
    Bounds, Exemplar, ExponentialBuckets, ExponentialHistogramPoint, HistogramPoint, Number, NumberPoint, NumberPoints,
    NumberRef, QuantileValue, STALE_NAN_BITS, SummaryPoint, flags,
};
pub use traces::{Span, SpanEvent, SpanId, SpanLink, SpanStatus, TraceId, Traces};
pub use value::{List, Text, Value, literal};
