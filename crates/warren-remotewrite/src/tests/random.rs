//! Any batch: the encoder agrees with the model, in one request or many, from any position on.

use super::{WIDE, decode, defaults, model, parts_of, series_of};
use crate::{Limits, Protocol, Translation};
use proptest::prelude::*;
use std::collections::BTreeMap;
use warren_pdata::{
    Attrs, Data, Exemplar, ExponentialBuckets, ExponentialHistogramPoint, HistogramPoint, KeyValue, Metric, Metrics, Number,
    NumberPoint, QuantileValue, Resource, ResourceGroup, Scope, ScopeGroup, Sum, SummaryPoint, Temporality, Value,
};

fn attrs() -> impl Strategy<Value = Attrs> {
    let key = prop_oneof![Just("a"), Just("a.b"), Just("a_b"), Just("le"), Just("job"), Just("Z"), Just("__name__"), Just("")];
    let value = prop_oneof![
        "[ab]{0,2}".prop_map(Value::from),
        (0i64..3).prop_map(Value::Int),
        Just(Value::Bool(true)),
        "x{60,140}".prop_map(Value::from)
    ];
    proptest::collection::vec((key, value), 0..4)
        .prop_map(|entries| entries.into_iter().map(|(key, value)| KeyValue::new(key, value)).collect())
}

fn resource() -> impl Strategy<Value = Attrs> {
    let key =
        prop_oneof![Just("service.name"), Just("service.instance.id"), Just("service.namespace"), Just("a.b"), Just("host")];
    proptest::collection::btree_map(key, "[xy]", 0..4)
        .prop_map(|entries| entries.into_iter().map(|(key, value)| KeyValue::new(key, value)).collect())
}

fn time() -> impl Strategy<Value = u64> {
    (0u64..5).prop_map(|seconds| seconds * 1_500_000_000)
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        Just(Number::Empty),
        (-2i64..3).prop_map(Number::Int),
        Just(Number::Double(-0.0)),
        Just(Number::Double(f64::NAN)),
        (0u8..4).prop_map(|value| Number::Double(f64::from(value) / 3.0))
    ]
}

fn points() -> impl Strategy<Value = Vec<NumberPoint>> {
    let exemplars = proptest::collection::vec(number().prop_map(|value| Exemplar { value, ..Exemplar::default() }), 0..2);
    let point = (attrs(), time(), number(), 0u32..2, exemplars);
    let point =
        point.prop_map(|(attrs, time, value, flags, exemplars)| NumberPoint { attrs, start: 0, time, value, flags, exemplars });
    proptest::collection::vec(point, 0..5)
}

fn histogram() -> impl Strategy<Value = HistogramPoint> {
    let bound = prop_oneof![Just(0.5), Just(1.0), Just(2.5), Just(f64::INFINITY)];
    let counts = proptest::collection::vec(0u64..9, 0..5);
    (attrs(), time(), proptest::option::of(0u8..9), proptest::collection::vec(bound, 0..4), counts, 0u32..2).prop_map(
        |(attrs, time, sum, bounds, counts, flags)| HistogramPoint {
            attrs,
            time,
            count: counts.iter().sum(),
            sum: sum.map(f64::from),
            bounds: bounds.into(),
            counts,
            flags,
            ..HistogramPoint::default()
        },
    )
}

fn summary() -> impl Strategy<Value = SummaryPoint> {
    let quantile = prop_oneof![Just(0.5), Just(0.99), Just(1.0)];
    let quantile = (quantile, 0u8..5).prop_map(|(quantile, value)| QuantileValue { quantile, value: f64::from(value) });
    (attrs(), time(), proptest::collection::vec(quantile, 0..4), 0u32..2).prop_map(|(attrs, time, quantiles, flags)| {
        SummaryPoint { attrs, time, count: 3, sum: 1.5, quantiles, flags, ..SummaryPoint::default() }
    })
}

fn exponential() -> impl Strategy<Value = ExponentialHistogramPoint> {
    (attrs(), time(), -4i32..12, -5i32..5, proptest::collection::vec(0u64..3, 0..9)).prop_map(
        |(attrs, time, scale, offset, counts)| ExponentialHistogramPoint {
            attrs,
            time,
            scale,
            count: counts.iter().sum(),
            positive: ExponentialBuckets { offset, counts },
            exemplars: vec![Exemplar::default()],
            ..ExponentialHistogramPoint::default()
        },
    )
}

fn data() -> impl Strategy<Value = Data> {
    let temporality = prop_oneof![3 => Just(Temporality::CUMULATIVE), 1 => Just(Temporality::DELTA)];
    prop_oneof![
        3 => points().prop_map(|points| Data::Gauge(points.into_iter().collect())),
        3 => (points(), temporality.clone(), any::<bool>()).prop_map(|(points, temporality, monotonic)| {
            Data::Sum(Sum { points: points.into_iter().collect(), temporality, monotonic })
        }),
        2 => (proptest::collection::vec(histogram(), 0..3), temporality.clone())
            .prop_map(|(points, temporality)| Data::Histogram { points, temporality }),
        1 => (proptest::collection::vec(exponential(), 0..3), temporality)
            .prop_map(|(points, temporality)| Data::ExponentialHistogram { points, temporality }),
        1 => proptest::collection::vec(summary(), 0..3).prop_map(Data::Summary),
        1 => Just(Data::Empty),
    ]
}

fn metric() -> impl Strategy<Value = Metric> {
    let name = prop_oneof![Just("m"), Just("m_sum"), Just("m.count"), Just("n"), Just("target_info"), Just("n_bucket")];
    let unit = prop_oneof![Just(""), Just("1"), Just("By")];
    (name, unit, data()).prop_map(|(name, unit, data)| Metric {
        name: name.into(),
        unit: unit.into(),
        description: "helpful".into(),
        data,
        ..Metric::default()
    })
}

fn batch() -> impl Strategy<Value = Metrics> {
    let group = (resource(), proptest::collection::vec(metric(), 0..5)).prop_map(|(attrs, items)| ResourceGroup {
        resource: Resource { attrs, dropped_attributes: 0 },
        scopes: vec![ScopeGroup { scope: Scope::default(), items, ..ScopeGroup::default() }],
        ..ResourceGroup::default()
    });
    proptest::collection::vec(group, 0..4).prop_map(|resources| Metrics { resources })
}

fn translation() -> impl Strategy<Value = Translation> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(resource_attributes, external, suffixes)| {
        let mut translation = Translation { resource_attributes, ..defaults() };
        translation.namer.suffixes = suffixes;
        if external {
            translation.external_labels = [("a_b", "ext"), ("job", "ext"), ("cluster", "c")].into_iter().collect();
        }
        translation
    })
}

/// Series by their labels, which must be sorted and not repeat.
fn by_labels(series: &[decode::TimeSeries]) -> BTreeMap<model::Labels, (model::Samples, usize, usize)> {
    let mut all = BTreeMap::new();
    for one in series {
        let names: Vec<&str> = one.labels.iter().map(|label| label.name.as_str()).collect();
        assert!(names.is_sorted() && names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
        let labels = one.labels.iter().map(|label| (label.name.clone(), label.value.clone())).collect();
        let samples = one.samples.iter().map(|sample| (sample.timestamp, sample.value.to_bits())).collect();
        let before = all.insert(labels, (samples, one.histograms.len(), one.exemplars.len()));
        assert_eq!(before, None, "a series is sent twice");
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn prop_the_encoder_agrees_with_the_model(batch in batch(), translation in translation()) {
        prop_assert_eq!(by_labels(&series_of(&batch, &translation)), model::series(&batch, &translation));
    }

    #[test]
    fn prop_many_small_requests_say_the_same_as_a_large_one(batch in batch(), translation in translation(), bytes in 0usize..600) {
        let whole = series_of(&batch, &translation);
        let items: u64 = parts_of(&batch, &translation, WIDE, 0..u64::MAX).iter().map(|part| part.items).sum();
        let parts = parts_of(&batch, &translation, Limits { bytes, ..WIDE }, 0..u64::MAX);
        prop_assert_eq!(parts.iter().map(|part| part.items).sum::<u64>(), items);
        let mut from = 0;
        let mut split = Vec::new();
        for part in &parts {
            let content = decode::content(&part.body);
            let series = decode::v1(&part.body).timeseries;
            prop_assert!(content.len() <= bytes || series.len() == 1);
            prop_assert_eq!(series.len() as u64, part.series);
            prop_assert_eq!(part.positions.start, from);
            from = part.positions.end;
            split.extend(series);
        }
        prop_assert_eq!(bits(&split), bits(&whole));
    }

    #[test]
    fn prop_an_attempt_can_begin_and_stop_at_any_part(batch in batch(), bytes in 50usize..400, pick in any::<prop::sample::Index>()) {
        let translation = defaults();
        let limits = Limits { bytes, metadata: true, ..WIDE };
        let parts = parts_of(&batch, &translation, limits, 0..u64::MAX);
        prop_assume!(!parts.is_empty());
        let at = pick.index(parts.len());
        let rest = parts_of(&batch, &translation, limits, parts[at].positions.start..u64::MAX);
        prop_assert_eq!(&rest[..], &parts[at..]);
        let one = parts_of(&batch, &translation, limits, parts[at].positions.clone());
        prop_assert_eq!(&one[..], &parts[at..=at]);
    }

    #[test]
    fn prop_both_versions_say_the_same(batch in batch(), bytes in 100usize..5000) {
        let translation = defaults();
        let parts = parts_of(&batch, &translation, Limits { protocol: Protocol::V2, bytes, metadata: true }, 0..u64::MAX);
        let mut lowered = Vec::new();
        for part in &parts {
            let request = decode::v2(&part.body);
            prop_assert!(decode::content(&part.body).len() <= bytes || request.timeseries.len() == 1);
            lowered.extend(request.lowered());
        }
        prop_assert_eq!(bits(&lowered), bits(&series_of(&batch, &translation)));
    }
}

/// Series in a form in which `NaN` equals itself.
fn bits(series: &[decode::TimeSeries]) -> Vec<String> {
    series.iter().map(|one| format!("{one:?}")).collect()
}
