//! Facts of Prometheus' `model/textparse` (`promparse_test.go`, `openmetricsparse_test.go`) at commit 419d436a447a, as cases of ours.

use super::*;
use proptest::prelude::*;

/// Writes down what it is given.
#[derive(Default)]
struct Rows {
    rows: Vec<String>,
    strict: bool,
    lenient: bool,
}

impl Sink for Rows {
    type Error = String;

    fn metadata(&mut self, family: &str, text: FamilyText<'_>) {
        self.rows.push(format!("{family} {text:?}"));
    }

    fn sample(&mut self, series: &[u8], value: f64, timestamp: Option<i64>) -> Result<(), Refusal<String>> {
        let mut labels = Vec::new();
        let label = |name: &str, value: &str| {
            labels.push(format!("{name}={value:?}"));
            Ok(())
        };
        let read = if self.lenient { parse_series_lenient(series, label) } else { parse_series(series, self.strict, label) };
        read.map_err(Refusal::Series)?;
        self.rows.push(format!("{} {value} {timestamp:?}", labels.join(" ")));
        Ok(())
    }

    fn exemplar(&mut self, labels: &[u8], value: f64, timestamp: Option<i64>) {
        self.rows.push(format!("exemplar {} {value} {timestamp:?}", String::from_utf8_lossy(labels)));
    }
}

fn parse(openmetrics: bool, lenient: bool, page: &[u8], window: usize) -> Result<(Vec<String>, Skipped), ParseError<String>> {
    let mut rows = Rows { strict: openmetrics, lenient, ..Rows::default() };
    let mut parser = Parser::new(openmetrics, Options { lenient });
    for part in page.chunks(window.max(1)) {
        parser.feed(part, &mut rows)?;
    }
    let skipped = parser.finish(&mut rows)?;
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
        (" \tg \t{ a = \"b\" , c=\"d\" ,} \t1.5e3 \t7 \n", vec![r#"__name__="g" a="b" c="d" 1500 Some(7)"#]),
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
        ("g{a} 1\n", "expected equal"),
        ("g{,} 1\n", "expected label name"),
        ("g{a=\"b\",,} 1\n", "expected label name"),
        ("g{a=\"b\" 1\n", "expected label name"),
        ("g{a=\"b} 1\n", "expected label value"),
        ("g{\"other\"} 1\n", "metric name already set"),
        ("{a=\"b\"} 1\n", "metric name not set"),
        ("1g 1\n", "expected a valid start token"),
        ("g-x 1\n", "expected a valid start token"),
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
        ("# EOF", vec![]),
        ("# EOF\n", vec![]),
        (
            "# TYPE c counter\n# UNIT c \n# HELP c H\\\"\nc_total 5 1.5\n# EOF\n",
            vec!["c Kind(Counter)", "c Unit(\"\")", "c Help(\"H\\\"\")", r#"__name__="c_total" 5 Some(1500)"#],
        ),
        ("# UNIT c_bytes bytes\n# EOF\n", vec!["c_bytes Unit(\"bytes\")"]),
        ("c{a=\"b\"} 1 # {t=\"x\"} 0.5 3\n# EOF\n", vec![r#"__name__="c" a="b" 1 None"#, "exemplar {t=\"x\"} 0.5 Some(3000)"]),
        ("c 1 2 # {} 0.5\n# EOF\n", vec![r#"__name__="c" 1 Some(2000)"#, "exemplar {} 0.5 None"]),
        ("{\"a.b\",c=\"d\"} 1\n# EOF\n", vec![r#"__name__="a.b" c="d" 1 None"#]),
    ] {
        assert_eq!(openmetrics(page).unwrap_or_else(|error| panic!("{page:?}: {error}")), expected, "{page:?}");
    }
}

#[test]
fn openmetrics_pages_that_prometheus_refuses_are_refused() {
    for (page, says) in [
        ("", "data does not end with # EOF"),
        ("c 1\n", "data does not end with # EOF"),
        ("c 1", "data does not end with # EOF"),
        ("# EOF\nc 1\n", "unexpected data after # EOF"),
        ("# EOF\n\n", "unexpected data after # EOF"),
        ("\n# EOF\n", "expected value after metric"),
        ("c  1\n# EOF\n", "expected value after metric"),
        ("c 1 \n# EOF\n", "expected next entry"),
        ("c{a=\"b\", d=\"e\"} 1\n# EOF\n", "expected label name"),
        ("c{a=\"b\"d=\"e\"} 1\n# EOF\n", "expected comma or brace close"),
        ("# a comment\n# EOF\n", "expected a valid start token"),
        ("# TYPE c untyped\n# EOF\n", "invalid metric type"),
        ("# TYPE c\n# EOF\n", "expected text"),
        ("# UNIT c bytes\n# EOF\n", "unit \"bytes\" not a suffix of metric \"c\""),
        ("c 1 # {a=\"b\"}\n# EOF\n", "expected value after exemplar labels"),
        ("c 1 # {a=\"b\"} 1 2 3\n# EOF\n", "expected next entry after exemplar timestamp"),
        ("c 1 NaN\n# EOF\n", "invalid timestamp"),
    ] {
        let error = openmetrics(page).expect_err(page);
        assert!(error.contains(says), "{page:?}: {error}");
    }
}

#[test]
fn lenient_reading_skips_bad_lines_and_recovers_unescaped_quotes() {
    let page = b"g{queue=\"a\"b\", vhost=\"/\"} 1\nbad line here\ng{queue=\"c\\\", vhost=\"/\"} 2\ng{queue=\"ok\"} 3\n";
    let (rows, skipped) = parse(false, true, page, 5).unwrap();
    assert_eq!(
        rows,
        [
            r#"__name__="g" queue="a\"b" vhost="/" 1 None"#,
            r#"__name__="g" queue="c\\" vhost="/" 2 None"#,
            r#"__name__="g" queue="ok" 3 None"#
        ]
    );
    assert_eq!(skipped.lines, 1);
    assert!(skipped.first.unwrap().starts_with("line 2: "));
}

#[test]
fn an_endless_line_is_refused_and_not_held() {
    let mut parser = Parser::new(false, Options::default());
    let mut rows = Rows::default();
    let window = vec![b'x'; 64 * 1024];
    let refused = (0..100).find_map(|_| parser.feed(&window, &mut rows).err()).unwrap();
    assert_eq!(refused, ParseError::LongLine { line: 1, bytes_max: LINE_BYTES_MAX });
    let open: Vec<u8> = b"g{a=\"".iter().copied().chain("x\n".repeat(600_000).into_bytes()).collect();
    assert!(parse(false, false, &open, 64 * 1024).is_err());
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
    fn prop_no_bytes_panic_the_parser(page in proptest::collection::vec(any::<u8>(), 0..200), openmetrics in any::<bool>(), lenient in any::<bool>()) {
        let _ = parse(openmetrics, lenient, &page, 3);
    }

    #[test]
    fn prop_numbers_read_as_rust_reads_them(value in any::<f64>()) {
        prop_assume!(value.is_finite());
        prop_assert_eq!(parse_number(value.to_string().as_bytes()).map(f64::to_bits), Some(value.to_bits()));
        prop_assert_eq!(parse_number(format!("{value:e}").as_bytes()).map(f64::to_bits), Some(value.to_bits()));
    }
}
