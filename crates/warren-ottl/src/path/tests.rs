//! Facts of upstream's `pkg/ottl/contexts/internal/ctx*` tests at v0.132.0, and of runs of that version, as cases of ours.

use crate::path::{Field, Index, get, map_mut, names, set};
use crate::record::{Context, Item, Record};
use crate::value::Val;
use warren_pdata::{
    Attrs, Batch, Data, ExponentialHistogramPoint, HistogramPoint, LogRecord, Logs, Metric, Metrics, Number, NumberPoints,
    Resource, Scope, Span, SpanEvent, SpanId, Text, TraceId, Traces, Value,
};

/// The field of a name, such as `status.code`.
fn field(context: Context, name: &str) -> Field {
    if name == "cache" {
        return Field::Cache;
    }
    names(context).iter().find(|(known, _)| *known == name).map(|(_, field)| *field).unwrap()
}

fn with_item<T>(item: Item<'_>, visit: impl FnOnce(&mut Record<'_>) -> T) -> T {
    let mut resource = Resource { attrs: Attrs::from([("host", "a")]), dropped_attributes: 3 };
    let (mut schema_url, mut scope_schema_url) = (Text::from("r"), Text::from("s"));
    let mut scope = Scope { name: "n".into(), version: "1".into(), ..Scope::default() };
    visit(&mut Record::new(&mut resource, &mut schema_url, Some((&mut scope, &mut scope_schema_url)), item))
}

fn show(record: &Record<'_>, field: Field) -> String {
    match get(record, field, &[]) {
        Ok(got) => format!("{:?}", got.into_val()),
        Err(failure) => failure.to_string(),
    }
}

/// Sets each name to a value and expects what is then read.
fn check(record: &mut Record<'_>, context: Context, cases: &[(&str, Val, &str)]) {
    for (name, value, expected) in cases {
        let field = field(context, name);
        if let Err(failure) = set(record, field, &[], value.clone()) {
            assert_eq!(failure.to_string(), *expected, "{name} = {value:?}");
            continue;
        }
        assert_eq!(show(record, field), *expected, "{name} = {value:?}");
    }
}

#[test]
fn a_log_record_is_read_and_written() {
    let mut log = LogRecord { body: Value::from("b"), ..LogRecord::default() };
    with_item(Item::Log(&mut log), |record| {
        check(
            record,
            Context::Log,
            &[
                ("time_unix_nano", Val::Int(-1), "Int(-1)"),
                ("time_unix_nano", Val::from("x"), "Int(-1)"),
                ("severity_number", Val::Int(4_294_967_299), "Int(3)"),
                ("severity_text", Val::Int(1), "Str(\"\")"),
                ("body", Val::Duration(1), "Str(\"b\")"),
                ("body", Val::Nil, "Str(\"b\")"),
                ("body.string", Val::from("s"), "Str(\"s\")"),
                ("body", Val::Float(1.0), "Float(1.0)"),
                ("flags", Val::Int(-1), "Int(4294967295)"),
                ("trace_id.string", Val::from("0102"), "trace ids must be 32 hex characters"),
                ("span_id.string", Val::from("0102030405060708"), "Str(\"0102030405060708\")"),
                ("span_id", Val::from("0102030405060709"), "SpanId(SpanId([1, 2, 3, 4, 5, 6, 7, 8]))"),
                (
                    "trace_id",
                    Val::TraceId(TraceId([1; 16])),
                    "TraceId(TraceId([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]))",
                ),
                ("attributes", Val::from("x"), "Map({})"),
                ("attributes", Val::Map(Attrs::from([("a", 1i64)])), "Map({\"a\": Int(1)})"),
                ("cache", Val::Map(Attrs::from([("c", 1i64)])), "Map({\"c\": Int(1)})"),
            ],
        );
        assert_eq!(show(record, field(Context::Log, "body.string")), "Str(\"1\")");
        assert_eq!(show(record, field(Context::Resource, "dropped_attributes_count")), "Int(3)");
        assert_eq!(show(record, field(Context::Scope, "schema_url")), "Str(\"s\")");
        let body = field(Context::Log, "body");
        let indexed = get(record, body, &[Index::Int(0)]).err().map(|failure| failure.to_string());
        assert_eq!(indexed.as_deref(), Some("log bodies of type Double cannot be indexed"));
        assert_eq!(
            map_mut(record, body, &[]).err().map(|failure| failure.to_string()).as_deref(),
            Some("expected pcommon.Map but got float64")
        );
    });
}

#[test]
fn a_span_and_its_events_are_read_and_written() {
    let mut span =
        Span { trace_state: "a=1,b=2".into(), span_id: SpanId([7; 8]), events: vec![SpanEvent::default()], ..Span::default() };
    with_item(Item::SpanEvent(&mut span, 0), |record| {
        check(
            record,
            Context::Span,
            &[
                ("kind", Val::Int(2), "Int(2)"),
                ("kind.string", Val::from("Client"), "Str(\"Client\")"),
                ("kind.deprecated_string", Val::Nil, "Str(\"SPAN_KIND_CLIENT\")"),
                ("kind.string", Val::from("SPAN_KIND_SERVER"), "unknown span kind string, SPAN_KIND_SERVER"),
                ("status.code", Val::from("x"), "Int(0)"),
                ("status.message", Val::from("m"), "Str(\"m\")"),
                ("parent_span_id.string", Val::Nil, "Str(\"0000000000000000\")"),
                ("dropped_links_count", Val::Int(5), "Int(5)"),
            ],
        );
        let state = field(Context::Span, "trace_state");
        for (key, value, expected) in
            [("b", "3", "b=3,a=1"), ("c", "4", "c=4,b=3,a=1"), ("é", "5", "c=4,b=3,a=1"), ("a", "", "c=4,b=3,a=1")]
        {
            set(record, state, &[Index::Text(key.into())], Val::from(value)).unwrap();
            assert_eq!(show(record, state), format!("Str({expected:?})"));
        }
        assert_eq!(format!("{:?}", get(record, state, &[Index::Text("zz".into())]).unwrap().into_val()), "Str(\"\")");
        check(
            record,
            Context::SpanEvent,
            &[("name", Val::from("e"), "Str(\"e\")"), ("event_index", Val::Int(1), "the 'event_index' path cannot be modified")],
        );
        assert_eq!(show(record, field(Context::SpanEvent, "event_index")), "no 'event_index' property has been set");
    });
}

#[test]
fn a_metric_has_what_its_type_has() {
    let mut metric = Metric { name: "m".into(), data: Data::Gauge(NumberPoints::default()), ..Metric::default() };
    with_item(Item::Metric(&mut metric), |record| {
        check(
            record,
            Context::Metric,
            &[
                ("type", Val::Int(5), "Int(1)"),
                ("aggregation_temporality", Val::Int(2), "Nil"),
                ("is_monotonic", Val::Bool(true), "Nil"),
                ("unit", Val::from("By"), "Str(\"By\")"),
                ("metadata", Val::Map(Attrs::from([("a", 1i64)])), "Map({\"a\": Int(1)})"),
            ],
        );
    });
    metric.data = Data::Sum(warren_pdata::Sum::default());
    with_item(Item::Metric(&mut metric), |record| {
        let cases = [("aggregation_temporality", Val::Int(1), "Int(1)"), ("is_monotonic", Val::Bool(true), "Bool(true)")];
        check(record, Context::Metric, &cases);
    });
}

#[test]
fn a_point_has_what_its_kind_has() {
    let mut points = NumberPoints::default();
    points.push_plain(Attrs::EMPTY, 1, 2, Number::Double(1.5), 0);
    points.push_plain(Attrs::EMPTY, 1, 2, Number::Int(4), 0);
    let histogram =
        HistogramPoint { count: 3, counts: vec![1, 2], bounds: triomphe::Arc::new(vec![0.5]), ..HistogramPoint::default() };
    let exponential = ExponentialHistogramPoint { scale: 2, ..ExponentialHistogramPoint::default() };
    let temporality = warren_pdata::Temporality::DELTA;
    let check_point = |data: Data, at: usize, cases: &[(&str, Val, &str)]| {
        let mut metric = Metric { data, ..Metric::default() };
        with_item(Item::DataPoint(&mut metric, at), |record| check(record, Context::DataPoint, cases));
    };
    check_point(
        Data::Gauge(points),
        1,
        &[
            ("value_double", Val::Nil, "Float(0.0)"),
            ("value_int", Val::Float(2.0), "Int(4)"),
            ("value_double", Val::Float(2.5), "Float(2.5)"),
            ("value_int", Val::Nil, "Int(0)"),
            ("start_time_unix_nano", Val::Int(9), "Int(9)"),
            ("flags", Val::Int(1), "Int(1)"),
            ("count", Val::Int(1), "Nil"),
            ("bucket_counts", Val::Nil, "Nil"),
        ],
    );
    check_point(
        Data::Histogram { points: vec![histogram], temporality },
        0,
        &[
            ("sum", Val::Nil, "Float(0.0)"),
            ("sum", Val::Float(1.5), "Float(1.5)"),
            ("count", Val::Int(-1), "Int(-1)"),
            ("value_double", Val::Nil, "Nil"),
            ("bucket_counts", Val::List(triomphe::Arc::new(vec![Value::Int(7)])), "Typed(Uint, [Int(1), Int(2)])"),
            ("explicit_bounds", Val::Nil, "Typed(Float, [Double(0.5)])"),
        ],
    );
    check_point(
        Data::ExponentialHistogram { points: vec![exponential], temporality },
        0,
        &[
            ("scale", Val::Int(-3), "Int(-3)"),
            ("positive.offset", Val::Int(4), "Int(4)"),
            ("negative.bucket_counts", Val::Nil, "Typed(Uint, [])"),
        ],
    );
    check_point(Data::Empty, 0, &[("time_unix_nano", Val::Int(1), "Nil"), ("attributes", Val::Nil, "Map({})")]);
}

/// Statements on one attribute take a shortcut, which must know every record that has such attributes.
#[test]
fn one_attribute_is_set_from_every_record_that_sees_it() {
    struct Told;
    impl crate::Observer for Told {
        fn failed(&mut self, failed: &crate::Failed) {
            panic!("{failed}");
        }
    }
    let span = Span { events: vec![SpanEvent::default()], ..Span::default() };
    let points = NumberPoints::from_iter([warren_pdata::NumberPoint::default()]);
    let metric = Metric { data: Data::Gauge(points), ..Metric::default() };
    let batches = [
        (Context::Log, Batch::Logs(Logs::of(Resource::default(), Scope::default(), vec![LogRecord::default()]))),
        (Context::DataPoint, Batch::Metrics(Metrics::of(Resource::default(), Scope::default(), vec![metric]))),
        (Context::Span, Batch::Traces(Traces::of(Resource::default(), Scope::default(), vec![span.clone()]))),
        (Context::SpanEvent, Batch::Traces(Traces::of(Resource::default(), Scope::default(), vec![span]))),
    ];
    for (context, batch) in batches {
        for of in context.prefixes().iter().filter(|of| !["metric", "instrumentation_scope"].contains(of)) {
            let statements =
                [format!("set({of}.attributes[\"a\"], \"first\")"), format!("set({of}.attributes[\"a\"], \"last\")")];
            let group = crate::compile(batch.signal(), Some(context), &[], &statements).unwrap();
            let mut batch = batch.clone();
            group.run(&mut batch, crate::ErrorMode::Ignore, &mut group.memo(), &mut Told).unwrap();
            let field = field(Context::named(of).unwrap(), "attributes");
            let mut read = Vec::new();
            let read_one = |record: &mut Record<'_>, _: &mut crate::Memo| {
                read.push(format!("{:?}", get(record, field, &[Index::Text("a".into())]).unwrap().into_val()));
                Ok::<(), ()>(())
            };
            group.each(&mut batch, &mut group.memo(), read_one).unwrap();
            assert_eq!(read, ["Str(\"last\")"], "{of} from {}", context.name());
        }
    }
}
