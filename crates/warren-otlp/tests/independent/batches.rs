//! Batches of any content.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use warren_pdata::{
    Attrs, Batch, Data, Exemplar, ExponentialBuckets, ExponentialHistogramPoint, HistogramPoint, KeyValue, LogRecord, Metric,
    Number, NumberPoint, QuantileValue, Resource, ResourceGroup, Scope, ScopeGroup, Span, SpanEvent, SpanId, SpanLink,
    SpanStatus, Sum, SummaryPoint, Telemetry, Temporality, Text, TraceId, Value,
};

/// What may occur, by who is to read it.
#[derive(Clone, Copy)]
pub(crate) enum Reader {
    /// Protobuf: doubles of every pattern of bits.
    Protobuf,
    /// Our JSON: all numbers, and one that is none.
    Json,
    /// The other implementation's JSON: finite numbers.
    TheirJson,
}

impl Reader {
    fn doubles(self) -> BoxedStrategy<f64> {
        let bits = prop_oneof![any::<u64>().prop_map(f64::from_bits), any::<i16>().prop_map(f64::from), Just(0.0), Just(-0.0)];
        match self {
            Self::Protobuf => bits.boxed(),
            Self::Json => prop_oneof![
                bits.prop_map(|value| if value.is_nan() { 1.5 } else { value }),
                Just(f64::INFINITY),
                Just(f64::NEG_INFINITY),
                Just(f64::from_bits(0x7ff8_0000_0000_0001))
            ]
            .boxed(),
            Self::TheirJson => bits.prop_map(|value| if value.is_finite() { value } else { 1.5 }).boxed(),
        }
    }

    /// Of fields whose zero is not written: other implementations take -0.0 for it.
    fn positive_doubles(self) -> BoxedStrategy<f64> {
        self.doubles().prop_map(|value| if value == 0.0 { 0.0 } else { value }).boxed()
    }
}

/// A batch of any signal.
pub(crate) fn batch(reader: Reader) -> impl Strategy<Value = Batch> {
    prop_oneof![
        telemetry(metric(reader).boxed(), reader).prop_map(Batch::Metrics),
        telemetry(log_record(reader).boxed(), reader).prop_map(Batch::Logs),
        telemetry(span(reader).boxed(), reader).prop_map(Batch::Traces),
    ]
}

fn telemetry<T: std::fmt::Debug + 'static>(item: BoxedStrategy<T>, reader: Reader) -> impl Strategy<Value = Telemetry<T>> {
    let scope = (text(), text(), attrs(reader), any::<u32>()).prop_map(|(name, version, attrs, dropped_attributes)| Scope {
        name,
        version,
        attrs,
        dropped_attributes,
    });
    let scoped = (scope, text(), vec(item, 0..3)).prop_map(|(scope, schema_url, items)| ScopeGroup { scope, schema_url, items });
    let resource = (attrs(reader), any::<u32>()).prop_map(|(attrs, dropped_attributes)| Resource { attrs, dropped_attributes });
    let group = (resource, text(), vec(scoped, 0..3)).prop_map(|(resource, schema_url, scopes)| ResourceGroup {
        resource,
        schema_url,
        scopes,
    });
    vec(group, 0..3).prop_map(|resources| Telemetry { resources })
}

fn text() -> impl Strategy<Value = Text> {
    prop_oneof![Just(String::new()), "[a-c]{1,2}", any::<String>(), ".{120,140}"].prop_map(Text::from)
}

fn attrs(reader: Reader) -> impl Strategy<Value = Attrs> {
    prop_oneof![Just(Attrs::EMPTY), Just(Attrs::from([("queue", "orders"), ("vhost", "/")])), entries(value(reader).boxed())]
}

fn entries(value: BoxedStrategy<Value>) -> impl Strategy<Value = Attrs> {
    vec((text(), value).prop_map(|(key, value)| KeyValue { key, value }), 0..4).prop_map(Attrs::new)
}

fn value(reader: Reader) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Empty),
        any::<bool>().prop_map(Value::Bool),
        prop_oneof![any::<i64>(), Just(0), Just(i64::MIN), Just(i64::MAX)].prop_map(Value::Int),
        reader.doubles().prop_map(Value::Double),
        text().prop_map(Value::Str),
        vec(any::<u8>(), 0..5).prop_map(Value::bytes),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![vec(inner.clone(), 0..3).prop_map(Value::list), entries(inner.boxed()).prop_map(Value::Map)]
    })
}

fn number(reader: Reader) -> impl Strategy<Value = Number> {
    prop_oneof![
        Just(Number::Empty),
        Just(Number::Int(0)),
        any::<i64>().prop_map(Number::Int),
        reader.doubles().prop_map(Number::Double)
    ]
}

fn ids() -> impl Strategy<Value = (TraceId, SpanId)> {
    prop_oneof![Just(Default::default()), any::<([u8; 16], [u8; 8])>().prop_map(|(trace, span)| (TraceId(trace), SpanId(span)))]
}

fn exemplars(reader: Reader) -> impl Strategy<Value = Vec<Exemplar>> {
    let exemplar = (attrs(reader), any::<u64>(), number(reader), ids())
        .prop_map(|(attrs, time, value, (trace_id, span_id))| Exemplar { attrs, time, value, trace_id, span_id });
    vec(exemplar, 0..2)
}

fn metric(reader: Reader) -> impl Strategy<Value = Metric> {
    (text(), text(), text(), attrs(reader), data(reader)).prop_map(|(name, description, unit, metadata, data)| Metric {
        name,
        description,
        unit,
        metadata,
        data,
    })
}

fn data(reader: Reader) -> impl Strategy<Value = Data> {
    let numbers = || vec(number_point(reader), 0..4).prop_map(|points| points.into_iter().collect());
    let temporality = || any::<i32>().prop_map(Temporality);
    prop_oneof![
        Just(Data::Empty),
        numbers().prop_map(Data::Gauge),
        (numbers(), temporality(), any::<bool>()).prop_map(|(points, temporality, monotonic)| Data::Sum(Sum {
            points,
            temporality,
            monotonic
        })),
        (vec(histogram_point(reader), 0..3), temporality())
            .prop_map(|(points, temporality)| Data::Histogram { points, temporality }),
        (vec(exponential_point(reader), 0..3), temporality())
            .prop_map(|(points, temporality)| Data::ExponentialHistogram { points, temporality }),
        vec(summary_point(reader), 0..3).prop_map(Data::Summary),
    ]
}

fn number_point(reader: Reader) -> impl Strategy<Value = NumberPoint> {
    (attrs(reader), 0..3u64, any::<u64>(), number(reader), 0..2u32, exemplars(reader))
        .prop_map(|(attrs, start, time, value, flags, exemplars)| NumberPoint { attrs, start, time, value, flags, exemplars })
}

/// Sum, least and greatest.
fn extremes(reader: Reader) -> impl Strategy<Value = [Option<f64>; 3]> {
    [option::of(reader.doubles()), option::of(reader.doubles()), option::of(reader.doubles())]
}

fn histogram_point(reader: Reader) -> impl Strategy<Value = HistogramPoint> {
    let buckets = (vec(reader.doubles(), 0..20), vec(any::<u64>(), 0..20));
    (attrs(reader), any::<[u64; 3]>(), extremes(reader), buckets, any::<u32>(), exemplars(reader)).prop_map(
        |(attrs, [start, time, count], [sum, min, max], (bounds, counts), flags, exemplars)| {
            let bounds = warren_pdata::Bounds::new(bounds);
            HistogramPoint { attrs, start, time, count, sum, min, max, bounds, counts, flags, exemplars }
        },
    )
}

fn exponential_point(reader: Reader) -> impl Strategy<Value = ExponentialHistogramPoint> {
    let buckets = || {
        let counts = vec(prop_oneof![any::<u64>(), 0..300u64], 0..40);
        (any::<i32>(), counts).prop_map(|(offset, counts)| ExponentialBuckets { offset, counts })
    };
    let zero = (any::<i32>(), any::<u64>(), reader.positive_doubles());
    let frame = (attrs(reader), any::<[u64; 3]>(), extremes(reader), any::<u32>(), exemplars(reader));
    (frame, zero, buckets(), buckets()).prop_map(
        |(
            (attrs, [start, time, count], [sum, min, max], flags, exemplars),
            (scale, zero_count, zero_threshold),
            positive,
            negative,
        )| {
            ExponentialHistogramPoint {
                attrs,
                start,
                time,
                count,
                sum,
                min,
                max,
                scale,
                zero_count,
                zero_threshold,
                positive,
                negative,
                flags,
                exemplars,
            }
        },
    )
}

fn summary_point(reader: Reader) -> impl Strategy<Value = SummaryPoint> {
    let quantile =
        (reader.positive_doubles(), reader.positive_doubles()).prop_map(|(quantile, value)| QuantileValue { quantile, value });
    (attrs(reader), any::<[u64; 3]>(), reader.positive_doubles(), vec(quantile, 0..3), any::<u32>()).prop_map(
        |(attrs, [start, time, count], sum, quantiles, flags)| SummaryPoint { attrs, start, time, count, sum, quantiles, flags },
    )
}

fn log_record(reader: Reader) -> impl Strategy<Value = LogRecord> {
    let frame = (any::<[u64; 2]>(), any::<i32>(), any::<[u32; 2]>(), ids());
    (frame, text(), value(reader), attrs(reader), text()).prop_map(
        |(
            ([time, observed_time], severity_number, [dropped_attributes, flags], (trace_id, span_id)),
            severity_text,
            body,
            attrs,
            event_name,
        )| {
            LogRecord {
                time,
                observed_time,
                severity_number,
                severity_text,
                body,
                attrs,
                dropped_attributes,
                flags,
                trace_id,
                span_id,
                event_name,
            }
        },
    )
}

fn span(reader: Reader) -> impl Strategy<Value = Span> {
    let event = (any::<u64>(), text(), attrs(reader), any::<u32>())
        .prop_map(|(time, name, attrs, dropped_attributes)| SpanEvent { time, name, attrs, dropped_attributes });
    let link = (ids(), text(), any::<[u32; 2]>(), attrs(reader)).prop_map(
        |((trace_id, span_id), trace_state, [flags, dropped_attributes], attrs)| SpanLink {
            trace_id,
            span_id,
            trace_state,
            flags,
            attrs,
            dropped_attributes,
        },
    );
    let status = (any::<i32>(), text()).prop_map(|(code, message)| SpanStatus { code, message });
    let frame = (ids(), ids(), any::<[u32; 4]>(), any::<i32>(), any::<[u64; 2]>(), status);
    (frame, text(), text(), attrs(reader), vec(event, 0..3), vec(link, 0..3)).prop_map(
        |(
            ((trace_id, span_id), (_, parent_span_id), numbers, kind, [start_time, end_time], status),
            trace_state,
            name,
            attrs,
            events,
            links,
        )| {
            let [flags, dropped_attributes, dropped_events, dropped_links] = numbers;
            Span {
                trace_id,
                span_id,
                parent_span_id,
                trace_state,
                flags,
                name,
                kind,
                start_time,
                end_time,
                attrs,
                dropped_attributes,
                events,
                dropped_events,
                links,
                dropped_links,
                // Always written, and so always there when read back.
                status: Some(status),
            }
        },
    )
}
