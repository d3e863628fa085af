//! `normal`: a line per resource, scope and item.

use crate::text::{Fixed, Hex, Lines, line, pairs, plain, shortest};
use std::fmt::Write;
use warren_pdata::{
    Batch, Data, ExponentialHistogramPoint, HistogramPoint, LogRecord, Metric, Number, Span, SummaryPoint, Telemetry,
};

/// The batch as text.
pub(crate) fn show(batch: &Batch) -> String {
    let mut out = Lines::default();
    match batch {
        Batch::Metrics(metrics) => telemetry(&mut out, metrics, ["ResourceMetrics", "ScopeMetrics"], metric),
        Batch::Logs(logs) => telemetry(&mut out, logs, ["ResourceLog", "ScopeLog"], log_record),
        Batch::Traces(traces) => telemetry(&mut out, traces, ["ResourceTraces", "ScopeTraces"], span),
    }
    out.into_string()
}

fn telemetry<T>(out: &mut Lines, telemetry: &Telemetry<T>, [resource, scope]: [&str; 2], item: fn(&mut Lines, &T)) {
    for (index, group) in telemetry.resources.iter().enumerate() {
        let mut details = Vec::new();
        details.extend((!group.schema_url.is_empty()).then(|| format!("[{}]", group.schema_url)));
        details.extend((!group.resource.attrs.is_empty()).then(|| pairs(&group.resource.attrs, " ")));
        head(out, resource, index, &details);
        for scoped in &group.scopes {
            let mut details = Vec::new();
            let name = match scoped.scope.version.as_str() {
                "" => scoped.scope.name.to_string(),
                version => format!("{}@{version}", scoped.scope.name),
            };
            details.extend((!name.is_empty()).then_some(name));
            details.extend((!scoped.schema_url.is_empty()).then(|| format!("[{}]", scoped.schema_url)));
            details.extend((!scoped.scope.attrs.is_empty()).then(|| pairs(&scoped.scope.attrs, " ")));
            // Upstream numbers a scope with the number of its resource.
            head(out, scope, index, &details);
            scoped.items.iter().for_each(|one| item(out, one));
        }
    }
}

fn head(out: &mut Lines, what: &str, index: usize, details: &[String]) {
    let space = if details.is_empty() { "" } else { " " };
    line!(out, "{what} #{index}{space}{}", details.join(" "));
}

fn log_record(out: &mut Lines, record: &LogRecord) {
    line!(out, "{} {}", plain(&record.body), pairs(&record.attrs, " "));
}

fn span(out: &mut Lines, span: &Span) {
    let space = if span.attrs.is_empty() { "" } else { " " };
    line!(out, "{} {} {}{space}{}", span.name, Hex::from(&span.trace_id), Hex::from(&span.span_id), pairs(&span.attrs, " "));
}

fn metric(out: &mut Lines, metric: &Metric) {
    let values: Vec<String> = match &metric.data {
        Data::Empty => Vec::new(),
        Data::Gauge(points) => points.iter().map(|point| number(point.value)).collect(),
        Data::Sum(sum) => sum.points.iter().map(|point| number(point.value)).collect(),
        Data::Histogram { points, .. } => points.iter().map(histogram).collect(),
        Data::ExponentialHistogram { points, .. } => points.iter().map(exponential).collect(),
        Data::Summary(points) => points.iter().map(summary).collect(),
    };
    for (index, value) in values.iter().enumerate() {
        line!(out, "{}{{{}}} {value}", metric.name, pairs(metric.data.attrs(index), ","));
    }
}

fn number(value: Number) -> String {
    match value {
        Number::Empty => String::new(),
        Number::Int(value) => value.to_string(),
        Number::Double(value) => shortest(value),
    }
}

/// `count=… sum=… min=… max=…`, of which only the count is always there.
fn totals(count: u64, [sum, min, max]: [Option<f64>; 3]) -> String {
    let mut text = format!("count={count}");
    for (name, value) in [("sum", sum), ("min", min), ("max", max)] {
        if let Some(value) = value {
            push(&mut text, format_args!(" {name}={}", shortest(value)));
        }
    }
    text
}

fn histogram(point: &HistogramPoint) -> String {
    let mut text = totals(point.count, [point.sum, point.min, point.max]);
    for (index, count) in point.counts.iter().enumerate() {
        match point.bounds.get(index) {
            Some(bound) => push(&mut text, format_args!(" le{}={count}", shortest(*bound))),
            None => push(&mut text, format_args!(" {count}")),
        }
    }
    text
}

fn exponential(point: &ExponentialHistogramPoint) -> String {
    totals(point.count, [point.sum, point.min, point.max])
}

fn summary(point: &SummaryPoint) -> String {
    let mut text = format!("count={} sum={}", point.count, Fixed(point.sum));
    for quantile in &point.quantiles {
        push(&mut text, format_args!(" q{}={}", shortest(quantile.quantile), shortest(quantile.value)));
    }
    text
}

fn push(text: &mut String, content: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = text.write_fmt(content);
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_pdata::{
        Attrs, Bounds, NumberPoint, QuantileValue, Resource, ResourceGroup, Scope, ScopeGroup, SpanId, TraceId, Value,
    };

    fn framed<T: Clone>(item: T) -> Telemetry<T> {
        let scope =
            Scope { name: "scope".into(), version: "1.2.3".into(), attrs: Attrs::from([("s", true)]), dropped_attributes: 0 };
        let full = ResourceGroup {
            resource: Resource { attrs: Attrs::from([("a", "b c"), ("d", "e")]), dropped_attributes: 0 },
            schema_url: "r-url".into(),
            scopes: vec![ScopeGroup { scope, schema_url: "s-url".into(), items: vec![item.clone()] }],
        };
        let version = Scope { version: "9".into(), ..Scope::default() };
        let bare = ResourceGroup {
            scopes: vec![
                ScopeGroup { scope: Scope::default(), items: vec![item], ..ScopeGroup::default() },
                ScopeGroup { scope: version, ..ScopeGroup::default() },
            ],
            ..ResourceGroup::default()
        };
        Telemetry { resources: vec![full, bare] }
    }

    /// Facts of upstream's `exporter/debugexporter/internal/normal/*_test.go` at v0.132.0, with data of our own.
    #[test]
    fn a_line_stands_for_each_resource_scope_and_item() {
        let record = LogRecord { body: Value::from("two\n lines"), attrs: Attrs::from([("k", 1i64)]), ..LogRecord::default() };
        let expected = "ResourceLog #0 [r-url] a=b c d=e\nScopeLog #0 scope@1.2.3 [s-url] s=true\ntwo\n lines k=1\n\
            ResourceLog #1\nScopeLog #1\ntwo\n lines k=1\nScopeLog #1 @9\n";
        assert_eq!(show(&Batch::Logs(framed(record))), expected);
        let one = Span { name: "GET".into(), trace_id: TraceId([1; 16]), span_id: SpanId([2; 8]), ..Span::default() };
        let ids = "01010101010101010101010101010101 0202020202020202";
        let traces = show(&Batch::Traces(framed(Span { attrs: Attrs::from([("x", 0.5)]), ..one.clone() })));
        assert!(traces.starts_with(&format!(
            "ResourceTraces #0 [r-url] a=b c d=e\nScopeTraces #0 scope@1.2.3 [s-url] s=true\nGET {ids} x=0.5\n"
        )));
        assert!(show(&Batch::Traces(framed(one))).contains(&format!("\nGET {ids}\n")), "no space at the end");
        assert!(show(&Batch::Logs(framed(LogRecord::default()))).contains("\n \n"), "a space alone");
    }

    #[test]
    fn a_line_stands_for_each_point() {
        let lines = |data: Data| {
            let metric = Metric { name: "m".into(), data, ..Metric::default() };
            let text = show(&Batch::Metrics(Telemetry::of(Resource::default(), Scope::default(), vec![metric])));
            text.lines().skip(2).map(str::to_owned).collect::<Vec<_>>()
        };
        let attrs = Attrs::from([("a", "b"), ("c", "d")]);
        let point = |value| NumberPoint { attrs: attrs.clone(), value, ..NumberPoint::default() };
        let numbers = [point(Number::Int(7)), point(Number::Double(1e21)), NumberPoint::default()];
        assert_eq!(lines(Data::Gauge(numbers.into_iter().collect())), ["m{a=b,c=d} 7", "m{a=b,c=d} 1e+21", "m{} "]);
        let histogram = HistogramPoint {
            count: 6,
            sum: Some(1.5),
            min: Some(-0.5),
            max: Some(9.0),
            bounds: Bounds::new(vec![0.5, 10.0]),
            counts: vec![1, 2, 3],
            ..HistogramPoint::default()
        };
        let bare = HistogramPoint { count: 1, ..HistogramPoint::default() };
        assert_eq!(
            lines(Data::Histogram { points: vec![histogram, bare], temporality: Default::default() }),
            ["m{} count=6 sum=1.5 min=-0.5 max=9 le0.5=1 le10=2 3", "m{} count=1"]
        );
        let exponential = ExponentialHistogramPoint { count: 2, sum: Some(3.0), ..Default::default() };
        assert_eq!(
            lines(Data::ExponentialHistogram { points: vec![exponential], temporality: Default::default() }),
            ["m{} count=2 sum=3"]
        );
        let summary = SummaryPoint {
            count: 2,
            sum: 3.0,
            quantiles: vec![QuantileValue { quantile: 0.9, value: 1.25 }],
            ..Default::default()
        };
        assert_eq!(lines(Data::Summary(vec![summary])), ["m{} count=2 sum=3.000000 q0.9=1.25"]);
        assert_eq!(lines(Data::Empty), Vec::<String>::new());
    }
}
