//! What is written and what is read, with the results of the Go collector (v0.132.0, pdata v1.38.0) to compare with.

use crate::{DEPTH_MAX, EXPANSION_FREE, Fault, decode_json, encode_json};
use warren_pdata::Signal;

fn through(signal: Signal, json: &str) -> Result<String, Fault> {
    let batch = decode_json(signal, json.as_bytes()).map_err(|error| error.fault())?;
    let mut out = Vec::new();
    encode_json(&batch, &mut out);
    Ok(String::from_utf8(out).unwrap())
}

/// Reads and writes one log record.
fn log(record: &str) -> Result<String, Fault> {
    let frame = |record: &str| {
        format!("{{\"resourceLogs\":[{{\"resource\":{{}},\"scopeLogs\":[{{\"scope\":{{}},\"logRecords\":[{record}]}}]}}]}}")
    };
    let (before, after) = frame("|").split_once('|').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let out = through(Signal::Logs, &frame(record))?;
    Ok(out.strip_prefix(&before).unwrap().strip_suffix(&after).unwrap().to_owned())
}

/// Reads and writes one value of a body.
fn body(value: &str) -> Result<String, Fault> {
    let out = log(&format!("{{\"body\":{value}}}"))?;
    Ok(out.strip_prefix("{\"body\":").unwrap().strip_suffix('}').unwrap().to_owned())
}

#[test]
fn values_keep_their_type_and_presence() {
    for value in [
        "{}",
        "{\"stringValue\":\"\"}",
        "{\"boolValue\":false}",
        "{\"intValue\":\"0\"}",
        "{\"intValue\":\"-9223372036854775808\"}",
        "{\"doubleValue\":0}",
        "{\"bytesValue\":\"\"}",
        "{\"arrayValue\":{}}",
        "{\"kvlistValue\":{}}",
        "{\"arrayValue\":{\"values\":[{},{\"arrayValue\":{}},{\"bytesValue\":\"AQI=\"}]}}",
        "{\"kvlistValue\":{\"values\":[{\"value\":{}},{\"key\":\"a\",\"value\":{\"intValue\":\"1\"}},{\"key\":\"a\",\"value\":{}}]}}",
    ] {
        assert_eq!(body(value).unwrap(), value);
    }
}

#[test]
fn doubles_are_written_as_go_writes_them() {
    for (read, written) in [
        ("1e-7", "1e-07"),
        ("1e-6", "0.000001"),
        ("0.00001", "0.00001"),
        ("1e20", "100000000000000000000"),
        ("1e21", "1e+21"),
        ("1.5e300", "1.5e+300"),
        ("-0", "-0"),
        ("-0.0", "-0"),
        ("0", "0"),
        ("9007199254740993", "9007199254740992"),
        ("123456789012345680", "123456789012345680"),
        ("5e-324", "5e-324"),
        ("0.1", "0.1"),
        ("2.5E-8", "2.5e-08"),
        ("\"1.5\"", "1.5"),
        ("\"1e3\"", "1000"),
        ("\"NaN\"", "\"NaN\""),
        ("\"nan\"", "\"NaN\""),
        ("\"Infinity\"", "\"Infinity\""),
        ("\"-inf\"", "\"-Infinity\""),
        ("\"+Inf\"", "\"Infinity\""),
    ] {
        assert_eq!(body(&format!("{{\"doubleValue\":{read}}}")).unwrap(), format!("{{\"doubleValue\":{written}}}"), "{read}");
    }
}

#[test]
fn integers_are_read_as_numbers_and_in_quotes() {
    for (read, written) in [
        ("0", "0"),
        ("\"-9223372036854775808\"", "-9223372036854775808"),
        ("9223372036854775807", "9223372036854775807"),
        ("\"007\"", "7"),
        ("\"+7\"", "7"),
    ] {
        assert_eq!(body(&format!("{{\"intValue\":{read}}}")).unwrap(), format!("{{\"intValue\":\"{written}\"}}"));
    }
}

#[test]
fn text_is_escaped_and_unescaped() {
    let read = r#"{"stringValue":"a\u0000\u001f\u007f\u2028<>&\"\\\/\b\f\n\r\t\ud83d\ude00 \ud83d x \ude00 \u00e9"}"#;
    let written =
        "{\"stringValue\":\"a\\u0000\\u001f\u{7f}\u{2028}<>&\\\"\\\\/\\u0008\\u000c\\n\\r\\t😀 \u{fffd} x \u{fffd} é\"}";
    assert_eq!(body(read).unwrap(), written);
}

#[test]
fn both_spellings_of_names_are_read() {
    let snake = "{\"time_unix_nano\":\"5\",\"observed_time_unix_nano\":6,\"severity_number\":9,\"severity_text\":\"I\",\"dropped_attributes_count\":\"2\",\
        \"trace_id\":\"0102030405060708090A0b0c0d0e0f10\",\"span_id\":\"0102030405060708\",\"event_name\":\"e\",\"flags\":1,\
        \"attributes\":[{\"key\":\"k\",\"value\":{\"string_value\":\"v\"}}]}";
    let camel = "{\"timeUnixNano\":\"5\",\"observedTimeUnixNano\":\"6\",\"severityNumber\":9,\"severityText\":\"I\",\"body\":{},\
        \"attributes\":[{\"key\":\"k\",\"value\":{\"stringValue\":\"v\"}}],\"droppedAttributesCount\":2,\"flags\":1,\
        \"traceId\":\"0102030405060708090a0b0c0d0e0f10\",\"spanId\":\"0102030405060708\",\"eventName\":\"e\"}";
    assert_eq!(log(snake).unwrap(), camel);
    assert_eq!(log(camel).unwrap(), camel);
    assert_eq!(log("{\"severityNumber\":\"SEVERITY_NUMBER_INFO2\"}").unwrap(), "{\"severityNumber\":10,\"body\":{}}");
}

#[test]
fn what_is_not_known_or_null_is_skipped() {
    let record = "{\"unknown\":{\"a\":[1,{\"b\":null},-0.5e-3,true,false,[],{}],\"c\":\"\\\"\"},\"flags\":1,\"timeUnixNano\":null,\"attributes\":null}";
    assert_eq!(log(record).unwrap(), "{\"body\":{},\"flags\":1}");
    assert_eq!(through(Signal::Metrics, "null").unwrap(), "{}");
    assert_eq!(through(Signal::Metrics, " \n\t\r{ } ").unwrap(), "{}");
    // Of a field that is given twice the last one counts, and another kind of data replaces the first.
    let twice =
        "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"name\":\"a\",\"name\":\"b\",\"gauge\":{},\"sum\":{}}]}]}]}";
    let once =
        "{\"resourceMetrics\":[{\"resource\":{},\"scopeMetrics\":[{\"scope\":{},\"metrics\":[{\"name\":\"b\",\"sum\":{}}]}]}]}";
    assert_eq!(through(Signal::Metrics, twice).unwrap(), once);
}

#[test]
fn metrics_are_written_in_the_order_of_the_go_collector() {
    let frame = |metrics: &str| {
        format!("{{\"resourceMetrics\":[{{\"resource\":{{}},\"scopeMetrics\":[{{\"scope\":{{}},\"metrics\":[{metrics}]}}]}}]}}")
    };
    let exemplar = "{\"filteredAttributes\":[{\"key\":\"user\",\"value\":{\"stringValue\":\"bob\"}}],\"timeUnixNano\":\"3\",\"asInt\":\"-4\",\
        \"spanId\":\"0102030405060708\",\"traceId\":\"0102030405060708090a0b0c0d0e0f10\"}";
    for metric in [
        "{}".to_owned(),
        "{\"name\":\"g\",\"description\":\"d\",\"unit\":\"By\",\"gauge\":{\"dataPoints\":[{},{\"asDouble\":0},{\"asInt\":\"0\",\"flags\":1}]},\
            \"metadata\":[{\"key\":\"prometheus.type\",\"value\":{\"stringValue\":\"unknown\"}}]}"
            .to_owned(),
        format!(
            "{{\"sum\":{{\"dataPoints\":[{{\"startTimeUnixNano\":\"1\",\"timeUnixNano\":\"2\",\"asInt\":\"7\",\"exemplars\":[{exemplar}]}}],\
            \"aggregationTemporality\":2,\"isMonotonic\":true}}}}"
        ),
        "{\"histogram\":{\"dataPoints\":[{\"count\":\"3\",\"sum\":0,\"bucketCounts\":[\"1\",\"2\"],\"explicitBounds\":[0.5],\"min\":0,\"max\":-0}],\
            \"aggregationTemporality\":1}}"
            .to_owned(),
        "{\"exponentialHistogram\":{\"dataPoints\":[{\"sum\":0,\"scale\":-3,\"zeroCount\":\"1\",\"positive\":{\"offset\":-2,\"bucketCounts\":[\"1\",\"300\"]},\
            \"negative\":{},\"min\":1,\"max\":2,\"zeroThreshold\":0.5}]}}"
            .to_owned(),
        "{\"summary\":{\"dataPoints\":[{\"count\":\"1\",\"sum\":2.5,\"quantileValues\":[{},{\"quantile\":0.5,\"value\":1}],\"flags\":1}]}}".to_owned(),
    ] {
        assert_eq!(through(Signal::Metrics, &frame(&metric)).unwrap(), frame(&metric));
    }
}

#[test]
fn spans_are_written_in_the_order_of_the_go_collector() {
    let frame = |spans: &str| {
        format!(
            "{{\"resourceSpans\":[{{\"resource\":{{\"droppedAttributesCount\":3}},\"scopeSpans\":[{{\"scope\":{{\"name\":\"n\",\"version\":\"v\"}},\"spans\":[{spans}],\"schemaUrl\":\"t\"}}],\"schemaUrl\":\"s\"}}]}}"
        )
    };
    for span in [
        "{\"status\":{}}",
        "{\"traceId\":\"0102030405060708090a0b0c0d0e0f10\",\"spanId\":\"0102030405060708\",\"traceState\":\"a=b\",\"parentSpanId\":\"1112131415161718\",\
            \"flags\":257,\"name\":\"n\",\"kind\":2,\"startTimeUnixNano\":\"1\",\"endTimeUnixNano\":\"2\",\
            \"events\":[{},{\"timeUnixNano\":\"1\",\"name\":\"e\",\"droppedAttributesCount\":1}],\"droppedEventsCount\":4,\
            \"links\":[{},{\"traceState\":\"x\",\"flags\":1}],\"droppedLinksCount\":5,\"status\":{\"message\":\"m\",\"code\":2}}",
    ] {
        assert_eq!(through(Signal::Traces, &frame(span)).unwrap(), frame(span));
    }
}

#[test]
fn what_is_wrong_is_refused_where_it_stands() {
    let id = Fault::IdLength { expected: 16, found: 1 };
    for (record, fault) in [
        ("{\"timeUnixNano\":-1}", Fault::Range("uint64")),
        ("{\"timeUnixNano\":18446744073709551616}", Fault::Range("uint64")),
        ("{\"timeUnixNano\":1e3}", Fault::Range("uint64")),
        ("{\"timeUnixNano\":1.0}", Fault::Range("uint64")),
        ("{\"timeUnixNano\":\"\"}", Fault::Range("uint64")),
        ("{\"timeUnixNano\":true}", Fault::Expected("a number")),
        ("{\"timeUnixNano\":01}", Fault::Expected("a comma or the end of the object")),
        ("{\"timeUnixNano\":-}", Fault::Expected("a digit")),
        ("{\"flags\":4294967296}", Fault::Range("uint32")),
        ("{\"severityNumber\":\"LOUD\"}", Fault::Enum),
        ("{\"severityNumber\":\"9\"}", Fault::Enum),
        ("{\"severityText\":5}", Fault::Expected("a string")),
        ("{\"body\":{\"doubleValue\":1e999}}", Fault::Range("double")),
        ("{\"body\":{\"doubleValue\":\"-nan\"}}", Fault::Range("double")),
        ("{\"body\":{\"boolValue\":\"true\"}}", Fault::Expected("true or false")),
        ("{\"body\":{\"bytesValue\":\"AQI\"}}", Fault::Base64),
        ("{\"body\":{\"bytesValue\":\"_-8=\"}}", Fault::Base64),
        ("{\"body\":{\"stringValue\":\"a\tb\"}}", Fault::Control),
        ("{\"body\":{\"stringValue\":\"a\\x\"}}", Fault::Escape),
        ("{\"body\":{\"stringValue\":\"a\\u12g4\"}}", Fault::Escape),
        ("{\"traceId\":\"01\"}", id),
        ("{\"spanId\":\"010203040506070g\"}", Fault::Hex),
        ("{\"flags\":1,}", Fault::Expected("a string")),
        ("{\"flags\" 1}", Fault::Expected("a colon")),
        ("{\"attributes\":{}}", Fault::Expected("a list")),
        ("{\"attributes\":[{}{}]}", Fault::Expected("a comma or the end of the list")),
        ("[]", Fault::Expected("an object")),
        ("{\"x\":nul}", Fault::Expected("null")),
        ("{\"x\":?}", Fault::Expected("a value")),
    ] {
        assert_eq!(log(record), Err(fault), "{record}");
    }
    let error = decode_json(Signal::Logs, b"{\"resourceLogs\":[{\"schemaUrl\":7}]}").unwrap_err();
    assert_eq!(error.to_string(), "invalid OTLP at byte 30 (JSON): expected a string");
}

#[test]
fn a_text_that_ends_early_or_goes_on_is_refused() {
    for (text, fault) in [
        ("", Fault::Truncated),
        ("{\"resourceLogs\":[{}]", Fault::Truncated),
        ("{\"a", Fault::Truncated),
        ("{\"a\\", Fault::Truncated),
        ("{\"a\\u00", Fault::Truncated),
        ("{}x", Fault::Trailing),
        ("[]", Fault::Expected("an object")),
    ] {
        assert_eq!(through(Signal::Logs, text), Err(fault), "{text}");
    }
}

#[test]
fn unreadable_text_is_marked_and_not_refused() {
    let batch = decode_json(Signal::Logs, b"{\"resourceLogs\":[{\"schemaUrl\":\"a\xff\xfeb\"}]}").unwrap();
    let mut out = Vec::new();
    encode_json(&batch, &mut out);
    assert_eq!(out, "{\"resourceLogs\":[{\"resource\":{},\"schemaUrl\":\"a\u{fffd}\u{fffd}b\"}]}".as_bytes());
}

#[test]
fn nesting_has_a_limit() {
    let nested = |depth: usize| {
        let (open, close) = ("{\"arrayValue\":{\"values\":[", "]}}");
        body(&format!("{}{}{}", open.repeat(depth), "{}", close.repeat(depth)))
    };
    assert!(nested(DEPTH_MAX).is_ok());
    assert_eq!(nested(DEPTH_MAX + 1), Err(Fault::Depth));
    let unknown = format!("{{\"unknown\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(log(&unknown), Err(Fault::Depth));
}

#[test]
fn a_small_text_cannot_become_a_huge_batch() {
    let spans = "{},".repeat(EXPANSION_FREE / 64);
    let text = format!("{{\"resourceSpans\":[{{\"scopeSpans\":[{{\"spans\":[{spans}{{}}]}}]}}]}}");
    assert_eq!(through(Signal::Traces, &text), Err(Fault::Expansion));
}
