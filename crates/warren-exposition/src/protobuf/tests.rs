//! Facts of Prometheus' `model/textparse/protobufparse_test.go` at commit 419d436a447a, as cases of ours.

use crate::tests::{Rows, feed};
use crate::{Format, ParseError};
use proptest::prelude::*;

/// A message being written.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn number(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3);
        self.varint(value);
        self
    }

    fn signed(self, field: u64, value: i64) -> Self {
        self.number(field, ((value << 1) ^ (value >> 63)) as u64)
    }

    fn double(mut self, field: u64, value: f64) -> Self {
        self.varint(field << 3 | 1);
        self.0.extend(value.to_le_bytes());
        self
    }

    fn bytes(mut self, field: u64, value: &[u8]) -> Self {
        self.varint(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend(value);
        self
    }

    fn message(self, field: u64, value: Self) -> Self {
        self.bytes(field, &value.0)
    }
}

fn new() -> Message {
    Message::default()
}

fn label(name: &str, value: &str) -> Message {
    new().bytes(1, name.as_bytes()).bytes(2, value.as_bytes())
}

fn time(seconds: u64) -> Message {
    new().number(1, seconds).number(2, 5_000_000)
}

fn family(name: &str, kind: u64, metrics: Vec<Message>) -> Message {
    let head = new().bytes(1, name.as_bytes()).bytes(2, b"Help").number(3, kind);
    metrics.into_iter().fold(head, |family, metric| family.message(4, metric))
}

fn page(families: Vec<Message>) -> Vec<u8> {
    let mut page = new();
    for family in families {
        page.varint(family.0.len() as u64);
        page.0.extend(family.0);
    }
    page.0
}

fn read(page: &[u8]) -> Result<Vec<String>, ParseError<String>> {
    let mut rows = Rows::default();
    feed(Format::Protobuf, false, page, 7, &mut rows)?;
    Ok(rows.rows)
}

#[test]
fn simple_metrics_are_one_series_each() {
    let exemplar = new().message(1, label("trace_id", "x")).double(2, 0.5).message(3, time(2));
    let counter = new().double(1, 5.0).message(2, exemplar).message(3, time(1));
    let page = page(vec![
        family("c_bytes_total", 0, vec![new().message(1, label("q", "a")).message(3, counter).number(6, 1234)])
            .bytes(5, b"bytes"),
        family(
            "g",
            1,
            vec![new().message(2, new().double(1, 1.5)), new().message(1, label("q", "a")).message(2, new().double(1, 2.5))],
        ),
        family("u", 3, vec![new().message(5, new().double(1, 3.0))]),
        family("empty", 9, vec![]),
    ]);
    assert_eq!(
        read(&page).unwrap(),
        [
            "c_bytes_total Help(\"Help\")",
            "c_bytes_total Kind(Counter)",
            r#"__name__="c_bytes_total" q="a" 5 Some(1234)"#,
            r#"exemplar trace_id="x" 0.5 Some(2005)"#,
            "created 1005",
            "c_bytes_total Unit(\"bytes\")",
            "g Help(\"Help\")",
            "g Kind(Gauge)",
            r#"__name__="g" 1.5 None"#,
            r#"__name__="g" q="a" 2.5 None"#,
            "u Help(\"Help\")",
            "u Kind(Unknown)",
            r#"__name__="u" 3 None"#,
        ]
    );
}

#[test]
fn distributions_are_the_series_of_the_text_format() {
    let bucket = |count, bound| new().number(1, count).double(2, bound);
    let summary = new().number(1, 4).double(2, 9.0).message(3, new().double(1, 0.5).double(2, 0.1));
    let histogram = new().number(1, 7).double(2, 9.0).message(3, bucket(2, 1.0)).message(3, bucket(5, 2e9));
    let page = page(vec![family("s", 2, vec![new().message(4, summary)]), family("h", 4, vec![new().message(7, histogram)])]);
    let rows = read(&page).unwrap();
    assert_eq!(
        rows[2..5],
        [r#"__name__="s_count" 4 None"#, r#"__name__="s_sum" 9 None"#, r#"__name__="s" quantile="0.5" 0.1 None"#]
    );
    assert_eq!(
        rows[7..],
        [
            r#"__name__="h_count" 7 None"#,
            r#"__name__="h_sum" 9 None"#,
            r#"__name__="h_bucket" le="1.0" 2 None"#,
            r#"__name__="h_bucket" le="2e+09" 5 None"#,
            r#"__name__="h_bucket" le="+Inf" 7 None"#,
        ]
    );
}

fn native() -> Message {
    let span = |offset, length| new().signed(1, offset).number(2, length);
    let spans = new().number(1, 12).double(2, 6.5).signed(5, 3).double(6, 0.001).number(7, 1);
    let deltas = [0i64, 2, 1, -1].map(|delta| ((delta << 1) ^ (delta >> 63)) as u8);
    spans.message(12, span(-1, 2)).message(12, span(1, 2)).bytes(13, &deltas)
}

#[test]
fn native_histograms_have_their_gaps_filled_and_their_empty_ends_cut_off() {
    let page = page(vec![family("n", 4, vec![new().message(7, native())])]);
    assert_eq!(read(&page).unwrap()[2..], [r#"__name__="n" native 3 12 6.5 (0, [2, 0, 3, 2]) (0, []) None"#]);
}

#[test]
fn a_histogram_that_is_both_is_read_as_both_when_asked_for() {
    let both = native().message(3, new().number(1, 12).double(2, f64::INFINITY));
    let page = page(vec![family("n", 4, vec![new().message(7, both)])]);
    assert_eq!(read(&page).unwrap().len(), 2 + 1 + 3);
}

#[test]
fn pages_that_cannot_be_read_are_refused_with_the_family() {
    let negative = new().double(6, 0.1).message(12, new().signed(1, 0).number(2, 1)).signed(13, -1);
    let wide = new().message(12, new().number(2, u64::from(u32::MAX)));
    let gauge = || vec![new().message(2, new().double(1, 1.5))];
    for (bytes, says) in [
        (vec![0xff; 6], "invalid varint"),
        (page(vec![family("g", 1, gauge())])[..9].to_vec(), "breaks off"),
        (page(vec![family("g", 9, gauge())]), "metric family \"g\" (message 1): unknown metric type"),
        (page(vec![family("", 1, gauge())]), "invalid metric name"),
        (page(vec![family("g", 1, gauge()).bytes(5, b"bytes")]), "unit \"bytes\" not a suffix of metric \"g\""),
        (page(vec![family("g", 1, gauge()).number(3, 0)]), "must stand before the metrics"),
        (page(vec![family("g", 1, vec![new().message(1, new().bytes(2, b"v"))])]), "invalid label name"),
        (page(vec![family("g", 1, vec![new().message(1, new().bytes(1, &[0xff]))])]), "not valid UTF-8"),
        (page(vec![family("n", 4, vec![new().message(7, negative)])]), "negative count"),
        (page(vec![family("n", 4, vec![new().message(7, wide)])]), "more than 65536 buckets"),
        (page(vec![new().bytes(2, &vec![b'x'; 2 << 20])]), "too long"),
    ] {
        let error = read(&bytes).unwrap_err().to_string();
        assert!(error.contains(says), "{says}: {error}");
    }
}

proptest! {
    #[test]
    fn prop_windows_of_any_size_give_the_same_result(
        values in proptest::collection::vec((any::<f64>(), "[a-z]{0,9}"), 0..6),
        cut in 0usize..400,
        window in 1usize..20,
    ) {
        let metrics = values.iter().map(|(value, label)| new().message(1, self::label("l", label)).message(2, new().double(1, *value)));
        let whole = page(vec![family("g", 1, metrics.collect()), family("n", 4, vec![new().message(7, native())])]);
        let bytes = &whole[..cut.min(whole.len())];
        let read = |window| {
            let mut rows = Rows::default();
            feed(Format::Protobuf, false, bytes, window, &mut rows).map(|_| rows.rows).map_err(|error| error.to_string())
        };
        prop_assert_eq!(read(window), read(usize::MAX));
    }
}
