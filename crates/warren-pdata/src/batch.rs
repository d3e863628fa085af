//! A batch of one signal: what nodes of a pipeline hand to each other.

use crate::{Logs, Metrics, Traces};
use std::sync::Arc;

/// A kind of telemetry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Metrics.
    Metrics,
    /// Log records.
    Logs,
}

impl Signal {
    /// Every signal, in the order upstream lists them.
    pub const ALL: [Self; 3] = [Self::Traces, Self::Metrics, Self::Logs];

    /// The name in configuration: `traces`, `metrics`, `logs`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }

    /// What upstream's own metrics call its items: `spans`, `metric_points`, `log_records`.
    pub fn items(self) -> &'static str {
        match self {
            Self::Traces => "spans",
            Self::Metrics => "metric_points",
            Self::Logs => "log_records",
        }
    }
}

impl std::fmt::Display for Signal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Telemetry of one signal.
#[derive(Clone, Debug, PartialEq)]
pub enum Batch {
    /// Metrics.
    Metrics(Metrics),
    /// Log records.
    Logs(Logs),
    /// Spans.
    Traces(Traces),
}

/// Runs the same expression on whatever the batch holds.
macro_rules! each {
    ($batch:expr, $inner:ident => $body:expr) => {
        match $batch {
            Batch::Metrics($inner) => $body,
            Batch::Logs($inner) => $body,
            Batch::Traces($inner) => $body,
        }
    };
}

impl Batch {
    /// An empty batch.
    pub fn empty(signal: Signal) -> Self {
        match signal {
            Signal::Metrics => Self::Metrics(Metrics::default()),
            Signal::Logs => Self::Logs(Logs::default()),
            Signal::Traces => Self::Traces(Traces::default()),
        }
    }

    /// Which signal it holds.
    pub fn signal(&self) -> Signal {
        match self {
            Self::Metrics(_) => Signal::Metrics,
            Self::Logs(_) => Signal::Logs,
            Self::Traces(_) => Signal::Traces,
        }
    }

    /// Data points, log records or spans: the unit in which batches and queues count.
    pub fn items(&self) -> usize {
        each!(self, inner => inner.count())
    }

    /// Resource groups.
    pub fn resources(&self) -> usize {
        each!(self, inner => inner.resources.len())
    }

    /// Whether it holds nothing at all, not even an empty resource.
    pub fn is_empty(&self) -> bool {
        self.resources() == 0
    }

    /// Heap bytes kept alive, the share only of what is shared.
    pub fn heap_bytes(&self) -> usize {
        each!(self, inner => inner.heap_bytes())
    }

    /// Cuts after `at` items and returns the rest.
    pub fn split_off(&mut self, at: usize) -> Self {
        match self {
            Self::Metrics(inner) => Self::Metrics(inner.split_off(at)),
            Self::Logs(inner) => Self::Logs(inner.split_off(at)),
            Self::Traces(inner) => Self::Traces(inner.split_off(at)),
        }
    }

    /// Cuts into batches of `most` items; the last may have fewer.
    pub fn into_chunks(self, most: usize) -> Vec<Self> {
        each!(self, inner => inner.into_chunks(most).into_iter().map(Self::from).collect())
    }

    /// Appends another batch of the same signal; resources are put side by side, not merged. Gives it back if the signal differs.
    pub fn append(&mut self, other: Self) -> Result<(), Self> {
        match (self, other) {
            (Self::Metrics(mine), Self::Metrics(theirs)) => mine.resources.extend(theirs.resources),
            (Self::Logs(mine), Self::Logs(theirs)) => mine.resources.extend(theirs.resources),
            (Self::Traces(mine), Self::Traces(theirs)) => mine.resources.extend(theirs.resources),
            (_, other) => return Err(other),
        }
        Ok(())
    }

    /// The batch for writing: itself if nobody else holds it, else a copy that shares all text and attribute sets.
    pub fn owned(shared: Arc<Self>) -> Self {
        Arc::unwrap_or_clone(shared)
    }
}

impl From<Metrics> for Batch {
    fn from(metrics: Metrics) -> Self {
        Self::Metrics(metrics)
    }
}

impl From<Logs> for Batch {
    fn from(logs: Logs) -> Self {
        Self::Logs(logs)
    }
}

impl From<Traces> for Batch {
    fn from(traces: Traces) -> Self {
        Self::Traces(traces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Attrs, Data, LogRecord, Metric, Number, NumberPoints, Resource, ResourceGroup, Scope, ScopeGroup};

    fn gauge(name: &str, points: i64) -> Metric {
        let mut numbers = NumberPoints::default();
        for value in 0..points {
            numbers.push_plain(Attrs::EMPTY, 0, 1, Number::Int(value), 0);
        }
        Metric { name: name.into(), unit: "By".into(), data: Data::Gauge(numbers), ..Metric::default() }
    }

    fn sample() -> Batch {
        let group = |name: &str, metrics: Vec<Metric>| ResourceGroup {
            resource: Resource { attrs: Attrs::from([("r", name)]), dropped_attributes: 0 },
            schema_url: "s".into(),
            scopes: vec![ScopeGroup { scope: Scope::default(), schema_url: "t".into(), items: metrics }],
        };
        Batch::Metrics(Metrics {
            resources: vec![group("a", vec![gauge("x", 3), gauge("y", 2)]), group("b", vec![gauge("z", 4)])],
        })
    }

    #[test]
    fn a_split_at_any_place_keeps_every_item_once_and_its_frame() {
        let whole = sample();
        for at in 0..=whole.items() + 1 {
            let mut first = whole.clone();
            let rest = first.split_off(at);
            assert_eq!(first.items(), at.min(9));
            assert_eq!(first.items() + rest.items(), 9);
            let Batch::Metrics(rest) = rest else { panic!("signal changed") };
            for (resource, scope, metric) in rest.iter() {
                assert_eq!(resource.schema_url, "s");
                assert_eq!(scope.schema_url, "t");
                assert_eq!(metric.unit, "By");
            }
        }
    }

    #[test]
    fn a_split_inside_a_metric_continues_with_the_next_value() {
        let mut first = sample();
        let Batch::Metrics(rest) = first.split_off(1) else { panic!("signal changed") };
        let (_, _, metric) = rest.iter().next().unwrap();
        assert_eq!(metric.name, "x");
        assert_eq!(metric.data.numbers().unwrap().value(0), Number::Int(1));
    }

    #[test]
    fn chunks_are_what_repeated_cutting_gives() {
        let mut whole = sample();
        whole.append(sample()).unwrap();
        for most in 1..=whole.items() + 1 {
            let mut rest = whole.clone();
            let mut expected = Vec::new();
            while rest.items() > 0 {
                let next = rest.split_off(most);
                expected.push(std::mem::replace(&mut rest, next));
            }
            assert_eq!(whole.clone().into_chunks(most), expected, "{most}");
        }
        assert_eq!(Batch::empty(Signal::Logs).into_chunks(5), []);
        let pointless = Batch::from(Metrics::of(Resource::default(), Scope::default(), vec![gauge("a", 0), gauge("b", 2)]));
        assert_eq!(pointless.clone().into_chunks(2), [pointless]);
    }

    #[test]
    fn appending_another_signal_is_refused_and_returned() {
        let logs = Batch::Logs(Logs::of(Resource::default(), Scope::default(), vec![LogRecord::default()]));
        assert_eq!(sample().append(logs.clone()), Err(logs));
    }

    #[test]
    fn only_a_shared_batch_is_copied_for_writing() {
        let shared = Arc::new(sample());
        let other = shared.clone();
        assert_eq!(Batch::owned(shared), *other);
        let resources = match &*other {
            Batch::Metrics(metrics) => metrics.resources.as_ptr(),
            _ => panic!("signal changed"),
        };
        let Batch::Metrics(mine) = Batch::owned(other) else { panic!("signal changed") };
        assert_eq!(mine.resources.as_ptr(), resources);
    }
}
