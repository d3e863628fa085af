//! Prometheus names of OpenTelemetry metrics, units and attributes, by the rules of `prometheus/otlptranslator` at 94f535e0c588 (as the
//! Collector v0.132.0 uses them), with names restricted to ASCII unless said otherwise.
//!
//! [`MetricNamer`] gives the name of a metric, [`utf8_metric_name`] the one that keeps what is not ASCII, [`unit_name`] the word for its unit, [`label_name`] the label for an attribute. Nothing
//! here keeps state; callers translate once per metric and once per distinct attribute key.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod label;
mod metric;
mod unit;

pub use label::label_name;
pub use metric::{Kind, MetricNamer, utf8_metric_name};
pub use unit::unit_name;

/// Whether a character may stand in a metric name besides the underscore, which joins words.
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == ':'
}
