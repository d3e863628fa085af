//! Editors of metrics: they change what a metric is, or add metrics made of it.

mod aggregate;
mod convert;
mod exponential;
mod extract;
mod merge;
mod scale;

pub(super) use aggregate::EDITORS as AGGREGATING;
pub(super) use convert::EDITORS as CONVERTING;
pub(super) use exponential::EDITORS as EXPONENTIAL;
pub(super) use extract::EDITORS as EXTRACTING;
pub(super) use scale::EDITORS as SCALING;

use crate::function::Place;
use crate::record::{Failure, Item};
use warren_pdata::{Data, Metric, Temporality};

/// The metric that is the record, or whose point is.
fn metric<'a>(place: &'a mut Place<'_, '_>) -> Result<&'a mut Metric, Failure> {
    match &mut place.record.item {
        Item::Metric(metric) | Item::DataPoint(metric, _) => Ok(metric),
        _ => Err(Failure::new("the record is no metric")),
    }
}

/// Upstream's name of a metric's kind.
fn kind(data: &Data) -> &'static str {
    match data {
        Data::Empty => "Empty",
        Data::Gauge(_) => "Gauge",
        Data::Sum(_) => "Sum",
        Data::Histogram { .. } => "Histogram",
        Data::ExponentialHistogram { .. } => "ExponentialHistogram",
        Data::Summary(_) => "Summary",
    }
}

/// What a point's value refers to, by its word.
fn temporality(word: &str) -> Result<Temporality, String> {
    match word {
        "delta" => Ok(Temporality::DELTA),
        "cumulative" => Ok(Temporality::CUMULATIVE),
        other => Err(format!("unknown aggregation temporality: {other}")),
    }
}

#[cfg(test)]
mod testing {
    //! Runs statements on metrics as a processor does.

    use crate::{Context, ErrorMode, Failed, Observer, compile};
    use warren_pdata::{
        Attrs, Batch, Data, HistogramPoint, Metric, Metrics, Number, NumberPoint, QuantileValue, Resource, Scope, Signal, Sum,
        SummaryPoint, Temporality,
    };

    struct Told(Vec<String>);

    impl Observer for Told {
        fn failed(&mut self, failed: &Failed) {
            self.0.push(failed.to_string());
        }
    }

    /// What becomes of a metric, or what is wrong with the statement. What fails changes nothing.
    pub(super) fn edit(context: Context, metric: &Metric, statement: &str) -> Result<Vec<Metric>, String> {
        let group = compile(Signal::Metrics, Some(context), &[], &[statement]).map_err(|faults| faults[0].to_string())?;
        let mut batch = Batch::Metrics(Metrics::of(Resource::default(), Scope::default(), vec![metric.clone()]));
        let mut told = Told(Vec::new());
        group.run(&mut batch, ErrorMode::Ignore, &mut group.memo(), &mut told).map_err(|failure| failure.to_string())?;
        let Batch::Metrics(metrics) = batch else { unreachable!("metrics stay metrics") };
        let metrics: Vec<Metric> = metrics.iter().map(|(_, _, metric)| metric.clone()).collect();
        match told.0.pop() {
            None => Ok(metrics),
            Some(error) => {
                assert_eq!(metrics, std::slice::from_ref(metric), "what fails changes nothing");
                Err(error)
            }
        }
    }

    /// As [`edit`] of metrics, the metric itself.
    pub(super) fn edited(metric: &Metric, statement: &str) -> Metric {
        let mut metrics = edit(Context::Metric, metric, statement).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(metrics.len(), 1, "{statement}");
        metrics.remove(0)
    }

    /// A number point with an attribute `a`.
    pub(super) fn point(a: &str, value: Number) -> NumberPoint {
        NumberPoint { attrs: Attrs::from([("a", a)]), start: 1, time: 5, value, flags: 0, exemplars: Vec::new() }
    }

    /// A metric of this data.
    pub(super) fn named(data: Data) -> Metric {
        Metric { name: "m".into(), description: "d".into(), unit: "u".into(), metadata: Attrs::from([("k", "v")]), data }
    }

    pub(super) fn gauge(points: impl IntoIterator<Item = NumberPoint>) -> Metric {
        named(Data::Gauge(points.into_iter().collect()))
    }

    pub(super) fn sum(temporality: Temporality, points: impl IntoIterator<Item = NumberPoint>) -> Metric {
        named(Data::Sum(Sum { points: points.into_iter().collect(), temporality, monotonic: true }))
    }

    pub(super) fn histogram(points: Vec<HistogramPoint>) -> Metric {
        named(Data::Histogram { points, temporality: Temporality::CUMULATIVE })
    }

    /// A summary of two points.
    pub(super) fn summary() -> Metric {
        let point = |a: &str, count| SummaryPoint {
            attrs: Attrs::from([("a", a)]),
            start: 1,
            time: 5,
            count,
            sum: count as f64 / 2.0,
            quantiles: vec![QuantileValue { quantile: 0.5, value: 7.0 }, QuantileValue { quantile: 0.99, value: 9.0 }],
            flags: 0,
        };
        named(Data::Summary(vec![point("x", 3), point("y", 4)]))
    }

    /// Number points as text.
    pub(super) fn numbers(metric: &Metric) -> String {
        let points = metric.data.numbers().map(|points| {
            let one = |point: warren_pdata::NumberRef<'_>| {
                format!("{:?}@{}-{}={:?}", point.attrs, point.start, point.time, point.value)
            };
            points.iter().map(one).collect::<Vec<_>>().join(" ")
        });
        points.unwrap_or_default().replace("Str(", "").replace("\")", "\"")
    }
}
