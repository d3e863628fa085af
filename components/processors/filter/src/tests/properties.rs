use super::*;

const PATTERNS: &str =
    "['prefix/.*', 'prefix_.*', '.*/suffix', '.*_suffix', '.*/contains/.*', '.*_contains_.*', full/name/match, full_name_match]";

const NAMES: [&str; 14] = [
    "full_name_match",
    "not_exact_string_match",
    "prefix/test/match",
    "prefix_test_match",
    "prefixprefix/test/match",
    "test/match/suffix",
    "test_match_suffix",
    "test/match/suffixsuffix",
    "test/contains/match",
    "test_contains_match",
    "random",
    "full/name/match",
    "full_name_match",
    "not_exact_string_match",
];

fn named(groups_of: &[(Resource, &[&str])]) -> Metrics {
    metrics(
        groups_of.iter().map(|(resource, names)| (resource.clone(), names.iter().map(|name| plain(name)).collect())).collect(),
    )
}

/// Names of metrics that are left, by resource.
async fn left(settings: &str, batch: Metrics) -> Vec<Vec<String>> {
    let cut = |names: Vec<String>| names.into_iter().map(|name| name.trim_end_matches(":1").to_owned()).collect();
    names(settings, batch).await.into_iter().map(cut).collect()
}

#[tokio::test]
async fn metrics_are_chosen_by_name_as_upstream_does() {
    let all = || named(&[(Resource::default(), &[]), (Resource::default(), &NAMES)]);
    let other = ["not_exact_string_match", "random", "not_exact_string_match"];
    let matching: Vec<&str> = NAMES.into_iter().filter(|name| !other.contains(name)).collect();
    let include = format!("metrics: {{include: {{match_type: regexp, metric_names: {PATTERNS}}}}}");
    assert_eq!(left(&include, all()).await, std::slice::from_ref(&matching));
    let cached = format!(
        "metrics: {{regexp: {{cacheenabled: true}}, include: {{match_type: regexp, regexp: {{cacheenabled: true, cachemaxnumentries: 10}}, metric_names: {PATTERNS}}}}}"
    );
    assert_eq!(left(&cached, all()).await, std::slice::from_ref(&matching));
    let exclude = format!("metrics: {{exclude: {{match_type: regexp, metric_names: {PATTERNS}}}}}");
    assert_eq!(left(&exclude, all()).await, [other]);
    let both = format!(
        "metrics: {{include: {{match_type: regexp, metric_names: {PATTERNS}}}, exclude: {{match_type: strict, metric_names: [prefix_test_match, test_contains_match]}}}}"
    );
    let fewer: Vec<&str> =
        matching.into_iter().filter(|name| !["prefix_test_match", "test_contains_match"].contains(name)).collect();
    assert_eq!(left(&both, all()).await, [fewer]);
    for nothing in ["include: {match_type: strict}", "exclude: {match_type: strict}", "include: {match_type: expr}"] {
        let expected: [Vec<&str>; 2] = [vec![], NAMES.to_vec()];
        assert_eq!(left(&format!("metrics: {{{nothing}}}"), all()).await, expected, "batches pass as they are");
    }
}

#[tokio::test]
async fn metrics_are_chosen_by_resource_and_name_independently() {
    let two = || {
        let of = |value| resource(&[("attr1", value)]);
        named(&[(of("attr1/val1"), &["metric1", "metric2"]), (of("attr1/val2"), &["metric3", "metric4"])])
    };
    let attribute = "resource_attributes: [{key: attr1, value: attr1/val1}]";
    let first = ["metric1", "metric2"];
    let second = ["metric3", "metric4"];
    for (properties, expected) in [
        (format!("include: {{match_type: strict, metric_names: [metric1, metric2, metric3, metric4], {attribute}}}"), first),
        (format!("include: {{match_type: regexp, metric_names: ['.*'], {attribute}}}"), first),
        (format!("include: {{match_type: regexp, {attribute}}}"), first),
        (format!("include: {{match_type: strict, {attribute}}}"), first),
        (format!("exclude: {{match_type: strict, {attribute}}}"), second),
        // A resource of exclude goes, whatever the names.
        (format!("exclude: {{match_type: strict, metric_names: [nope], {attribute}}}"), second),
        ("include: {match_type: regexp, resource_attributes: [{key: attr1, value: val2$}]}".to_owned(), second),
        (
            "include: {match_type: expr, expressions: ['MetricName > \"metric2\"'], resource_attributes: [{key: attr1}]}"
                .to_owned(),
            second,
        ),
    ] {
        assert_eq!(left(&format!("metrics: {{{properties}}}"), two()).await, [expected], "{properties}");
    }
    assert!(left("metrics: {include: {match_type: strict, resource_attributes: [{key: nope}]}}", two()).await.is_empty());
}

#[tokio::test]
async fn metrics_are_chosen_by_expressions() {
    let label = |value: &str| (Attrs::from([("pt-label-key-1", value)]), Number::Int(1));
    let batch = || {
        let one = gauge("p0_metric_1", &[label("other"), label("pt-label-val-1")]);
        metrics(vec![(Resource::default(), vec![one, gauge("p0_metric_0", &[label("pt-label-val-1")]), plain("p1_metric_1")])])
    };
    let expression = "MetricName == ''p0_metric_1'' && Label(''pt-label-key-1'') == ''pt-label-val-1''";
    let exclude = format!("metrics: {{exclude: {{match_type: expr, expressions: ['{expression}']}}}}");
    assert_eq!(left(&exclude, batch()).await, [["p0_metric_0", "p1_metric_1"]]);
    let include = format!("metrics: {{include: {{match_type: expr, expressions: ['false', '{expression}']}}}}");
    assert_eq!(names(&include, batch()).await, [["p0_metric_1:2"]]);
    let both = "metrics: {include: {match_type: expr, expressions: ['HasLabel(\"pt-label-key-1\")']}, exclude: {match_type: expr, expressions: ['MetricName endsWith \"0\"']}}";
    assert_eq!(names(both, batch()).await, [["p0_metric_1:2"]]);
}

fn severe(number: i32, text: &str, body: &str) -> LogRecord {
    LogRecord { severity_number: number, severity_text: text.into(), ..log(body) }
}

#[tokio::test]
async fn log_records_are_chosen_as_upstream_does() {
    let batch = || {
        logs(vec![
            severe(1, "TRACE", "t"),
            severe(5, "DEBUG", "d"),
            severe(6, "DEBUG2", "d2"),
            severe(9, "INFO", "This is info"),
            severe(17, "ERROR", "e"),
            severe(0, "", "none"),
        ])
    };
    let cases: [(&str, &[&str]); 18] = [
        ("include: {match_type: strict, severity_texts: [INFO, DEBUG2]}", &["d2", "This is info"]),
        ("include: {match_type: regexp, severity_texts: ['DEBUG[1-4]?']}", &["d", "d2"]),
        ("exclude: {match_type: strict, severity_texts: [INFO, DEBUG]}", &["t", "d2", "e", "none"]),
        ("exclude: {match_type: regexp, severity_texts: ['^[DI]']}", &["t", "e", "none"]),
        ("include: {match_type: strict, bodies: [d, none, x]}", &["d", "none"]),
        ("include: {match_type: regexp, bodies: ['^This']}", &["This is info"]),
        ("exclude: {match_type: strict, bodies: [d, none, x]}", &["t", "d2", "This is info", "e"]),
        ("include: {match_type: regexp, severity_number: {min: INFO}}", &["This is info", "e"]),
        ("include: {severity_number: {min: debug2}}", &["d2", "This is info", "e"]),
        ("include: {severity_number: {min: '9'}}", &["This is info", "e"]),
        ("include: {severity_number: {min: FATAL, match_undefined: true}}", &["none"]),
        ("exclude: {severity_number: {min: INFO}}", &["t", "d", "d2", "none"]),
        ("exclude: {severity_number: {min: TRACE}}", &["none"]),
        ("exclude: {severity_number: {min: INFO, match_undefined: true}}", &["t", "d", "d2"]),
        ("include: {severity_number: {}}", &["t", "d", "d2", "This is info", "e"]),
        ("include: {match_type: strict}", &["t", "d", "d2", "This is info", "e", "none"]),
        ("{include: {match_type: regexp, bodies: [d]}, exclude: {severity_number: {min: DEBUG2}}}", &["d"]),
        ("include: {match_type: strict, record_attributes: [{key: a}]}", &[]),
    ];
    for (properties, expected) in cases {
        let settings =
            if properties.starts_with('{') { format!("{{logs: {properties}}}") } else { format!("logs: {{{properties}}}") };
        let expected = if expected.is_empty() { Vec::new() } else { vec![expected.to_vec()] };
        assert_eq!(names(&settings, batch()).await, expected, "{properties}");
    }
}

#[tokio::test]
async fn log_records_are_chosen_by_attributes_of_record_and_resource() {
    let of = |value: &str| (resource(&[("attr", value)]), vec![LogRecord { attrs: Attrs::from([("rec", value)]), ..log(value) }]);
    let batch = || Batch::Logs(groups(["val1", "val2", "val3", "val4"].map(of).into_iter().collect()));
    let cases: [(&str, &[&str]); 6] = [
        ("include: {match_type: regexp, resource_attributes: [{key: attr, value: val2}]}", &["val2"]),
        ("include: {match_type: regexp, resource_attributes: [{key: attr, value: 'val(2|3)'}]}", &["val2", "val3"]),
        ("exclude: {match_type: regexp, resource_attributes: [{key: attr, value: 'val[23]'}]}", &["val1", "val4"]),
        ("include: {match_type: regexp, record_attributes: [{key: rec, value: 'val[1-2]'}]}", &["val1", "val2"]),
        (
            "include: {match_type: regexp, record_attributes: [{key: rec, value: val}], resource_attributes: [{key: attr, value: 4}]}",
            &[],
        ),
        (
            "include: {match_type: regexp, record_attributes: [{key: rec, value: val}], resource_attributes: [{key: attr, value: '4'}]}",
            &["val4"],
        ),
    ];
    for (properties, expected) in cases {
        let settings = format!("logs: {{{properties}}}");
        if expected.is_empty() {
            let error = try_start(&settings, Signal::Logs).err().unwrap().to_string();
            assert!(error.contains("match_type=regexp for \"attr\" only supports Str, but found Int"), "{error}");
            continue;
        }
        let expected: Vec<Vec<&str>> = expected.iter().map(|name| vec![*name]).collect();
        assert_eq!(names(&settings, batch()).await, expected, "{properties}");
    }
}

#[tokio::test]
async fn spans_are_chosen_as_upstream_does() {
    let redis = || {
        let span = Span { name: "test!".into(), attrs: Attrs::from([("db.type", "redis")]), ..Span::default() };
        traces(vec![(resource(&[("service.name", "test_service")]), vec![span])])
    };
    let block = "{match_type: strict, attributes: [{key: db.type, value: redis}]}";
    assert!(names(&format!("spans: {{exclude: {block}}}"), redis()).await.is_empty());
    assert_eq!(names(&format!("spans: {{include: {block}}}"), redis()).await, [["test!:0"]]);
    let services = || {
        let of = |name| (resource(&[("service.name", name)]), vec![Span { name: "s".into(), ..Span::default() }]);
        traces(["keep", "dont_keep", "keep"].map(of).into_iter().collect())
    };
    assert_eq!(names("spans: {include: {match_type: strict, services: [keep]}}", services()).await, [["s:0"], ["s:0"]]);
}
