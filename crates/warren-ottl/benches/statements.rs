//! What a statement costs for each record, in the mean of some rounds:
//! `cargo bench -p warren-ottl --profile fast --bench statements [-- ROUNDS [CASE]]`.
//!
//! Points: ten metrics with the same 500 attribute sets, as one request has them. Log records: each with attributes of its own.
#![allow(clippy::print_stdout)]

use std::hint::black_box;
use warren_ottl::{Context, ErrorMode, Failed, Observer, compile};
use warren_pdata::{Attrs, Batch, Data, LogRecord, Logs, Metric, Metrics, Number, NumberPoints, Resource, Scope, Signal, Value};

const POINTS: &[&str] = &[
    r#"set(attributes["instance"], resource.attributes["host.name"])"#,
    r#"delete_key(attributes, "node")"#,
    r#"set(attributes["hot"], true) where value_double > 500.0 and IsMatch(metric.name, "^rabbitmq_queue.*")"#,
    r#"replace_pattern(attributes["queue"], "^tenant-(\\d+)\\.", "t$1/")"#,
    r#"set(attributes["kind"], Concat([metric.name, attributes["vhost"]], ":"))"#,
    r#"set(value_double, value_double * 2.0) where metric.unit == "By""#,
    r#"keep_keys(attributes, ["vhost", "queue", "instance", "hot", "kind"])"#,
    r#"set(attributes["q"], ConvertCase(attributes["queue"], "upper")) where attributes["vhost"] == "prod""#,
];

const LOGS: &[&str] = &[
    r#"set(attributes["host"], resource.attributes["host.name"])"#,
    r#"delete_key(attributes, "node")"#,
    r#"set(severity_number, SEVERITY_NUMBER_ERROR) where IsMatch(body, "\\[error\\]")"#,
    r#"replace_pattern(body, "password=[^ ]*", "password=***")"#,
    r#"merge_maps(attributes, ExtractPatterns(body, "vhost '(?P<vh>[^']+)'"), "upsert")"#,
    r#"set(attributes["len"], Len(body))"#,
    r#"set(attributes["x"], Concat([severity_text, attributes["unit"]], "-"))"#,
    r#"limit(attributes, 8, ["host"])"#,
];

struct Silent;

impl Observer for Silent {
    fn failed(&mut self, failed: &Failed) {
        println!("{failed}");
    }
}

/// Processor time of this thread: what others on the machine do hardly counts.
fn cpu_nanos() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split_whitespace().next().and_then(|nanos| nanos.parse().ok()).unwrap_or_default()
}

fn resource() -> Resource {
    Resource { attrs: Attrs::from([("host.name", "server-name-01"), ("service.name", "rabbitmq")]), dropped_attributes: 0 }
}

fn points() -> Batch {
    let set = |i: usize| {
        let vhost = if i % 2 == 1 { "prod" } else { "/" };
        Attrs::from([("vhost", vhost), ("queue", &format!("tenant-{}.orders.{i:05}", i % 17)), ("node", "rabbit@vm")])
    };
    let sets: Vec<Attrs> = (0..500).map(set).collect();
    let metric = |k: usize| {
        let mut points = NumberPoints::with_capacity(500);
        for (i, set) in sets.iter().enumerate() {
            points.push_plain(set.clone(), 0, 1, Number::Double(((i * 7 + k) % 1000) as f64), 0);
        }
        let unit = if k == 3 { "By" } else { "" };
        let name = format!("rabbitmq_queue_messages_{k}");
        Metric { name: name.as_str().into(), unit: unit.into(), data: Data::Gauge(points), ..Metric::default() }
    };
    Batch::Metrics(Metrics::of(resource(), Scope::default(), (0..10).map(metric).collect()))
}

fn logs() -> Batch {
    let log = |i: usize| {
        let level = if i.is_multiple_of(9) { "error" } else { "info" };
        let vhost = if i % 2 == 1 { "prod" } else { "/" };
        let body = format!(
            "2025-08-12 12:00:{:02} [{level}] <0.{i}.0> connection user 'app' vhost '{vhost}' password=hunter{i}",
            i % 60
        );
        LogRecord {
            severity_text: "INFO".into(),
            severity_number: 9,
            body: Value::from(body),
            attrs: Attrs::from([("unit", "rabbitmq-server.service"), ("node", "rabbit@vm"), ("pid", &i.to_string())]),
            ..LogRecord::default()
        }
    };
    Batch::Logs(Logs::of(resource(), Scope::default(), (0..5000).map(log).collect()))
}

fn measure(label: &str, context: Context, signal: Signal, statements: &[&str], make: fn() -> Batch, rounds: u32) {
    if std::env::args().nth(2).is_some_and(|case| !case.starts_with('-') && !label.contains(&case)) {
        return;
    }
    let group = match compile(signal, Some(context), &[], statements) {
        Ok(group) => group,
        Err(faults) => return println!("{label}: {}", faults.first().map(ToString::to_string).unwrap_or_default()),
    };
    let mut memo = group.memo();
    let mut spent = 0.0;
    for _ in 0..rounds {
        let mut batch = make();
        let start = cpu_nanos();
        let _ = group.run(&mut batch, ErrorMode::Ignore, &mut memo, &mut Silent);
        spent += cpu_nanos() - start;
        black_box(&batch);
    }
    println!("{label:60} {:8.1} ns each", spent / 5000.0 / f64::from(rounds));
}

fn main() {
    let rounds = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(50);
    for (context, signal, pool, make) in
        [(Context::DataPoint, Signal::Metrics, POINTS, points as fn() -> Batch), (Context::Log, Signal::Logs, LOGS, logs)]
    {
        for statement in pool {
            let label: String = statement.chars().take(60).collect();
            measure(&label, context, signal, &[statement], make, rounds);
        }
        for count in [4, 8, 16] {
            let statements: Vec<&str> = pool.iter().cycle().take(count).copied().collect();
            measure(&format!("{signal}: {count} statements"), context, signal, &statements, make, rounds);
        }
    }
}
