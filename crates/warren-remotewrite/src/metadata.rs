//! Metadata of metrics: type, help and unit.

use crate::family::kind;
use crate::proto::{message, number_unless_zero, text};
use crate::translation::Translation;
use warren_pdata::{Data, Metric, Value};
use warren_promname::unit_name;

/// Type numbers, the same in both versions of the protocol.
const UNKNOWN: u64 = 0;
const COUNTER: u64 = 1;
pub(crate) const GAUGE: u64 = 2;
const HISTOGRAM: u64 = 3;
const SUMMARY: u64 = 5;
const INFO: u64 = 6;
const STATESET: u64 = 7;

/// The type of a metric: that which it had at a Prometheus source, where OTLP knows none for it.
pub(crate) fn kind_number(metric: &Metric) -> u64 {
    let original = metric.metadata.get("prometheus.type").and_then(Value::as_str);
    match (&metric.data, original) {
        (Data::Empty, _) | (Data::Gauge(_), Some("unknown")) => UNKNOWN,
        (Data::Sum(sum), _) if sum.monotonic => COUNTER,
        (Data::Sum(_), Some("info")) => INFO,
        (Data::Sum(_), Some("stateset")) => STATESET,
        (Data::Gauge(_) | Data::Sum(_), _) => GAUGE,
        (Data::Histogram { .. } | Data::ExponentialHistogram { .. }, _) => HISTOGRAM,
        (Data::Summary(_), _) => SUMMARY,
    }
}

/// Appends `prometheus.WriteRequest.metadata` of one metric.
pub(crate) fn write(out: &mut Vec<u8>, metric: &Metric, translation: &Translation) {
    let name = translation.namer.name(&metric.name, &metric.unit, kind(&metric.data));
    message(out, 3, 1, |out| {
        number_unless_zero(out, 1, kind_number(metric));
        text(out, 2, &name);
        text(out, 4, &metric.description);
        text(out, 5, &unit_name(&metric.unit));
    });
}
