//! Facts of upstream's `receiver/prometheusreceiver/internal/{transaction,metricfamily,metrics_adjuster}_test.go`, and of the collector's memory.

use super::*;
use crate::config::Limits;
use crate::relabel::{Action, Rule};
use warren_exposition::{Format, Options, ParseError, Parser};
use warren_pdata::{Data, Metrics, Number, Value, flags};

fn rules() -> Rules {
    let target = [("instance", "localhost:15692"), ("job", "rabbitmq")];
    Rules {
        job: "rabbitmq".into(),
        instance: "localhost:15692".into(),
        scheme: "http".into(),
        target_labels: target.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        external_labels: Vec::new(),
        honor_labels: false,
        honor_timestamps: true,
        track_timestamps_staleness: false,
        legacy_names: false,
        native_histograms: false,
        native_schema_max: 8,
        native_buckets_max: 0,
        forget_after: 3,
        limits: Limits::default(),
        relabel: Program::default(),
        trim_metric_suffixes: false,
        start_times: StartTimes::default(),
        version: "0.1.0".into(),
    }
}

/// Feeds a page of text, or of OpenMetrics if it ends like one.
fn feed(page: &mut Page<'_>, text: &str) -> Result<(), PageError> {
    let format = if text.ends_with("# EOF\n") { Format::OpenMetrics } else { Format::Text };
    let mut parser = Parser::new(format, Options::default());
    let refused = |error| match error {
        ParseError::Sink(error) => error,
        other => panic!("{other}"),
    };
    parser.feed(text.as_bytes(), page).map_err(refused)?;
    parser.finish(page).map(drop).map_err(refused)
}

fn drain(mut release: Release<'_>) -> Vec<String> {
    let mut rows = Vec::new();
    while let Some(batch) = release.next_batch() {
        rows.extend(show(&batch));
    }
    release.settle();
    rows.sort();
    rows
}

fn scrape(series: &mut Series, time_ms: i64, text: &str) -> Vec<String> {
    let mut page = series.begin(time_ms);
    feed(&mut page, text).unwrap();
    drain(page.accept())
}

/// Every point as one line: name, attributes, value, start and time in milliseconds.
fn show(metrics: &Metrics) -> Vec<String> {
    let mut rows = Vec::new();
    for (_, _, metric) in metrics.iter() {
        for index in 0..metric.data.len() {
            let attrs: Vec<String> = metric
                .data
                .attrs(index)
                .iter()
                .map(|entry| format!("{}={}", entry.key, entry.value.as_str().unwrap_or("?")))
                .collect();
            let rest = match &metric.data {
                Data::Gauge(points) => number(points, index),
                Data::Sum(sum) => format!("sum {}", number(&sum.points, index)),
                Data::Histogram { points, .. } => {
                    let p = &points[index];
                    format!(
                        "n={} s={:?} {:?} {:?} {} {} {}",
                        p.count,
                        p.sum,
                        p.bounds,
                        p.counts,
                        p.start / 1_000_000,
                        p.time / 1_000_000,
                        p.flags
                    )
                }
                Data::Summary(points) => {
                    let p = &points[index];
                    let quantiles: Vec<_> = p.quantiles.iter().map(|q| (q.quantile, q.value)).collect();
                    format!("n={} s={} {quantiles:?} {} {} {}", p.count, p.sum, p.start / 1_000_000, p.time / 1_000_000, p.flags)
                }
                other => panic!("{other:?}"),
            };
            rows.push(format!("{} [{}] {rest}", metric.name, attrs.join(" ")));
        }
    }
    rows
}

fn number(points: &warren_pdata::NumberPoints, index: usize) -> String {
    let point = points.get(index).unwrap();
    let value = match point.value {
        Number::Double(value) => value.to_string(),
        _ if point.flags & flags::NO_RECORDED_VALUE != 0 => "stale".to_owned(),
        other => format!("{other:?}"),
    };
    format!("{value} {} {}", point.start / 1_000_000, point.time / 1_000_000)
}

#[test]
fn a_counter_keeps_its_start_until_it_falls() {
    let mut series = Series::new(rules());
    let page = |value: u32| format!("# TYPE c_total counter\nc_total{{q=\"a\"}} {value}\n");
    assert_eq!(scrape(&mut series, 1000, &page(5)), ["c_total [q=a] sum 5 1000 1000"]);
    assert_eq!(scrape(&mut series, 2000, &page(7)), ["c_total [q=a] sum 7 1000 2000"]);
    assert_eq!(scrape(&mut series, 3000, &page(2)), ["c_total [q=a] sum 2 3000 3000"]);
    assert_eq!(scrape(&mut series, 4000, &page(2)), ["c_total [q=a] sum 2 3000 4000"]);
}

#[test]
fn a_series_that_is_gone_is_marked_once_and_comes_back_with_its_start() {
    let mut series = Series::new(rules());
    let both = "# TYPE c counter\nc{q=\"a\"} 1\nc{q=\"b\"} 1\n";
    scrape(&mut series, 1000, both);
    let one = "# TYPE c counter\nc{q=\"b\"} 2\n";
    assert_eq!(scrape(&mut series, 2000, one), ["c [q=a] sum stale 1000 2000", "c [q=b] sum 2 1000 2000"]);
    assert_eq!(scrape(&mut series, 3000, one), ["c [q=b] sum 2 1000 3000"]);
    assert_eq!(scrape(&mut series, 4000, both)[0], "c [q=a] sum 1 1000 4000");
}

#[test]
fn a_refused_page_releases_stale_markers_alone_and_leaves_no_trace() {
    let mut series = Series::new(rules());
    scrape(&mut series, 1000, "g 1\n");
    let mut page = series.begin(2000);
    feed(&mut page, "g 2\nnew{a=\"b\"} 3\n").unwrap();
    assert_eq!(drain(page.refuse()), ["g [] stale 0 2000"]);
    assert_eq!(series.len(), 1);
    let page = series.begin(3000);
    assert!(drain(page.refuse()).is_empty());
    assert_eq!(scrape(&mut series, 4000, "g 3\n"), ["g [] 3 0 4000"]);
}

/// As Prometheus does it (`scrape/scrape.go`, `scrapeAndReport` at commit 419d436a447a): what was appended before the fault stays in its cache.
#[test]
fn what_was_read_of_a_page_that_turns_out_bad_is_not_gone() {
    let mut series = Series::new(rules());
    scrape(&mut series, 1000, "a 1\nb 1\n");
    let mut page = series.begin(2000);
    feed(&mut page, "a 2\n").unwrap();
    page.keep_read();
    assert_eq!(drain(page.refuse()), ["b [] stale 0 2000"]);
    assert_eq!(scrape(&mut series, 3000, "c 3\n"), ["a [] stale 0 3000", "c [] 3 0 3000"]);
}

#[test]
fn a_family_of_another_type_is_of_that_type_at_once() {
    let mut series = Series::new(rules());
    assert_eq!(scrape(&mut series, 1000, "# TYPE m gauge\nm{a=\"b\"} 1\nz 1\n")[0], "m [a=b] 1 0 1000");
    assert_eq!(scrape(&mut series, 2000, "# TYPE m counter\nm{a=\"b\"} 2\nz 1\n")[0], "m [a=b] sum 2 2000 2000");
    assert_eq!(scrape(&mut series, 3000, "# TYPE m counter\nm{a=\"b\"} 3\nz 1\n")[0], "m [a=b] sum 3 2000 3000");
}

#[test]
fn a_series_of_the_page_does_not_stand_beside_what_the_scrape_tells_itself() {
    let mut series = Series::new(rules());
    assert_eq!(scrape(&mut series, 1000, "up 5\nup{a=\"b\"} 6\n"), ["up [a=b] 6 0 1000"]);
}

#[test]
fn a_page_in_another_order_is_the_same_page() {
    let mut series = Series::new(rules());
    let lines: Vec<String> = (0..50).map(|i| format!("g{{q=\"{i}\"}} {i}")).collect();
    scrape(&mut series, 1000, &lines.join("\n"));
    let reversed: Vec<String> = lines.iter().rev().cloned().collect();
    let mut page = series.begin(2000);
    feed(&mut page, &reversed.join("\n")).unwrap();
    let release = page.accept();
    assert_eq!(release.counts(), Counts { scraped: 50, kept: 50, added: 0, duplicates: 0 });
    assert_eq!(drain(release).len(), 50);
    let mut page = series.begin(3000);
    feed(&mut page, &reversed.join("\n")).unwrap();
    drop(drain(page.accept()));
    assert!(!series.cache.reordered, "the new order is expected now");
}

#[test]
fn the_same_text_twice_keeps_the_first_and_equal_labels_keep_the_last() {
    let mut series = Series::new(rules());
    assert_eq!(scrape(&mut series, 1000, "g{a=\"1\",b=\"2\"} 1\ng{a=\"1\",b=\"2\"} 2\n"), ["g [a=1 b=2] 1 0 1000"]);
    assert_eq!(scrape(&mut series, 2000, "g{a=\"1\",b=\"2\"} 1\ng{b=\"2\",a=\"1\"} 2\n"), ["g [a=1 b=2] 2 0 2000"]);
    assert_eq!(scrape(&mut series, 3000, "g{a=\"1\",b=\"2\"} 1\n"), ["g [a=1 b=2] 1 0 3000"]);
}

#[test]
fn equal_labels_share_one_attribute_set_over_metrics_and_pages() {
    let mut series = Series::new(rules());
    let text = "# TYPE a gauge\na{q=\"x\"} 1\n# TYPE b gauge\nb{q=\"x\"} 1\n";
    let attrs = |series: &mut Series, time| {
        let mut page = series.begin(time);
        feed(&mut page, text).unwrap();
        let mut release = page.accept();
        let batch = release.next_batch().unwrap();
        release.settle();
        batch.iter().map(|(_, _, metric)| metric.data.attrs(0).id()).collect::<Vec<_>>()
    };
    let first = attrs(&mut series, 1000);
    assert_eq!(first[0], first[1]);
    assert_eq!(attrs(&mut series, 2000), first);
}

#[test]
fn histograms_are_put_together_and_need_a_count() {
    let mut series = Series::new(rules());
    let page = "# TYPE h histogram\nh_bucket{le=\"1\",v=\"a\"} 2\nh_bucket{le=\"0.5\",v=\"a\"} 1\nh_bucket{le=\"+Inf\",v=\"a\"} 5\nh_sum{v=\"a\"} 9\nh_count{v=\"a\"} 5\n";
    assert_eq!(scrape(&mut series, 1000, page), ["h [v=a] n=5 s=Some(9.0) [0.5, 1.0] [1, 1, 3] 1000 1000 0"]);
    assert_eq!(scrape(&mut series, 2000, "g 1\n"), ["g [] 1 0 2000", "h [v=a] n=0 s=None [0.5, 1.0] [0, 0, 0] 1000 2000 1"]);
    let mut series = Series::new(rules());
    assert!(scrape(&mut series, 1000, "# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_sum 9\n").is_empty());
    assert_eq!(
        scrape(&mut series, 1000, "# TYPE h histogram\nh_bucket{x=\"\"} 2\nh_count 9\n"),
        ["h [] n=9 s=None [] [9] 1000 1000 0"]
    );
}

#[test]
fn summaries_are_put_together() {
    let mut series = Series::new(rules());
    let page = "# TYPE s summary\ns{quantile=\"0.9\"} 2\ns{quantile=\"0.5\"} 1\ns_sum 9\ns_count 5\n";
    assert_eq!(scrape(&mut series, 1000, page), ["s [] n=5 s=9 [(0.5, 1.0), (0.9, 2.0)] 1000 1000 0"]);
    assert_eq!(scrape(&mut series, 2000, "s_x 1\n")[0], "s [] n=0 s=0 [(0.5, 0.0), (0.9, 0.0)] 1000 2000 1");
}

#[test]
fn a_type_that_comes_after_the_samples_counts_on_the_next_page() {
    let mut series = Series::new(rules());
    let page = "c 1\n# TYPE c counter\n";
    assert_eq!(scrape(&mut series, 1000, page), ["c [] 1 0 1000"]);
    assert_eq!(scrape(&mut series, 2000, page), ["c [] sum 1 2000 2000"]);
    assert_eq!(scrape(&mut series, 3000, page), ["c [] sum 1 2000 3000"]);
}

#[test]
fn a_clash_with_a_target_label_renames_the_scraped_one_or_is_honoured() {
    let mut series = Series::new(rules());
    assert_eq!(
        scrape(&mut series, 1000, "g{instance=\"x\",exported_instance=\"y\"} 1\n"),
        ["g [exported_exported_instance=x exported_instance=y] 1 0 1000"]
    );
    let mut series = Series::new(Rules { honor_labels: true, ..rules() });
    let mut page = series.begin(1000);
    feed(&mut page, "g{instance=\"other:1\"} 1\n").unwrap();
    let mut release = page.accept();
    let batch = release.next_batch().unwrap();
    let (resource, ..) = batch.iter().next().unwrap();
    assert_eq!(resource.resource.attrs.get("service.instance.id"), Some(&Value::from("other:1")));
}

#[test]
fn target_info_and_scope_labels_shape_resource_and_scope() {
    let mut series = Series::new(rules());
    let mut page = series.begin(1000);
    feed(
        &mut page,
        "# TYPE target_info gauge\ntarget_info{zone=\"eu\"} 1\ng{otel_scope_name=\"lib\",otel_scope_version=\"2\"} 1\nh 1\n",
    )
    .unwrap();
    let mut release = page.accept();
    let batch = release.next_batch().unwrap();
    assert_eq!(batch.resources.len(), 1);
    assert_eq!(batch.resources[0].resource.attrs.get("zone"), Some(&Value::from("eu")));
    let scopes: Vec<_> =
        batch.resources[0].scopes.iter().map(|scope| (scope.scope.name.to_string(), scope.scope.version.to_string())).collect();
    assert_eq!(scopes[0], ("lib".to_owned(), "2".to_owned()));
    assert!(scopes[1].0.ends_with("prometheusreceiver"));
}

#[test]
fn what_is_dropped_and_stands_twice_counts_for_no_limit() {
    let rule = Rule {
        action: Some(Action::Drop),
        source_labels: Some(vec!["__name__".into()]),
        regex: Some("noise".into()),
        ..Rule::default()
    };
    let limits = Limits { samples: 1, ..Limits::default() };
    let mut series = Series::new(Rules { relabel: Program::new(&[rule]).unwrap(), limits, ..rules() });
    assert_eq!(scrape(&mut series, 1000, "noise 1\nnoise 2\nnoise 3\ng 1\ng 2\n"), ["g [] 1 0 1000"]);
}

#[test]
fn relabelling_drops_and_limits_refuse() {
    let rule = Rule {
        action: Some(Action::Drop),
        source_labels: Some(vec!["__name__".into()]),
        regex: Some("noise.*".into()),
        ..Rule::default()
    };
    let mut series = Series::new(Rules { relabel: Program::new(&[rule]).unwrap(), ..rules() });
    let mut page = series.begin(1000);
    feed(&mut page, "noise 1\ng 1\n").unwrap();
    let release = page.accept();
    assert_eq!(release.counts(), Counts { scraped: 2, kept: 1, added: 1, duplicates: 0 });
    assert_eq!(drain(release), ["g [] 1 0 1000"]);
    let mut series = Series::new(Rules { limits: Limits { samples: 1, ..Limits::default() }, ..rules() });
    let mut page = series.begin(1000);
    assert_eq!(feed(&mut page, "a 1\nb 1\n"), Err(PageError::Samples(1)));
    let mut series = Series::new(Rules {
        limits: Limits { label_value_length: 2, ..Limits::default() },
        target_labels: Vec::new(),
        ..rules()
    });
    assert!(matches!(feed(&mut series.begin(1000), "a{b=\"long\"} 1\n"), Err(PageError::LabelValue { length: 4, .. })));
}

#[test]
fn timestamps_on_the_page_count_and_suppress_markers() {
    let mut series = Series::new(rules());
    assert_eq!(scrape(&mut series, 5000, "g 1 3000\n"), ["g [] 1 0 3000"]);
    assert!(scrape(&mut series, 6000, "").is_empty());
    assert!(scrape(&mut series, 6000, "far 1 99999999999\n").is_empty());
    let mut series = Series::new(Rules { honor_timestamps: false, ..rules() });
    assert_eq!(scrape(&mut series, 5000, "g 1 3000\n"), ["g [] 1 0 5000"]);
}

#[test]
fn start_times_can_come_from_the_page() {
    let mut series = Series::new(Rules { start_times: StartTimes::Metric(None), ..rules() });
    let page = "process_start_time_seconds 0.5\n# TYPE c counter\nc 1\n";
    assert_eq!(scrape(&mut series, 5000, page)[0], "c [] sum 1 500 5000");
    let mut page = series.begin(6000);
    feed(&mut page, "c 1\n").unwrap();
    assert_eq!(page.accept().check_start_time().unwrap_err().to_string(), "start_time metric is missing");
}

#[test]
fn a_family_that_is_described_between_its_samples_is_not_recalled_as_it_was() {
    let mut series = Series::new(rules());
    let page = "a 0\na_bucket{q=\"\"} 0\n# TYPE a untyped\na_bucket 1\n";
    assert_eq!(scrape(&mut series, 1000, page), ["a [] 1 0 1000", "a_bucket [] 0 0 1000"]);
}

#[test]
fn a_large_page_comes_in_bounded_batches_with_every_sample_once() {
    let mut series = Series::new(rules());
    let text: String = (0..20_000).map(|i| format!("g{{q=\"{i}\"}} {i}\n")).collect();
    for time in [1000, 2000] {
        let mut page = series.begin(time);
        feed(&mut page, &text).unwrap();
        let mut release = page.accept();
        let mut sizes = Vec::new();
        while let Some(batch) = release.next_batch() {
            sizes.push(batch.count());
        }
        release.settle();
        assert_eq!(sizes, [8192, 8192, 3616]);
    }
}

#[test]
fn what_is_gone_for_long_is_forgotten_with_all_that_belongs_to_it() {
    let mut series = Series::new(rules());
    let giant: String = (0..5_000).map(|i| format!("m{i}{{q=\"{i}\"}} {i}\n")).collect();
    scrape(&mut series, 1000, &giant);
    for page in 0..5 {
        scrape(&mut series, 2000 + page, "g 1\n");
    }
    assert_eq!(series.len(), 1);
    assert!(series.cache.slots.capacity() < 100);
    assert!(series.metrics.len() <= 2);
}

/// A page of few names and labels, so that much of it repeats.
fn page_text() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    let name = "[abu]|a_total|a_created|a_sum|a_count|a_bucket|up|target_info";
    let label = "(q|job|le|quantile|otel_scope_name|instance|a)=\"(|1|x|y)\"";
    let series = (name, prop::collection::vec(label, 0..3), 0..9u8).prop_map(|(name, labels, value)| match labels.len() {
        0 => format!("{name} {value}\n"),
        _ => format!("{name}{{{}}} {value}\n", labels.join(",")),
    });
    let kind =
        ("[ab]|a_total", "counter|gauge|histogram|summary|untyped").prop_map(|(name, kind)| format!("# TYPE {name} {kind}\n"));
    prop::collection::vec(prop_oneof![6 => series, 1 => kind], 0..24).prop_map(|lines| lines.concat())
}

proptest::proptest! {
    /// A rule that keeps everything is in the way of recalling, and changes nothing else.
    #[test]
    fn prop_what_is_recalled_is_what_would_be_found_out_again(pages in proptest::collection::vec(page_text(), 1..4)) {
        let mut plain = Series::new(rules());
        let keep = Rule { action: Some(Action::Keep), ..Rule::default() };
        let mut ruled = Series::new(Rules { relabel: Program::new(&[keep]).unwrap(), ..rules() });
        for (time, text) in (1..).zip(&pages) {
            let one = |series: &mut Series| {
                let mut page = series.begin(time * 1000);
                match feed(&mut page, text) {
                    Ok(()) => Ok(drain(page.accept())),
                    Err(error) => Err((error, drain(page.refuse()))),
                }
            };
            proptest::prop_assert_eq!(one(&mut plain), one(&mut ruled));
        }
    }
}
