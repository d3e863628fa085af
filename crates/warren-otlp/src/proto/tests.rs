//! What is written and what is read, with the results of the Go collector (v0.132.0, pdata v1.38.0) to compare with.

use crate::{DEPTH_MAX, DecodeError, EXPANSION_FREE, Fault, decode_request, encode_request, encoded_len};
use warren_pdata::{
    Attrs, Batch, Data, ExponentialHistogramPoint, HistogramPoint, LogRecord, Metric, Number, NumberPoint, Resource, Scope,
    Signal, Span, Telemetry, Temporality, Value,
};

/// A field that is bytes or a message.
fn field(number: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = varint(u64::from(number << 3 | 2));
    bytes.extend(varint(content.len() as u64));
    bytes.extend(content);
    bytes
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A request with one metric or log record of this content.
fn one(content: &[u8]) -> Vec<u8> {
    field(1, &field(2, &field(2, content)))
}

fn metric(content: &[u8]) -> Result<Metric, DecodeError> {
    match decode_request(Signal::Metrics, &one(content))? {
        Batch::Metrics(metrics) => Ok(metrics.resources[0].scopes[0].items[0].clone()),
        _ => unreachable!("metrics were asked for"),
    }
}

fn log(content: &[u8]) -> Result<LogRecord, DecodeError> {
    match decode_request(Signal::Logs, &one(content))? {
        Batch::Logs(logs) => Ok(logs.resources[0].scopes[0].items[0].clone()),
        _ => unreachable!("logs were asked for"),
    }
}

fn encoded(batch: &Batch) -> Vec<u8> {
    let mut out = Vec::new();
    encode_request(batch, &mut out);
    assert_eq!(encoded_len(batch), out.len());
    out
}

fn of<T>(item: T) -> Telemetry<T> {
    Telemetry::of(Resource::default(), Scope::default(), vec![item])
}

#[test]
fn attributes_of_any_length_are_written_as_protobuf_has_them() {
    for (key, value) in
        (0..4).flat_map(|key| (110..135).map(move |value| (key, value))).chain([(120, 0), (121, 0), (122, 0), (125, 3)])
    {
        let (key, value) = ("k".repeat(key), "v".repeat(value));
        let record = LogRecord { attrs: Attrs::from([(key.as_str(), value.as_str())]), ..LogRecord::default() };
        let batch = Batch::Logs(Telemetry::of(Resource::default(), Default::default(), vec![record]));
        let mut bytes = Vec::new();
        encode_request(&batch, &mut bytes);
        let pair = match key.is_empty() {
            true => field(2, &field(1, value.as_bytes())),
            false => [field(1, key.as_bytes()), field(2, &field(1, value.as_bytes()))].concat(),
        };
        let wanted = field(6, &pair);
        assert!(bytes.windows(wanted.len()).any(|part| part == wanted), "{} and {}", key.len(), value.len());
        assert_eq!(encoded_len(&batch), bytes.len());
        assert_eq!(decode_request(Signal::Logs, &bytes), Ok(batch));
    }
}

#[test]
fn what_is_empty_is_written_where_the_go_collector_writes_it() {
    // Behind a resource, a scope group and its scope, all of them empty.
    let framed = |item: &[u8]| field(1, &[field(1, &[]), field(2, &[field(1, &[]), field(2, item)].concat())].concat());
    let exponential =
        Data::ExponentialHistogram { points: vec![ExponentialHistogramPoint::default()], temporality: Temporality::default() };
    let gauge = Data::Gauge([NumberPoint::default()].into_iter().collect());
    for (batch, item) in [
        // Body, trace id and span id.
        (Batch::Logs(of(LogRecord::default())), vec![0x2a, 0, 0x4a, 0, 0x52, 0]),
        // Trace id, span id, parent and status.
        (Batch::Traces(of(Span::default())), vec![0x0a, 0, 0x12, 0, 0x22, 0, 0x7a, 0]),
        (Batch::Metrics(of(Metric::default())), vec![]),
        (Batch::Metrics(of(Metric { data: gauge, ..Metric::default() })), vec![0x2a, 2, 0x0a, 0]),
        // Positive and negative buckets.
        (Batch::Metrics(of(Metric { data: exponential, ..Metric::default() })), vec![0x52, 6, 0x0a, 4, 0x42, 0, 0x4a, 0]),
    ] {
        assert_eq!(encoded(&batch), framed(&item));
    }
    assert_eq!(encoded(&Batch::empty(Signal::Logs)), []);
}

#[test]
fn present_zeros_are_kept() {
    let zero = [0; 8];
    let point = |fields: &[&[u8]]| field(5, &field(1, &fields.concat()));
    for (content, value) in [
        (point(&[]), Number::Empty),
        (point(&[&[0x21], &zero]), Number::Double(0.0)),
        (point(&[&[0x31], &zero]), Number::Int(0)),
        (point(&[&[0x21], &(-0.0f64).to_le_bytes()]), Number::Double(-0.0)),
        (point(&[&[0x21], &0x7ff0_0000_0000_0002u64.to_le_bytes()]), Number::Double(f64::from_bits(0x7ff0_0000_0000_0002))),
        (point(&[&[0x31], &i64::MIN.to_le_bytes()]), Number::Int(i64::MIN)),
        // The last one counts.
        (point(&[&[0x31], &zero, &[0x21], &zero]), Number::Double(0.0)),
    ] {
        let decoded = metric(&content).unwrap();
        assert_eq!(decoded.data.numbers().unwrap().value(0), value);
        if content.len() < 15 {
            assert!(encoded(&of(decoded).into()).ends_with(&content));
        }
    }
}

#[test]
fn fields_come_in_any_order_and_more_than_once() {
    let a = field(7, &field(1, b"a"));
    let b = field(7, &[field(2, &[0x18, 5]), field(1, b"b")].concat());
    let content =
        field(5, &field(1, &[a.as_slice(), &[0x40, 1], &b, &field(99, b"unknown"), &[0x11, 1, 0, 0, 0, 0, 0, 0, 0]].concat()));
    let data = metric(&content).unwrap().data;
    let point = data.numbers().unwrap().get(0).unwrap();
    assert_eq!(*point.attrs, Attrs::from([("a", Value::Empty), ("b", Value::Int(5))]));
    assert_eq!((point.start, point.flags), (1, 1));

    // Messages are merged, but one of a choice replaces the other.
    let record = log(&[field(5, &field(1, b"x")), field(5, &[]), field(3, b"1"), field(3, b"2")].concat()).unwrap();
    assert_eq!((record.body, record.severity_text.as_str()), (Value::from("x"), "2"));
    let twice = metric(&[field(5, &field(1, &[])), field(5, &[field(1, &[]), field(1, &[])].concat())].concat()).unwrap();
    assert_eq!(twice.data.len(), 2);
}

#[test]
fn resources_and_scopes_are_merged() {
    let scopes = [
        field(1, &field(1, &field(1, b"a"))),
        field(1, &field(1, &field(1, b"b"))),
        field(2, &[field(1, &field(1, b"n")), field(1, &field(2, b"v")), field(2, &[])].concat()),
    ];
    let Batch::Logs(logs) = decode_request(Signal::Logs, &field(1, &scopes.concat())).unwrap() else { unreachable!() };
    assert_eq!(logs.resources[0].resource.attrs, Attrs::from([("a", Value::Empty), ("b", Value::Empty)]));
    let scope = &logs.resources[0].scopes[0].scope;
    assert_eq!((scope.name.as_str(), scope.version.as_str()), ("n", "v"));
}

#[test]
fn scopes_of_old_senders_are_read_unless_there_are_new_ones() {
    let old = field(1000, &field(2, &field(3, b"old")));
    let new = field(2, &field(2, &field(3, b"new")));
    for (content, expected) in [(old.clone(), "old"), ([old, new].concat(), "new")] {
        let Batch::Logs(logs) = decode_request(Signal::Logs, &field(1, &content)).unwrap() else { unreachable!() };
        let texts: Vec<&str> = logs.iter().map(|(_, _, record)| record.severity_text.as_str()).collect();
        assert_eq!(texts, [expected]);
    }
}

#[test]
fn packed_and_unpacked_numbers_are_read() {
    let one64 = 1u64.to_le_bytes();
    let unpacked: Vec<u8> = [&[0x31][..], &one64, &[0x31], &one64, &[0x39], &1.5f64.to_le_bytes()].concat();
    let packed: Vec<u8> = [field(6, &[one64, one64].concat()), field(7, &1.5f64.to_le_bytes())].concat();
    for point in [unpacked, packed] {
        let Data::Histogram { points, .. } = metric(&field(9, &field(1, &point))).unwrap().data else { unreachable!() };
        let [HistogramPoint { counts, bounds, .. }] = points.as_slice() else { unreachable!() };
        assert_eq!((counts.as_slice(), bounds.as_slice()), (&[1, 1][..], &[1.5][..]));
    }
    let unpacked = [0x10, 1, 0x10, 0xac, 2];
    for buckets in [unpacked.to_vec(), field(2, &[1, 0xac, 2])] {
        let point = field(1, &field(8, &buckets));
        let Data::ExponentialHistogram { points, .. } = metric(&field(10, &point)).unwrap().data else { unreachable!() };
        assert_eq!(points[0].positive.counts, [1, 300]);
    }
}

#[test]
fn a_gauge_has_no_fields_of_a_sum() {
    let gauge = metric(&field(5, &[field(1, &[]), field(2, b"x"), field(3, b"y")].concat())).unwrap();
    assert_eq!(gauge.data.len(), 1);
}

#[test]
fn equal_sets_of_a_request_are_one() {
    let set = [field(7, &[field(1, b"queue"), field(2, &field(1, b"orders"))].concat()), field(7, &field(1, b"vhost"))].concat();
    let gauge = field(2, &field(5, &[field(1, &set), field(1, &set)].concat()));
    let bytes = field(1, &field(2, &[gauge.clone(), gauge].concat()));
    let Batch::Metrics(metrics) = decode_request(Signal::Metrics, &bytes).unwrap() else { unreachable!() };
    let sets: Vec<&Attrs> = metrics.iter().flat_map(|(_, _, metric)| &metric.data.numbers().unwrap().attrs).collect();
    assert_eq!(sets.len(), 4);
    assert!(sets.iter().all(|set| set.same(sets[0])));
    assert_eq!(sets[0].len(), 2);
}

#[test]
fn log_records_share_sets_only_while_they_repeat() {
    let record = |pid: usize| field(2, &field(6, &[field(1, b"pid"), field(2, &field(1, pid.to_string().as_bytes()))].concat()));
    let decode = |records: Vec<u8>| match decode_request(Signal::Logs, &field(1, &field(2, &records))).unwrap() {
        Batch::Logs(mut logs) => logs.resources.remove(0).scopes.remove(0).items,
        _ => unreachable!("logs were asked for"),
    };
    let repeating = decode((0..4_000).flat_map(|i| record(i % 3)).collect());
    assert!(repeating[3_997].attrs.same(&repeating[1].attrs));
    let different = decode((0..4_000).flat_map(record).collect());
    assert_eq!(different[3_999].attrs, Attrs::from([("pid", "3999")]));
}

#[test]
fn what_is_wrong_is_refused_where_it_stands() {
    for (content, fault) in [
        (vec![0x08, 5], Fault::WireType { field: 1, wire: 0 }),
        (vec![0x0a], Fault::Truncated),
        (vec![0x0a, 5, b'a'], Fault::Truncated),
        (vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], Fault::Truncated),
        (vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], Fault::Varint),
        (vec![0x00], Fault::Tag(0)),
        (vec![0x7b, 0x7c], Fault::Group(15)),
        (vec![0x2b, 0x2c], Fault::Group(5)),
        (vec![0x7e], Fault::Tag(0x7e)),
        (field(9, &field(1, &field(6, &[1, 2, 3]))), Fault::Truncated),
        (field(5, &field(1, &[0x18, 1])), Fault::WireType { field: 3, wire: 0 }),
        (field(5, &field(1, &field(5, &field(5, b"abc")))), Fault::IdLength { expected: 16, found: 3 }),
    ] {
        assert_eq!(metric(&content).unwrap_err().fault(), fault, "{content:x?}");
    }
    let error = decode_request(Signal::Metrics, &one(&[0x08, 5])).unwrap_err();
    assert_eq!(error.to_string(), "invalid OTLP at byte 7 (Metric): wrong wireType = 0 for field 1");
    assert_eq!(error.offset(), 7);
}

#[test]
fn unreadable_text_is_marked_and_not_refused() {
    assert_eq!(metric(&field(1, b"a\xffb")).unwrap().name.as_str(), "a\u{fffd}b");
    assert_eq!(log(&field(5, &field(1, b"a\xffb"))).unwrap().body, Value::from("a\u{fffd}b"));
}

#[test]
fn nesting_has_a_limit() {
    for (list, element) in [(5, 1), (6, 2)] {
        let nested = |depth: usize| {
            let value = (0..depth).fold(Vec::new(), |inner, _| {
                let inner = if list == 5 { inner } else { field(element, &inner) };
                field(list, &field(1, &inner))
            });
            log(&field(5, &value))
        };
        assert!(nested(DEPTH_MAX).is_ok());
        assert_eq!(nested(DEPTH_MAX + 1).unwrap_err().fault(), Fault::Depth);
    }
}

#[test]
fn a_small_message_cannot_become_a_huge_batch() {
    let many = |item: &[u8]| item.repeat(EXPANSION_FREE / 8);
    let spans = field(1, &field(2, &many(&[0x12, 0])));
    assert_eq!(decode_request(Signal::Traces, &spans).unwrap_err().fault(), Fault::Expansion);
    let resources = many(&[0x0a, 0]);
    assert_eq!(decode_request(Signal::Traces, &resources).unwrap_err().fault(), Fault::Expansion);
    let quantiles = one(&field(11, &field(1, &many(&[0x32, 0]))));
    assert!(decode_request(Signal::Metrics, &quantiles).is_ok(), "a quantile takes eight times its size");
    let exemplars = one(&field(5, &field(1, &many(&[0x2a, 0]))));
    assert_eq!(decode_request(Signal::Metrics, &exemplars).unwrap_err().fault(), Fault::Expansion);
}

#[test]
fn a_first_item_that_is_small_does_not_have_room_made_for_many_like_it() {
    let record = |body: &str| LogRecord { body: body.into(), ..LogRecord::default() };
    let items = std::iter::once(record("")).chain((0..500).map(|_| record(&"x".repeat(2000)))).collect();
    let mut bytes = Vec::new();
    encode_request(&Batch::Logs(Telemetry::of(Resource::default(), Scope::default(), items)), &mut bytes);
    let Ok(Batch::Logs(logs)) = decode_request(Signal::Logs, &bytes) else { panic!("no logs") };
    let items = &logs.resources[0].scopes[0].items;
    assert_eq!(items.len(), 501);
    assert!(items.capacity() <= 2 * items.len() + 1, "{}", items.capacity());
}
