//! Facts of Prometheus' `model/textparse` (`promparse_test.go`, `openmetricsparse_test.go`, `promlex.l`, `openmetricslex.l`) at commit 419d436a447a,
//! as cases of ours.

use super::*;
use proptest::prelude::*;
use std::collections::HashMap;

/// Writes down what it is given.
#[derive(Default)]
pub(crate) struct Rows {
    pub(crate) rows: Vec<String>,
    known: HashMap<Vec<u8>, usize>,
    shown: Vec<String>,
    pub(crate) met: usize,
}

fn labels(labels: &[(Cow<'_, str>, Cow<'_, str>)]) -> String {
    labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect::<Vec<_>>().join(" ")
}

impl Sink for Rows {
    type Error = String;
    type Series = usize;

    fn metadata(&mut self, family: &str, text: FamilyText<'_>) {
        self.rows.push(format!("{family} {text:?}"));
    }

    fn find(&mut self, text: &[u8]) -> Option<usize> {
        self.known.get(text).copied()
    }

    fn meet(&mut self, series: &SeriesText<'_>) -> Result<usize, Refusal<String>> {
        self.met += 1;
        if series.labels.iter().any(|(name, _)| name == "refused") {
            return Err(Refusal::Series("a label is refused".to_owned()));
        }
        self.shown.push(labels(&series.labels));
        self.known.insert(series.text.to_vec(), self.shown.len() - 1);
        Ok(self.shown.len() - 1)
    }

    fn sample(&mut self, series: usize, value: f64, timestamp: Option<i64>) -> Result<(), String> {
        self.rows.push(format!("{} {value} {timestamp:?}", self.shown[series]));
        Ok(())
    }

    fn histogram(&mut self, series: usize, histogram: NativeHistogram, timestamp: Option<i64>) -> Result<(), String> {
        let NativeHistogram { schema, count, sum, positive, negative, .. } = histogram;
        let (p, n) = ((positive.offset, positive.counts), (negative.offset, negative.counts));
        self.rows.push(format!("{} native {schema} {count} {sum} {p:?} {n:?} {timestamp:?}", self.shown[series]));
        Ok(())
    }

    fn exemplar(&mut self, exemplar: &ExemplarText<'_>) {
        self.rows.push(format!("exemplar {} {} {:?}", labels(&exemplar.labels), exemplar.value, exemplar.timestamp));
    }

    fn created(&mut self, created: i64) {
        self.rows.push(format!("created {created}"));
    }
}

/// Feeds a page in windows of this size.
pub(crate) fn feed(
    format: Format,
    lenient: bool,
    page: &[u8],
    window: usize,
    rows: &mut Rows,
) -> Result<Skipped, ParseError<String>> {
    rows.rows.clear();
    let mut parser = Parser::new(format, Options { lenient, classic_histograms: true });
    for part in page.chunks(window.max(1)) {
        parser.feed(part, rows)?;
    }
    parser.finish(rows)
}

fn parse(openmetrics: bool, lenient: bool, page: &[u8], window: usize) -> Result<(Vec<String>, Skipped), ParseError<String>> {
    let mut rows = Rows::default();
    let format = if openmetrics { Format::OpenMetrics } else { Format::Text };
    let skipped = feed(format, lenient, page, window, &mut rows)?;
    Ok((rows.rows, skipped))
}

fn text(page: &str) -> Result<Vec<String>, String> {
    parse(false, false, page.as_bytes(), usize::MAX).map(|(rows, _)| rows).map_err(|error| error.to_string())
}

fn openmetrics(page: &str) -> Result<Vec<String>, String> {
    parse(true, false, page.as_bytes(), usize::MAX).map(|(rows, _)| rows).map_err(|error| error.to_string())
}

#[test]
fn text_pages_are_read_as_prometheus_reads_them() {
    for (page, expected) in [
        ("", vec![]),
        ("\n \n# a comment\n#HELP no\n# HELP\n#\n", vec![]),
        ("g 1", vec![r#"__name__="g" 1 None"#]),
        ("g{} +Inf 123\n", vec![r#"__name__="g" inf Some(123)"#]),
        ("g \t{ a = \"b\" , c=\"d\" ,} \t1.5e3 \t7 \n", vec![r#"__name__="g" a="b" c="d" 1500 Some(7)"#]),
        // Oddities of the lexer, which is followed.
        (" g 1\n", vec![r#"__name__=" g" 1 None"#]),
        ("inf.5\n", vec![r#"__name__="inf" 0.5 None"#]),
        ("{xay,b=\"c\"} 1\n", vec![r#"__name__="a" b="c" 1 None"#]),
        ("# HELP a-b c\n", vec!["a Help(\"b c\")"]),
        ("g{a=\"\0b\"} 1\n# HELP g \0x\n", vec![r#"__name__="g" a="\0b" 1 None"#, r#"g Help("\0x")"#]),
        ("g 1\n# c\0 what follows is passed over\nh 2\n", vec![r#"__name__="g" 1 None"#, r#"__name__="h" 2 None"#]),
        ("g 1\n#c\0 what follows is not read\nh 2\n", vec![r#"__name__="g" 1 None"#]),
        (
            "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"1e9\"} 1\nx{quantile=\"1\"} 1\n",
            vec![
                "h Kind(Histogram)",
                r#"__name__="h_bucket" le="1.0" 1 None"#,
                r#"__name__="h_bucket" le="1e+09" 1 None"#,
                r#"__name__="x" quantile="1" 1 None"#,
            ],
        ),
        ("g{a=\"1\"b=\"2\"}5\n", vec![r#"__name__="g" a="1" b="2" 5 None"#]),
        ("g{a=\"x\\\\y\\\"z\\nw\\t\"} 1\n", vec![r#"__name__="g" a="x\\y\"z\nw\\t" 1 None"#]),
        ("g{a=\"}{ ,\"} 1\n", vec![r#"__name__="g" a="}{ ," 1 None"#]),
        ("g{a=\"two\nlines\"} 1\nh 2\n", vec![r#"__name__="g" a="two\nlines" 1 None"#, r#"__name__="h" 2 None"#]),
        ("{\"my.metric\",\"l.x\"=\"v\"} 1\n", vec![r#"__name__="my.metric" l.x="v" 1 None"#]),
        ("{a=\"b\",\"m\"} NaN\n", vec![r#"__name__="m" a="b" NaN None"#]),
        ("a:b:c -.5\n", vec![r#"__name__="a:b:c" -0.5 None"#]),
        ("# HELP g  two  spaces\\\\ \\n end\n", vec![r#"g Help(" two  spaces\\ \n end")"#]),
        ("#\t TYPE \t\"my.metric\" counter\n", vec!["my.metric Kind(Counter)"]),
        ("# TYPE g untyped\n# TYPE g summary\n", vec!["g Kind(Unknown)", "g Kind(Summary)"]),
        ("g 1\n\0 what follows is not read", vec![r#"__name__="g" 1 None"#]),
    ] {
        assert_eq!(text(page).unwrap_or_else(|error| panic!("{page:?}: {error}")), expected, "{page:?}");
    }
}

#[test]
fn text_pages_that_prometheus_refuses_are_refused_with_their_line() {
    for (page, says) in [
        ("g\n", "expected value after metric"),
        ("g 1\ng x\n", "line 2: invalid value \"x\""),
        ("g 1\r\n", "invalid value"),
        ("g 0x1p4\n", "invalid value"),
        ("g 1_0\n", "invalid value"),
        ("g 1e400\n", "invalid value"),
        ("g 1 2 3\n", "expected next entry after timestamp"),
        ("g 1 -2\n", "expected timestamp or new record"),
        ("g 1 99999999999999999999\n", "timestamp out of range"),
        ("g{a=b} 1\n", "expected label value"),
        ("g{a} 1\n", "metric name already set"),
        ("{a} 1\n", "expected metric name in quotes"),
        ("# HELP \n", "expected metric name after HELP"),
        ("g{a=\"b\"} 1{\n", "expected timestamp or new record"),
        ("g{,} 1\n", "expected label name"),
        ("g{a=\"b\",,} 1\n", "expected label name"),
        ("g{a=\"b\" 1\n", "expected label name"),
        ("g{a=\"b} 1\n", "breaks off"),
        ("g{\"other\"} 1\n", "metric name already set"),
        ("{a=\"b\"} 1\n", "metric name not set"),
        ("1g 1\n", "expected a valid start token"),
        ("g-x 1\n", "invalid value \"-x\""),
        ("# TYPE g counter \n", "invalid metric type \"counter \""),
        ("# TYPE g\n", "invalid metric type \"\""),
        ("# TYPE 1 gauge\n", "expected metric name after TYPE"),
    ] {
        let error = text(page).expect_err(page);
        assert!(error.contains(says), "{page:?}: {error}");
    }
    let broken = parse(false, false, b"g{a=\"\xff\"} 1\n", 7).unwrap_err().to_string();
    assert!(broken.contains("invalid UTF-8 label value"), "{broken}");
    let broken = parse(false, false, b"# HELP g \xff\n", 7).unwrap_err().to_string();
    assert!(broken.contains("help text"), "{broken}");
}

#[test]
fn openmetrics_pages_are_read_as_prometheus_reads_them() {
    for (page, expected) in [
        ("", vec![]),
        ("# EOF", vec![]),
        ("# EOF\n", vec![]),
        ("c{a=\"b\"} 1 # {x=\"\\\"\"} 0.5\n# EOF\n", vec![r#"__name__="c" a="b" 1 None"#, r#"exemplar x="\\\"" 0.5 None"#]),
        (
            "# TYPE c counter\n# UNIT c \n# HELP c H\\\"\nc_total 5 1.5\n# EOF\n",
            vec!["c Kind(Counter)", "c Unit(\"\")", "c Help(\"H\\\"\")", r#"__name__="c_total" 5 Some(1500)"#],
        ),
        ("# UNIT c_bytes bytes\n# EOF\n", vec!["c_bytes Unit(\"bytes\")"]),
        ("c{a=\"b\"} 1 # {t=\"x\"} 0.5 3\n# EOF\n", vec![r#"__name__="c" a="b" 1 None"#, r#"exemplar t="x" 0.5 Some(3000)"#]),
        ("c 1 2 # {} 0.5\n# EOF\n", vec![r#"__name__="c" 1 Some(2000)"#, "exemplar  0.5 None"]),
        ("{\"a.b\",c=\"d\"} 1\n# EOF\n", vec![r#"__name__="a.b" c="d" 1 None"#]),
    ] {
        assert_eq!(openmetrics(page).unwrap_or_else(|error| panic!("{page:?}: {error}")), expected, "{page:?}");
    }
}

#[test]
fn openmetrics_pages_that_prometheus_refuses_are_refused() {
    for (page, says) in [
        ("c 1\n", "data does not end with # EOF"),
        ("c 1", "data does not end with # EOF"),
        ("# EOF\nc 1\n", "unexpected data after # EOF"),
        ("# EOF\n\n", "unexpected data after # EOF"),
        ("\n# EOF\n", "expected a valid start token"),
        ("c  1\n# EOF\n", "expected value after metric"),
        ("c 1 \n# EOF\n", "expected next entry"),
        ("c{a=\"b\", d=\"e\"} 1\n# EOF\n", "expected label name"),
        ("c{a=\"b\"d=\"e\"} 1\n# EOF\n", "expected comma or brace close"),
        ("# a comment\n# EOF\n", "expected a valid start token"),
        ("# TYPE c untyped\n# EOF\n", "invalid metric type"),
        ("# TYPE c\n# EOF\n", "expected text"),
        ("# UNIT c bytes\n# EOF\n", "unit \"bytes\" not a suffix of metric \"c\""),
        ("c 1 # {a=\"b\"}\n# EOF\n", "expected value after exemplar labels"),
        ("c 1 # {a=\"b\"} 1 2 3\n# EOF\n", "expected next entry after timestamp"),
        ("c 1 NaN\n# EOF\n", "invalid timestamp"),
    ] {
        let error = openmetrics(page).expect_err(page);
        assert!(error.contains(says), "{page:?}: {error}");
    }
}

#[test]
fn a_known_series_is_not_taken_apart_again() {
    let page = "# TYPE g gauge\ng{a=\"b c\"} 1\ng 2 3\n\t{\"x\"} 4\ng{a=\"two\nlines\"} 5\n";
    let mut rows = Rows::default();
    feed(Format::Text, false, page.as_bytes(), 11, &mut rows).unwrap();
    let first = std::mem::take(&mut rows.rows);
    assert_eq!(rows.met, 4);
    feed(Format::Text, false, page.as_bytes(), usize::MAX, &mut rows).unwrap();
    assert_eq!(rows.met, 4);
    assert_eq!(rows.rows, first);
    // A label value that begins like a known series is no such series.
    let page = "g{a=\"b c\"} 1\nh{a=\"x\ng{a=\"} 2\n";
    feed(Format::Text, false, page.as_bytes(), usize::MAX, &mut rows).unwrap();
    assert_eq!(rows.rows.last().unwrap(), "__name__=\"h\" a=\"x\\ng{a=\" 2 None");
}

#[test]
fn lenient_reading_skips_bad_lines_and_recovers_unescaped_quotes() {
    let lines = [
        r#"g{queue="a"b", vhost="/"} 1"#,
        r#"bad line here"#,
        r#"g{queue="c\", vhost="/"} 2"#,
        r#"g{queue="ok"} 3"#,
        r#"g{queue="x", vhost="y", vhost="/"} 4"#,
        r#"g{queue="a=\"b\"",vhost="/"} 5 6"#,
        r#"g{queue="}"} 7"} 7"#,
        r#"g{refused="1"} 8"#,
        r#"g{a="open 9"#,
        r#"# TYPE g nonsense"#,
    ];
    let (rows, skipped) = parse(false, true, lines.join("\n").as_bytes(), 5).unwrap();
    assert_eq!(
        rows,
        [
            r#"__name__="g" queue="a\"b" vhost="/" 1 None"#,
            r#"__name__="g" queue="c\\" vhost="/" 2 None"#,
            r#"__name__="g" queue="ok" 3 None"#,
            r#"__name__="g" queue="x" vhost="y" vhost="/" 4 None"#,
            r#"__name__="g" queue="a=\"b\"" vhost="/" 5 Some(6)"#,
            r#"__name__="g" queue="}\"} 7" 7 None"#,
        ]
    );
    assert_eq!(skipped.lines, 4);
    assert_eq!(skipped.first.unwrap(), "line 2: invalid value \"line\" while parsing: \"bad line here\"");
}

#[test]
fn an_endless_line_is_refused_and_not_held() {
    let mut parser = Parser::new(Format::Text, Options::default());
    let mut rows = Rows::default();
    let window = vec![b'x'; 64 * 1024];
    let refused = (0..100).find_map(|_| parser.feed(&window, &mut rows).err()).unwrap();
    assert_eq!(refused, ParseError::LongLine { line: 1, bytes_max: ENTRY_BYTES_MAX });
    // An open quote is not read anew with every line feed: this would take minutes.
    let open: Vec<u8> = b"g{a=\"".iter().copied().chain("\n".repeat(1_000_000).into_bytes()).collect();
    assert!(parse(false, false, &open, 100).is_err());
    let closed = [&open[..], b"\"} 1\nh 2\n"].concat();
    let (rows, _) = parse(false, false, &closed, 4_096).unwrap();
    assert_eq!(rows[1], "__name__=\"h\" 2 None");
}

#[test]
fn a_line_that_is_too_long_is_skipped_when_lenient() {
    let page = [b"a 1\n".to_vec(), vec![b'x'; ENTRY_BYTES_MAX + 100], b"\nb 2\n".to_vec()].concat();
    for window in [1000, usize::MAX] {
        let (rows, skipped) = parse(false, true, &page, window).unwrap();
        assert_eq!(rows, ["__name__=\"a\" 1 None", "__name__=\"b\" 2 None"]);
        assert_eq!(skipped.lines, 1);
    }
}

#[test]
fn the_content_type_names_the_format() {
    for (content_type, expected) in [
        ("text/plain; version=0.0.4; charset=utf-8", Some(Format::Text)),
        ("text/plain", Some(Format::Text)),
        ("application/openmetrics-text; version=1.0.0", Some(Format::OpenMetrics)),
        ("application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited", Some(Format::Protobuf)),
        ("text/html", None),
        ("", None),
    ] {
        assert_eq!(Format::of_content_type(content_type), expected);
    }
}

proptest! {
    #[test]
    fn prop_windows_of_any_size_give_the_same_result(page in "([a-c]\\{q=\"[ab\\\\\"\n}]{0,3}\"\\} [0-9]{1,2}( [0-9])?\n|# TYPE [ab] gauge\n|[ #{}\"=0-9a]{0,6}\n){0,6}", window in 1usize..9, openmetrics in any::<bool>(), lenient in any::<bool>()) {
        let lenient = lenient && !openmetrics;
        prop_assert_eq!(parse(openmetrics, lenient, page.as_bytes(), window), parse(openmetrics, lenient, page.as_bytes(), usize::MAX));
    }

    #[test]
    fn prop_what_is_written_is_read(
        series in proptest::collection::vec(("[a-z_:][a-z0-9_:]{0,5}", proptest::collection::vec(("[a-z_][a-z0-9_]{0,3}", "\\PC{0,6}|[\"\\\\\n]{0,4}"), 0..3), any::<f64>(), proptest::option::of(0i64..)), 0..6),
        window in 1usize..40,
    ) {
        let mut page = String::new();
        let mut expected = Vec::new();
        for (name, pairs, value, timestamp) in &series {
            let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let inner: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
            let time = timestamp.map(|time| format!(" {time}")).unwrap_or_default();
            let shown = if value.is_infinite() { format!("{}Inf", if *value < 0.0 { "-" } else { "+" }) } else { value.to_string() };
            page.push_str(&format!("{name}{{{}}} {shown}{time}\n", inner.join(",")));
            let pairs = std::iter::once(format!("__name__={name:?}")).chain(pairs.iter().map(|(name, value)| format!("{name}={value:?}")));
            expected.push(format!("{} {value} {timestamp:?}", pairs.collect::<Vec<_>>().join(" ")));
        }
        let (rows, _) = parse(false, false, page.as_bytes(), window).unwrap();
        prop_assert_eq!(rows, expected);
    }

    #[test]
    fn prop_no_bytes_panic_the_parser(page in proptest::collection::vec(any::<u8>(), 0..200), openmetrics in any::<bool>(), lenient in any::<bool>()) {
        let _ = parse(openmetrics, lenient, &page, 3);
        let _ = feed(Format::Protobuf, lenient, &page, 3, &mut Rows::default());
    }

    #[test]
    fn prop_numbers_read_as_rust_reads_them(value in any::<f64>()) {
        prop_assume!(value.is_finite());
        prop_assert_eq!(parse_number(value.to_string().as_bytes()).map(f64::to_bits), Some(value.to_bits()));
        prop_assert_eq!(parse_number(format!("{value:e}").as_bytes()).map(f64::to_bits), Some(value.to_bits()));
    }
}
